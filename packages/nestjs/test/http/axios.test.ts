import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { TokenError } from '@evertoken/core';
import { fixedTokens } from '@evertoken/core/testing';
import axios, { AxiosError, type AxiosInstance, type CreateAxiosDefaults } from 'axios';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rejectedByCode, type WithTokensOptions, withTokens } from '../../src/http/index.js';
import { testAccount } from '../support.js';
import { type ApiServer, apiServer, shopTokens, tokenOf, writtenForms } from './api-server.js';

let api: ApiServer;
let elsewhere: ApiServer;
beforeAll(async () => {
  [api, elsewhere] = await Promise.all([apiServer(), apiServer()]);
});
beforeEach(() => {
  for (const server of [api, elsewhere]) {
    server.seen.length = 0;
    server.valid.clear();
  }
  api.valid.add(tokenOf(1));
});
afterAll(() => Promise.all([api.close(), elsewhere.close()]));

function client(options: Partial<WithTokensOptions> = {}, defaults: CreateAxiosDefaults = {}) {
  const { shop, tokens } = shopTokens();
  const http = axios.create({ baseURL: api.origin, ...defaults });
  const eject = withTokens(http, { tokens, source: shop.accessToken, ...options });
  return { shop, tokens, http, eject };
}

/** What the server takes from now on: the first token has been refused. */
function firstTokenDies() {
  api.valid.clear();
  api.valid.add(tokenOf(2));
}

const failureOf = (work: Promise<unknown>): Promise<AxiosError & Error> =>
  work.then(
    () => {
      throw new Error('it was expected to fail');
    },
    (error) => error,
  );

/** Both ways that axios has of sending on Node. */
const adapters = ['http', 'fetch'] as const;

describe.each(adapters)('over %s', (adapter) => {
  const over = (options: Partial<WithTokensOptions> = {}, defaults: CreateAxiosDefaults = {}) =>
    client(options, { adapter, ...defaults });

  it.each([
    [undefined, { authorization: `Bearer ${tokenOf(1)}` }],
    [{ header: 'x-access-token' }, { 'x-access-token': tokenOf(1) }],
  ])('puts the token into a header: %j', async (place, headers) => {
    const { http } = over({ place });
    expect((await http.get('/me')).data).toEqual({ ok: true });
    expect(api.seen[0]?.headers).toMatchObject(headers);
  });

  it('puts it into the query beside the parameters, whatever they are made of', async () => {
    const { http } = over({ place: { query: 'access_token' } });
    for (const params of [{ a: 1 }, new URLSearchParams('a=1'), undefined]) await http.get('/me', { params });
    expect(api.seen.map(({ query }) => [query.get('a'), query.getAll('access_token')])).toEqual([
      ['1', [tokenOf(1)]],
      ['1', [tokenOf(1)]],
      [null, [tokenOf(1)]],
    ]);
  });

  it('sends a refused request once more, with its body, and shows interceptors the last answer only', async () => {
    firstTokenDies();
    const { http, shop } = over();
    const statuses: number[] = [];
    http.interceptors.response.use((answer) => {
      statuses.push(answer.status);
      return answer;
    });
    const { data } = await http.post('/orders', { two: 2 }, { headers: { 'x-mine': 'yes' } });
    expect(data).toEqual({ ok: true });
    expect(api.seen.map(({ body, headers }) => [body, headers['x-mine']])).toEqual([
      ['{"two":2}', 'yes'],
      ['{"two":2}', 'yes'],
    ]);
    expect([statuses, shop.calls()]).toEqual([[200], 2]);
  });

  it('finds the code in an answer of 200, whatever the response type', async () => {
    for (const responseType of ['json', 'text', 'arraybuffer'] as const) {
      firstTokenDies();
      const { http } = over({ isRejected: rejectedByCode('errcode', [40001]) }, { responseType });
      const { data } = await http.get('/code');
      expect(responseType === 'json' ? JSON.stringify(data) : Buffer.from(data).toString()).toBe('{"ok":true}');
    }
  });

  it.each([undefined, { header: 'x-access-token' }, { query: 'access_token' }])(
    'keeps the token from the origin that a redirect leads to: %j',
    async (place) => {
      const { http, shop } = over({ place });
      await http.get('/go', { params: { to: `${elsewhere.origin}/me?b=2` } }).catch(() => {});
      for (const { headers, query } of elsewhere.seen) {
        expect(headers.authorization ?? headers['x-access-token'] ?? query.get('access_token')).toBeNull();
      }
      // Its 401 says nothing about a token that it was not shown.
      if (adapter === 'http') expect([elsewhere.seen.length, shop.calls()]).toEqual([1, 1]);
    },
  );

  it.each([undefined, { header: 'x-access-token' }, { query: 'access_token' }])(
    'shows no token in errors and answers: %j',
    async (place) => {
      api.valid.clear();
      const { http } = over({ place });
      const refused = await failureOf(http.get('/me', { params: { a: 1 } }));
      expect(refused).toBeInstanceOf(AxiosError);
      expect(refused.response?.status).toBe(401);
      api.valid.add(tokenOf(2));
      const answer = await http.get('/me');
      const gone = await failureOf(over({ place, origins: ['http://127.0.0.1:1'] }).http.get('http://127.0.0.1:1/me'));
      expect(gone.response).toBeUndefined();
      for (const value of [tokenOf(1), tokenOf(2)].flatMap(writtenForms)) {
        for (const each of [refused, gone, answer, refused.response, refused.config]) {
          expect(inspect(each, { depth: 12 })).not.toContain(value);
        }
        for (const error of [refused, gone]) expect(JSON.stringify(error)).not.toContain(value);
        expect(`${refused.stack}${gone.stack}`).not.toContain(value);
      }
      // Who needs it still finds it.
      expect(refused.request).toBeDefined();
    },
  );

  it('lets go of a request that is cancelled while it waits for a token, or for the answer', async () => {
    let issued = (_: { value: string }) => {};
    const slow = testAccount({
      name: 'slow',
      issue: () =>
        new Promise((resolve) => {
          issued = resolve;
        }),
    });
    const { tokens } = shopTokens();
    tokens.add(slow);
    const controller = new AbortController();
    const { http } = over({ tokens, source: slow.accessToken });
    const waiting = failureOf(http.get('/me', { signal: controller.signal }));
    await expect.poll(slow.calls).toBe(1);
    controller.abort();
    expect(axios.isCancel(await waiting)).toBe(true);
    const late = await failureOf(http.get('/me', { timeout: 20 }));
    expect(late).toMatchObject({ code: 'ECONNABORTED', message: 'timeout of 20ms exceeded' });
    issued({ value: 'late' });

    const other = new AbortController();
    const sending = failureOf(over().http.get('/slow', { signal: other.signal }));
    await expect.poll(() => api.seen.length).toBe(1);
    other.abort();
    expect(axios.isCancel(await sending)).toBe(true);
    api.release();
  });
});

