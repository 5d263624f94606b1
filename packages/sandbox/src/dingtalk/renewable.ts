/** A value that every fetch renews and none replaces, until it expires or is revoked. */
export class Renewable {
  #value: string | undefined;
  #createdAt = 0;
  #expiresAt = 0;
  #refused = false;
  #keepReturning = false;
  #created = 0;
  readonly #make: () => string;
  readonly #lifetimeMs: number;
  readonly #maxLifeMs: number;

  constructor(make: () => string, lifetimeMs: number, maxLifeMs = Number.POSITIVE_INFINITY) {
    this.#make = make;
    this.#lifetimeMs = lifetimeMs;
    this.#maxLifeMs = maxLifeMs;
  }

  /** The living value with its expiry moved to a lifetime from now; a new one where there is none. */
  fetch(now: number): { value: string; expiresAt: number } {
    const reusable = now < this.#expiresAt && (!this.#refused || this.#keepReturning);
    if (this.#value === undefined || !reusable) this.#create(now);
    this.#expiresAt = Math.min(now + this.#lifetimeMs, this.#createdAt + this.#maxLifeMs);
    return { value: this.#value ?? '', expiresAt: this.#expiresAt };
  }

  verdict(value: string, now: number): 'valid' | 'expired' | 'refused' {
    if (value !== this.#value || this.#refused) return 'refused';
    return now < this.#expiresAt ? 'valid' : 'expired';
  }

  /** Business calls refuse the value from now on. The next fetch makes a new one, or hands out the dead one again. */
  revoke(keepReturning: boolean): void {
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
  readonly createdAt?: number;
  readonly expiresAt?: number;
  readonly revoked?: boolean;
}
