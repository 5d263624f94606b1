import {
  type EpochMs,
  type IssuedToken,
  type IssueRequest,
  malformedAnswer,
  sendToPlatform,
  type Token,
  TokenError,
  type TokenKey,
  type TokenSource,
  tokenKeyOf,
} from '@evertoken/core';
import type { AppSettings } from './app-settings.js';
import { type Ids, renewalError } from './nextengine-errors.js';
import { readAnswer, renewalRequest, type WireAnswer } from './nextengine-wire.js';

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
  readonly #settings: AppSettings;
  #key: TokenKey | undefined;

  constructor(settings: AppSettings, uid: string | undefined) {
    this.#settings = settings;
    this.account = settings.name;
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
   * (§0.6), an echo is no news, half a pair is never taken.
   */
  async issue(request: IssueRequest): Promise<IssuedToken> {
    const ids = this.#ids();
    const { current } = request;
    if (!current?.refreshToken) throw nobodySignedIn(ids, 'no sign-in of this user is stored');
    const sent = { accessToken: current.value, refreshToken: current.refreshToken };
    const reply = await sendToPlatform({
      ...renewalRequest(this.#settings.apiUrl, sent),
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
      throw renewalError(answer, { ids, now: request.now(), echoed: pair === 'echoed' });
    }
    if (pair === 'absent') throw malformedAnswer(ids, 'a success without tokens', { uncertain: true });
    return {
      ...issuedPair(pairOf(answer) ?? sent, answer, reply),
      ...(current.extra && { extra: current.extra }),
    };
  }

  #ids(): Ids {
    const { account, kind, subject } = this;
    return { account, kind, ...(subject !== undefined && { subject }) };
  }

  #buildKey(): TokenKey {
    const { clientId, name } = this.#settings;
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

function nobodySignedIn(ids: Ids, why: string): TokenError {
  return new TokenError(
    'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
    `account "${ids.account}", ${ids.kind}: ${why}; send the browser to the sign-in page`,
    { ...ids, reason: 'absent' },
  );
}
