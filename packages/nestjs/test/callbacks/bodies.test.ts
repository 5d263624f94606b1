import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import { TokenCallbackModule } from '../../src/callbacks/index.js';
import { ending } from '../support.js';
import {
  ADAPTERS,
  type AdapterName,
  EchoHandler,
  OrdersController,
  type Served,
  type ServeOptions,
  serve,
} from './support.js';

const XML = '<xml><Encrypt><![CDATA[微信==]]></Encrypt></xml>';
const JSON_TEXT = '{ "encrypt":"a+b/c==", "MsgId": 23456789012345678 }';
const FORM = 'a=1&b=%E4%BD%A0';
const TYPES: [string | undefined, string | Uint8Array][] = [
  ['text/xml', XML],
  ['text/xml; charset=utf-8', XML],
  ['application/xml', XML],
  ['text/plain', XML],
  ['application/json', JSON_TEXT],
  ['application/json; charset=utf-8', JSON_TEXT],
  ['application/json', 'no JSON at all'],
  ['application/vnd.api+json', JSON_TEXT],
  ['application/octet-stream', Uint8Array.from({ length: 256 }, (_, byte) => byte)],
  ['application/x-www-form-urlencoded', FORM],
  ['multipart/form-data; boundary=x', '--x--'],
  ['no type', XML],
  [undefined, XML],
  ['application/json', ''],
];

const module = () =>
  TokenCallbackModule.forRoot({ routes: [{ path: 'hooks/wechat', handler: EchoHandler, maxBytes: 200_000 }] });
const serveEcho = (adapter: AdapterName, options: ServeOptions = {}) =>
  serve(adapter, [module()], { providers: [EchoHandler], controllers: [OrdersController], ...options });

/** `fetch` adds a type to text, never to bytes. */
const post = (type: string | undefined, body: string | Uint8Array): RequestInit => ({
  method: 'POST',
  body: Buffer.from(body),
  headers: type === undefined ? {} : { 'content-type': type },
});

/** A parser in front even of what we have put in front. */
function parseFirst({ app }: Served, parser: 'raw' | 'json') {
  (app as NestExpressApplication).useBodyParser(parser, { type: () => true });
  const { stack } = app.getHttpAdapter().getInstance().router;
  stack.unshift(...stack.splice(-1));
}

async function expectBytes({ app, send }: Served, path = '/hooks/wechat') {
  for (const [type, body] of TYPES) {
    const { status, text } = await send(path, post(type, body));
    expect([type, status, Buffer.from(text, 'base64')]).toEqual([type, 200, Buffer.from(body)]);
    const headers = app.get(EchoHandler).received.at(-1)?.request.headers;
    expect([headers?.['content-type'], headers?.['content-length']]).toEqual([type, String(Buffer.from(body).length)]);
  }
}

/** What other routes get is what they would get without us. */
async function others({ send }: Served) {
  const sent = TYPES.map(async ([type, body]) => {
    const { status, text } = await send('/orders', post(type, body));
    return [type, status, text];
  });
  return Promise.all(sent);
}

const SETTINGS: [string, ServeOptions][] = [
  ['as they are by default', {}],
  ['with rawBody', { nest: { rawBody: true } }],
  ['without bodyParser', { nest: { bodyParser: false } }],
  [
    'with routes that Nest sorts',
    { nest: { routeResolutionStrategy: 'specificity', routeConflictPolicy: { duplicate: 'error' } } },
  ],
  ['behind a global prefix', { configure: (app) => app.setGlobalPrefix('api/v1') }],
];

