import {
  type Account,
  type Issuance,
  type IssuedToken,
  type IssueRequest,
  parentRejected,
  type SourceKind,
  TokenError,
  type TokenErrorCode,
  type TokenSource,
  tokenKeyOf,
} from '../src/index.js';
import type { ManualClock } from '../src/testing/index.js';

/** How the next requests of a platform end, one entry a request; afterwards all is well. */
export type Twist =
  | TokenErrorCode
  | 'lost'
  | 'halfPair'
  | 'empty'
  | ((request: IssueRequest) => Promise<IssuedToken> | IssuedToken);

/** A platform in memory, one per issuance kind, with a call log. Its requests go through the given fetch, as real ones do. */
export class ModelPlatform {
  calls = 0;
  readonly log: string[] = [];
  twists: Twist[] = [];
  lifetimeMs = 7_200_000;
  /** What requests wait for; see `hold`. */
  gate: Promise<void> | undefined;
  current = 0;
  refresh = 0;

  constructor(
    readonly clock: ManualClock,
    readonly issuance: Issuance = 'idempotent',
  ) {}

  /** Makes requests wait for their answer until the returned function is called. */
  hold(): () => void {
    let open = () => {};
    this.gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    return open;
  }

  /** What a real platform's endpoint does with a request. */
  async answer(request: IssueRequest): Promise<IssuedToken> {
    await request.fetch('http://platform.invalid/', { signal: request.signal });
    this.calls++;
    await this.gate;
    const twist = this.twists.shift();
    if (typeof twist === 'function') return twist(request);
    if (twist === 'empty') return { value: '' };
    if (twist === 'lost') {
      this.mint(request);
      throw new TokenError('ERR_TOKEN_TRANSPORT', 'no answer', { reason: 'network' });
    }
    if (twist === 'halfPair') {
      const { refreshToken: _half, ...rest } = this.mint(request);
      return rest;
    }
    if (twist !== undefined)
      throw new TokenError(twist, `twisted: ${twist}`, { account: 'model', platformCode: '4711' });
    return this.mint(request);
  }

  mint(request: IssueRequest): IssuedToken {
    if (this.issuance === 'rotating') {
      if (request.current?.refreshToken !== `R${this.refresh}`) {
        throw new TokenError('ERR_TOKEN_REAUTHORIZATION_REQUIRED', 'pair superseded', { platformCode: '002002' });
      }
      this.refresh++;
    }
    this.current++;
    return {
      value: `T${this.current}`,
      lifetimeMs: this.lifetimeMs,
      ...(this.issuance === 'rotating' && {
        refreshToken: `R${this.refresh}`,
        refreshTokenLifetimeMs: 3 * this.lifetimeMs,
      }),
    };
  }
}

/** An account over a model platform. */
export function modelAccount(
  platform: ModelPlatform,
  options: Partial<TokenSource> & {
    name?: string;
    id?: string;
    subjects?: readonly string[];
    problems?: string[];
  } = {},
): Account & { readonly token: TokenSource } {
  const { name = 'model', id = 'app', subjects, problems = [], ...facts } = options;
  const make = (subject?: string): TokenSource => ({
    key: tokenKeyOf({
      platform: 'model',
      id,
      kind: 'access_token',
      ...(subject !== undefined && { subject: [subject] }),
    }),
    account: name,
    kind: 'access_token',
    ...(subject !== undefined && { subject }),
    issuance: platform.issuance,
    keep: platform.issuance === 'rotating' ? 'grant' : 'obtainable',
    lifetime: 'remaining',
    issue: (request) => platform.answer(request),
    ...facts,
  });
  const token = make(subjects?.[0]);
  const kind: SourceKind = {
    kind: token.kind,
    issuance: token.issuance,
    keep: token.keep,
    ...(token.overlapMs !== undefined && { overlapMs: token.overlapMs }),
  };
  return {
    platform: 'model',
    name,
    id,
    kinds: [kind],
    problems: () => problems,
    *sources() {
      if (subjects === undefined && token.keep === 'obtainable') yield token;
    },
    source: (asked, subject) => (asked === 'access_token' ? make(subject) : undefined),
    client: () => undefined,
    token,
  };
}

/** A child token, asked for with its parent's. */
export function ticketOf(parent: TokenSource, issue: (parentValue: string) => IssuedToken): TokenSource {
  return {
    key: tokenKeyOf({ platform: 'model', id: 'app', kind: 'ticket' }),
    account: parent.account,
    kind: 'ticket',
    issuance: 'idempotent',
    keep: 'obtainable',
    lifetime: 'constant',
    dependsOn: [parent],
    renewableFrom: (current) => current.expiresAt ?? 0,
    issue: async ({ parents: [token], fetch }) => {
      await fetch('http://platform.invalid/ticket');
      return issue(token?.value ?? '');
    },
  };
}

/** A parent the platform refuses. */
export const refusedParent = (value: string) => parentRejected(value, '40001');

/** A network that is always there. */
export const network: typeof fetch = async () => new Response('');
