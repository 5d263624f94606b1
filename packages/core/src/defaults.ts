/** Every number of the manager, with its reason. Times in ms. Options of the same name replace them. */
export const DEFAULTS = Object.freeze({
  /** 30 min: a platform may be down that long without anyone noticing. */
  refreshBeforeExpiryMs: 30 * 60_000,
  /** 60 s: what clocks and slow requests may differ before a token counts as expired. */
  skewMs: 60_000,
  /** 2 s: a store that needs longer is down. */
  storeTimeoutMs: 2_000,
  /** 10 s: opening a store loads drivers and makes tables; who calls it meanwhile waits no longer than for any call. */
  openTimeoutMs: 10_000,
  /** 500 ms: an answer that is not acknowledged by then is written to the journal before it is served. */
  journalAfterMs: 500,
  /** 60 s: first distance between failed attempts; doubles with full jitter. */
  retryIntervalMs: 60_000,
  /** 15 min: the longest distance between failed attempts. */
  maxRetryIntervalMs: 15 * 60_000,
  /** 5 s: a copy older than this is re-read behind the caller. */
  checkAfterMs: 5_000,
  /** 30 s: a copy older than this is re-read before it is served. */
  maxUncheckedMs: 30_000,
  /** 5 s: the same for a source whose superseded tokens may die at once. */
  maxUncheckedUnknownOverlapMs: 5_000,
  /** 5 min: how long an unchanged value just handed out is trusted, whatever the sum of its times says. */
  repeatGraceMs: 5 * 60_000,
  /** 30 s: a lease; longer than a request and its settling together. */
  leaseTtlMs: 30_000,
  /** 10 s: when a request is given up, unless it is rotating. */
  requestTimeoutMs: 10_000,
  /** 10 s: how long a platform may go on working on a request we gave up. */
  settleMs: 10_000,
  /** 10 min: how long a rotating request, which is never aborted, is waited for. */
  rotatingTimeoutMs: 10 * 60_000,
  /** 10 s: how long `close` waits. */
  closeTimeoutMs: 10_000,
  /** 10 min: a token refused within this of its issue counts as fresh. */
  rejectMemoryMs: 10 * 60_000,
  /** 30 s: distance after the second forced issue; doubles. */
  forcedIntervalMs: 30_000,
  /** 1 h: the longest distance between forced issues. */
  maxForcedIntervalMs: 60 * 60_000,
  /** 10: platform requests of one account at a time; the most that one kill can cost where they rotate. */
  concurrencyPerAccount: 10,
  /** 1 %: of its token's lifetime, how much later than that token's end at most a grant is due that cannot be renewed before. */
  renewalJitter: 0.01,
  /** 24 h: when to warn that a grant is about to end. */
  grantEndingMs: 24 * 60 * 60_000,
  /** 2 h: windows are scaled down for tokens that live shorter than this. */
  referenceLifetimeMs: 2 * 60 * 60_000,
});
