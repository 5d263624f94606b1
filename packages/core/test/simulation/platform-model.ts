import { type IssuedToken, type IssueRequest, TokenError, type TokenKey } from '../../src/index.js';
import type { VirtualProcess } from './process-model.js';
import type { World } from './world.js';

/** How an issuance behaves. */
export interface PlatformTraits {
  readonly issuance: 'idempotent' | 'superseding' | 'rotating' | 'pushed';
  readonly lifetimeMs: number;
  /** How long an access token works after the next one was issued. */
  readonly overlapMs: number;
  /** How long a spent refresh token is answered with the pair it was spent for. */
  readonly graceMs: number;
  readonly refreshLifetimeMs: number;
  /** A sign-in brings a refresh token that stays the same. */
  readonly reusableRefresh: boolean;
}

/** What becomes of one request. */
export type RequestFate =
  | 'well'
  /** It never left. */
  | 'unreachable'
  /** It was lost on the way, or its answer was; the socket says so, or stays silent. */
  | 'lostBefore'
  | 'lostAfter'
  | 'silentBefore'
  | 'silentAfter'
  /** The platform refuses without doing anything: all requests, or those with this parent. */
  | 'busy'
  | 'parent'
  /** It does the work and leaves out half of the answer. */
  | 'half'
  /** It does the work this much later, ms. */
  | { readonly late: number };

/** A token as the platform knows it. */
export interface Truth {
  readonly key: TokenKey;
  readonly value: string;
  /** Order of the platform's doing. */
  readonly number: number;
  readonly refreshToken?: string;
  readonly bornAt: number;
  /** When its request was sent. */
  readonly sentAt: number;
  /** When whoever asked had it in hand. */
  answeredAt?: number;
  expiresAt: number;
  /** When it stops working, true time; before its end where another one took its place. */
  diesAt: number;
  refreshEndsAt: number;
  /** Put into the store or a journal by somebody. */
  saved: boolean;
  /** When it was first put into the store. */
  storedAt?: number;
  /** What took its place. */
  supersededBy?: Truth;
  /** Why nobody can be expected to have it. */
  excuse?: string;
  /** To whom it was answered. */
  readonly to: VirtualProcess;
  /** Issued for a request that its sender had long given up, so that nobody could know the order. */
  readonly late: boolean;
  readonly signIn: boolean;
}

/** What the platform knows of one subject. */
interface Subject {
  current: Truth | undefined;
  /** The reusable refresh token, where there is one. */
  refresh: string | undefined;
}

/** Told of everything the platform sees. */
export interface PlatformObserver {
  sent(process: VirtualProcess, request: ModelRequest): void;
  failed(process: VirtualProcess, request: ModelRequest, fate: RequestFate): void;
  aborted(process: VirtualProcess, request: ModelRequest): void;
  processed(process: VirtualProcess, request: ModelRequest, truth: Truth | undefined): void;
}

/** What travels in a request. */
export interface ModelRequest {
  readonly key: TokenKey;
  readonly purpose: 'issue' | 'signIn';
  readonly presented?: string | undefined;
  readonly parent?: string | undefined;
  /** Done so long after it was sent that its sender was free to ask again. */
  late: boolean;
  readonly sentAt: number;
}

/** What a request may take and settle in, ms. */
const LONG_GIVEN_UP_MS = 20_000;

/** Whom a token was issued to that no process of ours asked for. */
export const OUTSIDER = 'issued to another system';

/** Why nobody can know which of two sign-ins took place later. */
export const SIGN_INS_AT_ONCE = 'another sign-in was under way at the same time';

/** One platform: truth about tokens, behind a network. */
export class PlatformModel {
  readonly world: World;
  readonly traits: PlatformTraits;
  outage: RequestFate | undefined;
  readonly tokens = new Map<string, Truth>();
  /** Refresh tokens it has refused. */
  readonly refused = new Set<string>();
  readonly observers: PlatformObserver[] = [];
  /** Whether a parent's value is one it takes. */
  takesParent: (value: string) => boolean = () => true;
  calls = 0;
  readonly #fate: () => RequestFate;
  readonly #latency: () => number;
  readonly #subjects = new Map<TokenKey, Subject>();
  #number = 0;

  constructor(
    world: World,
    traits: PlatformTraits,
    { fate, latency }: { fate: () => RequestFate; latency: () => number },
  ) {
    this.world = world;
    this.traits = traits;
    this.#fate = fate;
    this.#latency = latency;
  }

  current(key: TokenKey): Truth | undefined {
    return this.#subject(key).current;
  }

  /** Whether an API call with this value would go well. */
  works(value: string): boolean {
    const truth = this.tokens.get(value);
    return truth !== undefined && this.world.now < truth.diesAt;
  }

