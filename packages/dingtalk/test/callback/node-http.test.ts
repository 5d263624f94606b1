import { once } from 'node:events';
import { createServer, type IncomingMessage, request as send } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { CallbackRequest } from '@evertoken/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CallbackRequestOptions, callbackRequest, openCallback, sendReply } from '../../src/index.js';
import { pushOf, readReply, SETTINGS } from './pushes.js';

let options: CallbackRequestOptions;
let before: (request: IncomingMessage & { body?: unknown }) => unknown;
let received: CallbackRequest[];

const server = createServer(async (request, response) => {
  await before(request);
  received.push(await callbackRequest(request, options));
  const push = await openCallback(received.at(-1) as CallbackRequest, SETTINGS);
  sendReply(response, push.kind === 'event' ? push.reply() : push.reply);
});
const port = () => (server.address() as AddressInfo).port;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  options = {};
  before = () => undefined;
  received = [];
});

async function post(): Promise<{ readonly status: number; readonly body: string; readonly headers: Headers }> {
  const { query, body } = pushOf();
  const url = `http://127.0.0.1:${port()}/hooks?${new URLSearchParams(query as Record<string, string>)}`;
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: Buffer.from(body) });
  return { status: response.status, body: await response.text(), headers: response.headers };
}

describe('over HTTP', () => {
  it('a push is read and answered', async () => {
    const { status, body, headers } = await post();
    expect(status).toBe(200);
    expect(readReply({ status, body }).message).toBe('success');
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(received[0]).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json' } });
  });

  it('a body that a framework has read as bytes is used as it is', async () => {
    before = async (request) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of request) chunks.push(chunk as Uint8Array);
      request.body = Buffer.concat(chunks);
    };
    expect((await post()).status).toBe(200);
  });

  it('a body that somebody has read and made something else of is refused, not waited for', async () => {
    before = async (request) => {
      for await (const _ of request);
      request.body = { encrypt: 'parsed' };
    };
    expect((await post()).status).toBe(403);
  });

  it('a body that is too large is refused', async () => {
    options = { maxBytes: pushOf().body.length };
    expect((await post()).status).toBe(200);
    options = { maxBytes: pushOf().body.length - 1 };
    expect((await post()).status).toBe(403);
    expect(received.at(-1)?.body).toHaveLength(0);
  });

  it.each(['while it is read', 'before it is read'])('a body that breaks off %s is refused', async (when) => {
    const socket = connect(port(), '127.0.0.1');
    before = async (request) => {
      const closed = once(request, 'close').catch(() => {});
      socket.destroy();
      if (when === 'before it is read') await closed;
    };
    socket.write('POST /hooks HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"encrypt":');
    await expect.poll(() => received.length, { timeout: 20_000 }).toBe(1);
    expect(received[0]?.body).toHaveLength(0);
  });

  it('values that come twice are none of those that were signed', async () => {
    send({ port: port(), path: '/hooks?nonce=a&nonce=b&__proto__=c&empty', method: 'GET' }).end();
    await expect.poll(() => received.length, { timeout: 20_000 }).toBe(1);
    const { query } = received[0] as CallbackRequest;
    expect(query['nonce']).toBe('a,b');
    expect(Object.getPrototypeOf(query)).toBeNull();
    expect(query['empty']).toBe('');
  });
});
