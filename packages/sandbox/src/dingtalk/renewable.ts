/** What holds for a value at the moment. */
export interface RenewableTerms {
  readonly lifetimeMs: number;
  /** Counted from its creation, however often it was renewed. Default: without end. */
  readonly maxLifeMs?: number;
  /** Whether a fetch returns the living value or makes another. Default: `same`. */
  readonly repeat?: 'same' | 'new';
  /** Whether a fetch of the same value moves its end. Default: true. */
  readonly renews?: boolean;
  /** Whether a living value works beside the one that replaced it. Default: `dead`. */
  readonly superseded?: 'valid' | 'dead';
}

/** A token or ticket that is fetched again and again: renewed or replaced by every fetch, as its terms say. */
export class Renewable {
  #value: string | undefined;
  #createdAt = 0;
  #expiresAt = 0;
  #refused = false;
  #keepReturning = false;
  #created = 0;
  /** Superseded values that still work, with their ends. */
  readonly #older = new Map<string, number>();
  readonly #make: () => string;
  readonly #terms: () => RenewableTerms;

  constructor(make: () => string, terms: () => RenewableTerms) {
    this.#make = make;
    this.#terms = terms;
  }

  fetch(now: number): { value: string; expiresAt: number } {
    const { lifetimeMs, maxLifeMs = Number.POSITIVE_INFINITY, repeat = 'same', renews = true } = this.#terms();
    const living = this.#value !== undefined && now < this.#expiresAt;
    const reused = living && (this.#refused ? this.#keepReturning : repeat === 'same');
    if (!reused) this.#create(now);
    if (!reused || renews) this.#expiresAt = Math.min(now + lifetimeMs, this.#createdAt + maxLifeMs);
    return { value: this.#value ?? '', expiresAt: this.#expiresAt };
  }

  verdict(value: string, now: number): 'valid' | 'expired' | 'refused' {
    const isCurrent = value === this.#value;
    const endsAt = isCurrent ? this.#expiresAt : this.#older.get(value);
    if (endsAt === undefined || (isCurrent && this.#refused)) return 'refused';
    return now < endsAt ? 'valid' : 'expired';
  }

  /** Business calls refuse every value from now on. The next fetch makes a new one, or hands out the dead one again. */
  revoke(keepReturning = false): void {
    this.#older.clear();
    if (this.#value === undefined) return;
    this.#refused = true;
    this.#keepReturning = keepReturning;
  }

  state(): RenewableState {
    if (this.#value === undefined) return { created: 0 };
    const { createdAt, expiresAt, revoked } = {
      createdAt: this.#createdAt,
      expiresAt: this.#expiresAt,
      revoked: this.#refused,
    };
    return { created: this.#created, createdAt, expiresAt, revoked };
  }

  #create(now: number): void {
    for (const [value, endsAt] of this.#older) if (now >= endsAt) this.#older.delete(value);
    if (this.#terms().superseded !== 'valid') this.#older.clear();
    else if (this.#value !== undefined && !this.#refused) this.#older.set(this.#value, this.#expiresAt);
    this.#value = this.#make();
    this.#createdAt = now;
    this.#created += 1;
    this.#refused = false;
    this.#keepReturning = false;
  }
}

/** What can be shown of a token or ticket: never its value. */
export interface RenewableState {
  /** How many values there were. */
  readonly created: number;
  /** When the present value was made, Unix ms. */
  readonly createdAt?: number;
  /** Its end, Unix ms. */
  readonly expiresAt?: number;
  /** Whether it was ended before its time. */
  readonly revoked?: boolean;
}