describe.each(ADAPTERS)('bodies on %s', (adapter) => {
  it.each(SETTINGS)(
    'come as they were sent, whatever their type, and other routes are left alone: %s',
    async (name, options) => {
      const prefix = name.includes('prefix') ? '/api/v1' : '';
      const served = await serveEcho(adapter, options);
      await expectBytes(served, `${prefix}/hooks/wechat`);
      const without = await serve(adapter, [], { controllers: [OrdersController], ...options });
      const path = (of: Served): Served => ({ ...of, send: (to, init) => of.send(prefix + to, init) });
      expect(await others(path(served))).toEqual(await others(path(without)));
    },
  );

  it('come where a testing module makes the application', async () => {
    const compiled = await Test.createTestingModule({ imports: [module()], providers: [EchoHandler] }).compile();
    const { app } = await serve(adapter, []);
    const testing: INestApplication =
      adapter === 'Express' ? compiled.createNestApplication() : compiled.createNestApplication(new FastifyAdapter());
    await ending(testing).listen(0, '127.0.0.1');
    expect(app).toBeDefined();
    const send = async (path: string, init?: RequestInit) => {
      const response = await fetch((await testing.getUrl()) + path, init);
      return { status: response.status, text: await response.text(), headers: response.headers };
    };
    await expectBytes({ app: testing, send } as Served);
  });

  it('come past what an application has put in front of everything', async () => {
    const served = await serveEcho(adapter, {
      configure: (app) => {
        if (adapter === 'Fastify') {
          const instance = (app as unknown as { getHttpAdapter(): FastifyAdapter }).getHttpAdapter().getInstance();
          instance.removeContentTypeParser('text/plain');
          instance.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) =>
            done(null, { text: body }),
          );
        } else {
          (app as NestExpressApplication).useBodyParser('text', { type: () => true });
          (app as NestExpressApplication).useBodyParser('json', { type: () => true, strict: false });
        }
      },
    });
    await expectBytes(served);
  });

  it('come through what reads them as bytes or keeps those, where it is in front of us on purpose', async () => {
    const adapterOf = new FastifyAdapter({ bodyLimit: 10 });
    const served = await serveEcho(
      adapter,
      adapter === 'Fastify' ? { adapter: adapterOf } : { nest: { bodyParser: false } },
    );
    if (adapter === 'Express') {
      parseFirst(served, 'raw');
    }
    // Fastify's own limit is that of its parsers.
    await expectBytes(served);
  });

  it('are refused above the limit of the route, and none of it is kept', async () => {
    const served = await serve(
      adapter,
      [
        TokenCallbackModule.forRoot({
          routes: [
            { path: 'small', handler: EchoHandler, maxBytes: 1_000 },
            { path: 'usual', handler: EchoHandler },
          ],
        }),
      ],
      { providers: [EchoHandler] },
    );
    const sizes: [string, number, number][] = [
      ['/small', 1_000, 200],
      ['/small', 1_001, 413],
      ['/usual', 1024 * 1024, 200],
      ['/usual', 1024 * 1024 + 1, 413],
    ];
    for (const [path, bytes, expected] of sizes) {
      for (const type of ['application/json', 'text/xml']) {
        const { status, text } = await served.send(path, post(type, Buffer.alloc(bytes, 97)));
        expect([path, bytes, status]).toEqual([path, bytes, expected]);
        if (expected === 413) expect(text).toBe('');
      }
    }
    const { received } = served.app.get(EchoHandler);
    expect(received).toHaveLength(4);
    // One that has not said how large it is, has not ended, and never would.
    const chunked = httpRequest(`${served.url}/small`, { method: 'POST', headers: { 'content-type': 'text/xml' } });
    chunked.on('error', () => {});
    for (let part = 0; part < 20; part++) chunked.write(Buffer.alloc(10_000, 97));
    const [response] = (await once(chunked, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    chunked.destroy();
    expect(received).toHaveLength(4);
  });

  it('that break off are nobody’s affair, and the next one is answered', async () => {
    const served = await serveEcho(adapter);
    const { port } = new URL(served.url);
    for (const type of ['text/xml', 'application/json']) {
      const socket = connect(Number(port), '127.0.0.1');
      socket.write(
        `POST /hooks/wechat HTTP/1.1\r\nhost: x\r\ncontent-type: ${type}\r\ncontent-length: 100\r\n\r\nhalf`,
      );
      await once(socket, 'connect');
      socket.destroy();
    }
    const { status } = await served.send('/hooks/wechat', post('text/xml', XML));
    expect(status).toBe(200);
    expect(served.app.get(EchoHandler).received).toHaveLength(1);
    expect(served.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('come in parts', async () => {
    const served = await serveEcho(adapter);
    const sent = httpRequest(`${served.url}/hooks/wechat`, { method: 'POST', headers: { 'content-type': 'text/xml' } });
    const bytes = Buffer.from(XML);
    sent.write(bytes.subarray(0, 29));
    setImmediate(() => sent.end(bytes.subarray(29)));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    expect(Buffer.from(served.app.get(EchoHandler).received[0]?.request.body ?? []).toString()).toBe(XML);
  });
});

describe('bodies on Express', () => {
  it('that were used up before they got here are a mistake that is said once, and are not answered as if they were empty', async () => {
    const served = await serveEcho('Express');
    parseFirst(served, 'json');
    for (let time = 0; time < 2; time++) {
      expect((await served.send('/hooks/wechat', post('application/json', '{"a":1}'))).status).toBe(500);
    }
    expect(served.app.get(EchoHandler).received).toEqual([]);
    const [line, ...more] = served.log.lines.filter(({ context }) => context === 'EvertokenCallbacks');
    expect(line?.text).toMatch(/^'hooks\/wechat' cannot be answered: something has read the request's body before/);
    expect(more).toEqual([]);
  });
});

describe('bodies on Fastify', () => {
  it('are there for injected requests too', async () => {
    const served = await serveEcho('Fastify');
    const instance = (served.app.getHttpAdapter() as unknown as FastifyAdapter).getInstance();
    const { statusCode, body } = await instance.inject({
      method: 'POST',
      url: '/hooks/wechat',
      headers: { 'content-type': 'text/xml' },
      payload: XML,
    });
    expect([statusCode, Buffer.from(body, 'base64').toString()]).toEqual([200, XML]);
  });
});
