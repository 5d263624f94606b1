import { inspect } from 'node:util';
import type { CallbackRequest } from '@evertoken/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CallbackSettings, type DingTalkPush, openCallback } from '../../src/index.js';
import {
  eventIn,
  KEYS,
  NONCE,
  NOON,
  OTHER_KEYS,
  type PushParts,
  pushOf,
  readReply,
  SETTINGS,
  SUITE,
  seal,
  sign,
  TICKET,
} from './pushes.js';
import { vector, vectorsOf } from './vectors.js';

const REFUSAL = {
  kind: 'refused',
  reply: {
    status: 403,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    },
    body: '',
  },
};

const open = (parts?: PushParts, settings: Partial<CallbackSettings> = {}): Promise<DingTalkPush> =>
  openCallback(pushOf(parts), { ...SETTINGS, ...settings });
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

async function expectRefused(push: Promise<DingTalkPush>): Promise<void> {
  expect(await push).toEqual(REFUSAL);
}

describe('the published pushes', () => {
  it.each(vectorsOf('push'))('$id is accepted as it was sent', async ({ inputs, expected }) => {
    const settings = {
      keys: [{ token: inputs('token'), encodingAESKey: inputs('encodingAESKey') }],
      ownerKeys: [expected('ownerKey')],
      now: () => Number(inputs('timestamp')),
    };
    const query = { signature: expected('signature'), timestamp: inputs('timestamp'), nonce: inputs('nonce') };
    const push = eventIn(await openCallback(pushOf({ encrypt: inputs('encrypt'), query }), settings));
    expect(plain(push.event)).toEqual(JSON.parse(expected('message')));
    expect(push.ownerKey).toBe(expected('ownerKey'));
    expect(push.timestamp).toBe(Number(inputs('timestamp')));
    expect(readReply(push.reply(), settings.keys[0])).toEqual({ message: 'success', ownerKey: expected('ownerKey') });
  });

  it('C1, the first check of an address: for the suite that it names itself, which has no key yet', async () => {
    const { inputs, expected } = vector('C1');
    const query = { signature: expected('signature'), timestamp: inputs('timestamp'), nonce: inputs('nonce') };
    const settings = { ...SETTINGS, now: () => Number(inputs('timestamp')) };
    const push = eventIn(await openCallback(pushOf({ encrypt: inputs('encrypt'), query }), settings));
    expect(readReply(push.reply(String(push.event['Random'])))).toMatchObject({ message: 'LPIdSnlF' });
    // Of nothing else an owner may name itself.
    await expectRefused(open({ event: { ...TICKET, TestSuiteKey: 'other' }, ownerKey: 'other' }));
    await expectRefused(open({ event: { EventType: 'check_create_suite_url', TestSuiteKey: '' }, ownerKey: '' }));
    await expectRefused(open({ event: { EventType: 'check_create_suite_url' }, ownerKey: 'other' }));
  });
});

