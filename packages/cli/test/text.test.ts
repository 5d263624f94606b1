import { describe, expect, it } from 'vitest';
import { printable } from '../src/program-io.js';
import { table } from '../src/table.js';
import { distanceText, durationText } from '../src/time-text.js';

describe('what is printed', () => {
  it.each([
    [0, '0 s'],
    [999, '0 s'],
    [61_000, '1 min 1 s'],
    [3_600_000, '1 h'],
    [3_600_000 + 59_000, '1 h'],
    [25 * 3_600_000, '1 d 1 h'],
  ])('tells %d ms by its two largest units', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  it.each([
    [undefined, ''],
    [Number.POSITIVE_INFINITY, ''],
    [1_000_000, 'in 0 s'],
    [940_000, '1 min ago'],
    [1_060_000, 'in 1 min'],
  ])('tells how far away %s is', (at, text) => {
    expect(distanceText(at, 1_000_000)).toBe(text);
  });

  it('has no control characters of others on it', () => {
    expect(printable('a\u001b[2Jb\nc\u0007')).toBe('a [2Jb c ');
  });

  it('is a table without lines, as wide as it is, without columns that say nothing', () => {
    const rows = [
      { name: 'a', state: 'active', none: '' },
      { name: 'a longer one', state: '\u001b[31mred', none: '' },
    ];
    const text = table(rows, [
      { head: 'name', cell: ({ name }) => name },
      { head: 'none', cell: ({ none }) => none },
      { head: 'state', cell: ({ state }) => state },
    ]);
    expect(text).toBe('name          state\na             active\na longer one   [31mred\n');
  });
});
