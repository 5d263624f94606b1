import type { TokenKey } from './key.js';
import type { TokenPart, TokenRecord } from './store/record.js';
import type { EpochMs } from './token.js';

/** A step back that is shorter than this does nobody harm, ms. */
const STEP_MS = 5_000;
/** How much slower than ours a clock may go that is not stepped. */
const SLOWER = 0.001;
/** Steps that are remembered. */
const STEPS = 16;
/** Tokens that are remembered. */
const TOKENS = 100_000;

interface StepBack {
  /** Counted from 1. */
  readonly nth: number;
  /** The store's time as the step ended, by its clock as it went then. */
  readonly after: EpochMs;
  readonly byMs: number;
}

/** What a token's times are off by the clock as it went after so many steps. */
interface Behind {
  readonly issuedAt: EpochMs;
  readonly byMs: number;
  readonly nth: number;
}

/**
 * Steps back of a store's clock. What it had stored before goes by the clock as it was: read by the clock as it is, every token
 * would live longer by the step. Whoever has lived through it brings the times of such tokens over.
 */
export class StepsBack {
  readonly #steps: StepBack[] = [];
  /** Tokens looked at since the first step: what one is off by must not change while the clock goes on. */
  readonly #tokens = new Map<TokenKey, Behind>();
  #last: { readonly now: EpochMs; readonly arrivedAt: number } | undefined;

  /** Whether there was none yet. */
  get none(): boolean {
    return this.#steps.length === 0;
  }

  /** An answer of the store: its time, and our monotonic time as it was asked for and as it arrived. */
  observe(now: EpochMs, { sentAt, arrivedAt }: { readonly sentAt: number; readonly arrivedAt: number }): void {
    const last = this.#last;
    this.#last = { now, arrivedAt };
    if (!last) return;
    // At least so much lies between the two readings of its clock, however long the answers took.
    const passed = sentAt - last.arrivedAt;
    const byMs = passed - (now - last.now);
    if (byMs <= STEP_MS + Math.max(0, passed) * SLOWER) return;
    this.#steps.push({ nth: (this.#steps.at(-1)?.nth ?? 0) + 1, after: last.now - byMs, byMs });
    if (this.#steps.length > STEPS) this.#steps.shift();
  }

  /** A record with its token's times by the clock as it is. */
  bringOver(record: TokenRecord): TokenRecord {
    const { token, refreshAt } = record;
    const last = this.#steps.at(-1);
    if (!token || !last) return record;
    const { issuedAt } = token;
    const byMs = this.#behind(record.key, issuedAt);
    if (this.#tokens.size >= TOKENS) this.#tokens.clear();
    this.#tokens.set(record.key, { issuedAt, byMs, nth: last.nth });
    if (byMs === 0) return record;
    return {
      ...record,
      token: earlier(token, byMs),
      ...(refreshAt !== undefined && { refreshAt: refreshAt - byMs }),
    };
  }

  #behind(key: TokenKey, issuedAt: EpochMs): number {
    const known = this.#tokens.get(key);
    if (known?.issuedAt === issuedAt) {
      const since = this.#steps.filter(({ nth }) => nth > known.nth);
      return since.reduce((sum, step) => sum + step.byMs, known.byMs);
    }
    // The clock as it went last that has shown this time; one that was issued since the last step never counts as older.
    let byMs = 0;
    let until = (this.#last?.now ?? issuedAt) + STEP_MS;
    for (const step of this.#steps.toReversed()) {
      if (issuedAt > step.after && issuedAt <= until) return byMs;
      byMs += step.byMs;
      until = step.after + step.byMs + STEP_MS;
    }
    return byMs;
  }
}

function earlier(token: TokenPart, byMs: number): TokenPart {
  const { expiresAt, refreshTokenExpiresAt, grant } = token;
  return {
    ...token,
    issuedAt: token.issuedAt - byMs,
    firstSeenAt: token.firstSeenAt - byMs,
    ...(expiresAt !== undefined && { expiresAt: expiresAt - byMs }),
    ...(refreshTokenExpiresAt !== undefined && { refreshTokenExpiresAt: refreshTokenExpiresAt - byMs }),
    ...(grant && { grant: { ...grant, at: grant.at - byMs } }),
  };
}
