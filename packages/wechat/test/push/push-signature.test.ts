import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { messageSignature, plainSignature, sameSignature } from '../../src/push.js';
import { vector, vectorsOf } from './vectors.js';

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');

describe('plainSignature', () => {
  it.each(vectorsOf('plain_signature'))('signs as $id', ({ inputs, expected }) => {
    const signed = { token: inputs('token'), timestamp: inputs('timestamp'), nonce: inputs('nonce') };
    expect(plainSignature(signed)).toBe(expected('signature'));
  });
});

describe('messageSignature', () => {
  it.each(vectorsOf('msg_signature'))('signs as $id', ({ inputs, expected }) => {
    const signed = { token: inputs('token'), timestamp: inputs('timestamp'), nonce: inputs('nonce') };
    expect(messageSignature(signed, inputs('encrypt'))).toBe(expected('msg_signature'));
  });

  it.each(vectorsOf('decrypt'))('signs the ciphertext of $id', ({ inputs }) => {
    const signed = { token: inputs('token'), timestamp: inputs('timestamp'), nonce: inputs('nonce') };
    expect(messageSignature(signed, inputs('encrypt'))).toBe(inputs('msg_signature'));
    expect(plainSignature(signed)).not.toBe(inputs('msg_signature'));
  });

  it('sorts by bytes, where a locale sorts letters', () => {
    const signed = { token: 'Zebra', timestamp: '1', nonce: 'apple' };
    const asLocale = (values: string[]) => sha1(values.sort((a, b) => a.localeCompare(b, 'en')).join(''));
    expect(messageSignature(signed, 'Mango')).toBe(sha1('1MangoZebraapple'));
    expect(asLocale(['Zebra', '1', 'apple', 'Mango'])).not.toBe(messageSignature(signed, 'Mango'));
  });

  it('agrees with a vector that a locale’s sorting fails', () => {
    const { inputs, expected } = vector('P3');
    const values = [inputs('token'), inputs('timestamp'), inputs('nonce'), inputs('encrypt')];
    expect(sha1(values.sort((a, b) => a.localeCompare(b, 'en')).join(''))).not.toBe(expected('msg_signature'));
  });

  it('keeps its arguments in their order', () => {
    const signed = Object.freeze({ token: 'b', timestamp: 'c', nonce: 'a' });
    expect(messageSignature(signed, 'd')).toBe(sha1('abcd'));
  });
});

describe('sameSignature', () => {
  const signature = sha1('a');

  it('accepts the very same', () => {
    expect(sameSignature(signature, sha1('a'))).toBe(true);
  });

  it.each([
    ['another', sha1('b')],
    ['one digit less', signature.slice(1)],
    ['one digit more', `${signature}0`],
    ['capital letters', signature.toUpperCase()],
    ['a letter that is no digit', `g${signature.slice(1)}`],
    ['as many characters of several bytes', 'é'.repeat(40)],
    ['nothing', ''],
    ['a line end behind it', `${signature}\n`],
    ['a list', [signature]],
    ['undefined', undefined],
  ])('refuses %s', (_, given) => {
    expect(sameSignature(given, signature)).toBe(false);
  });
});
