import type { Engine } from './engine.js';
import { fingerprint, type TokenKey } from './key.js';
import type { Moment } from './moment.js';
import type { TokenSource } from './source.js';
import type { TokenRecord } from './store/record.js';
import type { EpochMs } from './token.js';

/** How far what two processes know of the store's clock may be apart, ms. */
const CLOCK_ERROR_MS = 5_000;

/** The last sign-in of each key in this process: of two an instant apart the store's clock, as we know it, may not tell the order. */
const lastSignIns = new WeakMap<Engine, Map<TokenKey, Moment>>();

/** The moment of a sign-in that has just been answered: no two of a key at the same, so that of several in one outage the last is known. */
export function signInMoment(engine: Engine, source: TokenSource): Moment {
  const moment = engine.linkOf(source).moment();
  const last = lastSignIn(engine, source)?.wall ?? Number.NEGATIVE_INFINITY;
  const distinct = { ...moment, wall: Math.max(moment.wall, last + 1) };
  const each = lastSignIns.get(engine) ?? new Map<TokenKey, Moment>();
  lastSignIns.set(engine, each.set(source.key, distinct));
  return distinct;
}

/** The last sign-in for a key that this process has taken part in. */
export function lastSignIn(engine: Engine, { key }: TokenSource): Moment | undefined {
  return lastSignIns.get(engine)?.get(key);
}

/** A sign-in: the value it brought, and when it took place; and what time it is. All by the store's clock. */
export interface SignInNews {
  readonly value: string;
  readonly at: EpochMs;
  readonly now: EpochMs;
}

/**
 * Whether a sign-in that has just been answered is no news: somebody has signed in after it, or what it brought has been stored
 * and renewed by others already, as a platform may answer it to them too. What the platform has refused anything replaces.
 */
export function isSignedInLater({ token, attempt }: TokenRecord, { value, at, now }: SignInNews): boolean {
  if (!token) return false;
  const renewed = token.seen.includes(fingerprint(value)) && attempt.state !== 'reauthorize';
  return renewed || (token.grant !== undefined && isBetween(token.grant.at, at, now));
}

/**
 * Whether a sign-in that waited to be stored is no news by now: the record goes back to it already, to a later one, or was forgotten since.
 * A renewal of an older sign-in counts as that one, however late it was answered: the platform honoured it before this one ended it.
 */
export function isSignedInSince({ token, goneAt }: TokenRecord, { value, at, now }: SignInNews): boolean {
  if (goneAt !== undefined) return isBetween(goneAt, at, now);
  if (!token) return false;
  const first = fingerprint(value);
  if (token.grant?.first === first || token.seen.includes(first)) return true;
  // Of a token that does not say, when it was first seen: a pair issued since is alive, whoever signed in for it.
  return isBetween(token.grant?.at ?? token.firstSeenAt, at, now);
}

/** A time that has not come yet was written by a clock that has been set back since, and says nothing. */
function isBetween(time: EpochMs, at: EpochMs, now: EpochMs): boolean {
  return time > at && time <= now + CLOCK_ERROR_MS;
}
