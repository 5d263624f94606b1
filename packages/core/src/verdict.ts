import { DEFAULTS } from './defaults.js';
import { type Engine, keyEvent } from './engine.js';
import { TOKEN_ERRORS, TokenError, type TokenErrorCode } from './errors.js';
import { idsOf, labelOf } from './platform-request.js';
import { lifetimeOf, retryDelayMs, windowsFor } from './policy.js';
import type { TokenSource } from './source.js';
import type { AttemptPart, TokenRecord, TokenState } from './store/record.js';
import type { AttemptChange, Lease } from './store/store.js';
import type { StoreLink } from './store-link.js';
import type { EpochMs } from './token.js';

/** The error of the last attempt, as this or another process noted it. */
export function recordedError(source: TokenSource, { attempt }: TokenRecord, link: StoreLink): TokenError {
  const { failure, retryAt, cause } = attempt;
  const code = (failure && failure.code in TOKEN_ERRORS ? failure.code : 'ERR_TOKEN_TRANSPORT') as TokenErrorCode;
  return new TokenError(code, failure?.message ?? `${labelOf(source)}: the last attempt failed`, {
    ...idsOf(source),
    ...(failure?.platformCode !== undefined && { platformCode: failure.platformCode }),
    ...(failure?.requestId !== undefined && { requestId: failure.requestId }),
    ...(retryAt !== undefined && { retryAt: link.toLocal(retryAt) }),
    ...(code === 'ERR_TOKEN_REAUTHORIZATION_REQUIRED' && cause !== undefined && { reason: cause }),
  });
}

/** What an attempt that failed leaves in the record. */
export interface Verdict {
  readonly change: AttemptChange;
  readonly state: TokenState;
  readonly retryAt: EpochMs | undefined;
  readonly failures: number;
  readonly cause: string | undefined;
}

/** Decides what a failure means for the key. Times in store time. */
export function verdictOn(
  engine: Engine,
  {
    source,
    lease,
    record,
    error,
    startedAt,
    forced,
  }: {
    source: TokenSource;
    lease: Lease;
    record: TokenRecord;
    error: TokenError;
    startedAt: EpochMs;
    forced: boolean;
  },
): Verdict {
  const { settings, registry } = engine;
  const link = engine.linkOf(source);
  const credentials = source.credentials?.();
  const before = sameCredentials(record.attempt, credentials) ? record.attempt : undefined;
  const failures = (before?.failures ?? 0) + 1;
  const windows = windowsFor(
    settings,
    registry.get(source.account)?.refresh ?? {},
    record.token && lifetimeOf(record.token),
  );
  const shortest = Math.min(windows.retryIntervalMs, DEFAULTS.maxRetryIntervalMs) / 10;
  const delay = retryDelayMs(error.code, failures, { intervalMs: windows.retryIntervalMs, random: settings.random });
  const earliest = error.retryAt === undefined ? 0 : link.toStore(error.retryAt);
  const doubt = doubtOf(source, record, error, startedAt);
  const superseding = source.issuance === 'superseding';
  const state = stateOf(source, record, error, doubt !== undefined);
  const cause = state === 'reauthorize' ? reauthorizeCause(record) : error.reason;
  const wanted = Math.min(
    Math.max(link.now() + delay, earliest),
    lastChance(record, link.now() + shortest, link.now()),
  );
  // A new doubt is worth a quicker attempt than the back-off's, but none that the last request could still overtake.
  const soonest = link.now() + (superseding && error.uncertain ? settings.settleMs : 0);
  const next = doubt?.nextAt === undefined ? wanted : Math.min(wanted, Math.max(doubt.nextAt, link.now() + shortest));
  const rests = state === 'reauthorize' || earliest === Number.POSITIVE_INFINITY;
  const retryAt = rests ? undefined : Math.max(next, soonest);
  return {
    state,
    retryAt,
    failures,
    cause,
    change: {
      state,
      cause: cause ?? null,
      failures,
      failure: {
        code: error.code,
        message: error.message,
        ...(error.platformCode !== undefined && { platformCode: error.platformCode }),
        ...(error.requestId !== undefined && { requestId: error.requestId }),
        at: link.now(),
        epoch: lease.epoch,
        ...(credentials !== undefined && { credentials }),
      },
      retryAt: retryAt ?? null,
      // Of a grant that nobody has, anybody may ask by any name: none of those is ours to look after.
      refreshAt: (record.token || source.keep === 'obtainable' ? retryAt : undefined) ?? null,
      ...(doubt && { doubtUntil: doubt.until }),
      // A forced issue that failed was one all the same: only the first is free of the back-off.
      ...(forced && { forced: { count: (record.attempt.forced?.count ?? 0) + 1, at: startedAt } }),
      ...(keepsIntent(source, record, error) ? {} : { intent: null }),
    },
  };
}