  /** Somebody else who has the credentials asks for a token. */
  supersedeFromOutside(key: TokenKey, by: VirtualProcess): void {
    const truth = this.#mint(key, this.#subject(key), by, { late: false, sentAt: this.world.now, purpose: 'issue' });
    truth.excuse = OUTSIDER;
    this.world.say('platform', () => `issues #${truth.number} to another system`);
  }

  /** The process's network, as `TokenManager` takes it. The request travels in the body. */
  fetchOf(process: VirtualProcess): typeof fetch {
    const exchange = (_url: unknown, init: { body: unknown; signal?: AbortSignal }) =>
      this.#exchange(process, init.body as Omit<ModelRequest, 'late' | 'sentAt'>, init.signal);
    return exchange as unknown as typeof fetch;
  }

  #exchange(
    process: VirtualProcess,
    asked: Omit<ModelRequest, 'late' | 'sentAt'>,
    signal: AbortSignal | undefined,
  ): Promise<IssuedToken> {
    const { world } = this;
    return new Promise((resolve, reject) => {
      if (process.reaches(`before its request`)) return;
      const fate = this.outage ?? this.#fate();
      const lateMs = typeof fate === 'object' ? fate.late : 0;
      const request: ModelRequest = { ...asked, late: false, sentAt: world.now };
      for (const observer of this.observers) observer.sent(process, request);
      world.say(
        process.name,
        () => `asks for ${asked.purpose} with ${asked.presented ?? 'nothing'} (${JSON.stringify(fate)})`,
      );
      const back = (what: string, run: () => void, content?: unknown) =>
        world.after(this.#latency(), `${process.name} request ${what}`, run, {
          actor: process,
          kind: 'answer',
          ...(world.detailed && { content: JSON.stringify(content) ?? '' }),
        });
      let givenUp = false;
      signal?.addEventListener('abort', () => {
        givenUp = true;
        for (const observer of this.observers) observer.aborted(process, request);
        reject(signal.reason);
      });
      const failed = (how: RequestFate) => {
        if (!givenUp) for (const observer of this.observers) observer.failed(process, request, how);
      };
      const fail = (reason: string, uncertain: boolean) => {
        failed(fate);
        back('fails', () => {
          world.say(process.name, () => `no answer: ${reason}`);
          reject(new TokenError('ERR_TOKEN_TRANSPORT', `model: ${reason}`, { reason: 'network', uncertain }));
        });
      };
      if (fate === 'unreachable') return fail('unreachable', false);
      world.after(
        this.#latency() + lateMs,
        `${process.name} request arrives`,
        () => {
          if (fate === 'silentBefore') return failed(fate);
          if (fate === 'lostBefore') return fail('lost', true);
          if (fate === 'busy') {
            failed(fate);
            back('refused as busy', () =>
              reject(new TokenError('ERR_TOKEN_BUSY', 'model: busy', { platformCode: 'busy' })),
            );
            return;
          }
          let issued: IssuedToken;
          let truth: Truth | undefined;
          request.late = world.now - request.sentAt > LONG_GIVEN_UP_MS;
          try {
            truth = this.#perform(process, request);
            issued = this.#answer(truth);
          } catch (refusal) {
            const byParent = (refusal as TokenError).reason === 'parent';
            failed(byParent ? 'parent' : fate);
            for (const observer of this.observers) observer.processed(process, request, undefined);
            if (process.reaches('after the platform refused')) return;
            back('refused', () => reject(refusal));
            return;
          }
          const lost = fate === 'lostAfter' || fate === 'silentAfter' || fate === 'half';
          if (lost && !truth.saved) truth.excuse ??= `its answer was lost (${fate})`;
          for (const observer of this.observers) observer.processed(process, request, truth);
          if (lost) failed(fate);
          if (process.reaches('after the platform did the work')) return;
          if (fate === 'silentAfter') return;
          if (fate === 'lostAfter') return fail('cut', true);
          if (fate === 'half') {
            const { refreshToken: _half, ...rest } = issued;
            issued = this.traits.issuance === 'rotating' ? rest : { ...rest, value: '' };
          }
          const read = () => {
            if (process.reaches('before it reads the answer')) return;
            if (truth?.signIn) this.#answered(truth);
            resolve(issued);
          };
          back('answered', read, issued);
        },
        { kind: lateMs > 0 ? 'timer' : 'call', ...(world.detailed && { content: JSON.stringify([fate, asked]) }) },
      );
    });
  }

  #perform(process: VirtualProcess, request: ModelRequest): Truth {
    const { key, purpose, presented, parent } = request;
    const subject = this.#subject(key);
    if (purpose === 'issue') this.calls++;
    if (purpose === 'signIn') {
      subject.refresh = this.traits.reusableRefresh ? `G${this.#number + 1}` : undefined;
      return this.#minted(key, subject, process, request, 'signs in');
    }
    if (parent !== undefined && !this.takesParent(parent))
      throw new TokenError('ERR_TOKEN_REFUSED', 'model: ticket refused', { reason: 'parent' });
    const { current } = subject;
    switch (this.traits.issuance) {
      case 'idempotent': {
        const useful = current && current.diesAt - this.world.now > this.traits.lifetimeMs / 4;
        return useful ? this.#repeated(current) : this.#minted(key, subject, process, request, 'issues');
      }
      case 'rotating': {
        const fits =
          current?.refreshToken !== undefined &&
          current.refreshToken === presented &&
          this.world.now < current.refreshEndsAt;
        if (fits) return this.#minted(key, subject, process, request, 'rotates');
        const spent = [...this.tokens.values()].find(
          ({ refreshToken }) => refreshToken !== undefined && refreshToken === presented,
        );
        const inGrace =
          spent?.number === (current?.number ?? 0) - 1 && this.world.now - (current?.bornAt ?? 0) < this.traits.graceMs;
        if (inGrace && current) return this.#repeated(current);
        this.refused.add(presented ?? '');
        this.world.say('platform', () => `refuses ${presented}`);
        throw new TokenError('ERR_TOKEN_REAUTHORIZATION_REQUIRED', 'model: pair refused', { platformCode: 'spent' });
      }
      default: {
        if (subject.refresh !== undefined && presented !== subject.refresh) {
          this.refused.add(presented ?? '');
          throw new TokenError('ERR_TOKEN_REAUTHORIZATION_REQUIRED', 'model: grant refused', { platformCode: 'gone' });
        }
        return this.#minted(key, subject, process, request, 'issues');
      }
    }
  }

  #repeated(current: Truth): Truth {
    this.world.say('platform', () => `answers #${current.number} again`);
    return current;
  }

  #minted(key: TokenKey, subject: Subject, to: VirtualProcess, request: ModelRequest, does: string): Truth {
    const truth = this.#mint(key, subject, to, request);
    this.world.say('platform', () => `${does} #${truth.number} for ${to.name}${request.late ? ', late' : ''}`);
    return truth;
  }

  #mint(
    key: TokenKey,
    subject: Subject,
    to: VirtualProcess,
    { late, sentAt, purpose }: Pick<ModelRequest, 'late' | 'sentAt' | 'purpose'>,
  ): Truth {
    const { issuance, lifetimeMs, overlapMs, refreshLifetimeMs } = this.traits;
    const number = ++this.#number;
    const { now } = this.world;
    const before = subject.current;
    if (before && issuance !== 'idempotent') before.diesAt = Math.min(before.diesAt, now + overlapMs);
    const truth: Truth = {
      key,
      value: `T${number}`,
      number,
      ...(issuance === 'rotating' && { refreshToken: `R${number}` }),
      ...(subject.refresh !== undefined && { refreshToken: subject.refresh }),
      bornAt: now,
      sentAt,
      expiresAt: now + lifetimeMs,
      diesAt: now + lifetimeMs,
      refreshEndsAt: now + refreshLifetimeMs,
      saved: false,
      to,
      late,
      signIn: purpose === 'signIn',
      ...(!to.alive && { excuse: `${to.name} was killed before its answer` }),
    };
    if (before && before.diesAt <= now + overlapMs) before.supersededBy = truth;
    this.tokens.set(truth.value, truth);
    subject.current = truth;
    return truth;
  }

  /** A sign-in was answered: the order of those that were under way meanwhile is known to nobody but us. */
  #answered(truth: Truth): void {
    const { now } = this.world;
    truth.answeredAt = now;
    for (const other of this.tokens.values()) {
      if (other === truth || other.key !== truth.key || !other.signIn) continue;
      if (other.sentAt > now || (other.answeredAt ?? now) < truth.sentAt) continue;
      truth.excuse = SIGN_INS_AT_ONCE;
      other.excuse = SIGN_INS_AT_ONCE;
    }
  }

  #answer({ value, expiresAt, refreshToken, refreshEndsAt }: Truth): IssuedToken {
    const { now } = this.world;
    return {
      value,
      lifetimeMs: Math.max(1, expiresAt - now),
      ...(refreshToken !== undefined && { refreshToken }),
      ...(this.traits.issuance === 'rotating' && { refreshTokenLifetimeMs: Math.max(1, refreshEndsAt - now) }),
    };
  }

  #subject(key: TokenKey): Subject {
    const known = this.#subjects.get(key) ?? { current: undefined, refresh: undefined };
    this.#subjects.set(key, known);
    return known;
  }
}

/** What a source sends. */
export function asked(request: IssueRequest, key: TokenKey): Promise<IssuedToken> {
  const { current, fetch, signal, parents } = request;
  const body = { key, purpose: 'issue', presented: current?.refreshToken, parent: parents[0]?.value };
  return fetch('http://platform.invalid/', { body: body as never, signal }) as unknown as Promise<IssuedToken>;
}
