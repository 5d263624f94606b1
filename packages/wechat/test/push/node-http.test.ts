import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import type { CallbackRequest } from '@evertoken/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type CallbackRequestOptions, callbackRequest, openPush, sendReply } from '../../src/push.js';
import { pushOf, SETTINGS, TICKET } from './pushes.js';

/** A server with the README's handler, which keeps what it was given. */
async function serve(options?: CallbackRequestOptions) {
  const seen: CallbackRequest[] = [];
  const messages: unknown[] = [];
  const server = createServer(async (req, res) => {
    const request = await callbackRequest(req, options);
    seen.push(request);
    const push = await openPush(request, SETTINGS);
    if (push.kind === 'message') messages.push(push.message);
    sendReply(res, push.kind === 'message' ? push.reply() : push.reply);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/wechat`, seen, messages };
}

const addressOf = (url: string, { query }: CallbackRequest) =>
  `${url}?${new URLSearchParams(query as Record<string, string>)}`;

describe('callbackRequest and sendReply', () => {
  it('carry a push and its reply over HTTP', async () => {
    const { url, messages } = await serve();
    const push = pushOf();
    const response = await fetch(addressOf(url, push), { method: 'POST', body: Buffer.from(push.body) });
    expect([response.status, await response.text()]).toEqual([200, 'success']);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('content-length')).toBe('7');
    expect(messages).toEqual([TICKET]);
  });

  it('carry a refusal', async () => {
    const { url } = await serve();
    const response = await fetch(url, { method: 'POST', body: 'hello' });
    expect([response.status, await response.text()]).toEqual([403, '']);
  });

  it('decode the query, and join what comes several times', async () => {
    const { url, seen } = await serve();
    await fetch(`${url}?echostr=a%2Bb%2Fc%3D%3D&nonce=1&nonce=2&__proto__=x&empty=`);
    expect(Object.entries(seen[0]?.query ?? {})).toEqual([
      ['echostr', 'a+b/c=='],
      ['nonce', '1,2'],
      ['__proto__', 'x'],
      ['empty', ''],
    ]);
    expect(seen[0]?.method).toBe('GET');
    await fetch(url);
    expect(Object.keys(seen[1]?.query ?? { a: 1 })).toEqual([]);
  });

  it('keep no body above the limit, told or not, and still answer', async () => {
    const { url, seen } = await serve({ maxBytes: 1_000 });
    const post = (body: Uint8Array) => fetch(url, { method: 'POST', body: Buffer.from(body) });
    expect((await post(Buffer.alloc(1_000, 97))).status).toBe(403);
    expect((await post(Buffer.alloc(1_001, 97))).status).toBe(403);
    const chunked = httpRequest(url, { method: 'POST' });
    for (let part = 0; part < 50; part++) chunked.write(Buffer.alloc(10_000, 97));
    // It has not ended, and never would.
    const [response] = (await once(chunked, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(403);
    chunked.destroy();
    expect(seen.map(({ body }) => body.length)).toEqual([1_000, 0, 0]);
  });

  it('hand on a body that breaks off as none', async () => {
    const { url, seen } = await serve();
    const { port, hostname } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.write('POST /?timestamp=1 HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf');
    await once(socket, 'connect');
    socket.end();
    await expect.poll(() => seen.length, { timeout: 20_000 }).toBe(1);
    expect(seen[0]?.body.length).toBe(0);
    socket.destroy();
  });

  it('use bytes that a framework has read already, and do not wait for those it has used up', async () => {
    const stream = Readable.from([]) as unknown as IncomingMessage & { body?: unknown };
    Object.assign(stream, { method: 'POST', url: '/', headers: { 'x-a': ['1', '2'] } });
    stream.resume();
    await once(stream, 'end');
    const none = await callbackRequest(stream);
    expect(none.body.length).toBe(0);
    expect(none.headers['x-a']).toBe('1, 2');
    stream.body = { parsed: true };
    expect((await callbackRequest(stream)).body.length).toBe(0);
    stream.body = Buffer.from('raw');
    expect(Buffer.from((await callbackRequest(stream)).body).toString()).toBe('raw');
    expect((await callbackRequest(stream, { maxBytes: 2 })).body.length).toBe(0);
  });
});
