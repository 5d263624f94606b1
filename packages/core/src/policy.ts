import type { RefreshOptions } from './account.js';
import type { Copy } from './copies.js';
import { DEFAULTS } from './defaults.js';
import type { TokenErrorCode } from './errors.js';
import type { Settings } from './options.js';
import type { Random } from './random.js';
import type { Issuance, TokenSource } from './source.js';
import type { TokenPart } from './store/record.js';
import type { EpochMs, IssuedToken, Token } from './token.js';

/** Windows as they apply to a token of some lifetime, ms. */
export interface Windows {
  readonly refreshBeforeMs: number;
  readonly skewMs: number;
  readonly repeatGraceMs: number;
  readonly rejectMemoryMs: number;
  readonly retryIntervalMs: number;
}

/** Windows scale down with lifetimes shorter than two hours: a one-minute token must not be "about to expire" for ever. */
export function windowsFor(settings: Settings, refresh: RefreshOptions, lifetimeMs: number | undefined): Windows {
  // A token that came in expired, as one taken over from another system may, says nothing of how long they live.
  const known = lifetimeMs !== undefined && lifetimeMs > 0;
  const scale = known ? Math.min(1, lifetimeMs / DEFAULTS.referenceLifetimeMs) : 1;
  const own = { ...settings.refresh, ...refresh };
  return {
    refreshBeforeMs: (own.refreshBeforeExpiryMs ?? DEFAULTS.refreshBeforeExpiryMs) * scale,
    skewMs: settings.skewMs * scale,
    repeatGraceMs: settings.repeatGraceMs * scale,
    rejectMemoryMs: settings.rejectMemoryMs * scale,
    retryIntervalMs: (own.retryIntervalMs ?? DEFAULTS.retryIntervalMs) * scale,
  };
}

/** Lifetime as it was when the value was last handed out; undefined where no end is known. */
export function lifetimeOf(token: Pick<Token, 'issuedAt' | 'expiresAt'>): number | undefined {
  return token.expiresAt === undefined ? undefined : token.expiresAt - token.issuedAt;
}

/** From when on a caller has to wait for a refresh: `expiresAt` less the skew, or `expiresAt` itself where asking earlier brings nothing. */
export function mustRefreshAt(token: Token, source: TokenSource, skewMs: number): EpochMs {
  if (token.expiresAt === undefined) return Number.POSITIVE_INFINITY;
  const early = token.expiresAt - skewMs;
  const from = source.renewableFrom?.(token);
  return from === undefined || from <= early ? early : token.expiresAt;
}

/** When a token is due for its next refresh, given that `now` it was handed out. */
export function nextRefreshAt(
  token: Token,
  source: TokenSource,
  {
    windows,
    now,
    unchanged,
    random = () => 0,
  }: { readonly windows: Windows; readonly now: EpochMs; readonly unchanged: boolean; readonly random?: Random },
): EpochMs | undefined {
  if (source.issuance === 'pushed') return undefined;
  const { expiresAt } = token;
  // No end is known: where the source can tell by asking, that is due at once.
  if (expiresAt === undefined) {
    if (!source.renewableFrom) return undefined;
    // Asked and not told: again after a while, not in a loop.
    return Math.max(unchanged ? now + windows.retryIntervalMs : now, source.renewableFrom(token));
  }
  const lifetime = expiresAt - token.issuedAt;
  const from = source.renewableFrom?.(token) ?? 0;
  // A grant that can only be renewed once its token has ended is due a little later: those who signed in together need not ask
  // together for ever, and the platform's clock may be behind. A caller who needs it does not wait for that.
  const jitter =
    source.keep === 'grant' && from >= expiresAt ? random() * Math.max(0, lifetime) * DEFAULTS.renewalJitter : 0;
  const wanted = Math.max(expiresAt - windows.refreshBeforeMs, token.issuedAt + lifetime / 2, from + jitter);
  if (!unchanged || wanted > now) return wanted;
  // Asked inside the window and given the same: once more half-way, never in a loop.
  return Math.max(now + windows.retryIntervalMs, now + (expiresAt - now) / 2);
}

/**
 * Times of a token in the store's clock. An unchanged value lives as its source's `lifetime` says, but at least
 * `repeatGraceMs` more: a platform that extends on asking would else be "expired" for ever.
 */
