import { createDecipheriv, createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  callbackSignature,
  decryptContent,
  encryptContent,
  sameSignature,
} from '../../src/callback/callback-crypto.js';
import { aesKeyOf } from '../../src/callback/callback-keys.js';
import { sealedReply } from '../../src/callback/sealed-reply.js';
import { KEYS, RANDOM, SUITE, seal } from './pushes.js';
import { vector, vectorsOf } from './vectors.js';

const KEY = aesKeyOf(KEYS.encodingAESKey);

describe('the published messages', () => {
  it.each(vectorsOf('push', 'decrypt'))('$id is opened', ({ inputs, expected }) => {
    const content = decryptContent(inputs('encrypt'), aesKeyOf(inputs('encodingAESKey')));
    expect(content).toEqual({ message: expected('message'), ownerKey: expected('ownerKey') });
    expect(Buffer.byteLength(content?.message ?? '')).toBe(Number(expected('bytes')));
  });

  it.each(vectorsOf('push', 'decrypt'))('$id comes out again where its random bytes go in', ({ inputs, expected }) => {
    const content = { message: expected('message'), ownerKey: expected('ownerKey') };
    const key = aesKeyOf(inputs('encodingAESKey'));
    expect(encryptContent(content, key, Buffer.from(expected('random')))).toBe(inputs('encrypt'));
  });

  it.each(vectorsOf('push'))('$id has its signature', ({ inputs, expected }) => {
    const values = { token: inputs('token'), timestamp: inputs('timestamp'), nonce: inputs('nonce') };
    expect(callbackSignature(values, inputs('encrypt'))).toBe(expected('signature'));
  });

  it('C3, the reply of the platform’s own code, comes out to the byte', () => {
    const { inputs, expected } = vector('C3');
    const content = { message: inputs('message'), ownerKey: inputs('ownerKey') };
    const signed = { token: inputs('token'), timestamp: inputs('timestamp'), nonce: inputs('nonce') };
    const key = aesKeyOf(inputs('encodingAESKey'));
    expect(JSON.parse(sealedReply(content, signed, key, Buffer.from(inputs('random'))))).toEqual({
      msg_signature: expected('signature'),
      timeStamp: inputs('timestamp'),
      nonce: inputs('nonce'),
      encrypt: expected('encrypt'),
    });
  });
});

