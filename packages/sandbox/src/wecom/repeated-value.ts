import { urlSafeValue } from '../opaque.js';

export type ValueVerdict = 'valid' | 'expired' | 'killed';

/** One value and the time it has. */
export interface Issue {
  readonly value: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly expiresIn: number;
}

/** A token or ticket that stays the same from its first issue to its end, however often it is asked for. */
export class RepeatedValue {
  #current: Issue | undefined;
  #killed = new Set<string>();
  #dead: 'no' | 'replaced' | 'repeated' = 'no';
  #issued = 0;
  readonly #characters: number;

  constructor(characters: number) {
    this.#characters = characters;
  }

  /** The value, and whether it was made by this call. A new one lives for `expiresIn` seconds. */
  obtain(now: number, expiresIn: number): Issue & { readonly fresh: boolean } {
    const current = this.#current;
    if (current && now < current.expiresAt && this.#dead !== 'replaced') return { ...current, fresh: false };
    this.#dead = 'no';
    this.#issued += 1;
    this.#current = {
      value: urlSafeValue(this.#characters),
      issuedAt: now,
      expiresAt: now + expiresIn * 1000,
      expiresIn,
    };
    return { ...this.#current, fresh: true };
  }

  /** What a value that was issued here is worth now. */
  verdict(value: string, now: number): ValueVerdict {
    if (this.#killed.has(value)) return 'killed';
    return value === this.#current?.value && now < this.#current.expiresAt ? 'valid' : 'expired';
  }

  /** Ends the value before its time. The next call makes a new one, or hands out the dead one to its end. */
  kill(keepReturningSame = false): void {
    if (this.#current === undefined) return;
    this.#killed.add(this.#current.value);
    this.#dead = keepReturningSame ? 'repeated' : 'replaced';
  }

  state(): WeComValueState {
    return {
      issued: this.#issued,
      ...(this.#current && {
        issuedAt: this.#current.issuedAt,
        expiresAt: this.#current.expiresAt,
        killed: this.#dead !== 'no',
      }),
    };
  }
}

/** `expires_in` of an answer: the whole lifetime, or what is left of it. */
export function expiresInOf(issue: { expiresAt: number; expiresIn: number }, style: string, now: number): number {
  return style === 'constant' ? issue.expiresIn : Math.floor((issue.expiresAt - now) / 1000);
}

/** What can be shown of a token or ticket: never its value. */
export interface WeComValueState {
  /** How many values there have been. */
  readonly issued: number;
  /** When the present value was issued, Unix ms. */
  readonly issuedAt?: number;
  /** Its end, Unix ms. */
  readonly expiresAt?: number;
  /** Whether it was ended before its time. */
  readonly killed?: boolean;
}
