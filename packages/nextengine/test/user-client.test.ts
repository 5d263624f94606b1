import { TokenError } from '@evertoken/core';
import { describe, expect, it } from 'vitest';
import { NextEngineError, nextEngineApp } from '../src/index.js';
import {
  ANSWERED_AT,
  answering,
  impatientClock,
  type Reply,
  recordingTokens,
  shown,
  tokenErrorOf,
  wirePair,
} from './support.js';

const KEY = 'et1/nextengine/c/access_token/u1';
const SEARCH = '/api_v1_receiveorder_base/search';
const ROWS = { result: 'success', count: '1', data: [{ receive_order_id: '1' }] };

function calling(replies: Reply[], values: string[] = ['A1', 'A2', 'A3'], failures = {}) {
  const { fetch, seen } = answering(...replies);
  const tokens = recordingTokens(values, fetch, failures);
  const clock = impatientClock();
  const app = nextEngineApp({ name: 'erp', clientId: 'c', clientSecret: 'cs', fetch, clock, random: () => 0.5 });
  return { client: app.client(tokens).user('u1'), tokens, seen, waits: clock.waits };
}

describe('a call', () => {
  it('carries the access token alone and resolves with the answer without its token fields', async () => {
    const { client, seen } = calling([{ ...ROWS, ...wirePair('A1', 'R1') }]);
    expect(await client.call(SEARCH, { fields: 'receive_order_id' })).toEqual(ROWS);
    expect(seen.map(({ url, form }) => [url, form])).toEqual([
      [`https://api.next-engine.org${SEARCH}`, { access_token: 'A1', fields: 'receive_order_id' }],
    ]);
  });

  it('asks the hosts it is told to', async () => {
    const { fetch, seen } = answering(ROWS);
    const app = nextEngineApp({
      name: 'erp',
      clientId: 'c',
      clientSecret: 'cs',
      fetch,
      baseUrls: { api: 'http://127.0.0.1:1/nextengine/api/' },
    });
    await app.user('u1').client(recordingTokens()).call(SEARCH);
    expect(seen[0]?.url).toBe(`http://127.0.0.1:1/nextengine/api${SEARCH}`);
  });

  it.each<[string, string, object]>([
    ['a token among the parameters', SEARCH, { access_token: 'mine' }],
    ['a path that is none', 'https://evil.example/api_v1_x', {}],
  ])('with %s is refused before anything is asked for or sent', async (_, path, params) => {
    const { client, seen, tokens } = calling([ROWS]);
    await expect(client.call(path, params as never)).rejects.toBeInstanceOf(TypeError);
    expect([seen, tokens.log]).toEqual([[], []]);
  });
});

describe('a refused token', () => {
  it.each([
    { result: 'redirect' },
    { result: 'redirect', code: '002004' },
    { result: 'error', code: '002002' },
    { result: 'error', code: '002004' },
  ])('%j is reported, and the call made once more with a better one', async (refusal) => {
    const { client, tokens, seen } = calling([refusal, ROWS]);
    expect(await client.call(SEARCH, { limit: 1 })).toEqual(ROWS);
    expect(tokens.log).toEqual([
      ['get', KEY],
      ['reject', KEY, 'A1'],
    ]);
    expect(seen.map(({ form }) => form)).toEqual([
      { access_token: 'A1', limit: '1' },
      { access_token: 'A2', limit: '1' },
    ]);
  });

  it('is replayed once, never in a loop', async () => {
    const { client, tokens, seen } = calling([{ result: 'error', code: '002002' }]);
    await expect(client.call(SEARCH)).rejects.toMatchObject({ name: 'NextEngineError', code: '002002' });
    expect(seen).toHaveLength(2);
    expect(tokens.log.filter(([what]) => what === 'reject')).toHaveLength(1);
  });

  it.each(['ERR_TOKEN_REAUTHORIZATION_REQUIRED', 'ERR_TOKEN_REJECTED_AGAIN'] as const)(
    'without a better one ends in %s, with no replay',
    async (code) => {
      const reject = new TokenError(code, 'no better one');
      const { client, seen } = calling([{ result: 'redirect' }], ['A1'], { reject });
      expect(await tokenErrorOf(client.call(SEARCH))).toBe(reject);
      expect(seen).toHaveLength(1);
    },
  );
});