describe('what the obvious code gets wrong', () => {
  it('automatic padding refuses C1 and C3, which are opened here', () => {
    for (const [ciphertext, encodingAESKey] of [
      [vector('C1').inputs('encrypt'), vector('C1').inputs('encodingAESKey')],
      [vector('C3').expected('encrypt'), vector('C3').inputs('encodingAESKey')],
    ] as const) {
      const key = aesKeyOf(encodingAESKey);
      const automatic = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16));
      automatic.update(ciphertext, 'base64');
      expect(() => automatic.final()).toThrow(/bad decrypt/);
      expect(decryptContent(ciphertext, key)).toBeDefined();
    }
  });

  it('a strict decoder refuses the key of C1, whose 32 bytes are found here', () => {
    const text = vector('C1').inputs('encodingAESKey');
    expect(Buffer.from(text, 'base64').toString('base64')).not.toBe(`${text}=`);
    expect(aesKeyOf(text)).toHaveLength(32);
  });

  it('the length counts bytes, not characters', () => {
    const message = '{"EventType":"组织架构变更🀄"}';
    const encrypted = encryptContent({ message, ownerKey: 'ding企业' }, KEY, RANDOM);
    expect(encrypted).toBe(seal({ message, ownerKey: 'ding企业' }));
    expect(decryptContent(encrypted, KEY)).toEqual({ message, ownerKey: 'ding企业' });
    expect(decryptContent(seal({ message, length: message.length }), KEY)?.message).not.toBe(message);
  });

  it('the four values are sorted by code units: neither as they come nor by a locale’s alphabet', () => {
    const { inputs, expected } = vector('C1');
    const [token, timestamp, nonce] = [inputs('token'), inputs('timestamp'), inputs('nonce')];
    expect(callbackSignature({ token: nonce, timestamp: token, nonce: timestamp }, inputs('encrypt'))).toBe(
      expected('signature'),
    );
    // By code units "Z" stands before "a"; in a dictionary after it.
    const values = { token: 'a', timestamp: 'Z', nonce: '_' };
    expect(['a', 'Z', '_'].sort((one, other) => one.localeCompare(other))).not.toEqual(['Z', '_', 'a']);
    expect(callbackSignature(values, 'b')).toBe(createHash('sha1').update('Z_ab').digest('hex'));
  });

  it('the length is big-endian, and one beyond the end is refused', () => {
    expect(decryptContent(seal({ message: 'x', length: 0x80000001 }), KEY)).toBeUndefined();
    expect(decryptContent(seal({ message: 'x', length: 0x01000000 }), KEY)).toBeUndefined();
    expect(decryptContent(seal({ message: 'x'.repeat(258) }), KEY)?.message).toHaveLength(258);
  });

  it.each([0, 33, 48, 255])('a padding of %i, for the vendor’s code none at all, is refused', (pad) => {
    // 20 + 32 + 12 bytes are two blocks: without padding the owner key would be the right one.
    const parts = { message: 'm'.repeat(32), ownerKey: 'suite0123456' };
    expect(decryptContent(seal(parts), KEY)).toBeDefined();
    expect(decryptContent(seal({ ...parts, padding: Buffer.alloc(32, pad) }), KEY)).toBeUndefined();
    const bare = { ...parts, ownerKey: `suite012345${String.fromCharCode(pad)}`, padding: new Uint8Array() };
    if (pad !== 255) expect(decryptContent(seal(bare), KEY)).toBeUndefined();
  });

  it('padding of unequal bytes is refused', () => {
    const message = 'm'.repeat(20);
    const right = 32 - ((20 + 20 + SUITE.length) % 32);
    for (let at = 0; at < right; at++) {
      const padding = Buffer.alloc(right, right);
      padding[at] = (padding[at] ?? 0) ^ 1;
      expect(decryptContent(seal({ message, padding }), KEY), String(at)).toBeUndefined();
    }
  });

  it('bytes that are no UTF-8 are refused, in the message and in the owner key', () => {
    const broken = Buffer.from([0x7b, 0xc3, 0x28, 0x7d]);
    expect(decryptContent(seal({ message: broken }), KEY)).toBeUndefined();
    expect(decryptContent(seal({ ownerKey: broken }), KEY)).toBeUndefined();
    expect(decryptContent(seal({ message: '{"a":"\ufffd"}' }), KEY)?.message).toBe('{"a":"\ufffd"}');
  });

  it('a ciphertext written in another way is refused', () => {
    const encrypt = seal();
    for (const other of [
      `${encrypt}\n`,
      ` ${encrypt}`,
      encrypt.replace('+', '-'),
      encrypt.replace(/=*$/, ''),
      `${encrypt}!`,
    ]) {
      if (other !== encrypt) expect(decryptContent(other, KEY), other).toBeUndefined();
    }
    expect(decryptContent('', KEY)).toBeUndefined();
    expect(decryptContent('AAAA', KEY)).toBeUndefined();
  });
});

describe('signatures', () => {
  it('are compared whole, and never with something else', () => {
    const signature = '5a65ceeef9aab2d149439f82dc191dd6c5cbe2c0';
    expect(sameSignature(signature, signature)).toBe(true);
    for (const other of [
      undefined,
      null,
      '',
      signature.toUpperCase(),
      signature.slice(1),
      `${signature}0`,
      `${signature}\n`,
      [signature],
      `0${signature.slice(1)}`,
    ])
      expect(sameSignature(other, signature), String(other)).toBe(false);
  });
});

describe('any message', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 200 });

  it('comes out of a ciphertext as it went in, and is written as another implementation writes it', () => {
    fc.assert(
      fc.property(text, text, fc.uint8Array({ minLength: 16, maxLength: 16 }), (message, ownerKey, random) => {
        const encrypted = encryptContent({ message, ownerKey }, KEY, random);
        expect(encrypted).toBe(seal({ message, ownerKey, random }));
        expect(decryptContent(encrypted, KEY)).toEqual({ message, ownerKey });
      }),
      { numRuns: 300 },
    );
  });

  it('any bytes under the right key: opened or refused, never thrown', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const content = decryptContent(Buffer.from(bytes).toString('base64'), KEY);
        expect(content === undefined || typeof content.message === 'string').toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
