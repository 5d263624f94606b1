import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { aesKeyOf, type PushKeys, pushKeyProblems } from '../../src/push.js';
import { KEYS, OTHER_KEYS } from './pushes.js';
import { vectorsOf } from './vectors.js';

describe('aesKeyOf', () => {
  it('reads keys whose last character has bits to spare, where a strict decoder refuses them', () => {
    const strict = (key: string) => {
      const bytes = Buffer.from(`${key}=`, 'base64');
      if (bytes.toString('base64') !== `${key}=`) throw new Error('not canonical');
      return bytes;
    };
    const keys = new Set(
      [...vectorsOf('decrypt'), ...vectorsOf('encrypt')].map(({ inputs }) => inputs('encodingAESKey')),
    );
    const refused = [...keys].filter((key) => {
      try {
        return strict(key).length !== 32;
      } catch {
        return true;
      }
    });
    expect(refused.length).toBeGreaterThan(0);
    for (const key of keys) expect(aesKeyOf(key)).toHaveLength(32);
  });

  it.each(['', 'short', `${'a'.repeat(43)}=`, `${'a'.repeat(42)}-`, `${'a'.repeat(42)}\n`])('refuses %j', (key) => {
    expect(() => aesKeyOf(key)).toThrow('"encodingAESKey" must be the 43 characters');
  });
});

describe('pushKeyProblems', () => {
  it('finds none in good keys, one pair or several', () => {
    expect(pushKeyProblems(KEYS, 'push')).toEqual([]);
    expect(pushKeyProblems([KEYS, OTHER_KEYS], 'push')).toEqual([]);
  });

  it('names option and expectation', () => {
    expect(pushKeyProblems({ ...KEYS, encodingAESKey: 'abc' }, 'push')).toEqual([
      '"push.encodingAESKey" must be the 43 characters of the console\'s EncodingAESKey (A-Z, a-z, 0-9), got 3 characters',
    ]);
    expect(pushKeyProblems([KEYS, { ...KEYS, token: '' }], 'push')).toEqual([
      '"push[1].token" must be 1 to 128 visible ASCII characters, got an empty text',
    ]);
    expect(pushKeyProblems([], 'push')).toEqual(['"push" must have at least one pair of "token" and "encodingAESKey"']);
    expect(pushKeyProblems(undefined, 'push')).toEqual([
      '"push" must be an object with "token" and "encodingAESKey", got nothing',
    ]);
    expect(pushKeyProblems({ ...KEYS, aesKey: 'x' } as PushKeys, 'push')).toEqual([
      '"push.aesKey" is no option; expected "token", "encodingAESKey"',
    ]);
  });

  it('shows no value', () => {
    const wrong = { token: 'tok en with blanks', encodingAESKey: `${'k'.repeat(42)}!` };
    expect(pushKeyProblems(wrong, 'push')).toHaveLength(2);
    expect(inspect(pushKeyProblems(wrong, 'push'))).not.toMatch(/tok en|kkkk/);
  });
});