describe('a genuine push', () => {
  it('is told with its fields, whom it is for, and when it was sent', async () => {
    const push = eventIn(await open());
    expect(plain(push.event)).toEqual(TICKET);
    expect(push).toMatchObject({ kind: 'event', ownerKey: SUITE, timestamp: NOON });
  });

  it('its texts come trimmed, on every level', async () => {
    const event = { EventType: ' suite_ticket ', Nested: { A: ' a\n' }, List: [' b ', 1, null, true] };
    expect(plain(eventIn(await open({ event })).event)).toEqual({
      EventType: 'suite_ticket',
      Nested: { A: 'a' },
      List: ['b', 1, null, true],
    });
  });

  it('long numbers keep their digits', async () => {
    const message =
      '{"id":12345678901234567890,"at":1700000000000,"list":[-9007199254740993,1.5],"text":"12345678901234567890"}';
    expect(plain(eventIn(await open({ message })).event)).toEqual({
      id: '12345678901234567890',
      at: 1_700_000_000_000,
      list: ['-9007199254740993', 1.5],
      text: '12345678901234567890',
    });
  });

  it('names that mean something to JavaScript do no harm, and the event is told without them', async () => {
    const message =
      '{"EventType":"a","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"n":{"__proto__":{"polluted":1}},"toString":"t"}';
    const { event } = eventIn(await open({ message }));
    expect(Object.getPrototypeOf(event)).toBeNull();
    expect(Object.keys(event)).toEqual(['EventType', 'n', 'toString']);
    expect(Object.getPrototypeOf(event['n'])).toBeNull();
    expect(Object.keys(event['n'] as object)).toEqual([]);
    expect(event['valueOf']).toBeUndefined();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each([
    ['signature', 'timestamp'],
    ['msg_signature', 'timestamp'],
    ['signature', 'timeStamp'],
    ['msg_signature', 'timeStamp'],
  ])('may bring its values as %s and %s', async (signature, timestamp) => {
    const encrypt = seal();
    const query = {
      [signature]: sign(KEYS.token, String(NOON), NONCE, encrypt),
      [timestamp]: String(NOON),
      nonce: NONCE,
    };
    eventIn(await open({ encrypt, query }));
  });

  it('of two signatures and two times the vendor’s order decides', async () => {
    const encrypt = seal();
    const right = sign(KEYS.token, String(NOON), NONCE, encrypt);
    const query = { msg_signature: right, signature: 'x', timeStamp: String(NOON), timestamp: '1', nonce: NONCE };
    eventIn(await open({ encrypt, query }));
    await expectRefused(open({ encrypt, query: { ...query, msg_signature: 'x', signature: right } }));
    await expectRefused(open({ encrypt, query: { ...query, timeStamp: '1', timestamp: String(NOON) } }));
  });

  it('may bring its time in seconds', async () => {
    expect(eventIn(await open({ timestamp: String(Math.floor(NOON / 1000)) })).timestamp).toBe(NOON - 123);
  });

  it('may begin with a byte order mark or blanks, and have fields beside the ciphertext', async () => {
    const encrypt = seal();
    eventIn(await open({ encrypt, body: `\ufeff {"a":1,\n"encrypt":"${encrypt}","__proto__":{"encrypt":"x"}}\r\n` }));
  });

  it('is opened by either of two pairs of keys, and answered with the same', async () => {
    const keys = [OTHER_KEYS, KEYS];
    expect(readReply(eventIn(await open({}, { keys })).reply(), KEYS)).toMatchObject({ message: 'success' });
    expect(readReply(eventIn(await open({ keys: OTHER_KEYS }, { keys })).reply(), OTHER_KEYS)).toMatchObject({
      message: 'success',
    });
    // One token with two AES keys: the first pair's signature fits, but not its key.
    const sameToken = [{ ...OTHER_KEYS, token: KEYS.token }, KEYS];
    eventIn(await open({}, { keys: sameToken }));
  });

  it.each(['dingappkey', 'dingcorp'])('is accepted for any of the owners: %s', async (ownerKey) => {
    const push = eventIn(await open({ ownerKey }, { ownerKeys: ['dingappkey', 'dingcorp'] }));
    expect(push.ownerKey).toBe(ownerKey);
    expect(readReply(push.reply()).ownerKey).toBe(ownerKey);
  });

  it('shows neither keys nor nonce when it is logged', async () => {
    const push = eventIn(await open());
    const shown = inspect(push, { showHidden: true, depth: 9 }) + JSON.stringify(push);
    for (const secret of [KEYS.token, KEYS.encodingAESKey, NONCE]) expect(shown).not.toContain(secret);
  });
});

describe('any event', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 }).map((each) => each.trim());
  // Those that are left out have a test of their own.
  const name = text.filter((each) => !['__proto__', 'constructor', 'prototype'].includes(each));
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: 'small' },
      text,
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constant(null),
      tie('list'),
      tie('fields'),
    ),
    list: fc.array(tie('any'), { maxLength: 4 }),
    fields: fc.dictionary(name, tie('any'), { maxKeys: 4 }),
  }));

  it('comes as it was sent, for the owner that it was sent to', async () => {
    await fc.assert(
      fc.asyncProperty(value.fields, text, async (event, owner) => {
        const ownerKey = `key${owner}`;
        const push = eventIn(await open({ event, ownerKey }, { ownerKeys: [SUITE, ownerKey] }));
        expect(push.ownerKey).toBe(ownerKey);
        expect(plain(push.event)).toEqual(plain(event));
      }),
      { numRuns: 300 },
    );
  });
});

describe('the reply', () => {
  it('is JSON with the fields that the platform reads, at the present time, never stored on the way', async () => {
    const { status, headers, body } = eventIn(await open({ at: NOON - 1_000 })).reply();
    expect(status).toBe(200);
    expect(headers).toEqual(REFUSAL.reply.headers);
    expect(JSON.parse(body)).toEqual({
      msg_signature: expect.stringMatching(/^[0-9a-f]{40}$/),
      timeStamp: String(NOON),
      nonce: NONCE,
      encrypt: expect.stringMatching(/^[\w+/]{86}==$/),
    });
  });

  it('is another ciphertext each time', async () => {
    const push = eventIn(await open());
    expect(push.reply().body).not.toBe(push.reply().body);
  });

  it('takes any text', async () => {
    expect(readReply(eventIn(await open()).reply('一切正常🀄')).message).toBe('一切正常🀄');
  });
});