describe('other errors', () => {
  it('are NextEngine’s, made of its code and message', async () => {
    const { client, tokens, seen } = calling([
      { result: 'error', code: '020500', message: '1行目が不正です', request_id: 'r-7', ...wirePair('A1', 'R1') },
    ]);
    const error = await client.call('/api_v1_receiveorder_base/bulkupdate').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NextEngineError);
    expect(error).toMatchObject({ code: '020500', category: 'request', requestId: 'r-7', retryable: false });
    expect((error as Error).message).toBe(
      'account "erp": /api_v1_receiveorder_base/bulkupdate was answered with 020500: 1行目が不正です',
    );
    expect(shown(error)).not.toMatch(/A1|R1/);
    expect([seen.length, tokens.log.length]).toEqual([1, 1]);
  });

  it.each<[string, Reply]>([
    ['HTML', '<html></html>'],
    ['no known result', { result: 'ok', code: '002002' }],
    ['an array', '[]'],
  ])('%s is a transport failure, never an authentication failure', async (_, reply) => {
    const { client, tokens } = calling([reply]);
    expect(await tokenErrorOf(client.call(SEARCH, {}, { retries: 0 }))).toMatchObject({
      code: 'ERR_TOKEN_TRANSPORT',
      reason: 'malformed',
      subject: 'u1',
    });
    expect(tokens.log).toEqual([['get', KEY]]);
  });
});

describe('a pair that comes unasked', () => {
  const adopted = (sent: string) => [
    'adopt',
    KEY,
    {
      value: 'A8',
      refreshToken: 'R8',
      expiresAt: ANSWERED_AT,
      refreshTokenExpiresAt: ANSWERED_AT + 48 * 3_600_000,
      answeredAt: ANSWERED_AT,
    },
    { presented: sent },
  ];

  it('is handed over before the result is looked at', async () => {
    const { client, tokens } = calling([{ result: 'error', code: '003002', ...wirePair('A8', 'R8') }]);
    await expect(client.call(SEARCH, {}, { retries: 0 })).rejects.toMatchObject({ code: '003002' });
    expect(tokens.log).toEqual([['get', KEY], adopted('A1')]);
  });

  it('is handed over on a success too', async () => {
    const { client, tokens } = calling([{ ...ROWS, ...wirePair('A8', 'R8') }]);
    expect(await client.call(SEARCH)).toEqual(ROWS);
    expect(tokens.log).toEqual([['get', KEY], adopted('A1')]);
  });

  it('is handed over even where the answer makes no sense otherwise', async () => {
    const { client, tokens } = calling([wirePair('A8', 'R8')]);
    expect((await tokenErrorOf(client.call(SEARCH, {}, { retries: 0 }))).code).toBe('ERR_TOKEN_TRANSPORT');
    expect(tokens.log).toEqual([['get', KEY], adopted('A1')]);
  });

  it('comes before the rejection that the same answer causes', async () => {
    const { client, tokens } = calling([{ result: 'error', code: '002002', ...wirePair('A8', 'R8') }, ROWS]);
    await client.call(SEARCH);
    expect(tokens.log).toEqual([['get', KEY], adopted('A1'), ['reject', KEY, 'A1']]);
  });

  it.each([
    ['an echo', wirePair('A1', 'R1')],
    ['an echo of the access token beside a refresh token that was not sent', wirePair('A1', 'R7')],
    ['half a pair', { access_token: 'A8' }],
    ['the other half', { refresh_token: 'R8' }],
  ])('%s is none', async (_, fields) => {
    const { client, tokens } = calling([{ ...ROWS, ...fields }]);
    await client.call(SEARCH);
    expect(tokens.log).toEqual([['get', KEY]]);
  });
});

describe('nobody is signed in', () => {
  it.each([undefined, ''])('uid %j: each call asks for a sign-in', async (uid) => {
    const { fetch, seen } = answering(ROWS);
    const tokens = recordingTokens();
    const app = nextEngineApp({ name: 'erp', clientId: 'c', clientSecret: 'cs', fetch });
    for (const client of [app.client(tokens).user(uid), app.user(uid).client(tokens)]) {
      const error = await tokenErrorOf(client.call(SEARCH));
      expect(error).toMatchObject({ code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED', account: 'erp', reason: 'absent' });
      expect(error.message).toContain('nobody is signed in');
    }
    expect([tokens.log, seen]).toEqual([[], []]);
  });
});

describe('a caller that does not wait', () => {
  const stuck: typeof fetch = (_input, init) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
    });
  const client = nextEngineApp({ name: 'erp', clientId: 'c', clientSecret: 'cs', fetch: stuck })
    .client(recordingTokens())
    .user('u1');

  it('gives up through its signal', async () => {
    const stop = new AbortController();
    const call = tokenErrorOf(client.call(SEARCH, {}, { signal: stop.signal }));
    setImmediate(() => stop.abort());
    expect(await call).toMatchObject({ code: 'ERR_TOKEN_ABORTED', uncertain: true });
  });

  it('gives up after its time', async () => {
    expect(await tokenErrorOf(client.call(SEARCH, {}, { timeoutMs: 5, retries: 0 }))).toMatchObject({
      code: 'ERR_TOKEN_TRANSPORT',
      reason: 'timeout',
    });
  });
});
