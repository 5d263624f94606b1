import type { Copy } from './copies.js';
import type { Engine } from './engine.js';
import { TokenError } from './errors.js';
import { localToken } from './local-token.js';
import { idsOf, labelOf } from './platform-request.js';
import { askingHarms, canBringMore, forcedNotBefore, lifetimeOf, windowsFor } from './policy.js';
import { rejectedAgain } from './rejected-again.js';
import type { TakeSlot } from './slots.js';
import type { TokenSource } from './source.js';
import { RECORD_VERSION, type TokenRecord } from './store/record.js';
import { recordedError } from './verdict.js';

/**
 * Why a flight is wanted.
 * - `need`: a caller waits for a token that lives, by `minValidityMs` at least.
 * - `soon`: the token is due; nobody waits.
 * - `forced`: the platform refused this value.
 * - `ask`: somebody wants the platform asked now.
 */
export type Want = (
  | { readonly mode: 'need'; readonly minValidityMs: number }
  | { readonly mode: 'soon' }
  | { readonly mode: 'forced'; readonly refused: string }
  | { readonly mode: 'ask' }
) & {
  /** The record, where it has just been read. */
  readonly seen?: TokenRecord | undefined;
  /** What the request itself waits for, once all else is ready. */
  readonly slot?: TakeSlot | undefined;
};

/** Whether what is known is what the flight was wanted for. */
export function satisfied(engine: Engine, source: TokenSource, copy: Copy, want: Want): boolean {
  const now = engine.clock.now();
  switch (want.mode) {
    case 'need':
      return (
        now < copy.mustAt &&
        (want.minValidityMs === 0 ||
          now + want.minValidityMs <= copy.endsAt ||
          !canBringMore(copy, source, { now, minValidityMs: want.minValidityMs }))
      );
    case 'soon':
      return now < copy.soonAt && now < copy.mustAt;
    case 'forced':
      return copy.value !== want.refused && now < copy.mustAt;
    case 'ask':
      return false;
  }
}

/** Why no attempt is made now. */
export function refusalOf(
  engine: Engine,
  source: TokenSource,
  record: TokenRecord,
  want: Want,
): TokenError | 'notYetRenewable' | undefined {
  if (want.mode === 'ask' && source.issuance === 'pushed' && lives(engine, source, record)) return 'notYetRenewable';
  const standing = standingRefusal(engine, source, record);
  if (standing) return standing;
  const link = engine.linkOf(source);
  const { attempt } = record;
  const foreign = attempt.failure?.credentials !== undefined && source.credentials?.() !== attempt.failure.credentials;
  const resting = (rests(record) || (attempt.retryAt !== undefined && link.now() < attempt.retryAt)) && !foreign;
  switch (want.mode) {
    case 'forced':
      // The first is free of the back-off.
      if (resting && (attempt.forced?.count ?? 0) > 0) return recordedError(source, record, link);
      return breaker(engine, source, record);
    case 'ask':
      return openBreaker(engine, source, record) ?? (tooEarly(engine, source, record) ? 'notYetRenewable' : undefined);
    default:
      return resting ? recordedError(source, record, link) : undefined;
  }
}

function lives(engine: Engine, source: TokenSource, { token }: TokenRecord): boolean {
  return token !== undefined && engine.linkOf(source).now() < (token.expiresAt ?? Number.POSITIVE_INFINITY);
}

/** The last attempt failed in a way that no later one cures by itself. */
function rests({ attempt, refreshAt }: TokenRecord): boolean {
  return attempt.failure !== undefined && attempt.retryAt === undefined && refreshAt === undefined;
}

/** Why no attempt can help, whoever wants it. */
function standingRefusal(engine: Engine, source: TokenSource, record: TokenRecord): TokenError | undefined {
  const ids = idsOf(source);
  const which = labelOf(source);
  if (record.v > RECORD_VERSION) {
    const message = `${which}: the stored record has format ${record.v}, written by a newer version; this one knows ${RECORD_VERSION} and leaves it alone`;
    return new TokenError('ERR_TOKEN_STORE', message, ids);
  }
  if (source.issuance === 'pushed' && !(source.recover && record.goneAt === undefined)) return noPush(source);
  if (source.keep === 'grant' && !record.token) {
    if (record.goneAt === undefined) return source.recover ? undefined : absentGrant(source);
    const message = `${which}: the grant was revoked or forgotten; a person must sign in`;
    return new TokenError('ERR_TOKEN_REAUTHORIZATION_REQUIRED', message, { ...ids, reason: 'gone' });
  }
  return record.attempt.state === 'reauthorize' ? recordedError(source, record, engine.linkOf(source)) : undefined;
}

/** What is pushed cannot be asked for. */
export function noPush(source: TokenSource): TokenError {
  return new TokenError('ERR_TOKEN_WAITING', `${labelOf(source)}: waiting for the platform's push`, idsOf(source));
}

/** Nothing is stored of a grant, and there is no other way to it. */
export function absentGrant(source: TokenSource): TokenError {
  const message = `${labelOf(source)}: nobody has signed in yet; a person must sign in`;
  return new TokenError('ERR_TOKEN_REAUTHORIZATION_REQUIRED', message, { ...idsOf(source), reason: 'absent' });
}

/** Fresh tokens keep being refused, and the next forced issue is not due yet. */
function breaker(engine: Engine, source: TokenSource, { attempt, token }: TokenRecord): TokenError | undefined {
  if (!token) return undefined;
  const link = engine.linkOf(source);
  const refresh = engine.registry.get(source.account)?.refresh ?? {};
  const { rejectMemoryMs } = windowsFor(engine.settings, refresh, lifetimeOf(token));
  const notBefore = forcedNotBefore(attempt.forced, { issuedAt: token.issuedAt, now: link.now(), rejectMemoryMs });
  if (notBefore === undefined) return undefined;
  return rejectedAgain(source, link.toLocal(notBefore), attempt.state === 'contested' ? 'contested' : 'repeated');
}

/** The breaker, for who only asks: one forced issue that went well is no reason to refuse. */
function openBreaker(engine: Engine, source: TokenSource, record: TokenRecord): TokenError | undefined {
  const { state } = record.attempt;
  return state === 'contested' || state === 'repeated' ? breaker(engine, source, record) : undefined;
}

function tooEarly(engine: Engine, source: TokenSource, { token }: TokenRecord): boolean {
  if (!token || !askingHarms(source.issuance)) return false;
  const from = source.renewableFrom?.(localToken(token, engine.linkOf(source)));
  return from !== undefined && engine.clock.now() < from;
}
