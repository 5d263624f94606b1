import { inspect } from 'node:util';
import type { CallbackRequest } from '@evertoken/core';
import { describe, expect, it } from 'vitest';
import {
  aesKeyOf,
  decryptMessage,
  encryptMessage,
  messageSignature,
  openPush,
  type PushSettings,
  parsePushJson,
  parsePushXml,
  plainSignature,
} from '../../src/push.js';
import {
  COMPONENT,
  encryptOf,
  KEYS,
  messageIn,
  NONCE,
  NOON,
  OTHER_KEYS,
  plainPushOf,
  pushOf,
  SETTINGS,
  TICKET,
  TICKET_XML,
} from './pushes.js';
import { vector } from './vectors.js';

const MINUTE = 60_000;
const REFUSAL = {
  status: 403,
  headers: {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  },
  body: '',
};

const kindOf = async (request: Parameters<typeof openPush>[0], settings: PushSettings = SETTINGS) => {
  const push = await openPush(request, settings);
  if (push.kind === 'refused') expect(push).toEqual({ kind: 'refused', reply: REFUSAL });
  return push.kind;
};

describe('an encrypted push', () => {
  it('is opened, in XML', async () => {
    const push = messageIn(await openPush(pushOf(), SETTINGS));
    expect(push).toMatchObject({ receiveId: COMPONENT, timestamp: NOON, format: 'xml' });
    expect(push.message).toEqual(TICKET);
    expect(push.reply()).toEqual({ status: 200, headers: REFUSAL.headers, body: 'success' });
  });

  it('is opened, in JSON, as in the documents’ example', async () => {
    const { inputs, expected } = vector('P4');
    const request = {
      method: 'POST',
      query: { timestamp: inputs('timestamp'), nonce: inputs('nonce'), msg_signature: inputs('msg_signature') },
      headers: {},
      body: Buffer.from(JSON.stringify({ ToUserName: 'gh_97417a04a28d', Encrypt: inputs('encrypt') })),
    };
    const keys = [{ token: inputs('token'), encodingAESKey: inputs('encodingAESKey') }];
    const now = () => Number(inputs('timestamp')) * 1000;
    const push = messageIn(await openPush(request, { keys, receiveIds: [expected('receive_id')], now }));
    expect(push.message).toMatchObject({ Event: 'debug_demo', CreateTime: '1714112445' });
    expect(push.format).toBe('json');
  });

  it.each<[string, Partial<CallbackRequest>]>([
    ['the wrong content type', { headers: { 'content-type': 'application/json' } }],
    ['no content type', { headers: {} }],
    ['a content type with another charset', { headers: { 'content-type': 'text/xml; charset=gbk' } }],
    ['parameters nobody knows', { query: { openid: 'o1', a: ['b', 'c'] as unknown as string } }],
    ['no encrypt_type', { query: { encrypt_type: undefined } }],
    ['a wrong signature beside the right msg_signature', { query: { signature: '0'.repeat(40) } }],
  ])('is opened with %s', async (_, change) => {
    const request = pushOf();
    const push = await openPush({ ...request, ...change, query: { ...request.query, ...change.query } }, SETTINGS);
    expect(messageIn(push).message).toEqual(TICKET);
  });

  it('is opened where its bytes are a part of a larger buffer', async () => {
    const request = pushOf();
    const body = Buffer.concat([Buffer.from('<a>'), request.body, Buffer.from('</a>')]).subarray(3, -4);
    expect(messageIn(await openPush({ ...request, body }, SETTINGS)).message).toEqual(TICKET);
  });

  const encrypt = encryptOf();
  it.each([
    ['ToUserName instead of AppId', `<xml><ToUserName>x</ToUserName><Encrypt>${encrypt}</Encrypt></xml>`],
    ['an AppId that is not ours', `<xml><AppId>wx0</AppId><Encrypt>${encrypt}</Encrypt></xml>`],
    ['nothing but the ciphertext', `<xml><Encrypt>${encrypt}</Encrypt></xml>`],
    ['blanks and comments', `\n <xml>\n<!-- x --> <Encrypt>\n<![CDATA[${encrypt}]]> </Encrypt>\n</xml>\n`],
    ['a declaration', `<?xml version="1.0"?><xml><Encrypt>${encrypt}</Encrypt></xml>`],
    ['a byte order mark', `\ufeff<xml><Encrypt>${encrypt}</Encrypt></xml>`],
    ['a byte order mark before JSON', `\ufeff{"Encrypt":"${encrypt}"}`],
    ['another outer name', `<push><Encrypt>${encrypt}</Encrypt></push>`],
    ['an agent', `<xml><ToUserName>x</ToUserName><AgentID>1000002</AgentID><Encrypt>${encrypt}</Encrypt></xml>`],
  ])('is opened in an envelope with %s', async (_, body) => {
    const push = await openPush(pushOf({ encrypt, body }), SETTINGS);
    expect(messageIn(push).message).toEqual(TICKET);
  });

  it('is only what was encrypted, whatever stands beside it (compatibility mode)', async () => {
    const body = `<xml><AppId>${COMPONENT}</AppId><InfoType>unauthorized</InfoType><AuthorizerAppid>wx2</AuthorizerAppid>
      <Encrypt>${encrypt}</Encrypt></xml>`;
    const settings = { ...SETTINGS, plain: true };
    expect(messageIn(await openPush(pushOf({ encrypt, body }), settings)).message).toEqual(TICKET);
  });

  it('may be for any of the ids, one of them empty', async () => {
    const settings = { ...SETTINGS, receiveIds: ['suite', ''] };
    expect(messageIn(await openPush(pushOf({ receiveId: 'suite' }), settings)).receiveId).toBe('suite');
    expect(messageIn(await openPush(pushOf({ receiveId: '' }), settings)).receiveId).toBe('');
    expect(await kindOf(pushOf({ receiveId: 'suit' }), settings)).toBe('refused');
  });

  it('is refused where it is for another app with the same keys, which no signature shows', async () => {
    const request = pushOf({ receiveId: 'wx0000000000000000' });
    const signed = { token: KEYS.token, timestamp: request.query['timestamp'] ?? '', nonce: NONCE };
    const careless = request.query['msg_signature'] === messageSignature(signed, encryptIn(request.body));
    expect(careless).toBe(true);
    expect(await kindOf(request)).toBe('refused');
    expect(await kindOf(pushOf({ receiveId: '' }))).toBe('refused');
    expect(await kindOf(pushOf({ receiveId: `${COMPONENT}\u0000` }))).toBe('refused');
    expect(await kindOf(pushOf(), { ...SETTINGS, receiveIds: [] })).toBe('refused');
  });

  it('is refused with a right signature and a wrong msg_signature, where the other way round is opened', async () => {
    const request = pushOf();
    const signature = request.query['signature'] as string;
    const { token } = KEYS;
    const careless = signature === plainSignature({ token, timestamp: `${NOON / 1000}`, nonce: NONCE });
    expect(careless).toBe(true);
    expect(await kindOf({ ...request, query: { ...request.query, msg_signature: '0'.repeat(40) } })).toBe('refused');
    expect(await kindOf({ ...request, query: { ...request.query, msg_signature: signature } })).toBe('refused');
    expect(await kindOf({ ...request, query: { ...request.query, msg_signature: undefined } })).toBe('refused');
  });

  it('is refused with the ciphertext of another push', async () => {
    const request = pushOf();
    expect(await kindOf({ ...pushOf({ message: '<xml><a>1</a></xml>' }), query: request.query })).toBe('refused');
  });

  it.each([
    ['none', { timestamp: undefined }],
    ['an empty one', { timestamp: '' }],
    ['one with a sign', { timestamp: `+${NOON / 1000}` }],
    ['one in hexadecimal', { timestamp: `0x${(NOON / 1000).toString(16)}` }],
    ['one with a fraction', { timestamp: `${NOON / 1000}.0` }],
    ['milliseconds', { timestamp: String(NOON) }],
    ['full-width digits', { timestamp: '１４１３１９２６０５' }],
    ['two', { timestamp: [`${NOON / 1000}`, `${NOON / 1000}`] as unknown as string }],
  ])('is refused with another time than digits: %s', async (_, change) => {
    const { query, ...request } = pushOf();
    const timestamp = change.timestamp;
    // Signed for what it says, so that only the time itself can be wrong.
    const signed = { token: KEYS.token, timestamp: String(timestamp), nonce: NONCE };
    const msg_signature = messageSignature(signed, encryptIn(request.body));
    const settings = { ...SETTINGS, replayWindowMs: Number.POSITIVE_INFINITY };
    expect(await kindOf({ ...request, query: { ...query, ...change, msg_signature } }, settings)).toBe('refused');
  });

  it.each(['timestamp', 'nonce', 'msg_signature'])(
    'is refused with several of %s, or none, or an object',
    async (name) => {
      const { query, ...request } = pushOf();
      const value = query[name] as string;
      for (const wrong of [[value], [value, value], { 0: value }, { toString: () => value }, undefined, null, 1]) {
        expect(await kindOf({ ...request, query: { ...query, [name]: wrong as string } })).toBe('refused');
      }
    },
  );

  it('is refused too long before or after its time', async () => {
    const at = (minutes: number, replayWindowMs?: number) =>
      kindOf(pushOf({ at: NOON + minutes * MINUTE }), { ...SETTINGS, replayWindowMs });
    expect(await at(-10)).toBe('message');
    expect(await at(10)).toBe('message');
    expect(await kindOf(pushOf({ at: NOON - 10 * MINUTE - 1000 }))).toBe('refused');
    expect(await kindOf(pushOf({ at: NOON + 10 * MINUTE + 1000 }))).toBe('refused');
    expect(await at(-60, 60 * MINUTE)).toBe('message');
    expect(await at(-1, 1000)).toBe('refused');
    expect(await at(-1_000_000, Number.POSITIVE_INFINITY)).toBe('message');
    expect(await at(0, Number.NaN)).toBe('refused');
  });

  it.each([
    ['an empty body', ''],
    ['blanks', ' \n '],
    ['text', 'hello'],
    ['a JSON list', '[]'],
    ['half an envelope', '<xml><Encrypt>'],
    ['no ciphertext', '<xml><AppId>x</AppId></xml>'],
    ['an empty ciphertext', '<xml><Encrypt></Encrypt></xml>'],
    ['no fields', '<xml></xml>'],
    ['invalid UTF-8', Buffer.concat([Buffer.from('<xml><A>'), Buffer.from([0xc3, 0x28]), Buffer.from('</A></xml>')])],
    ['UTF-16', Buffer.from('<xml></xml>', 'utf16le')],
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0])],
    ['a document type', `<!DOCTYPE xml><xml><Encrypt>${encrypt}</Encrypt></xml>`],
    ['a ciphertext from an entity', `<!DOCTYPE xml [<!ENTITY e "${encrypt}">]><xml><Encrypt>&e;</Encrypt></xml>`],
    ['two ciphertexts', `<xml><Encrypt>${encrypt}</Encrypt><Encrypt>${encrypt}</Encrypt></xml>`],
    ['a ciphertext with fields', `<xml><Encrypt><a>${encrypt}</a></Encrypt></xml>`],
    ['the ciphertext deeper', `<xml><a><Encrypt>${encrypt}</Encrypt></a></xml>`],
    ['the ciphertext under a prefix', `<xml><x:Encrypt>${encrypt}</x:Encrypt></xml>`],
    ['the ciphertext in small letters', `<xml><encrypt>${encrypt}</encrypt></xml>`],
    ['the ciphertext in a JSON list', JSON.stringify({ Encrypt: [encrypt] })],
    ['the ciphertext in a prototype', `{"__proto__":{"Encrypt":"${encrypt}"}}`],
  ])('is refused with %s', async (_, body) => {
    expect(await kindOf(pushOf({ encrypt, body }))).toBe('refused');
    expect(await kindOf(pushOf({ encrypt, body }), { ...SETTINGS, plain: true })).toBe('refused');
  });

  it('is refused if it is larger than allowed, before it is read', async () => {
    const request = pushOf();
    expect(await kindOf(request, { ...SETTINGS, maxBytes: request.body.length })).toBe('message');
    expect(await kindOf(request, { ...SETTINGS, maxBytes: request.body.length - 1 })).toBe('refused');
    const blanks = (size: number) => pushOf({ encrypt, body: `<xml><Encrypt>${encrypt}</Encrypt></xml>`.padEnd(size) });
    expect(await kindOf(blanks(1024 * 1024))).toBe('message');
    expect(await kindOf(blanks(1024 * 1024 + 1))).toBe('refused');
  });

  it.each([
    ['text', 'hello'],
    ['nothing', ''],
    ['XML with a document type', '<!DOCTYPE xml [<!ENTITY a "b">]><xml><a>&a;</a></xml>'],
    ['broken JSON', '{"a":'],
  ])('is refused if what was encrypted is %s', async (_, message) => {
    expect(await kindOf(pushOf({ message }))).toBe('refused');
  });

  it.each(['PUT', 'HEAD', 'post', '', 'DELETE'])('is refused with the method %j', async (method) => {
    expect(await kindOf({ ...pushOf(), method })).toBe('refused');
  });

  it.each([
    ['no query', { ...pushOf(), query: undefined }],
    ['no body', { ...pushOf(), body: undefined }],
    ['a body that a framework parsed', { ...pushOf(), body: { xml: {} } }],
    ['nothing at all', undefined],
  ])('is refused, not thrown, with %s', async (_, request) => {
    expect(await kindOf(request as unknown as Parameters<typeof openPush>[0])).toBe('refused');
  });
});

