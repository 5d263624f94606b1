import { firstGeneration, type TokenKey } from '../key.js';
import type { EpochMs } from '../token.js';
import {
  type AttemptPart,
  emptyRecord,
  type Intent,
  isAbsent,
  markOf,
  NO_ATTEMPT,
  RECORD_VERSION,
  type TokenPart,
  type TokenRecord,
} from './record.js';
import type { AttemptChange, CommitOptions, Lease, NoteOptions, Seen } from './store.js';

/**
 * The port's operations as pure functions from a record to the next one. A store that can swap a whole record atomically
 * (memory, file, cache) needs nothing else: `next` is what to write, absent where nothing changes; `answer` is what to return.
 */
export interface Step<Answer> {
  /** The record after it; absent where nothing changes. */
  readonly next?: TokenRecord;
  /** What the caller is told. */
  readonly answer: Answer;
}

/** `TokenStore.claim`. */
export function claimStep(
  record: TokenRecord | undefined,
  {
    seen,
    holder,
    ttlMs,
    intent,
    now,
  }: { seen: Seen; holder: string; ttlMs: number; intent?: Pick<Intent, 'generation'> | undefined; now: EpochMs },
): Step<Lease | TokenRecord> {
  const present = record ?? emptyRecord(seen.key);
  const { attempt } = present;
  // A tombstone keeps generation and epoch: who means to present the token that stood there has not seen it.
  const known = present.generation === seen.generation && attempt.epoch === seen.epoch;
  const stands = known && (intent === undefined || present.token !== undefined);
  if (!stands || leaseLives(present, now) || present.v > RECORD_VERSION) return { answer: present };
  const epoch = attempt.epoch + 1;
  const until = now + ttlMs;
  const next: AttemptPart = {
    ...attempt,
    epoch,
    lease: { holder, until },
    ...(intent && { intent: nextIntent(attempt.intent, intent.generation, epoch, now) }),
  };
  return {
    next: { ...present, attempt: next },
    answer: { kind: 'lease', key: seen.key, epoch, holder, until },
  };
}

/** `TokenStore.renew`. */
export function renewStep(
  record: TokenRecord | undefined,
  lease: Lease,
  ttlMs: number,
  now: EpochMs,
): Step<Lease | undefined> {
  if (!record || record.v > RECORD_VERSION || !isHolder(record, lease)) return { answer: undefined };
  const until = now + ttlMs;
  return {
    next: { ...record, attempt: { ...record.attempt, lease: { holder: lease.holder, until } } },
    answer: { ...lease, until },
  };
}

/** `TokenStore.commit`. */
export function commitStep(
  record: TokenRecord | undefined,
  { key, token, options, now }: { key: TokenKey; token: TokenPart; options: CommitOptions; now: EpochMs },
): Step<'accepted' | TokenRecord> {
  const present = record ?? emptyRecord(key);
  if (present.v > RECORD_VERSION) return { answer: present };
  if (present.token && sameValue(present.token, token, options.same))
    return { next: merged(present, present.token, token, options), answer: 'accepted' };
  if (!mayFollow(present, options)) return { answer: present };
  const generation = present.generation === 0 ? firstGeneration(now) : present.generation + 1;
  const { goneAt: _gone, refreshAt: _due, ...rest } = present;
  return {
    next: {
      ...rest,
      generation,
      token,
      ...(options.refreshAt !== undefined && { refreshAt: options.refreshAt }),
      attempt: afterCommit(present.attempt, options),
    },
    answer: 'accepted',
  };
}

/** `TokenStore.note`. */
export function noteStep(
  record: TokenRecord | undefined,
  lease: Lease,
  change: AttemptChange,
  options: NoteOptions = {},
): Step<boolean> {
  if (!record || record.v > RECORD_VERSION || record.attempt.epoch !== lease.epoch) return { answer: false };
  if (options.generation !== undefined && options.generation !== record.generation) return { answer: false };
  const { refreshAt, ...fields } = record.goneAt === undefined ? change : onTombstone(record, lease, change);
  const released = options.release === true ? withoutLease(record.attempt) : record.attempt;
  const next = { ...record, attempt: changed(released, fields) };
  return { next: refreshAt === undefined ? next : due(next, refreshAt), answer: true };
}

/** `TokenStore.remove`. */
export function removeStep(record: TokenRecord | undefined, predecessor: number, now: EpochMs): Step<boolean> {
  if (!record?.token || record.generation !== predecessor || record.v > RECORD_VERSION) return { answer: false };
  const { token: _token, refreshAt: _due, ...rest } = record;
  return {
    next: { ...rest, goneAt: now, attempt: { ...NO_ATTEMPT, epoch: record.attempt.epoch, state: 'gone' } },
    answer: true,
  };
}

/** `TokenStore.park`. */
export function parkStep(record: TokenRecord | undefined, seen: Seen, cause: string): Step<boolean> {
  if (!record || record.v > RECORD_VERSION) return { answer: false };
  if (record.attempt.epoch !== seen.epoch || record.generation !== seen.generation) return { answer: false };
  return { next: due({ ...record, attempt: { ...record.attempt, cause } }, null), answer: true };
}

