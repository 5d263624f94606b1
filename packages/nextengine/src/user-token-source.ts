import {
  type EpochMs,
  fingerprint,
  type IssuedToken,
  type IssueRequest,
  labelOf,
  malformedAnswer,
  type PresentedToken,
  sendToPlatform,
  type Token,
  TokenError,
  type TokenExtra,
  type TokenKey,
  type TokenSource,
  tokenKeyOf,
} from '@evertoken/core';
import type { AppContext } from './app-context.js';
import type { AppSettings } from './app-settings.js';
import { cancelledError, type Ids, refusesRequest, renewalError } from './nextengine-errors.js';
import { readAnswer, renewalRequest, type WireAnswer } from './nextengine-wire.js';
import { extraWith, factsIn, factsOfInfo, type InfoCall, type NextEngineUserFacts, userFactsOf } from './user-facts.js';

export const ACCESS_TOKEN = 'access_token';

/** What a user's tokens are, whoever the user is. */
export const USER_TOKEN_FACTS = Object.freeze({
  kind: ACCESS_TOKEN,
  issuance: 'rotating',
  keep: 'grant',
  /** A superseded access token is dead at once; no grace is documented (sheet §7.3). */
  overlapMs: 0,
} as const);

/**
 * The token pair of one NextEngine user. A pair is renewed by one dedicated call that carries both tokens, and only after
 * the access token's end: asking earlier changes nothing (§0.2). After the refresh token's end only a sign-in helps.
 */
export class UserTokenSource implements TokenSource {
  readonly account: string;
  readonly kind = USER_TOKEN_FACTS.kind;
  readonly issuance = USER_TOKEN_FACTS.issuance;
  readonly keep = USER_TOKEN_FACTS.keep;
  readonly lifetime = 'remaining';
  readonly overlapMs = USER_TOKEN_FACTS.overlapMs;
  declare readonly subject?: string;
  readonly #context: AppContext;
  #key: TokenKey | undefined;

  constructor(context: AppContext, uid: string | undefined) {
    this.#context = context;
    this.account = context.settings.name;
    if (typeof uid === 'string' && uid !== '') this.subject = uid;
  }

  /**
   * `et1/nextengine/<client id>/access_token/<uid>`.
   *
   * @throws TokenError `ERR_TOKEN_REAUTHORIZATION_REQUIRED` where nobody is signed in, `ERR_TOKEN_CONFIGURATION` where the
   *   account has no client id. A handle can be made without either.
   */
  get key(): TokenKey {
    this.#key ??= this.#buildKey();
    return this.#key;
  }

  /** The end of the access token. Where the platform told none yet, asking is allowed at once: it echoes the pair with its ends. */
  renewableFrom({ expiresAt }: Token): number {
    return expiresAt ?? 0;
  }

  /**
   * Presents the stored pair. Tokens in the answer are looked at before its result: a new pair resolves even on an error
   * (§0.6), an echo is no news, half a pair is never taken. While the user's company at the main function is not known, the
   * question that renews is the one about the company.
   *
   * A user whose company no longer uses the app is left alone: `ERR_TOKEN_SUSPENDED`, reason `cancelled`, and the pair is not
   * presented.
   */
  async issue(request: IssueRequest): Promise<IssuedToken> {
    const ids = this.#ids();
    const { current } = request;
    if (!current?.refreshToken) throw nobodySignedIn(ids, 'no sign-in of this user is stored');
    const { companyId } = factsIn(current.extra);
    if (companyId === undefined) return this.#present(request, current, 'company');
    const { companies, settings } = this.#context;
    if (settings.checkCompanies && (await companies.lacks(companyId, current.issuedAt, request)))
      throw cancelledError(ids);
    return this.#present(request, current, 'user');
  }

  async #present(request: IssueRequest, current: PresentedToken, about: InfoCall): Promise<IssuedToken> {
    const ids = this.#ids();
    const { settings, usage } = this.#context;
    const sent = { accessToken: current.value, refreshToken: current.refreshToken ?? '' };
    usage.count();
    const reply = await sendToPlatform({
      ...renewalRequest(settings.apiUrl, sent, about),
      ...ids,
      fetch: request.fetch,
      signal: request.signal,
    });
    const answer = readAnswer(reply.json);
    if (!answer) throw malformedAnswer(ids, 'no JSON object', { status: reply.status, uncertain: true });

