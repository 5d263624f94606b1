import { describe, expect, it } from 'vitest';
import { elapsedSince, type Moment } from '../src/moment.js';

const then: Moment = { wall: 1_000_000, monotonic: 500, store: 2_000_000 };
const { store: _store, ...unheard } = then;
const HOUR = 3_600_000;

/** A minute later, each clock off by so much. */
const minuteLater = (off: Partial<Required<Moment>> = {}) => ({
  wall: then.wall + 60_000 + (off.wall ?? 0),
  monotonic: then.monotonic + 60_000 + (off.monotonic ?? 0),
  store: 2_060_000 + (off.store ?? 0),
});

describe('elapsedSince', () => {
  it.each([
    ['nothing happened', {}],
    ['the host clock was stepped on', { wall: HOUR }],
    ['the machine slept as we reckon, the others know better', { monotonic: -HOUR }],
    ["the store's clock was set back", { store: -HOUR }],
    ["the store's clock was set forward", { store: HOUR }],
  ])('tells the truth by two of three clocks: %s', (_what, off) => {
    expect(elapsedSince(then, minuteLater(off))).toBe(60_000);
  });

  it('tells the least of two clocks where the store was not heard at that time', () => {
    expect(elapsedSince(unheard, minuteLater({ wall: HOUR }))).toBe(60_000);
    expect(elapsedSince(unheard, minuteLater({ store: -HOUR }))).toBe(60_000);
  });

  it('reads one clock alone while they agree', () => {
    expect(elapsedSince(then, minuteLater({ wall: 3, monotonic: 0.4, store: -7 }))).toBe(60_003);
  });
});
