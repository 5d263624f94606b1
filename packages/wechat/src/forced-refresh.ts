import {
  type EpochMs,
  type IssuedToken,
  idsOf,
  type JsonValue,
  labelOf,
  TokenError,
  type TokenExtra,
  type TokenKey,
  type TokenSource,
  type Tokens,
  tokenKeyOf,
} from '@evertoken/core';
import { type App, assertSecret, PLATFORM } from './app.js';
import { chinaDay, chinaMidnight } from './china-calendar.js';
import { pause } from './pause.js';
import { ask } from './sources.js';
import { issueError } from './wechat-errors.js';
import { failureIn, issuedIn, stableTokenRequest } from './wechat-wire.js';

/** How a refresh is forced. */
export interface ForceRefreshOptions {
  /** Why: kept beside the count. Only a leaked token is a good one. */
  readonly reason: string;
  /**
   * Forced calls, one after the other, with the platform's 30 s between them. One call ends the leaked token five minutes
   * later, or at once; the platform's documents disagree. Two end it at once. Default 1.
   */
  readonly times?: 1 | 2 | undefined;
  /** Ends the wait between two calls. */
  readonly signal?: AbortSignal | undefined;
}

/** What a forced refresh did. */
export interface ForcedRefresh {
  /** Whether the platform made another token. False: it gave the old one again, and the leaked one still works. */
  readonly changed: boolean;
  /** Forced calls of this app today (China), all processes together. */
  readonly callsToday: number;
}

/** 20 forced calls a day (sheet §1.2). */
const CALLS_A_DAY = 20;
/** 30 s: the platform ignores the force of a call that comes sooner. */
const DISTANCE_MS = 30_000;
const DAY = 24 * 60 * 60_000;
/** 2 days: longer than any day that is counted. */
const KEPT_MS = 2 * DAY;
/** 10 s: what the manager gives a token request, too. */
const TIMEOUT_MS = 10_000;

const FORCED_REFRESHES = 'forced_refreshes';

/** Forced calls of one day, as they are kept. */
interface Forced {
  readonly day: string;
  readonly calls: number;
  /** Unix ms. */
  readonly lastAt: EpochMs;
}

/**
 * Where the count lies: in a record of its own beside the tokens, as something pushed, so that it is never due. Its lease keeps
 * the forced calls of all processes apart.
 */
class ForcedSource implements TokenSource {
  readonly key: TokenKey;
  readonly account: string;
  readonly kind = FORCED_REFRESHES;
  readonly issuance = 'pushed';
  readonly keep = 'obtainable';
  readonly lifetime = 'remaining';

  constructor({ account, keyId }: App) {
    this.account = account;
    this.key = tokenKeyOf({ platform: PLATFORM, id: keyId, kind: FORCED_REFRESHES });
  }

  issue(): Promise<never> {
    return Promise.reject(new TypeError(`"${FORCED_REFRESHES}" are counted and cannot be asked for`));
  }
}

/** See `forceRefresh` of the clients. */
export async function forceRefresh(
  app: App,
  tokens: Tokens,
  source: TokenSource,
  { reason, times = 1, signal }: ForceRefreshOptions,
): Promise<ForcedRefresh> {
  if (typeof reason !== 'string' || reason.trim() === '') {
    throw new TypeError('"reason" must say why, such as "the token stood in a log": forced calls are for leaks');
  }
  assertSecret(app);
  if (times !== 1 && times !== 2) throw new TypeError('"times" must be 1 or 2');
  let forced = await forceOnce(app, tokens, source, reason);
  for (let made = 1; made < times; made++) {
    await pause(app.clock, DISTANCE_MS, { signal, account: app.account });
    const next = await forceOnce(app, tokens, source, reason);
    forced = { changed: forced.changed && next.changed, callsToday: next.callsToday };
  }
  return forced;
}

async function forceOnce(app: App, tokens: Tokens, source: TokenSource, reason: string): Promise<ForcedRefresh> {
  const ids = idsOf(source);
  const before = await tokens.get(source);
  let issued: IssuedToken | undefined;
  let failure: unknown;
  let callsToday = 0;
  await tokens.authorize(new ForcedSource(app), async (request) => {
    const now = request.now();
    const known = forcedIn(request.current?.extra, now);
    checkLimits(known, now, ids);
    callsToday = known.calls + 1;
    try {
      const limited = { fetch: request.fetch, signal: AbortSignal.timeout(TIMEOUT_MS) };
      const answer = await ask(stableTokenRequest(app.baseUrl, app, { force: true }), limited, ids);
      const refusal = failureIn(answer, ids);
      if (refusal) throw issueError(refusal, ids, { now: request.now(), secrets: [app.secret] });
      issued = issuedIn(answer, 'access_token', ids);
    } catch (error) {
      // Counted all the same: the platform may have done it.
      failure = error;
    }
    const { day } = known;
    // Counted from the answer on: the platform may have acted as late as that.
    const extra = { day, calls: callsToday, lastAt: request.now(), reason: reason.slice(0, 200).toWellFormed() };
    return { value: `${day}/${callsToday}/${extra.lastAt}`, lifetimeMs: KEPT_MS, extra };
  });
  if (!issued) throw failure;
  const changed = issued.value !== before.value;
  if (changed) {
    // It replaces whatever stands. Its life counts from now, so that it ends no sooner than what a renewal that is under way will
    // bring: of two answers the one that lives longer stands. The seconds are within the manager's skew.
    await tokens.adopt(source, issued, { grant: true });
  }
  return { changed, callsToday };
}

/** What is kept of today. */
function forcedIn(extra: TokenExtra | undefined, now: EpochMs): Forced {
  const { day, calls, lastAt }: Readonly<Record<string, JsonValue>> = extra ?? {};
  const today = chinaDay(now);
  return {
    day: today,
    calls: day === today && typeof calls === 'number' ? calls : 0,
    lastAt: typeof lastAt === 'number' ? lastAt : Number.NEGATIVE_INFINITY,
  };
}

function checkLimits({ calls, lastAt }: Forced, now: EpochMs, ids: { account: string; kind?: string }): void {
  const refuse = (message: string, retryAt: EpochMs, reason: string) => {
    throw new TokenError('ERR_TOKEN_QUOTA', `${labelOf(ids)}: ${message}`, { ...ids, retryAt, reason });
  };
  if (calls >= CALLS_A_DAY) {
    refuse(`its ${CALLS_A_DAY} forced refreshes of the day are used up`, chinaMidnight(now) + DAY, 'daily');
  }
  // A clock that was set back must not lock for longer than the platform does.
  const since = Math.max(0, now - lastAt);
  if (since < DISTANCE_MS) {
    refuse(
      'forced refreshes are at least 30 s apart; sooner, the platform changes nothing',
      now + DISTANCE_MS - since,
      'soon',
    );
  }
}