    const pair = comparePair(answer, sent);
    if (pair === 'broken') throw malformedAnswer(ids, 'half a token pair', { uncertain: true });
    if (pair !== 'renewed' && answer.result !== 'success') {
      if (answer.result === undefined) {
        throw malformedAnswer(ids, 'no "result"', { status: reply.status, uncertain: pair === 'absent' });
      }
      // The echo proves that the pair stands, so it may be presented again: an app need not have the right to every question.
      if (about === 'company' && pair === 'echoed' && refusesRequest(answer))
        return this.#present(request, current, 'user');
      throw renewalError(answer, { ids, now: request.now(), random: request.random, echoed: pair === 'echoed' });
    }
    if (pair === 'absent') throw malformedAnswer(ids, 'a success without tokens', { uncertain: true });
    const extra = this.#extraAfter(current, answer, about);
    return { ...issuedPair(pairOf(answer) ?? sent, answer, reply), ...(extra && { extra }) };
  }

  /** The facts to keep beside the pair: those that were known, and what a good answer tells of this user and this company. */
  #extraAfter({ extra }: PresentedToken, answer: WireAnswer, about: InfoCall): TokenExtra | undefined {
    const { companies, settings, signingIn } = this.#context;
    const known = userFactsOf(this.subject ?? '', extra);
    const told = answer.result === 'success' ? factsOfInfo(about, answer.fields, known) : undefined;
    if (typeof told === 'string') {
      process.emitWarning(
        `${labelOf(this)}, user ${fingerprint(known.uid)}: NextEngine answered with the facts of ${told}; they are not kept`,
        { type: 'NextEngineMismatch' },
      );
      return extraWith(extra, {}, settings);
    }
    const after = extraWith(extra, told ?? {}, settings);
    const { companyId } = told ?? {};
    if (companyId !== undefined) companies.know(companyId);
    const news = known.companyId === undefined && companyId !== undefined;
    if (news && settings.users && !signingIn.has(known.uid)) saveBehind(settings, userFactsOf(known.uid, after));
    return after;
  }

  #ids(): Ids {
    const { account, kind, subject } = this;
    return { account, kind, ...(subject !== undefined && { subject }) };
  }

  #buildKey(): TokenKey {
    const { clientId, name } = this.#context.settings;
    if (this.subject === undefined) throw nobodySignedIn(this.#ids(), 'nobody is signed in');
    if (clientId === '')
      throw new TokenError('ERR_TOKEN_CONFIGURATION', `"clientId" of account "${name}" is missing`, this.#ids());
    return tokenKeyOf({ platform: 'nextengine', id: clientId, kind: this.kind, subject: [this.subject] });
  }
}

/** Both halves; one alone is worth nothing. */
export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/**
 * What an answer says of the pair it was sent. Presence is not rotation (§0.5): only values that differ are. A rotation
 * replaces both (§0.4), so one new half beside an old or missing one is `broken`.
 */
function comparePair(answer: WireAnswer, sent: TokenPair): 'renewed' | 'echoed' | 'absent' | 'broken' {
  const { accessToken, refreshToken } = answer;
  if (accessToken === undefined && refreshToken === undefined) return 'absent';
  const newAccess = accessToken !== undefined && accessToken !== sent.accessToken;
  const newRefresh = refreshToken !== undefined && refreshToken !== sent.refreshToken;
  if (newAccess !== newRefresh) return 'broken';
  return newAccess ? 'renewed' : 'echoed';
}

/** A pair with the ends the answer tells in the platform's clock, and that clock's time where it is known. */
export function issuedPair(
  pair: TokenPair,
  answer: WireAnswer,
  { answeredAt }: { readonly answeredAt?: EpochMs },
): IssuedToken {
  return {
    value: pair.accessToken,
    refreshToken: pair.refreshToken,
    ...(answer.accessTokenExpiresAt !== undefined && { expiresAt: answer.accessTokenExpiresAt }),
    ...(answer.refreshTokenExpiresAt !== undefined && { refreshTokenExpiresAt: answer.refreshTokenExpiresAt }),
    ...(answeredAt !== undefined && { answeredAt }),
  };
}

/** The pair of an answer that holds both halves. */
export function pairOf({ accessToken, refreshToken }: WireAnswer): TokenPair | undefined {
  return accessToken !== undefined && refreshToken !== undefined ? { accessToken, refreshToken } : undefined;
}

/** The pair comes first: it is handed to the manager, and the facts are saved behind it. */
function saveBehind({ name, users }: AppSettings, facts: NextEngineUserFacts): void {
  setImmediate(() => {
    // An adapter that throws instead of rejecting must not end the process.
    (async () => users?.save(facts))().catch(() => {
      process.emitWarning(
        `account "${name}", user ${fingerprint(facts.uid)}: "users" could not save the facts; the pair is stored, and users.sync() saves them again`,
        { type: 'NextEngineUsers' },
      );
    });
  });
}

export function nobodySignedIn(ids: Ids, why: string): TokenError {
  return new TokenError(
    'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
    `account "${ids.account}", ${ids.kind}: ${why}; send the browser to the sign-in page`,
    { ...ids, reason: 'absent' },
  );
}