it('takes the token along on the origin itself, in whatever header', async () => {
  for (const place of [undefined, { header: 'x-access-token' }]) {
    const { http } = client({ place });
    expect((await http.get('/go', { params: { to: '/me' } })).status).toBe(200);
  }
});

it('calls the caller’s own beforeRedirect', async () => {
  const hops: string[] = [];
  const beforeRedirect = (options: Record<string, unknown>) => void hops.push(String(options['path']));
  await client().http.get('/go', { params: { to: '/me' }, beforeRedirect });
  expect(hops).toEqual(['/me']);
});

it('follows no redirect that carries the token away in its address', async () => {
  const { http } = client({ place: { query: 'access_token' } });
  const thief = `${elsewhere.origin}/open?t=${encodeURIComponent(tokenOf(1))}`;
  const error = await failureOf(http.get('/go', { params: { to: thief } }));
  expect(error.message).toContain('none of "origins"');
  for (const form of writtenForms(tokenOf(1))) {
    expect(inspect({ ...error, config: undefined }, { depth: 12 })).not.toContain(form);
  }
  expect(elsewhere.seen).toEqual([]);
});

it('sends nothing of it to any other origin', async () => {
  const { http, shop } = client();
  expect((await http.get(`${elsewhere.origin}/open`)).status).toBe(200);
  expect(elsewhere.seen[0]?.headers.authorization).toBeUndefined();
  expect(shop.calls()).toBe(0);
});

it('does not send a stream again, but has its token replaced for the next request', async () => {
  firstTokenDies();
  const { http } = client();
  const refused = await failureOf(http.post('/upload', Readable.from(['streamed'])));
  expect(refused.response?.status).toBe(401);
  expect(api.seen.map(({ body }) => body)).toEqual(['streamed']);
  expect((await http.get('/me')).status).toBe(200);
  expect(api.seen).toHaveLength(2);
});

it('hands on streams as they come, and shows no token in them', async () => {
  firstTokenDies();
  const { http } = client({ place: { query: 'access_token' } }, { responseType: 'stream' });
  const { data } = await http.get('/me');
  expect(data.responseUrl).toBe(`${api.origin}/me`);
  expect(inspect(data, { depth: 12 })).not.toContain(encodeURIComponent(tokenOf(2)));
  expect(await text(data)).toBe('{"ok":true}');
});

it('hands on the refusal, with the reason as its cause, where no better token is to be had', async () => {
  api.valid.clear();
  const shop = testAccount({ name: 'shop' });
  const tokens = fixedTokens([[shop.accessToken, 'T1']]);
  const refused = await failureOf(client({ tokens, source: shop.accessToken }).http.get('/me'));
  expect(refused.response?.status).toBe(401);
  expect(refused.cause).toBeInstanceOf(TokenError);
  expect(refused.cause).toMatchObject({ code: 'ERR_TOKEN_REJECTED_AGAIN' });
  expect([api.seen.length, tokens.rejections.length]).toEqual([1, 1]);
});