export function timesOf(
  issued: IssuedToken,
  source: TokenSource,
  {
    stored,
    startedAt,
    grace,
  }: {
    readonly stored: TokenPart | undefined;
    readonly startedAt: EpochMs;
    readonly grace: (lifetimeMs: number) => number;
  },
): Pick<TokenPart, 'issuedAt' | 'firstSeenAt' | 'expiresAt' | 'refreshTokenExpiresAt'> {
  const unchanged = stored?.value === issued.value;
  const firstSeenAt = unchanged ? stored.firstSeenAt : startedAt;
  const lifetime = durationOf(issued.lifetimeMs, issued.expiresAt, issued.answeredAt, startedAt);
  const expiresAt =
    lifetime === undefined ? undefined : endOf(source, { unchanged, firstSeenAt, startedAt, lifetime, grace });
  const refreshLifetime = durationOf(
    issued.refreshTokenLifetimeMs,
    issued.refreshTokenExpiresAt,
    issued.answeredAt,
    startedAt,
  );
  return {
    issuedAt: startedAt,
    firstSeenAt,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(refreshLifetime !== undefined && { refreshTokenExpiresAt: startedAt + refreshLifetime }),
  };
}

function endOf(
  source: TokenSource,
  {
    unchanged,
    firstSeenAt,
    startedAt,
    lifetime,
    grace,
  }: {
    unchanged: boolean;
    firstSeenAt: EpochMs;
    startedAt: EpochMs;
    lifetime: number;
    grace: (lifetimeMs: number) => number;
  },
): EpochMs {
  const from = unchanged && source.lifetime === 'constant' ? firstSeenAt : startedAt;
  const cap = source.maxLifetimeMs === undefined ? Number.POSITIVE_INFINITY : firstSeenAt + source.maxLifetimeMs;
  const sum = Math.min(from + lifetime, cap);
  return unchanged ? Math.max(sum, startedAt + grace(lifetime)) : sum;
}

/** An absolute end becomes a duration with the answer's own time where there is one: the platform's clock need not be ours. */
function durationOf(
  lifetimeMs: number | undefined,
  end: EpochMs | undefined,
  answeredAt: EpochMs | undefined,
  startedAt: EpochMs,
): number | undefined {
  if (lifetimeMs !== undefined) return lifetimeMs;
  return end === undefined ? undefined : end - (answeredAt ?? startedAt);
}

/**
 * Whether asking now can bring a token that lives longer than the one at hand. A wish beyond nine tenths of a lifetime would
 * mean asking all the time, so it counts as that much.
 */
export function canBringMore(
  copy: Pick<Copy, 'value' | 'issuedAt' | 'expiresAt' | 'endsAt' | 'extra'>,
  source: TokenSource,
  { now, minValidityMs }: { readonly now: EpochMs; readonly minValidityMs: number },
): boolean {
  const { value, issuedAt, expiresAt, extra, endsAt } = copy;
  if (expiresAt === undefined || source.issuance === 'pushed') return false;
  const from = source.renewableFrom?.({ value, issuedAt, expiresAt, ...(extra && { extra }) });
  const wanted = Math.min(minValidityMs, (expiresAt - issuedAt) * 0.9);
  return (from === undefined || from <= now) && now + wanted > endsAt;
}

/** How long to wait after the nth failure in a row, ms. Failures that asking again cannot cure begin at the far end. */
export function retryDelayMs(
  code: TokenErrorCode,
  failures: number,
  { intervalMs, random }: { readonly intervalMs: number; readonly random: Random },
): number {
  const max = DEFAULTS.maxRetryIntervalMs;
  const interval = Math.min(intervalMs, max);
  switch (code) {
    case 'ERR_TOKEN_REFUSED':
    case 'ERR_TOKEN_QUOTA':
    case 'ERR_TOKEN_SUSPENDED':
    case 'ERR_TOKEN_REAUTHORIZATION_REQUIRED':
      return max;
    case 'ERR_TOKEN_MAINTENANCE':
      return (max / 2) * (1 + random());
    default: {
      // Full jitter, but for a floor: a zero would be a retry loop.
      const ceiling = Math.min(max, interval * 2 ** Math.min(failures - 1, 20));
      return Math.max(interval / 10, ceiling * random());
    }
  }
}

/** Whether asking before `renewableFrom` can do harm: it would spend or kill what is stored. */
export function askingHarms(issuance: Issuance): boolean {
  return issuance === 'superseding' || issuance === 'rotating';
}

/** When the next forced issue may be made; `undefined`: at once. See `core.md` §5, `reject`. */
export function forcedNotBefore(
  forced: { readonly count: number; readonly at: EpochMs } | undefined,
  {
    issuedAt,
    now,
    rejectMemoryMs,
  }: { readonly issuedAt: EpochMs; readonly now: EpochMs; readonly rejectMemoryMs: number },
): EpochMs | undefined {
  if (!forced || forced.count === 0) return undefined;
  const fresh = now - Math.max(issuedAt, forced.at) <= rejectMemoryMs;
  const distance = Math.min(DEFAULTS.forcedIntervalMs * 2 ** (forced.count - 1), DEFAULTS.maxForcedIntervalMs);
  const notBefore = forced.at + distance;
  return (fresh || distance > rejectMemoryMs) && now < notBefore ? notBefore : undefined;
}
