import type { TokenKey } from './key.js';
import type { EpochMs, Token, TokenExtra } from './token.js';

/** A token in this process's memory, in the manager's time. Refresh tokens and lineage stay in the store. */
export interface Copy {
  readonly value: string;
  readonly extra: TokenExtra | undefined;
  readonly issuedAt: EpochMs;
  readonly expiresAt: EpochMs | undefined;
  readonly generation: number;
  /** Past it, a refresh is due behind the caller. */
  readonly soonAt: EpochMs;
  /** Past it, a caller waits for the refresh. */
  readonly mustAt: EpochMs;
  /** Past it, the token is not served: its end, or the end of its doubt. */
  readonly endsAt: EpochMs;
  /** When the store last confirmed it. */
  readonly checkedAt: EpochMs;
}

/** Stands for "never" in a distance; the largest number V8 keeps in the object itself. */
const NEVER = 0x7fff_ffff;
const NO_END = -1;

/**
 * A copy as it is kept: one full number for the issue time, one for the generation, the rest as small distances from the first. A hundred
 * thousand accounts are a hundred thousand of these, so a field costs 8 bytes here and not 24.
 */
class Kept {
  value: string;
  extra: TokenExtra | undefined;
  issuedAt: EpochMs;
  generation: number;
  expiresIn: number;
  soonIn: number;
  mustIn: number;
  endsIn: number;
  checkedIn: number;

  constructor(copy: Copy) {
    const { issuedAt } = copy;
    this.value = copy.value;
    this.extra = copy.extra;
    this.issuedAt = issuedAt;
    this.generation = copy.generation;
    this.expiresIn = copy.expiresAt === undefined ? NO_END : near(copy.expiresAt - issuedAt);
    this.soonIn = near(copy.soonAt - issuedAt);
    this.mustIn = near(copy.mustAt - issuedAt);
    this.endsIn = near(copy.endsAt - issuedAt);
    this.checkedIn = near(copy.checkedAt - issuedAt);
  }
}

/** The manager's copies of what stores hold. */
export class Copies {
  readonly #kept = new Map<TokenKey, Kept>();

  get(key: TokenKey): Copy | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    const { issuedAt } = kept;
    return {
      value: kept.value,
      extra: kept.extra,
      issuedAt,
      expiresAt: kept.expiresIn === NO_END ? undefined : issuedAt + kept.expiresIn,
      generation: kept.generation,
      soonAt: issuedAt + far(kept.soonIn),
      mustAt: issuedAt + far(kept.mustIn),
      endsAt: issuedAt + far(kept.endsIn),
      checkedAt: issuedAt + kept.checkedIn,
    };
  }

  set(key: TokenKey, copy: Copy): void {
    this.#kept.set(key, new Kept(copy));
  }

  delete(key: TokenKey): void {
    this.#kept.delete(key);
  }

  /** Marks a copy as unconfirmed: somebody else wrote the key. */
  expire(key: TokenKey): void {
    const kept = this.#kept.get(key);
    if (kept) kept.checkedIn = -NEVER;
  }

  get size(): number {
    return this.#kept.size;
  }
}

/** The token of a copy, as callers get it. */
export function tokenOf(copy: Copy): Token {
  return Object.freeze({
    value: copy.value,
    issuedAt: copy.issuedAt,
    ...(copy.expiresAt !== undefined && { expiresAt: copy.expiresAt }),
    ...(copy.extra !== undefined && { extra: copy.extra }),
  });
}

function near(ms: number): number {
  if (ms === Number.POSITIVE_INFINITY) return NEVER;
  const whole = Math.trunc(Math.max(-NEVER, ms));
  return whole === NO_END ? 0 : whole;
}

function far(ms: number): number {
  return ms === NEVER ? Number.POSITIVE_INFINITY : ms;
}
