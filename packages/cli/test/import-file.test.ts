import { describe, expect, it } from 'vitest';
import { parseImport, UsageError } from '../src/index.js';

const SECRET = 'token-that-must-not-be-shown';
const ENTRY = { account: 'erp', kind: 'access_token', subject: 'u1', value: SECRET };

function problemOf(text: string): string {
  try {
    parseImport(text);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('an import file', () => {
  it('is a JSON array, or an object on each line', () => {
    const array = parseImport(JSON.stringify([ENTRY, { ...ENTRY, subject: 'u2' }], null, 2));
    expect(array.map(({ place, subject }) => [place, subject])).toEqual([
      ['entry 1', 'u1'],
      ['entry 2', 'u2'],
    ]);
    const lines = parseImport(`\uFEFF${JSON.stringify(ENTRY)}\r\n\n${JSON.stringify({ ...ENTRY, subject: 'u2' })}\n`);
    expect(lines.map(({ place, subject }) => [place, subject])).toEqual([
      ['line 1', 'u1'],
      ['line 3', 'u2'],
    ]);
    expect(parseImport(JSON.stringify(ENTRY, null, 2))).toEqual([{ ...ENTRY, place: 'line 1' }]);
    expect(parseImport('[]')).toEqual([]);
  });

  it.each([
    ['2026-11-21T10:00:00+09:00', Date.UTC(2026, 10, 21, 1)],
    ['2026-11-21T10:00:00+0900', Date.UTC(2026, 10, 21, 1)],
    ['2026-11-21T10:00Z', Date.UTC(2026, 10, 21, 10)],
    ['2026-11-21T10:00:00.5Z', Date.UTC(2026, 10, 21, 10, 0, 0, 500)],
    [1_795_000_000_000, 1_795_000_000_000],
  ])('takes the instant %s', (expiresAt, expected) => {
    expect(parseImport(JSON.stringify(ENTRY).replace('}', `,"expiresAt":${JSON.stringify(expiresAt)}}`))).toEqual([
      { ...ENTRY, expiresAt: expected, place: 'line 1' },
    ]);
  });

  it.each([
    ['2026-11-21 10:00:00', 'ISO 8601 with an offset'],
    ['2026-11-21T10:00:00', 'ISO 8601 with an offset'],
    ['2026-13-41T10:00:00Z', 'ISO 8601 with an offset'],
    [1_795_000_000, 'not seconds'],
    [null, 'ISO 8601 with an offset'],
  ])('refuses the instant %s, which is not one for everybody', (refreshTokenExpiresAt, expected) => {
    const problem = problemOf(JSON.stringify([{ ...ENTRY, refreshTokenExpiresAt }]));
    expect(problem).toContain('entry 1: "refreshTokenExpiresAt" must be');
    expect(problem).toContain(expected);
  });

  it('names every place and field that is wrong, and no value', () => {
    const lines = [
      JSON.stringify(ENTRY),
      JSON.stringify({ ...ENTRY, value: '' }),
      JSON.stringify({ value: SECRET, accessToken: SECRET, extra: [SECRET], subject: 7 }),
      JSON.stringify({ ...ENTRY, [SECRET]: 1 }),
      JSON.stringify(SECRET),
    ];
    const problem = problemOf(lines.join('\n'));
    expect(problem).toContain('line 2: "value" must be a non-empty string');
    expect(problem).toContain('line 3: "account" is missing');
    expect(problem).toContain('line 3: "accessToken" is no field');
    expect(problem).toContain('line 3: "extra" must be an object');
    expect(problem).toContain('line 3: "subject" must be a non-empty string');
    expect(problem).toContain('line 4: one of its names is no field');
    expect(problem).toContain('line 5: expected an object');
    expect(problem).not.toContain('line 1');
    expect(problem).not.toContain(SECRET);
  });

  it.each([
    ['', 'empty'],
    [`{"value":"${SECRET}"\n"x"`, 'line 1: not valid JSON'],
    [`[{"value":"${SECRET}"`, 'not valid JSON'],
  ])('says what is wrong with text that is none of both, without quoting it', (text, expected) => {
    const problem = problemOf(text);
    expect(problem).toContain(expected);
    expect(problem).not.toContain(SECRET);
  });

  it('tells twenty problems at a time', () => {
    const problem = problemOf(JSON.stringify(Array.from({ length: 25 }, () => ({ account: 'erp' }))));
    expect(problem).toContain('entry 20: ');
    expect(problem).not.toContain('entry 21: ');
    expect(problem).toContain('and 5 more');
  });
});