describe('while keys are being changed', () => {
  const settings = { ...SETTINGS, keys: [OTHER_KEYS, KEYS] };

  it('either pair opens a push, and its reply is encrypted with the same', async () => {
    for (const keys of [KEYS, OTHER_KEYS]) {
      const push = messageIn(await openPush(pushOf({ keys }), settings));
      const reply = await parsePushXml(push.reply('<xml/>').body);
      const opened = decryptMessage(reply['Encrypt'] as string, aesKeyOf(keys.encodingAESKey));
      expect(opened).toEqual({ message: '<xml/>', receiveId: COMPONENT });
      const signed = { token: keys.token, timestamp: reply['TimeStamp'] as string, nonce: NONCE };
      expect(reply['MsgSignature']).toBe(messageSignature(signed, reply['Encrypt'] as string));
    }
  });

  it('a changed key with the same token is told by what it opens', async () => {
    const keys = { token: KEYS.token, encodingAESKey: OTHER_KEYS.encodingAESKey };
    const push = await openPush(pushOf(), { ...SETTINGS, keys: [keys, KEYS] });
    expect(messageIn(push).message).toEqual(TICKET);
    expect(await kindOf(pushOf(), { ...SETTINGS, keys: [keys] })).toBe('refused');
  });

  it('a pair that is not configured, or mixed from two, opens nothing', async () => {
    expect(await kindOf(pushOf(), { ...SETTINGS, keys: [OTHER_KEYS] })).toBe('refused');
    expect(await kindOf(pushOf(), { ...SETTINGS, keys: [] })).toBe('refused');
    const mixed = { token: OTHER_KEYS.token, encodingAESKey: KEYS.encodingAESKey };
    expect(await kindOf(pushOf({ keys: mixed }), { ...SETTINGS, keys: [KEYS, OTHER_KEYS] })).toBe('refused');
  });
});

