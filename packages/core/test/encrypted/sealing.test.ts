import { createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Sealer, type SealingOptions, sealingProblems } from '../../src/sealing.js';
import { KEYS } from './support.js';

const sealer = new Sealer({ keys: KEYS, activeKeyId: 'new' });
/** Made with another implementation (Python's cryptography): key 32 × 07, nonce 000102…0b. */
const VECTOR = 'sealed1.k1.AAECAwQFBgcICQoLbO6CFXMprygbx4Drb3Rjyt9k9-HSr3Du2Kha';

describe('a sealed text', () => {
  it('is AES-256-GCM as anybody can open it: nonce, ciphertext and tag behind the id of the key', () => {
    const sealed = sealer.seal('a secret, ünïcode 🔑', 'context');
    const [prefix, id, body, ...rest] = sealed.split('.');
    expect([prefix, id, rest]).toEqual(['sealed1', 'new', []]);
    const bytes = Buffer.from(body as string, 'base64url');
    const decipher = createDecipheriv('aes-256-gcm', Buffer.from(KEYS.new, 'base64'), bytes.subarray(0, 12));
    decipher.setAAD(Buffer.from('sealed1.new\ncontext'));
    decipher.setAuthTag(bytes.subarray(-16));
    const opened = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
    expect(opened.toString()).toBe('a secret, ünïcode 🔑');
  });

  it('opens as it was written, whatever was written: a text sealed by the first version of this format', () => {
    const first = new Sealer({ keys: { k1: Buffer.alloc(32, 7).toString('base64') }, activeKeyId: 'k1' });
    expect(first.open(VECTOR, 'et1/a/b/c')).toBe('token value');
  });

  it('opens to what was sealed, any text in any context', () => {
    const text = fc.string({ unit: 'binary' }).filter((value) => value.isWellFormed());
    fc.assert(
      fc.property(text, text, (value, context) => {
        expect(sealer.open(sealer.seal(value, context), context)).toBe(value);
      }),
    );
  });

  it('opens in no other context', () => {
    const sealed = sealer.seal('secret', 'here');
    for (const context of ['', 'here ', 'her', 'Here', 'there', 'new\nhere'])
      expect(() => sealer.open(sealed, context)).toThrow(/moved from elsewhere/);
  });

  it('opens no more once any character of it is another one, was taken away or was added', () => {
    const sealed = sealer.seal('secret', 'context');
    for (let at = 0; at < sealed.length; at++) {
      for (const other of ['A', 'B', '.', '=', ' ', '']) {
        if (sealed[at] === other) continue;
        const changed = sealed.slice(0, at) + other + sealed.slice(at + 1);
        expect(() => sealer.open(changed, 'context'), `"${other}" at ${at}`).toThrow(/cannot be opened/);
      }
      expect(() => sealer.open(`${sealed.slice(0, at)}A${sealed.slice(at)}`, 'context')).toThrow(/cannot be opened/);
    }
    for (const tail of ['=', '\n', 'A', '.'])
      expect(() => sealer.open(sealed + tail, 'context')).toThrow(/cannot be opened/);
  });

  it('opens no more once any bit of nonce, ciphertext or tag is flipped', () => {
    const head = 'sealed1.new.';
    const bytes = Buffer.from(sealer.seal('secret', 'context').slice(head.length), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => sealer.open(head + flipped.toString('base64url'), 'context')).toThrow(/cannot be opened/);
    }
  });

  it('opens with its own key alone, and says which one is missing', () => {
    const sealed = sealer.seal('secret', 'context');
    const without = new Sealer({ keys: { old: KEYS.old }, activeKeyId: 'old' });
    const mixedUp = new Sealer({ keys: { new: KEYS.old }, activeKeyId: 'new' });
    expect(() => without.open(sealed, 'context')).toThrow(/key "new" is not among "keys"/);
    expect(() => mixedUp.open(sealed, 'context')).toThrow(/key "new" is another one by now/);
    expect(() => sealer.open('in clear', 'context')).toThrow(/it is not sealed/);
  });

  it('shows nothing of itself in an error, and says that trying again is of no use', () => {
    const sealed = sealer.seal('secret', 'context');
    let error: unknown;
    try {
      sealer.open(sealed, 'elsewhere');
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: 'ERR_TOKEN_STORE', retryable: false, reason: 'sealed' });
    const shown = `${(error as Error).message} ${JSON.stringify(error)}`;
    for (const secret of ['secret', KEYS.new, sealed, sealed.slice(20)]) expect(shown).not.toContain(secret);
  });

  it('never has the nonce of another', () => {
    const nonces = new Set<string>();
    for (let i = 0; i < 20_000; i++) nonces.add(sealer.seal('', '').slice('sealed1.new.'.length, 28));
    expect(nonces.size).toBe(20_000);
  });

  it('may have been sealed with any of the keys', () => {
    const old = new Sealer({ keys: KEYS, activeKeyId: 'old' });
    expect(Sealer.keyIdOf(old.seal('x', 'c'))).toBe('old');
    expect(sealer.open(old.seal('x', 'c'), 'c')).toBe('x');
  });

  it.each(['', 'plain', 'sealed1', 'sealed1.', 'sealed1.new', 'sealed2.new.AAAA', ' sealed1.new.AAAA'])(
    'is not %j',
    (text) => {
      expect(Sealer.keyIdOf(text)).toBeUndefined();
    },
  );
});