/** `TokenStore.reseal`. */
export function resealStep(record: TokenRecord | undefined, seen: TokenRecord, token: TokenPart): Step<boolean> {
  const stands =
    record !== undefined &&
    record.v <= RECORD_VERSION &&
    record.generation === seen.generation &&
    record.attempt.epoch === seen.attempt.epoch &&
    record.token !== undefined &&
    JSON.stringify(record.token) === JSON.stringify(seen.token);
  return stands ? { next: { ...record, token }, answer: true } : { answer: false };
}

/** Whether somebody holds the key. */
export function leaseLives(record: TokenRecord, now: EpochMs): boolean {
  return record.attempt.lease !== undefined && record.attempt.lease.until > now;
}

/** Whether `TokenStore.due` names the key. */
export function isDue(record: TokenRecord, now: EpochMs): boolean {
  return record.refreshAt !== undefined && record.refreshAt <= now && !leaseLives(record, now);
}

function sameValue(stored: TokenPart, token: TokenPart, same: readonly string[] | undefined): boolean {
  return stored.value === token.value || (same?.includes(markOf(stored)) ?? false);
}

function isHolder(record: TokenRecord, lease: Lease): boolean {
  return record.attempt.epoch === lease.epoch && record.attempt.lease?.holder === lease.holder;
}

function nextIntent(standing: Intent | undefined, generation: number, epoch: number, now: EpochMs): Intent {
  // Whatever released its lease properly took its intent away; one that stands was left by a holder that fell silent.
  if (standing?.generation === generation) return { ...standing, epoch, uncertain: true };
  return { generation, since: now, epoch, uncertain: false };
}

function mayFollow(present: TokenRecord, { predecessor, lease, fenced, revive }: CommitOptions): boolean {
  if (fenced && present.attempt.epoch !== lease?.epoch) return false;
  if (predecessor === 0) return isAbsent(present);
  return present.generation === predecessor && (present.token !== undefined || revive === true) && !isAbsent(present);
}

function afterCommit(attempt: AttemptPart, options: CommitOptions): AttemptPart {
  const { intent: _i, failure: _f, retryAt: _r, doubtUntil: _d, cause, ...kept } = attempt;
  const sticky = attempt.state === 'contested' || attempt.state === 'repeated';
  const settled: AttemptPart = {
    ...kept,
    ...(sticky && cause !== undefined && { cause }),
    state: sticky ? attempt.state : 'active',
    failures: 0,
  };
  return withOptions(settled, attempt.epoch, options);
}

function merged(present: TokenRecord, stored: TokenPart, token: TokenPart, options: CommitOptions): TokenRecord {
  const expiresAt = later(stored.expiresAt, token.expiresAt);
  const refreshTokenExpiresAt = later(stored.refreshTokenExpiresAt, token.refreshTokenExpiresAt);
  const part: TokenPart = {
    ...stored,
    issuedAt: Math.max(stored.issuedAt, token.issuedAt),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(refreshTokenExpiresAt !== undefined && { refreshTokenExpiresAt }),
    ...(token.refreshToken && { refreshToken: token.refreshToken }),
    ...(token.extra && { extra: token.extra }),
    ...(token.order !== undefined && { order: Math.max(stored.order ?? token.order, token.order) }),
    ...(token.credentials !== undefined && { credentials: token.credentials }),
  };
  const current = options.lease === undefined || options.lease.epoch === present.attempt.epoch;
  const attempt = current && options.lease ? afterCommit(present.attempt, options) : present.attempt;
  return {
    ...present,
    token: part,
    ...(current && options.refreshAt !== undefined && { refreshAt: options.refreshAt }),
    attempt,
  };
}

function withOptions(
  attempt: AttemptPart,
  epoch: number,
  { lease, release, attempt: change }: CommitOptions,
): AttemptPart {
  if (lease !== undefined && lease.epoch !== epoch) return attempt;
  const released = lease && release ? withoutLease(attempt) : attempt;
  const { refreshAt: _due, ...fields } = change ?? {};
  return changed(released, fields);
}

function changed(attempt: AttemptPart, fields: Omit<AttemptChange, 'refreshAt'>): AttemptPart {
  const next: Record<string, unknown> = { ...attempt };
  for (const [name, value] of Object.entries(fields)) {
    if (value === null) delete next[name];
    else if (value !== undefined) next[name] = value;
  }
  return next as unknown as AttemptPart;
}

function due(record: TokenRecord, refreshAt: EpochMs | null): TokenRecord {
  const { refreshAt: _old, ...rest } = record;
  return refreshAt === null ? rest : { ...rest, refreshAt };
}

/**
 * A tombstone says more than any attempt that was under way when it was set. One that began since has its back-off noted, for
 * all processes; the key stays gone and out of the index.
 */
function onTombstone(record: TokenRecord, lease: Lease, change: AttemptChange): AttemptChange {
  if (record.attempt.lease?.holder !== lease.holder) return {};
  const { state: _state, cause: _cause, refreshAt: _due, ...rest } = change;
  return rest;
}

function withoutLease({ lease: _lease, ...rest }: AttemptPart): AttemptPart {
  return rest;
}

function later(a: EpochMs | undefined, b: EpochMs | undefined): EpochMs | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.max(a, b);
}
