import { createCipheriv } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decryptReply, encryptPush, pushSignature } from '../src/push-crypto.js';
import { xmlMessage, xmlText } from '../src/push-message.js';
import { type PushOrder, PushSender } from '../src/push-sender.js';
import { encryptedReply, open, type Received, startReceiver } from './receiver.js';
import { PATIENCE_MS, START } from './support.js';

const KEYS = {
  token: 'AAAAA',
  encodingAESKey: 'jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C',
  receiveId: 'wx5823bf96d3bd56c7',
};

/** For a machine that has other things to do. */
const SLOW = { timeout: 20_000 };

function order(url: string, more: Partial<PushOrder> = {}): PushOrder {
  const message = { InfoType: 'component_verify_ticket', CreateTime: 1700000000, Ticket: 't&<]]>' };
  return { platform: 'wechat', account: 'wx1', url, ...KEYS, event: 'component_verify_ticket', message, ...more };
}

function startSender(options: { timeoutMs?: number; tries?: number } = {}): PushSender {
  const sender = new PushSender({ now: () => START }, { timeoutMs: PATIENCE_MS, ...options });
  onTestFinished(() => sender.clear());
  return sender;
}

describe('the push crypto, by the platform’s own vectors', () => {
  it('signs', () => {
    expect(pushSignature('AAAAA', '1714036504', '1514711492')).toBe('f464b24fc39322e44b38aa78f5edd27bd1441696');
    expect(pushSignature('RMNlACHlV5ThzfRlVS4D4', 'timestamp', 'nonce', 'encrypt')).toBe(
      '8edac0945683c119ee71c9f6256d76c48aa08a96',
    );
  });

  it.each([
    [
      'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      '707722b803182950',
      '{"demo_resp":"good luck"}',
      'wxba5fad812f8e6fb9',
      'ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ==',
    ],
    [
      'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG',
      'aaaabbbbccccdddd',
      '我是中文abcd123',
      'wxb11529c136998cb6',
      'jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg==',
    ],
  ])('encrypts with the key %s', (encodingAESKey, random, text, receiveId, encrypted) => {
    expect(encryptPush({ encodingAESKey, receiveId }, text, Buffer.from(random))).toBe(encrypted);
    expect(decryptReply({ encodingAESKey, receiveId }, encrypted)).toBe(text);
  });

  it('decrypts with a key whose last character carries padding bits, and only for the right receiver', () => {
    const encrypted = 'P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==';
    expect(decryptReply(KEYS, encrypted)).toBe('1616140317555161061');
    expect(decryptReply({ ...KEYS, receiveId: 'wx1' }, encrypted)).toBeUndefined();
    expect(decryptReply(KEYS, `${encrypted.slice(0, 40)}AAAA${encrypted.slice(44)}`)).toBeUndefined();
    expect(decryptReply(KEYS, 'no')).toBeUndefined();
  });

  it('opens nothing whose padding is not the same byte throughout', () => {
    const block = (pad: Buffer) => {
      const key = Buffer.from(`${KEYS.encodingAESKey}=`, 'base64');
      const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
      const plain = Buffer.concat([
        Buffer.alloc(19),
        Buffer.from([1]),
        Buffer.from('m'),
        Buffer.from(KEYS.receiveId),
        pad,
      ]);
      return Buffer.concat([cipher.update(plain), cipher.final()]).toString('base64');
    };
    const size = 64 - 21 - KEYS.receiveId.length;
    const pad = Buffer.alloc(size, size);
    expect(decryptReply(KEYS, block(pad))).toBe('m');
    pad[0] = size - 1;
    expect(decryptReply(KEYS, block(pad))).toBeUndefined();
  });

  it('pads to 32 bytes, whatever the length', () => {
    for (let length = 0; length < 70; length += 1) {
      const encrypted = encryptPush(KEYS, 'x'.repeat(length));
      expect(Buffer.from(encrypted, 'base64').length % 32).toBe(0);
      expect(decryptReply(KEYS, encrypted)).toBe('x'.repeat(length));
    }
  });
});