describe('all that is wrong gets the same refusal', () => {
  const encrypt = seal();
  const signed = { signature: sign(KEYS.token, String(NOON), NONCE, encrypt), timestamp: String(NOON), nonce: NONCE };
  const signedBody = (body: string | Uint8Array): PushParts => ({ encrypt, query: signed, body });

  it.each<[string, PushParts]>([
    ['another token', { keys: { ...KEYS, token: '1234567' } }],
    ['another AES key', { keys: { ...OTHER_KEYS, token: KEYS.token } }],
    ['another owner', { ownerKey: 'suitetest0002' }],
    ['no owner', { ownerKey: '' }],
    ['the owner with something behind it', { ownerKey: `${SUITE} ` }],
    ['another method', { method: 'GET' }],
    ['the method in small letters', { method: 'post' }],
    ['no time', { encrypt, query: { ...signed, timestamp: undefined } }],
    ['no nonce', { encrypt, query: { ...signed, nonce: undefined } }],
    ['no signature', { encrypt, query: { ...signed, signature: undefined } }],
    ['an empty signature', { encrypt, query: { ...signed, signature: '' } }],
    ['the signature in capitals', { encrypt, query: { ...signed, signature: signed.signature.toUpperCase() } }],
    ['a time with a sign', { timestamp: `+${NOON}` }],
    ['a time in hexadecimal', { timestamp: `0x${NOON.toString(16)}` }],
    ['a time with a fraction', { timestamp: `${NOON}.0` }],
    ['a nonce with a line break', { nonce: 'a\nb' }],
    ['an empty nonce', { nonce: '' }],
    ['no body', { body: '' }],
    ['a body that is no JSON', signedBody(`encrypt=${encrypt}`)],
    ['a body that is null', signedBody('null')],
    ['a body that is a list', signedBody(`[{"encrypt":"${encrypt}"}]`)],
    ['a body that is text', signedBody(`"${encrypt}"`)],
    ['no ciphertext', signedBody('{}')],
    ['a ciphertext by the prototype', signedBody(`{"__proto__":{"encrypt":"${encrypt}"}}`)],
    ['a ciphertext with a capital', signedBody(`{"Encrypt":"${encrypt}"}`)],
    ['a list of ciphertexts', signedBody(`{"encrypt":["${encrypt}"]}`)],
    ['a second ciphertext', signedBody(`{"encrypt":"${encrypt}","encrypt":"AAAA"}`)],
    [
      'bytes that are no UTF-8',
      signedBody(
        Buffer.concat([Buffer.from(`{"encrypt":"${encrypt}","a":"`), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
      ),
    ],
    ['a ciphertext with a line break, signed so', { encrypt: `${encrypt}\n` }],
    ['a ciphertext that is no base64, signed so', { encrypt: '###' }],
    ['an empty ciphertext, signed so', { encrypt: '' }],
    ['an event that is no JSON', { message: 'success' }],
    ['an event that is a list', { message: '[]' }],
    ['an event that is null', { message: 'null' }],
    ['an empty event', { message: '' }],
    ['an event that is far too deep', { message: `{"a":${'['.repeat(40)}${']'.repeat(40)}}` }],
    ['a wrong length', { length: 5_000_000 }],
    ['a padding of 0', { padding: Buffer.alloc(15, 0) }],
  ])('%s', (_name, parts) => expectRefused(open(parts)));

  it('a query whose values are no text', async () => {
    for (const name of ['signature', 'timestamp', 'nonce'] as const) {
      for (const value of [[signed[name]], [signed[name], signed[name]], { toString: () => signed[name] }, 1, null]) {
        const request = { ...pushOf({ encrypt }), query: { ...signed, [name]: value } };
        await expectRefused(openCallback(request as unknown as CallbackRequest, SETTINGS));
      }
    }
  });

  it('a body that is too large', async () => {
    const size = pushOf().body.length;
    eventIn(await open({}, { maxBytes: size }));
    await expectRefused(open({}, { maxBytes: size - 1 }));
    eventIn(await open({ event: { a: 'x'.repeat(700_000) } }));
    await expectRefused(open({ event: { a: 'x'.repeat(800_000) } }));
  });

  it('no keys, or ones that are none', async () => {
    await expectRefused(open({}, { keys: [] }));
    await expectRefused(open({}, { keys: [{ token: KEYS.token, encodingAESKey: 'short' }] }));
    await expectRefused(open({}, { ownerKeys: [] }));
    // What comes of options that are not set.
    await expectRefused(open({ keys: { ...KEYS, token: '' } }, { keys: [{ ...KEYS, token: '' }] }));
    await expectRefused(open({ ownerKey: '' }, { ownerKeys: ['', SUITE] }));
  });

  it.each([1, -1])('a time too far away, in direction %i', async (direction) => {
    const hour = 3_600_000;
    eventIn(await open({ at: NOON + direction * hour }));
    await expectRefused(open({ at: NOON + direction * (hour + 1) }));
    eventIn(await open({ at: NOON + direction * 1_000 }, { replayWindowMs: 1_000 }));
    await expectRefused(open({ at: NOON + direction * 1_001 }, { replayWindowMs: 1_000 }));
    eventIn(await open({ at: NOON + direction * 99 * hour }, { replayWindowMs: Number.POSITIVE_INFINITY }));
    await expectRefused(open({}, { replayWindowMs: Number.NaN }));
  });
});
