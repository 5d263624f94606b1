import { createCipheriv, createDecipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aesKeyOf, decryptMessage, encryptMessage } from '../../src/push.js';
import { KEYS } from './pushes.js';
import { vector, vectorsOf } from './vectors.js';

const KEY = aesKeyOf(KEYS.encodingAESKey);
const HEAD = Buffer.from('0123456789abcdef');
const NEGATIVE = Buffer.from([0xc3, 0x80, 0x41, 0x41, 0x41]);

/** Encrypts exactly these bytes, whatever they are. */
function sealed(plain: Buffer): string {
  const cipher = createCipheriv('aes-256-cbc', KEY, KEY.subarray(0, 16)).setAutoPadding(false);
  return cipher.update(plain).toString('base64');
}

/** A plain block up to its padding: random bytes, a length, and what follows. */
function block(length: number, rest: string): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(length);
  return Buffer.concat([HEAD, size, Buffer.from(rest)]);
}

function padded(plain: Buffer, pad = 32 - (plain.length % 32)): Buffer {
  return Buffer.concat([plain, Buffer.alloc(pad, pad)]);
}

describe('decryptMessage', () => {
  it.each(vectorsOf('decrypt'))('opens $id', ({ inputs, expected }) => {
    expect(decryptMessage(inputs('encrypt'), aesKeyOf(inputs('encodingAESKey')))).toEqual({
      message: expected('plaintext'),
      receiveId: expected('receive_id'),
    });
  });

  it('takes off paddings above 16, where the cipher’s own padding fails', () => {
    const { inputs } = vector('P4');
    const key = aesKeyOf(inputs('encodingAESKey'));
    const automatic = () => {
      const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16));
      return Buffer.concat([decipher.update(inputs('encrypt'), 'base64'), decipher.final()]);
    };
    expect(automatic).toThrow();
    expect(decryptMessage(inputs('encrypt'), key)).toBeDefined();
  });

  it('counts a length in bytes, where characters cut off the end', () => {
    const message = '我是中文abcd123';
    const encrypt = sealed(padded(block(Buffer.byteLength(message), `${message}wx1`)));
    const byCharacters = Buffer.from(`${message}wx1`).toString().slice(Buffer.byteLength(message));
    expect(decryptMessage(encrypt, KEY)).toEqual({ message, receiveId: 'wx1' });
    expect(byCharacters).not.toBe('wx1');
  });

  it.each(Array.from({ length: 32 }, (_, more) => more + 1))('takes off a padding of %i', (pad) => {
    const rest = 'x'.repeat(64 - 20 - pad);
    expect(decryptMessage(sealed(padded(block(0, rest))), KEY)).toEqual({ message: '', receiveId: rest });
  });

  const whole = block(4, `textwx1${'x'.repeat(32 + 5)}`);
  it.each([
    ['a padding of 0', Buffer.concat([whole.subarray(0, 63), Buffer.from([0])])],
    ['a padding of 33', Buffer.concat([block(0, 'x'.repeat(11)), Buffer.alloc(33, 33)])],
    ['a padding longer than the block', Buffer.concat([whole.subarray(0, 15), Buffer.from([17])])],
    ['unequal padding bytes', Buffer.concat([whole.subarray(0, 60), Buffer.from([4, 3, 4, 4])])],
    ['a padding that reaches into the length', Buffer.concat([Buffer.alloc(13, 65), Buffer.alloc(19, 19)])],
    ['a length one byte beyond the end', padded(block(5, 'text'))],
    ['the largest length there is', padded(block(0xffffffff, 'text'))],
    // Behind this random byte even such a length is UTF-8.
    ['a length that is negative with a sign', padded(Buffer.concat([HEAD.subarray(1), NEGATIVE, Buffer.from('text')]))],
    ['a message that is no UTF-8', padded(Buffer.concat([block(2, ''), Buffer.from([0xc3, 0x28])]))],
    ['a receive id that is no UTF-8', padded(Buffer.concat([block(1, 'a'), Buffer.from([0xff])]))],
  ])('refuses %s', (_, plain) => {
    const cut = plain.subarray(0, plain.length - (plain.length % 16));
    expect(cut.length).toBe(plain.length);
    expect(decryptMessage(sealed(plain), KEY)).toBeUndefined();
  });

  const good = sealed(padded(block(4, 'textwx1')));
  it.each([
    ['an empty text', ''],
    ['half a block', Buffer.from(good, 'base64').subarray(0, 24).toString('base64')],
    ['one block', Buffer.from(good, 'base64').subarray(0, 16).toString('base64')],
    ['base64 without its end', good.replace(/=+$/, '')],
    ['base64 for URLs', `${'-_'.repeat(21)}A=`],
    ['a line end inside', `${good.slice(0, 4)}\n\n\n\n${good.slice(4)}`],
    ['other characters', `${good.slice(0, 4)}!!!!${good.slice(4)}`],
  ])('refuses %s', (_, encrypt) => {
    expect(decryptMessage(good, KEY)).toEqual({ message: 'text', receiveId: 'wx1' });
    expect(decryptMessage(encrypt, KEY)).toBeUndefined();
  });
});

describe('encryptMessage', () => {
  it.each(vectorsOf('encrypt'))('encrypts as $id', ({ inputs, expected }) => {
    const content = { message: inputs('plaintext'), receiveId: inputs('receive_id') };
    const random = Buffer.from(inputs('random16'));
    expect(encryptMessage(content, aesKeyOf(inputs('encodingAESKey')), { random })).toBe(expected('encrypt'));
  });

  it('never makes the same ciphertext twice', () => {
    const content = { message: 'text', receiveId: 'wx1' };
    expect(encryptMessage(content, KEY)).not.toBe(encryptMessage(content, KEY));
  });

  it('refuses other than 16 random bytes', () => {
    const content = { message: 'text', receiveId: 'wx1' };
    expect(() => encryptMessage(content, KEY, { random: Buffer.alloc(15) })).toThrow('"random" must be 16 bytes');
  });

  it('is undone by decryptMessage, for any text and receive id', () => {
    const text = fc.string({ unit: 'binary', maxLength: 100 });
    fc.assert(
      fc.property(text, text, fc.uint8Array({ minLength: 32, maxLength: 32 }), (message, receiveId, key) => {
        expect(decryptMessage(encryptMessage({ message, receiveId }, key), key)).toEqual({ message, receiveId });
      }),
    );
  });
});