describe('messages in XML', () => {
  it('write texts as CDATA, numbers bare, objects nested and lists repeated', () => {
    const xml = xmlMessage({ A: 'a', N: 7, O: { P: ['x', 'y'] }, Gone: undefined });
    expect(xml.replaceAll('\n', '')).toBe(
      '<xml><A><![CDATA[a]]></A><N>7</N><O><P><![CDATA[x]]></P><P><![CDATA[y]]></P></O></xml>',
    );
  });

  it('read the flat fields of a reply', () => {
    expect(xmlText('<xml><A> <![CDATA[ a ]]> </A><B> b </B></xml>', 'A')).toBe(' a ');
    expect(xmlText('<xml><B> b </B></xml>', 'B')).toBe('b');
    expect(xmlText('<xml/>', 'C')).toBeUndefined();
  });
});

describe('a push', () => {
  it('is signed and encrypted for its receiver, and names it in the clear', async () => {
    const { url, received } = await startReceiver();
    const record = await startSender().send(order(`${url}?env=test`, { envelope: { AppId: 'wx1' } }));
    expect(record).toEqual({
      at: START,
      platform: 'wechat',
      account: 'wx1',
      event: 'component_verify_ticket',
      url,
      tries: 1,
      outcome: 'success',
      status: 200,
    });
    const [push] = received;
    if (!push) throw new Error('no push');
    expect(Object.fromEntries(push.query)).toMatchObject({
      env: 'test',
      timestamp: String(START / 1000),
      encrypt_type: 'aes',
      signature: pushSignature(KEYS.token, String(START / 1000), push.query.get('nonce') ?? ''),
    });
    expect(push.headers['content-type']).toBe('text/xml');
    expect(xmlText(push.body, 'AppId')).toBe('wx1');
    const message = open(push, KEYS) ?? '';
    expect(message).toContain('<CreateTime>1700000000</CreateTime>');
    expect(message).toContain('<![CDATA[t&<]]]]><![CDATA[>]]>');
    expect(push.body).not.toContain('component_verify_ticket');
  });

  it('comes as JSON, in the clear, or in both ways', async () => {
    const { url, received } = await startReceiver();
    const sender = startSender();
    await sender.send(order(url, { format: 'json' }));
    await sender.send(order(url, { format: 'json', mode: 'plain' }));
    await sender.send(order(url, { mode: 'compatible' }));
    const [safe, plain, compatible] = received as [never, never, never];
    expect(JSON.parse(open(safe, KEYS) ?? '')).toMatchObject({ CreateTime: 1700000000 });
    expect(plain).toMatchObject({ headers: { 'content-type': 'application/json' } });
    expect(JSON.parse((plain as { body: string }).body)).toMatchObject({ InfoType: 'component_verify_ticket' });
    expect((plain as { query: URLSearchParams }).query.has('msg_signature')).toBe(false);
    expect((compatible as { body: string }).body).toContain('<InfoType>');
    expect(open(compatible, KEYS)).toContain('<InfoType>');
  });

  it('is sent three times in all, the same to the byte, while nobody answers it well', async () => {
    const answers = [{ status: 500 }, { body: 'failure' }, { body: '' }, { status: 302 }];
    const { url, received } = await startReceiver(() => answers[received.length - 1] ?? { status: 404 });
    const sender = startSender();
    expect(await sender.send(order(url))).toMatchObject({ tries: 3, outcome: 'empty', status: 200 });
    expect(await sender.send(order(url))).toMatchObject({ tries: 3, outcome: 'status', status: 404 });
    expect(received.slice(0, 3).map(({ body }) => body)).toEqual(Array(3).fill(received[0]?.body));
    expect(received[1]?.query).toEqual(received[0]?.query);
  });

  it('tells a time-out from a connection that cannot be made', async () => {
    const { url } = await startReceiver(() => ({ silent: true }));
    const hasty = startSender({ timeoutMs: 30, tries: 2 });
    expect(await hasty.send(order(url))).toMatchObject({ tries: 2, outcome: 'timeout' });
    const patient = startSender({ timeoutMs: 600_000, tries: 2 });
    expect(await patient.send(order('http://127.0.0.1:1/'))).toMatchObject({ tries: 2, outcome: 'network' });
  });

  it('opens an encrypted reply, and takes none that is not signed for this push', async () => {
    let spoil = (reply: string) => reply;
    const { url } = await startReceiver((push) => ({ body: spoil(encryptedReply(push, KEYS, '<xml>hello</xml>')) }));
    const sender = startSender({ tries: 1 });
    expect(await sender.send(order(url))).toMatchObject({ outcome: 'reply', reply: '<xml>hello</xml>' });
    for (const [from, to] of [
      [/<Nonce>\d/, '<Nonce>'],
      [/<MsgSignature>../, '<MsgSignature>00'],
      [/TimeStamp>17/, 'TimeStamp>18'],
      [/Encrypt/g, 'Crypt'],
    ] as const) {
      spoil = (reply) => reply.replace(from, to);
      expect(await sender.send(order(url))).toMatchObject({ outcome: 'invalid' });
    }
  });

  it('takes no reply that was made for another push', async () => {
    const other = { query: new URLSearchParams({ nonce: '7' }) } as Received;
    const { url } = await startReceiver(() => ({ body: encryptedReply(other, KEYS, '<xml>hello</xml>') }));
    expect(await startSender({ tries: 1 }).send(order(url))).toMatchObject({ outcome: 'invalid' });
  });

  it('is sent after those of the same account, and beside those of others', async () => {
    const gate = new EventEmitter();
    const opened = once(gate, 'open');
    const { url, received } = await startReceiver(async () => {
      await opened;
      return {};
    });
    const marker = await startReceiver();
    const sender = startSender();
    const sent = ['first', 'second', 'third'].map((event) =>
      sender.send(order(url, { event, message: { InfoType: event }, mode: 'plain' })),
    );
    // The first is unanswered all the while: the others of its account would be here before the last of these.
    for (let i = 0; i < 10; i += 1) await sender.send(order(marker.url, { account: 'wx2' }));
    expect([marker.received.length, received.length]).toEqual([10, 1]);
    gate.emit('open');
    await Promise.all(sent);
    expect(received.map(({ body }) => xmlText(body, 'InfoType'))).toEqual(['first', 'second', 'third']);
  });

  it('is waited for, those included that are sent meanwhile', async () => {
    const { url } = await startReceiver();
    const sender = startSender();
    void sender.send(order(url)).then(() => sender.send(order(url)));
    await sender.settled();
    expect(sender.log().map(({ outcome }) => outcome)).toEqual(['success', 'success']);
  });

  it('is cut off and forgotten by clear', async () => {
    const { url, received } = await startReceiver(() => ({ silent: true }));
    const sender = startSender({ timeoutMs: 600_000 });
    const sent = sender.send(order(url));
    await expect.poll(() => received.length, SLOW).toBe(1);
    sender.clear();
    expect(await sent).toMatchObject({ outcome: 'network' });
    await sender.settled();
    expect(sender.log()).toEqual([]);
    expect(received).toHaveLength(1);
  });
});

describe('the check of a URL', () => {
  it('expects the text back, plain or decrypted, and tries once', async () => {
    const plain = await startReceiver(({ query }) => ({ body: query.get('echostr') ?? '' }));
    const encrypted = await startReceiver(({ query }) => {
      return { body: decryptReply(KEYS, query.get('echostr') ?? '') ?? '' };
    });
    const sender = startSender();
    const target = { platform: 'wecom' as const, account: 'ww1', ...KEYS };
    const verify = (url: string, verification: 'plain' | 'encrypted') =>
      sender.verify({ ...target, url, verification });
    expect(await verify(plain.url, 'plain')).toMatchObject({ event: 'verification', outcome: 'verified', tries: 1 });
    expect(await verify(encrypted.url, 'encrypted')).toMatchObject({ outcome: 'verified' });
    expect(await verify(plain.url, 'encrypted')).toMatchObject({ outcome: 'invalid', tries: 1 });
    const { query, method } = plain.received[0] ?? { query: new URLSearchParams(), method: '' };
    const signed = pushSignature(KEYS.token, query.get('timestamp') ?? '', query.get('nonce') ?? '');
    expect([method, query.get('signature')]).toEqual(['GET', signed]);
  });
});
