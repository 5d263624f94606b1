/** A number in [0, 1). Used for jitter, never for secrets. */
export type Random = () => number;

/** The machine's randomness. */
export const systemRandom: Random = () => Math.random();
