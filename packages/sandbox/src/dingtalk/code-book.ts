import type { Clock } from '../clock.js';
import { hexValue } from '../opaque.js';

/** Codes that work once, and for a while. */
export class CodeBook<T> {
  readonly #codes = new Map<string, { readonly meaning: T; readonly endsAt: number }>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  issue(meaning: T, lifeMs: number): string {
    const code = hexValue(32);
    this.#codes.set(code, { meaning, endsAt: this.#clock.now() + lifeMs });
    return code;
  }

  /** What a code that was not taken stands for, without taking it: for the log of calls. */
  peek(code: string | undefined): T | undefined {
    return code === undefined ? undefined : this.#codes.get(code)?.meaning;
  }

  /** What a code stands for; undefined if it was taken before, has ended, or is none. */
  take(code: string | undefined): T | undefined {
    const known = code === undefined ? undefined : this.#codes.get(code);
    if (code !== undefined) this.#codes.delete(code);
    return known !== undefined && this.#clock.now() < known.endsAt ? known.meaning : undefined;
  }
}