describe('a reply with content', () => {
  it('goes back as XML, encrypted and signed', async () => {
    const push = messageIn(await openPush(pushOf(), { ...SETTINGS, now: () => NOON + 1999 }));
    const reply = push.reply({ MsgType: 'text', Content: '你好 <b>' });
    expect(reply).toMatchObject({ status: 200, headers: { 'content-type': 'application/xml; charset=utf-8' } });
    const { Encrypt, MsgSignature, TimeStamp, Nonce } = (await parsePushXml(reply.body)) as Record<string, string>;
    expect({ TimeStamp, Nonce }).toEqual({ TimeStamp: String(NOON / 1000 + 1), Nonce: NONCE });
    const signed = { token: KEYS.token, timestamp: TimeStamp ?? '', nonce: NONCE };
    expect(MsgSignature).toBe(messageSignature(signed, Encrypt ?? ''));
    const opened = decryptMessage(Encrypt ?? '', aesKeyOf(KEYS.encodingAESKey));
    expect(opened?.receiveId).toBe(COMPONENT);
    expect(await parsePushXml(opened?.message ?? '')).toEqual({ MsgType: 'text', Content: '你好 <b>' });
  });

  it('goes back as JSON where the push was JSON', async () => {
    const push = messageIn(await openPush(pushOf({ json: true, message: '{"Event":"a"}' }), SETTINGS));
    const reply = push.reply({ demo_resp: 'good luck' });
    expect(reply.headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8' });
    const envelope = JSON.parse(reply.body) as Record<string, unknown>;
    expect(envelope).toMatchObject({ TimeStamp: NOON / 1000, Nonce: NONCE });
    const opened = decryptMessage(envelope['Encrypt'] as string, aesKeyOf(KEYS.encodingAESKey));
    expect(parsePushJson(opened?.message ?? '')).toEqual({ demo_resp: 'good luck' });
  });
});

describe('a reply without content', () => {
  it('is never encrypted', async () => {
    const push = messageIn(await openPush(pushOf(), SETTINGS));
    const said = { status: 200, headers: REFUSAL.headers };
    expect(push.reply()).toEqual({ ...said, body: 'success' });
    expect(push.reply('success')).toEqual({ ...said, body: 'success' });
    expect(push.reply('')).toEqual({ ...said, body: '' });
  });
});

describe('a plain push', () => {
  const body = '<xml><ToUserName>gh_1</ToUserName><MsgType><![CDATA[text]]></MsgType></xml>';
  const plain = { ...SETTINGS, plain: true };

  it('is refused, unless asked for', async () => {
    expect(await kindOf(plainPushOf(body))).toBe('refused');
  });

  it('is opened where asked for, and answered in clear', async () => {
    const push = messageIn(await openPush(plainPushOf(body), plain));
    expect(push.message).toEqual({ ToUserName: 'gh_1', MsgType: 'text' });
    expect(push).toMatchObject({ receiveId: '', format: 'xml', timestamp: NOON });
    expect(push.reply().body).toBe('success');
    expect(push.reply({ MsgType: 'text' }).body).toBe('<xml><MsgType><![CDATA[text]]></MsgType></xml>');
    expect(messageIn(await openPush(plainPushOf('{"MsgType":"text"}'), plain)).message).toEqual({ MsgType: 'text' });
  });

  it('is refused with a wrong signature, time or nonce', async () => {
    const { query, ...request } = plainPushOf(body);
    for (const change of [{ signature: '0'.repeat(40) }, { nonce: '1' }, { timestamp: `${NOON / 1000 + 1}` }]) {
      expect(await kindOf({ ...request, query: { ...query, ...change } }, plain)).toBe('refused');
    }
    expect(await kindOf(plainPushOf(body, { at: NOON - 11 * MINUTE }), plain)).toBe('refused');
  });

  it('is refused where it has a ciphertext, of whatever shape, and nothing that proves it', async () => {
    for (const encrypt of ['a', '', '<a>b</a>', 'a</Encrypt><Encrypt>b']) {
      const request = plainPushOf(`<xml><MsgType>text</MsgType><Encrypt>${encrypt}</Encrypt></xml>`);
      expect(await kindOf(request, plain)).toBe('refused');
    }
    expect(await kindOf(plainPushOf('{"MsgType":"text","Encrypt":["a"]}'), plain)).toBe('refused');
  });

  it('is refused where it came as an encrypted one that lost its ciphertext', async () => {
    expect(await kindOf(pushOf({ body }), plain)).toBe('refused');
  });
});

describe('the check of an address', () => {
  const signed = { token: KEYS.token, timestamp: String(NOON / 1000), nonce: NONCE };
  const check = (query: Record<string, string | undefined>) => ({
    method: 'GET',
    query: { timestamp: signed.timestamp, nonce: NONCE, ...query },
    headers: {},
    body: new Uint8Array(),
  });

  describe('of an official account', () => {
    const signature = plainSignature(signed);

    it('is answered with what it brought', async () => {
      const push = await openPush(check({ signature, echostr: '5836123451234567890' }), SETTINGS);
      expect(push).toEqual({
        kind: 'verification',
        reply: { status: 200, headers: REFUSAL.headers, body: '5836123451234567890' },
      });
    });

    it('is answered with any of the keys', async () => {
      const other = plainSignature({ ...signed, token: OTHER_KEYS.token });
      const settings = { ...SETTINGS, keys: [KEYS, OTHER_KEYS] };
      expect(await kindOf(check({ signature: other, echostr: '1' }), settings)).toBe('verification');
    });

    it.each([
      ['a page', '<script>alert(1)</script>'],
      ['quotation marks', '"1"'],
      ['a line end', '1\n'],
      ['other than ASCII', '１'],
      ['too much', '1'.repeat(513)],
      ['nothing', ''],
      ['several', ['1', '2'] as unknown as string],
      ['none', undefined],
    ])('is refused with %s to echo', async (_, echostr) => {
      expect(await kindOf(check({ signature, echostr }))).toBe('refused');
    });

    it('is refused with a wrong signature, or too late', async () => {
      expect(await kindOf(check({ signature: '0'.repeat(40), echostr: '1' }))).toBe('refused');
      expect(await kindOf(check({ echostr: '1' }))).toBe('refused');
      const late = { ...SETTINGS, now: () => NOON + 11 * MINUTE };
      expect(await kindOf(check({ signature, echostr: '1' }), late)).toBe('refused');
    });
  });

  describe('of WeCom', () => {
    const encrypted = { ...SETTINGS, verification: 'encrypted' } as const;

    it('is answered with what was encrypted, exactly (P6)', async () => {
      const { inputs, expected } = vector('P6');
      const settings: PushSettings = {
        keys: [{ token: inputs('token'), encodingAESKey: inputs('encodingAESKey') }],
        receiveIds: ['suite', expected('receive_id')],
        now: () => Number(inputs('timestamp')) * 1000,
        verification: 'encrypted',
      };
      const request = {
        method: 'GET',
        query: {
          msg_signature: inputs('msg_signature'),
          timestamp: inputs('timestamp'),
          nonce: inputs('nonce'),
          echostr: inputs('encrypt'),
        },
        headers: {},
        body: new Uint8Array(),
      };
      const push = await openPush(request, settings);
      expect(push).toMatchObject({ kind: 'verification', reply: { status: 200, body: expected('plaintext') } });
    });

    const echostrOf = (receiveId: string, message = '1616140317555161061') =>
      encryptMessage({ message, receiveId }, aesKeyOf(KEYS.encodingAESKey));

    it('is answered with blanks and all', async () => {
      const echostr = echostrOf(COMPONENT, ' 12 \n');
      const push = await openPush(check({ msg_signature: messageSignature(signed, echostr), echostr }), encrypted);
      expect(push.kind === 'verification' && push.reply.body).toBe(' 12 \n');
    });

    it('is refused for another receiver, with another signature, and unencrypted', async () => {
      const echostr = echostrOf('wx0');
      expect(await kindOf(check({ msg_signature: messageSignature(signed, echostr), echostr }), encrypted)).toBe(
        'refused',
      );
      const ours = echostrOf(COMPONENT);
      expect(await kindOf(check({ msg_signature: messageSignature(signed, echostr), echostr: ours }), encrypted)).toBe(
        'refused',
      );
      const signature = plainSignature(signed);
      expect(await kindOf(check({ signature, echostr: '1616140317555161061' }), encrypted)).toBe('refused');
      expect(await kindOf(check({ signature, msg_signature: signature, echostr: ours }), encrypted)).toBe('refused');
    });
  });
});

describe('what a push says of itself', () => {
  it('is the same id for the same push, and another for any other', async () => {
    const idOf = async (parts: Parameters<typeof pushOf>[0]) => messageIn(await openPush(pushOf(parts), SETTINGS)).id;
    const id = await idOf({});
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    // Encrypted anew: other random bytes, the same push.
    expect(await idOf({ random: Buffer.alloc(16, 7) })).toBe(id);
    const others = [{ nonce: '1' }, { at: NOON + 1000 }, { message: TICKET_XML.replace('ticket@@@', 'ticket@@') }];
    expect(new Set([id, ...(await Promise.all(others.map(idOf)))]).size).toBe(4);
  });

  it('holds no key', async () => {
    const push = messageIn(await openPush(pushOf(), SETTINGS));
    const shown = inspect(push, { depth: 9, showHidden: true }) + JSON.stringify(push);
    expect(shown).not.toContain(KEYS.token);
    expect(shown).not.toContain(KEYS.encodingAESKey);
  });
});

function encryptIn(body: Uint8Array): string {
  return /[A-Za-z0-9+/=]{64,}/.exec(Buffer.from(body).toString())?.[0] ?? '';
}
