import { describe, expect, it } from 'vitest';
import { aesKeyOf, callbackKeyProblems } from '../../src/callback/callback-keys.js';
import { KEYS, OTHER_KEYS } from './pushes.js';

describe('configured keys', () => {
  it('right ones have no problem, alone or in a list', () => {
    expect(callbackKeyProblems(KEYS, 'push')).toEqual([]);
    expect(callbackKeyProblems([KEYS, OTHER_KEYS], 'push')).toEqual([]);
  });

  it.each([
    [undefined, '"push" must be an object with "token" and "encodingAESKey", got nothing'],
    [null, '"push" must be an object with "token" and "encodingAESKey", got null'],
    ['secretText', '"push" must be an object with "token" and "encodingAESKey", got 10 characters'],
    [[], '"push" must have at least one pair of "token" and "encodingAESKey"'],
    [[KEYS, { ...KEYS, token: '' }], '"push[1].token" must be the console\'s token, without blanks, got an empty text'],
    [{ ...KEYS, token: 'my token' }, '"push.token" must be the console\'s token, without blanks, got 8 characters'],
    [
      { ...KEYS, encodingAESKey: undefined },
      '"push.encodingAESKey" must be the 43 letters and digits of the console\'s EncodingAESKey, got nothing',
    ],
    [
      { ...KEYS, encodingAESKey: `${KEYS.encodingAESKey}=` },
      '"push.encodingAESKey" must be the 43 letters and digits of the console\'s EncodingAESKey, got 44 characters',
    ],
    [
      { ...KEYS, encodingAESKey: `+${KEYS.encodingAESKey.slice(1)}` },
      '"push.encodingAESKey" must be the 43 letters and digits of the console\'s EncodingAESKey, got other characters',
    ],
    [{ ...KEYS, aesKey: 'x' }, '"push.aesKey" is no option; expected "token", "encodingAESKey"'],
  ])('%j: the problem names the option and shows no value', (keys, problem) => {
    expect(callbackKeyProblems(keys, 'push')).toEqual([problem]);
  });

  it('a wrong key is refused without being shown', () => {
    expect(() => aesKeyOf('topsecret')).toThrow(/^"encodingAESKey" must be .* got 9 characters$/);
  });
});