/** Tells the world of a failure. */
export function announce(
  engine: Engine,
  source: TokenSource,
  { error, verdict, before }: { error: TokenError; verdict: Verdict; before: TokenState },
): void {
  const event = keyEvent(engine, source);
  const link = engine.linkOf(source);
  const platformCode = error.platformCode === undefined ? {} : { platformCode: error.platformCode };
  engine.events.emit('failure', {
    ...event,
    code: error.code,
    ...platformCode,
    ...(error.requestId !== undefined && { requestId: error.requestId }),
    message: error.message,
    failures: verdict.failures,
    ...(verdict.retryAt !== undefined && { retryAt: link.toLocal(verdict.retryAt) }),
  });
  if (before === verdict.state) return;
  engine.events.emit('state', {
    ...event,
    from: before,
    to: verdict.state,
    ...(verdict.cause !== undefined && { cause: verdict.cause }),
  });
  if (verdict.state === 'reauthorize') {
    engine.events.emit('reauthorize', {
      ...event,
      cause: verdict.cause === 'indeterminate' ? 'indeterminate' : 'refused',
      ...platformCode,
    });
  }
}

function stateOf(source: TokenSource, record: TokenRecord, error: TokenError, doubted: boolean): TokenState {
  // Only the platform's refusal of a stored grant means sign-in (S6); what can be had again by asking is merely refused.
  if (error.code === 'ERR_TOKEN_REAUTHORIZATION_REQUIRED')
    return source.keep === 'grant' && record.token ? 'reauthorize' : 'retrying';
  if (doubted || (source.issuance === 'rotating' && error.uncertain)) return 'doubtful';
  const { state } = record.attempt;
  if (state === 'contested' || state === 'repeated') return state;
  return TOKEN_ERRORS[error.code].state ?? 'retrying';
}

/** No wait may last past the end of a grant that could still be renewed: half of what is left at most, and at least this. */
function lastChance({ token }: TokenRecord, soonest: EpochMs, now: EpochMs): EpochMs {
  const end = token?.refreshTokenExpiresAt;
  return end === undefined || end <= now ? Number.POSITIVE_INFINITY : Math.max(soonest, now + (end - now) / 2);
}

/** An earlier renewal with unknown outcome may be what made the platform refuse the pair (S5). */
function reauthorizeCause({ attempt, generation }: TokenRecord): 'refused' | 'indeterminate' {
  return attempt.intent?.generation === generation ? 'indeterminate' : 'refused';
}

/**
 * A superseding request with unknown outcome may have killed the stored token (S11): ours, or that of a holder who fell silent
 * before us. `nextAt` where it is ours and the first.
 */
function doubtOf(
  source: TokenSource,
  { attempt, generation, token }: TokenRecord,
  error: TokenError,
  startedAt: EpochMs,
): { until: EpochMs; nextAt: EpochMs | undefined } | undefined {
  if (source.issuance !== 'superseding' || !token) return undefined;
  const overlap = source.overlapMs ?? 0;
  const never = Number.POSITIVE_INFINITY;
  const silent = attempt.intent?.generation === generation ? attempt.intent.since + overlap : never;
  const ours = error.uncertain ? startedAt + overlap : never;
  const until = Math.min(attempt.doubtUntil ?? never, silent, ours);
  if (until === never) return undefined;
  return { until, nextAt: ours === until ? startedAt + overlap / 2 : undefined };
}

/** An intent stays while it is unknown what became of the request that set it; an answer to *this* request proves nothing about an earlier one. */
function keepsIntent(source: TokenSource, record: TokenRecord, error: TokenError): boolean {
  if (source.issuance !== 'rotating') return false;
  if (error.code === 'ERR_TOKEN_REAUTHORIZATION_REQUIRED') return false;
  return error.uncertain || record.attempt.intent?.generation === record.generation;
}

function sameCredentials(attempt: AttemptPart, credentials: string | undefined): boolean {
  return attempt.failure?.credentials === undefined || attempt.failure.credentials === credentials;
}