describe('marks', () => {
  it('are HMAC-SHA-256 under a key derived from each key, the active one first', () => {
    const marks = ['new', 'old'].map((id) => {
      const key = Buffer.from(KEYS[id as keyof typeof KEYS], 'base64');
      const derived = Buffer.from(hkdfSync('sha256', key, '', 'evertoken mark', 32));
      return createHmac('sha256', derived).update('value').digest('base64url');
    });
    expect(sealer.marks('value')).toEqual(marks);
    expect(new Sealer({ keys: KEYS, activeKeyId: 'old' }).marks('value')).toEqual(marks.toReversed());
  });
});

describe('wrong options', () => {
  const key = KEYS.new;
  it.each<[string, unknown, string[]]>([
    ['nothing', undefined, ['"keys" must be an object of key ids and keys']],
    ['no keys', { activeKeyId: 'a' }, ['"keys" must be an object of key ids and keys']],
    ['keys that are a text', { keys: key, activeKeyId: 'a' }, ['"keys" must be an object of key ids and keys']],
    ['no active key', { keys: { a: key } }, ['"activeKeyId" must be one of the ids in "keys", it is missing']],
    ['another active key', { keys: { a: key }, activeKeyId: 'b' }, ['"activeKeyId" must be one of the ids in "keys"']],
    [
      'an active key that every object has',
      { keys: { a: key }, activeKeyId: 'toString' },
      ['"activeKeyId" must be one of the ids in "keys"'],
    ],
    [
      'a missing key',
      { keys: { a: undefined }, activeKeyId: 'a' },
      ['"keys.a" must be 32 bytes in base64, it is missing'],
    ],
    [
      'a key of 16 bytes',
      { keys: { a: 'c2hvcnQgc2hvcnQgc2hvcg==' }, activeKeyId: 'a' },
      ['"keys.a" must be 32 bytes in base64 (openssl rand -base64 32), got something else'],
    ],
    [
      'a passphrase',
      { keys: { a: 'correct horse battery staple!!!!' }, activeKeyId: 'a' },
      ['"keys.a" must be 32 bytes in base64 (openssl rand -base64 32), got something else'],
    ],
    [
      'ids and keys mixed up',
      { keys: { [key]: 'a' }, activeKeyId: 'a' },
      [
        '"keys" must have ids of 1 to 64 letters, digits, "_" or "-", and no key in the place of an id',
        '"activeKeyId" must be one of the ids in "keys"',
      ],
    ],
    [
      'ids and keys mixed up, in base64url',
      { keys: { [key.slice(0, -1)]: 'a' }, activeKeyId: key.slice(0, -1) },
      ['"keys" must have ids of 1 to 64 letters, digits, "_" or "-", and no key in the place of an id'],
    ],
  ])('are told, and show no key: %s', (_name, options, problems) => {
    const told = sealingProblems(options as SealingOptions);
    expect(told).toEqual(problems);
    expect(told.join()).not.toMatch(/bmV3|horse|c2hv/);
  });

  it('are not what openssl prints, with or without padding, in either alphabet', () => {
    for (const text of [key, key.slice(0, -1), Buffer.alloc(32, 255).toString('base64url')])
      expect(sealingProblems({ keys: { 'a_-1': text }, activeKeyId: 'a_-1' })).toEqual([]);
  });
});
