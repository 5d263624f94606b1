import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprint, parseTokenKey, tokenKeyOf } from '../src/index.js';
import { accountKeyIn, accountKeyOf } from '../src/key.js';

const part = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((text) => text.isWellFormed());
const parts = fc.record({
  platform: part,
  id: part,
  kind: part,
  subject: fc.array(part, { minLength: 1, maxLength: 3 }),
});
/** What fits the limit of 512 bytes. */
const fitting = parts.filter((given) => encodeURIComponent(JSON.stringify(given)).length < 400);

describe('a key', () => {
  it('looks as documented', () => {
    expect(tokenKeyOf({ platform: 'p', id: 'app', kind: 'access_token' })).toBe('et1/p/app/access_token');
    expect(tokenKeyOf({ platform: 'p', id: 'a/b', kind: 'k', subject: ['ü', '*'] })).toBe('et1/p/a%2Fb/k/%C3%BC/%2A');
    expect(tokenKeyOf({ platform: 'p', id: '..', kind: 'k' })).toBe('et1/p/%2E%2E/k');
  });

  it('gives its parts back', () => {
    fc.assert(
      fc.property(fitting, (given) => {
        expect(parseTokenKey(tokenKeyOf(given))).toEqual(given);
      }),
    );
  });

  it('is another one for other parts', () => {
    fc.assert(
      fc.property(fitting, fitting, (a, b) => {
        expect(tokenKeyOf(a) === tokenKeyOf(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });

  it('names its account', () => {
    fc.assert(
      fc.property(fitting, (given) => {
        expect(accountKeyIn(tokenKeyOf(given))).toBe(accountKeyOf(given));
      }),
    );
  });

  it.each(['', 'et1/', 'et1/a/b', 'et2/a/b/c', 'et1/a//c', 'et1/a/b/%', 'et1/a/b/%2f', 'et1/a/b/ü'])(
    'is not %j',
    (text) => {
      expect(() => parseTokenKey(text)).toThrow('"key": not a token key');
    },
  );

  it('has an end: 512 bytes', () => {
    expect(() => tokenKeyOf({ platform: 'p', id: 'x'.repeat(600), kind: 'k' })).toThrow(/^"key": at most 512 bytes/);
  });

  it('has no empty part and no broken Unicode', () => {
    expect(() => tokenKeyOf({ platform: 'p', id: '', kind: 'k' })).toThrow(/must not be empty/);
    expect(() => tokenKeyOf({ platform: 'p', id: '\ud800', kind: 'k' })).toThrow(/well-formed/);
  });
});

describe('a fingerprint', () => {
  it('is the first 16 hex digits of SHA-256 of et1: and the value', () => {
    expect(fingerprint('secret')).toBe('86182b4e53576584');
    expect(fingerprint('secret')).not.toBe(fingerprint('Secret'));
  });
});