it('says why there is no token', async () => {
  const { shop } = shopTokens();
  const error = await failureOf(client({ tokens: fixedTokens([]), source: shop.accessToken }).http.get('/me'));
  expect(error).toMatchObject({ name: 'TokenError', code: 'ERR_TOKEN_CONFIGURATION' });
  expect(api.seen).toEqual([]);
});

it('judges a refusal that validateStatus lets pass', async () => {
  firstTokenDies();
  const { http } = client({}, { validateStatus: null });
  expect((await http.get('/me')).status).toBe(200);
});

it('lets an interceptor retry: the token is put in anew, and once', async () => {
  const { shop } = shopTokens();
  const tokens = fixedTokens([[shop.accessToken, [tokenOf(1), tokenOf(2), tokenOf(3)]]]);
  const { http } = client({ tokens, source: shop.accessToken });
  let retried = 0;
  http.interceptors.response.use(undefined, async (error: AxiosError) => {
    if (retried++ > 0 || !error.config) throw error;
    api.valid.add(tokenOf(3));
    // As another request would: the token of the first try is no longer the current one.
    await tokens.reject(shop.accessToken, tokenOf(2));
    return http.request(error.config);
  });
  api.valid.clear();
  expect((await http.post('/me', { n: 1 })).data).toEqual({ ok: true });
  expect(api.seen.map(({ headers, body }) => [headers.authorization, body])).toEqual([
    [`Bearer ${tokenOf(1)}`, '{"n":1}'],
    [`Bearer ${tokenOf(2)}`, '{"n":1}'],
    [`Bearer ${tokenOf(3)}`, '{"n":1}'],
  ]);
});

it('sends each try twice at most, however often an interceptor tries', async () => {
  const { shop } = shopTokens();
  const tokens = fixedTokens([[shop.accessToken, ['A', 'B', 'C', 'D', 'E', 'F']]]);
  const { http } = client({ tokens, source: shop.accessToken });
  let retries = 0;
  http.interceptors.response.use(undefined, (error: AxiosError) => {
    if (retries++ > 0 || !error.config) throw error;
    return http.request(error.config);
  });
  await failureOf(http.get('/me'));
  expect([api.seen.length, tokens.rejections.map(({ value }) => value)]).toEqual([4, ['A', 'B']]);
});

it('finds the source of each request, or sends without', async () => {
  const account = testAccount({ name: 'erp', grants: 'only' });
  const tokens = fixedTokens([
    [account.user('ann'), 'A'],
    [account.user('bob'), 'B'],
  ]);
  const { http } = client({
    tokens,
    source: ({ headers }) => (headers.has('x-user') ? account.user(String(headers.get('x-user'))) : undefined),
  });
  for (const user of ['ann', 'bob']) await http.get('/open', { headers: { 'x-user': user } });
  await http.get('/open');
  expect(api.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer A', 'Bearer B', undefined]);
});

it('serves several sources on one instance, each to its own origin', async () => {
  const [ours, theirs] = [testAccount({ name: 'ours' }), testAccount({ name: 'theirs' })];
  const tokens = fixedTokens([
    [ours.accessToken, 'O'],
    [theirs.accessToken, 'T'],
  ]);
  const http = axios.create();
  withTokens(http, { tokens, source: ours.accessToken, origins: [api.origin] });
  withTokens(http, { tokens, source: theirs.accessToken, origins: [elsewhere.origin] });
  await http.get(`${api.origin}/open`);
  await http.get(`${elsewhere.origin}/open`);
  expect([api, elsewhere].map(({ seen }) => seen[0]?.headers.authorization)).toEqual(['Bearer O', 'Bearer T']);
});

it('can be taken out again', async () => {
  const { http, eject } = client();
  eject();
  await http.get('/open');
  expect(api.seen[0]?.headers.authorization).toBeUndefined();
});

it('has 50 requests that are refused together replaced by one refresh', async () => {
  const { http, shop } = client();
  await http.get('/me');
  firstTokenDies();
  const answers = await Promise.all(Array.from({ length: 50 }, () => http.get('/me')));
  expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
  expect(shop.calls()).toBe(2);
});

it.each([
  [axios.create(), {}, /^"origins" must be a list such as .* no "baseURL"/],
  [axios.create({ baseURL: 'http://api.example' }), {}, /^"origins\[0\]" must be https/],
  [axios.create({ baseURL: 'https://api.example/v1' }), { origin: 'x' }, /^"origin" is no option of withTokens/],
  [{} as AxiosInstance, {}, /^"axios" must be an instance of axios/],
])('refuses wrong options', (instance, options, message) => {
  const { shop, tokens } = shopTokens();
  expect(() => withTokens(instance, { tokens, source: shop.accessToken, ...options })).toThrow(
    expect.objectContaining({ code: 'ERR_TOKEN_CONFIGURATION', message: expect.stringMatching(message) }),
  );
});
