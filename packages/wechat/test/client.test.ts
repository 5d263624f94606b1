import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TokenError } from '@evertoken/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WeChatError } from '../src/index.js';
import { type AppOptionsOf, factories } from './factories.js';
import { type Answer, answering, countingTokens, everythingOf, failureOf, hastyClock } from './support.js';

const FOLLOWERS = { total: 2, count: 2 };
const DEAD = { errcode: 40001, errmsg: 'invalid credential, access_token is invalid or not latest rid: 1-2-3' };

afterEach(() => vi.unstubAllGlobals());

describe.each(factories)('the client of %s', (_, make) => {
  function client(answers: Answer[], options: Partial<AppOptionsOf> = {}) {
    const { fetch, seen } = answering(...answers);
    const tokens = countingTokens();
    const clock = hastyClock();
    const account = make({ name: 'shop', appId: 'wx1', secret: 's', fetch, clock, random: () => 0.5, ...options });
    return { api: account.client(tokens), account, tokens, seen, waits: clock.waits };
  }

  it('puts the token in and resolves with the answer, sent as text or not', async () => {
    const { api, seen } = client([FOLLOWERS]);
    expect(
      await api.get<{ total: number }>('/cgi-bin/user/get', { next_openid: 'o/1', count: 2, none: undefined }),
    ).toEqual(FOLLOWERS);
    expect(seen[0]?.method).toBe('GET');
    expect(seen[0]?.url.href.split('?')[0]).toBe('https://api.weixin.qq.com/cgi-bin/user/get');
    expect(Object.fromEntries(seen[0]?.url.searchParams ?? [])).toEqual({
      next_openid: 'o/1',
      count: '2',
      access_token: 'stable_access_token-1',
    });
  });

  it('posts JSON, as it is written', async () => {
    const { api, seen } = client([{ errcode: 0, errmsg: 'ok', msgid: 1 }]);
    const body = { touser: 'o1', text: { content: '你好' } };
    expect(await api.post('/cgi-bin/message/custom/send', body, { params: { a: true } })).toMatchObject({ msgid: 1 });
    expect(seen[0]).toMatchObject({ method: 'POST', body: JSON.stringify(body) });
    expect(seen[0]?.headers.get('content-type')).toBe('application/json');
    expect(seen[0]?.url.search).toBe('?a=true&access_token=stable_access_token-1');
  });

  it('posts an empty object where there is no body', async () => {
    const { api, seen } = client([{ errcode: 0 }]);
    await api.post('/cgi-bin/menu/delete');
    expect(seen[0]?.body).toBe('{}');
  });

  it('sends further headers, but JSON stays JSON', async () => {
    const { api, seen } = client([{ errcode: 0 }]);
    await api.post('/x', {}, { headers: { 'Content-Type': 'text/xml', 'X-Trace': '7' } });
    expect(seen[0]?.headers.get('content-type')).toBe('application/json');
    expect(seen[0]?.headers.get('x-trace')).toBe('7');
  });

  it('goes where the base URL says', async () => {
    const { api, seen } = client([FOLLOWERS], { baseUrl: 'https://proxy.example/wx/' });
    await api.get('/cgi-bin/user/get');
    expect(seen[0]?.url.href).toBe('https://proxy.example/wx/cgi-bin/user/get?access_token=stable_access_token-1');
  });

  it('uses the platform’s fetch where the account has none, as it is at the time of the call', async () => {
    const { api } = client([], { fetch: undefined });
    const { fetch, seen } = answering(FOLLOWERS);
    vi.stubGlobal('fetch', fetch);
    await api.get('/cgi-bin/user/get');
    expect(seen).toHaveLength(1);
  });

  describe('when the platform says that the token is dead', () => {
    it.each([40001, 40014, 42001])('reports it on %i and tries once more', async (errcode) => {
      const { api, tokens, seen } = client([{ errcode, errmsg: 'dead' }, FOLLOWERS]);
      expect(await api.get('/cgi-bin/user/get', { count: 1 })).toEqual(FOLLOWERS);
      expect(tokens.rejections).toEqual([{ kind: 'stable_access_token', value: 'stable_access_token-1' }]);
      expect(seen.map(({ url }) => url.search)).toEqual([
        '?count=1&access_token=stable_access_token-1',
        '?count=1&access_token=stable_access_token-2',
      ]);
    });

    it('repeats a post with the same body: a refused call had no effect', async () => {
      const { api, seen } = client([DEAD, { errcode: 0 }]);
      await api.post('/x', { a: 1 });
      expect(seen.map(({ method, body }) => [method, body])).toEqual([
        ['POST', '{"a":1}'],
        ['POST', '{"a":1}'],
      ]);
    });

    it('stops after one retry', async () => {
      const { api, tokens, seen } = client([DEAD]);
      const error = await failureOf(api.get('/cgi-bin/user/get'));
      expect(error).toMatchObject({ errcode: 40001, reason: 'token', requestId: '1-2-3' });
      expect(seen).toHaveLength(2);
      expect(tokens.rejections).toHaveLength(1);
    });

    it('does not repeat where nothing better is to be had', async () => {
      const { api, tokens, seen } = client([DEAD, FOLLOWERS]);
      const again = new TokenError('ERR_TOKEN_REJECTED_AGAIN', 'nothing better');
      tokens.reject = () => Promise.reject(again);
      expect(await failureOf(api.get('/cgi-bin/user/get'))).toBe(again);
      expect(seen).toHaveLength(1);
    });
  });

  describe('when the platform refuses the call', () => {
    it.each([45009, 45011, 48001, 40003, 99999])('rejects with a WeChatError on %i, at once', async (errcode) => {
      const { api, tokens, seen } = client([{ errcode, errmsg: 'no rid: 1-2' }]);
      const error = await failureOf(api.post('/cgi-bin/message/custom/send', {}));
      expect(error).toBeInstanceOf(WeChatError);
      expect(error).toMatchObject({ errcode, requestId: '1-2', account: 'shop', path: '/cgi-bin/message/custom/send' });
      expect(seen).toHaveLength(1);
      expect(tokens.rejections).toEqual([]);
    });

    it('marks busy as worth another try, after three more of its own', async () => {
      const { api } = client([{ errcode: -1, errmsg: 'system error' }]);
      expect(await failureOf(api.get('/x'))).toMatchObject({ reason: 'busy', retryable: true });
    });

    it('says of a second dead token that another program may use the secret', async () => {
      const { api } = client([DEAD]);
      expect(((await failureOf(api.get('/x'))) as Error).message).toMatch(
        /another program may be using this app’s secret/,
      );
      const { api: same, tokens } = client([DEAD]);
      tokens.reject = (source) => tokens.get(source);
      expect(((await failureOf(same.get('/x'))) as Error).message).not.toMatch(/another program/);
    });
  });

  describe('when the platform is busy', () => {
    const BUSY = { errcode: -1, errmsg: 'system error' };

    it.each(['get', 'post'] as const)('repeats a %s, at growing distances', async (method) => {
      const { api, seen, waits } = client([BUSY, BUSY, BUSY, FOLLOWERS]);
      expect(await api[method]('/x')).toEqual(FOLLOWERS);
      expect(seen).toHaveLength(4);
      expect(waits).toEqual([187.5, 375, 750]);
    });

    it('gives up after three repetitions', async () => {
      const { api, seen } = client([BUSY, BUSY, BUSY, BUSY, FOLLOWERS]);
      expect(await failureOf(api.post('/x'))).toMatchObject({ errcode: -1 });
      expect(seen).toHaveLength(4);
    });

    it('begins none later than twice the time limit', async () => {
      const { api, seen, waits } = client([BUSY]);
      expect(await failureOf(api.get('/x', {}, { timeoutMs: 300 }))).toMatchObject({ errcode: -1 });
      expect(waits).toEqual([187.5, 375]);
      expect(seen).toHaveLength(3);
    });

    it('still refreshes a dead token, once, and is as patient after it', async () => {
      const { api, seen, tokens } = client([BUSY, DEAD, BUSY, FOLLOWERS]);
      expect(await api.post('/x')).toEqual(FOLLOWERS);
      expect(seen).toHaveLength(4);
      expect(tokens.rejections).toHaveLength(1);
    });

    it('stops where the caller gives up', async () => {
      const stop = new AbortController();
      const { api, seen } = client([BUSY], {
        clock: { ...hastyClock(), after: () => () => {} },
        fetch: async (..._) => {
          setImmediate(() => stop.abort());
          return new Response(JSON.stringify(BUSY));
        },
      });
      expect(await failureOf(api.get('/x', {}, { signal: stop.signal }))).toMatchObject({ code: 'ERR_TOKEN_ABORTED' });
      expect(seen).toHaveLength(0);
    });
  });

  describe('when the answer is lost', () => {
    const lost = () =>
      Object.assign(new TypeError('fetch failed'), {
        cause: Object.assign(new Error('reset'), { code: 'ECONNRESET' }),
      });
    const refused = () =>
      Object.assign(new TypeError('fetch failed'), {
        cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
      });

    it('asks again with GET', async () => {
      const { api, seen } = client([lost(), new Response('', { status: 502 }), FOLLOWERS]);
      expect(await api.get('/x')).toEqual(FOLLOWERS);
      expect(seen).toHaveLength(3);
    });

    it('never posts again: it may have had its effect', async () => {
      for (const answer of [lost(), new Response('<html>', { status: 502 })]) {
        const { api, seen } = client([answer, FOLLOWERS]);
        expect(await failureOf(api.post('/x'))).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT' });
        expect(seen).toHaveLength(1);
      }
    });

    it('asks again with GET after a time-out, never with POST', async () => {
      let requests = 0;
      const server = createServer(() => {
        requests++;
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const { api } = client([], { fetch: undefined, baseUrl: `http://127.0.0.1:${port}` });
      try {
        for (const [call, expected] of [
          [() => api.get('/x', {}, { timeoutMs: 300 }), 3],
          [() => api.post('/x', {}, { timeoutMs: 300 }), 1],
        ] as const) {
          requests = 0;
          expect(await failureOf(call())).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'timeout' });
          expect(requests).toBe(expected);
        }
      } finally {
        server.closeAllConnections();
        server.close();
      }
    });

    it('posts again where no byte can have left', async () => {
      const { api, seen } = client([refused(), FOLLOWERS]);
      expect(await api.post('/x')).toEqual(FOLLOWERS);
      expect(seen).toHaveLength(2);
    });
  });

  describe('keeps the token to itself', () => {
    it('whatever the parameters say', async () => {
      const { api, seen } = client([FOLLOWERS]);
      await api.get('/x?access_token=ACCESS_TOKEN&a=1#f', { access_token: 'mine' });
      expect(seen[0]?.url.searchParams.getAll('access_token')).toEqual(['stable_access_token-1']);
      expect(seen[0]?.url.searchParams.get('a')).toBe('1');
    });

    it.each(['@evil.example/x', '.evil.example/x', ':81/x', 'https://evil.example/x', 'x', ''])(
      'for a path of %j, which could lead elsewhere',
      async (path) => {
        const { api, seen } = client([FOLLOWERS]);
        expect(await failureOf(api.get(path))).toBeInstanceOf(TypeError);
        expect(seen).toEqual([]);
      },
    );

    it.each(['//evil.example/x', '/\\evil.example/x', '/..//evil.example'])(
      'on its own host for a path of %j',
      async (path) => {
        const { api, seen } = client([FOLLOWERS]);
        await api.get(path);
        expect(seen[0]?.url.host).toBe('api.weixin.qq.com');
      },
    );

    it.each([
      ['an error of the platform', { errcode: 40003, errmsg: 'see https://x/?access_token=stable_access_token-1' }],
      ['a broken connection', new TypeError('fetch failed: https://x/?access_token=stable_access_token-1')],
      ['a page of a gateway', new Response('GET /x?access_token=stable_access_token-1', { status: 502 })],
    ])('in %s', async (_what, answer) => {
      const { api } = client([answer]);
      const error = await failureOf(api.get('/x?secret=HIDDEN'));
      expect(everythingOf(error)).not.toContain('stable_access_token-1');
      expect(everythingOf(error)).not.toContain('HIDDEN');
    });
  });

  it.each([
    ['a page', new Response('<html>', { status: 200 })],
    ['nothing', new Response('', { status: 200 })],
    ['a gateway’s own JSON', new Response('{"message":"bad gateway"}', { status: 502 })],
  ])('does not take %s for an answer', async (_what, answer) => {
    const { api, tokens } = client([answer]);
    expect(await failureOf(api.get('/x'))).toMatchObject({
      code: 'ERR_TOKEN_TRANSPORT',
      reason: 'malformed',
      account: 'shop',
    });
    expect(tokens.rejections).toEqual([]);
  });

  it('lets the caller give up while it waits for a better token', async () => {
    const { api, tokens } = client([DEAD]);
    const stop = new AbortController();
    tokens.reject = () => {
      queueMicrotask(() => stop.abort());
      return new Promise(() => {});
    };
    expect(await failureOf(api.get('/x', {}, { signal: stop.signal }))).toMatchObject({ code: 'ERR_TOKEN_ABORTED' });
  });

  it('passes the caller’s signal on to the token’s wait', async () => {
    const { api, tokens } = client([FOLLOWERS]);
    const get = vi.spyOn(tokens, 'get');
    const { signal } = new AbortController();
    await api.get('/x', {}, { signal });
    expect(get.mock.calls[0]?.[1]).toEqual({ signal });
  });

  it('ends a request that takes too long, or that the caller gives up', async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { api } = client([], { fetch: undefined, baseUrl: `http://127.0.0.1:${port}` });
    try {
      expect(await failureOf(api.get('/x', {}, { timeoutMs: 20 }))).toMatchObject({
        code: 'ERR_TOKEN_TRANSPORT',
        reason: 'timeout',
      });
      const stop = new AbortController();
      const call = failureOf(api.get('/x', {}, { signal: stop.signal }));
      stop.abort();
      expect(await call).toMatchObject({ code: 'ERR_TOKEN_ABORTED' });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
