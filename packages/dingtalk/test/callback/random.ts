/** Random choices that come again with the same seed. */
export interface Dice {
  /** A whole number from 0 up to, but not including, `end`. */
  below(end: number): number;
  pick<T>(values: readonly T[]): T;
  bytes(length: number): Buffer;
}

/** xorshift32, mixed once more on the way out. */
export function diceOf(seed: number): Dice {
  let state = (seed >>> 0) + 0x9e3779b9;
  const below = (end: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((Math.imul(state, 0x85ebca6b) >>> 0) / 2 ** 32) * end);
  };
  return {
    below,
    pick<T>(values: readonly T[]): T {
      return values[below(values.length)] as T;
    },
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  };
}
