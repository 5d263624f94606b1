import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nextEngineApp } from '../src/index.js';
import { recordingTokens, tokenErrorOf } from './support.js';

const DISPATCHER = Symbol.for('undici.globalDispatcher.1');
type Dispatcher = { dispatch(options: object, handler: object): boolean };
const shared = globalThis as { [DISPATCHER]?: Dispatcher };

let base = '';
/** A platform that lets its callers wait longer than `fetch` usually does. */
const server = createServer((_request, response) => {
  setTimeout(() => response.end('{"result":"success"}'), 3_000);
});
const usual = () => shared[DISPATCHER] as Dispatcher;
let before: Dispatcher;

beforeAll(async () => {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  await fetch('data:,').catch(() => {});
  before = usual();
  // What the platform's client does after 5 minutes, after a second: nobody wants to wait here.
  shared[DISPATCHER] = {
    dispatch: (options, handler) => before.dispatch({ headersTimeout: 1_000, bodyTimeout: 1_000, ...options }, handler),
  };
});
afterAll(async () => {
  shared[DISPATCHER] = before;
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

const user = () =>
  nextEngineApp({ name: 'erp', clientId: 'c', clientSecret: 'cs', baseUrls: { api: base } })
    .user('u1')
    .client(recordingTokens());

it('a call that waits outlasts the limits that fetch has of its own', async () => {
  expect(await user().call('/api_v1_x/search', {}, { waitFlag: true, retries: 0 })).toEqual({ result: 'success' });
});

it('another one has them still', async () => {
  const error = await tokenErrorOf(user().call('/api_v1_x/search', {}, { retries: 0, timeoutMs: 60_000 }));
  expect(error).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT' });
});
