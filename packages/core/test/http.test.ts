import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BodyProblem, callbackRequest, type ReadableRequest, sendReply } from '../src/http.js';
import type { CallbackReply, CallbackRequest } from '../src/index.js';

let before: (request: ReadableRequest & { body?: unknown; rawBody?: unknown }) => unknown;
let maxBytes: number | undefined;
let reply: CallbackReply;
let received: CallbackRequest[];
let problems: BodyProblem[];

const server = createServer(async (request, response) => {
  await before(request);
  received.push(await callbackRequest(request, { maxBytes, onBodyProblem: (problem) => problems.push(problem) }));
  sendReply(response, reply);
  sendReply(response, { status: 500, body: 'a second time' });
});
const port = () => (server.address() as AddressInfo).port;
const post = (body: string | Uint8Array<ArrayBuffer>) =>
  fetch(`http://127.0.0.1:${port()}/hooks`, { method: 'POST', body });
const text = () => Buffer.from(received.at(-1)?.body ?? []).toString();

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  before = () => undefined;
  maxBytes = undefined;
  reply = { status: 200, body: 'ok' };
  received = [];
  problems = [];
});

describe('callbackRequest', () => {
  it('has the bytes as they came, whatever their type is said to be', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    await fetch(`http://127.0.0.1:${port()}/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: bytes,
    });
    expect(Buffer.from(received[0]?.body ?? [])).toEqual(Buffer.from(bytes));
    expect(received[0]?.headers['content-type']).toBe('application/json');
  });

  it('waits for a body that comes in parts, one of them in the middle of a character', async () => {
    const sent = httpRequest({ port: port(), method: 'POST' });
    const bytes = Buffer.from('<xml>微信</xml>');
    sent.write(bytes.subarray(0, 6));
    await once(server, 'request');
    sent.end(bytes.subarray(6));
    await once(sent, 'response');
    expect(text()).toBe('<xml>微信</xml>');
  });

  it('joins what comes several times, and knows no inherited names', async () => {
    const sent = httpRequest({
      port: port(),
      path: '/h?nonce=1&nonce=2&__proto__=x&empty=&echostr=a%2Bb',
      method: 'GET',
    });
    sent.end();
    await once(sent, 'response');
    expect(Object.entries(received[0]?.query ?? {})).toEqual([
      ['nonce', '1,2'],
      ['__proto__', 'x'],
      ['empty', ''],
      ['echostr', 'a+b'],
    ]);
    expect(Object.getPrototypeOf(received[0]?.headers)).toBeNull();
    expect(problems).toEqual([]);
  });

  it('keeps no more than the limit, whether the size is announced or not', async () => {
    maxBytes = 1_000;
    await post(Buffer.alloc(1_000, 97));
    await post(Buffer.alloc(1_001, 97));
    const chunked = httpRequest({ port: port(), method: 'POST' });
    for (let part = 0; part < 50; part++) chunked.write(Buffer.alloc(10_000, 97));
    // It has not ended, and never would.
    const [response] = (await once(chunked, 'response')) as [IncomingMessage];
    response.resume();
    chunked.destroy();
    expect(received.map(({ body }) => body.length)).toEqual([1_000, 0, 0]);
    expect(problems).toEqual(['tooLarge', 'tooLarge']);
  });

  it.each(['while it is read', 'before it is read'])('hands on a body that breaks off %s as none', async (when) => {
    const socket = connect(port(), '127.0.0.1');
    before = async (request) => {
      const closed = once(request, 'close').catch(() => {});
      socket.destroy();
      if (when === 'before it is read') await closed;
    };
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf');
    await expect.poll(() => received.length, { timeout: 20_000 }).toBe(1);
    expect(received[0]?.body).toHaveLength(0);
    expect(problems).toEqual(['brokenOff']);
  });

  it('waits for a request that somebody has paused', async () => {
    before = (request) => request.pause();
    await post('after a look-up');
    expect(text()).toBe('after a look-up');
  });

  it('takes text as bytes where somebody has set an encoding', async () => {
    before = (request) => request.setEncoding('utf8');
    await post('微信');
    expect(text()).toBe('微信');
  });

  describe('where a framework has read the body', () => {
    const read = async (request: ReadableRequest) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of request) chunks.push(chunk as Uint8Array);
      return Buffer.concat(chunks);
    };

    it.each([
      ['bytes', (bytes: Buffer) => ({ body: bytes })],
      ['text', (bytes: Buffer) => ({ body: bytes.toString() })],
      ['something parsed, and the bytes beside it', (bytes: Buffer) => ({ body: { a: 1 }, rawBody: bytes })],
    ])('uses %s', async (_, left) => {
      before = async (request) => Object.assign(request, left(await read(request)));
      await post('{"a":1}');
      expect(text()).toBe('{"a":1}');
      maxBytes = 6;
      await post('{"a":1}');
      expect([text(), ...problems]).toEqual(['', 'tooLarge']);
    });

    it('hands on none where only something parsed is left: that is not what was signed', async () => {
      before = async (request) => {
        request.body = JSON.parse((await read(request)).toString());
      };
      await post('{"MsgId":23456789012345678}');
      expect([text(), ...problems]).toEqual(['', 'readBefore']);
    });

    it('does not miss what a request without body has not', async () => {
      before = async (request) => {
        request.body = {};
        await read(request);
      };
      await fetch(`http://127.0.0.1:${port()}/`);
      expect([text(), ...problems]).toEqual(['']);
    });
  });
});

describe('sendReply', () => {
  it('sends status, headers and text, and says how long it is', async () => {
    reply = { status: 403, headers: { 'content-type': 'text/plain; charset=utf-8', 'x-a': '1' }, body: '拒' };
    const response = await post('x');
    expect([response.status, await response.text()]).toEqual([403, '拒']);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('content-length')).toBe('3');
    expect(response.headers.get('x-a')).toBe('1');
  });

  it('sends a list as a header several times', async () => {
    reply = { status: 302, headers: { location: '/in', 'set-cookie': ['a=1; HttpOnly', 'b=2'] }, body: '' };
    const response = await fetch(`http://127.0.0.1:${port()}/`, { redirect: 'manual' });
    expect(response.headers.getSetCookie()).toEqual(['a=1; HttpOnly', 'b=2']);
  });

  it('sends nothing where the request has been answered already', async () => {
    before = (_request) => undefined;
    // The server above answers twice, each time.
    expect(await (await post('x')).text()).toBe('ok');
    expect(await (await post('x')).text()).toBe('ok');
  });
});
