import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { TokenError } from '@evertoken/core';
import { fixedTokens } from '@evertoken/core/testing';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FetchWithTokenOptions, fetchWithToken, rejectedByCode } from '../../src/http/fetch.js';
import { testAccount } from '../support.js';
import { type ApiServer, apiServer, shopTokens, tokenOf, writtenForms } from './api-server.js';
import { dingTalkAppOf, officialAccountOf } from './platforms.js';

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

function client(options: Partial<FetchWithTokenOptions> = {}) {
  const { shop, tokens } = shopTokens();
  const send = fetchWithToken({ tokens, source: shop.accessToken, origins: [api.origin], ...options });
  return { shop, tokens, send };
}

/** What the server takes from now on: the first token has been refused. */
function firstTokenDies() {
  api.valid.clear();
  api.valid.add(tokenOf(2));
}

describe('places', () => {
  it('puts the token behind "Bearer" into Authorization unless told otherwise', async () => {
    expect(await (await client().send(`${api.origin}/me`)).json()).toEqual({ ok: true });
    expect(api.seen[0]?.headers.authorization).toBe(`Bearer ${tokenOf(1)}`);
  });

  it.each([
    [{ header: 'x-access-token' }, tokenOf(1)],
    [{ header: 'x-access-token', scheme: 'Key' }, `Key ${tokenOf(1)}`],
  ])('puts it into %j', async (place, expected) => {
    await client({ place }).send(`${api.origin}/open`);
    expect(api.seen[0]?.headers['x-access-token']).toBe(expected);
    expect(api.seen[0]?.headers.authorization).toBeUndefined();
  });

  it('puts it into the query, in the place of what is there', async () => {
    const { send } = client({ place: { query: 'access_token' } });
    expect((await send(`${api.origin}/me?a=1&access_token=mine`)).status).toBe(200);
    expect(api.seen[0]?.query.getAll('access_token')).toEqual([tokenOf(1)]);
    expect(api.seen[0]?.query.get('a')).toBe('1');
  });

  it('says nothing of the token where a header cannot carry it', async () => {
    const shop = testAccount({ name: 'shop' });
    const { send } = client({ tokens: fixedTokens([[shop.accessToken, 'se\ncret']]), source: shop.accessToken });
    const error = await send(`${api.origin}/me`).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION', message: expect.stringMatching(/^"place.header"/) });
    expect(inspect(error)).not.toContain('cret');
  });
});

describe('rejection', () => {
  it('reports a refused token and sends the request once more with the better one', async () => {
    firstTokenDies();
    const { send, shop } = client();
    const answer = await send(`${api.origin}/orders`, { method: 'POST', body: 'two', headers: { 'x-mine': 'yes' } });
    expect(answer.status).toBe(200);
    expect(api.seen.map(({ body, headers }) => [body, headers['x-mine']])).toEqual([
      ['two', 'yes'],
      ['two', 'yes'],
    ]);
    expect(shop.calls()).toBe(2);
  });

  it('sends it twice at most', async () => {
    api.valid.clear();
    const { send, shop } = client();
    const answer = await send(`${api.origin}/me`);
    expect([answer.status, await answer.text()]).toEqual([401, '{"error":"invalid_token"}']);
    expect([api.seen.length, shop.calls()]).toEqual([2, 2]);
  });

  it('hands on the refusal where no better token is to be had', async () => {
    api.valid.clear();
    const shop = testAccount({ name: 'shop' });
    const tokens = fixedTokens([[shop.accessToken, 'T1']]);
    const { send } = client({ tokens, source: shop.accessToken });
    expect(await (await send(`${api.origin}/me`)).json()).toEqual({ error: 'invalid_token' });
    expect([api.seen.length, tokens.rejections.length]).toEqual([1, 1]);
  });

  it('does not send a stream again, but has its token replaced for the next request', async () => {
    firstTokenDies();
    const { send } = client();
    const body = new Blob(['streamed']).stream();
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
    expect((await send(`${api.origin}/upload`, init)).status).toBe(401);
    expect(api.seen.map((seen) => seen.body)).toEqual(['streamed']);
    expect((await send(`${api.origin}/me`)).status).toBe(200);
    expect(api.seen).toHaveLength(2);
  });

  it('sends a Request again, body and all', async () => {
    firstTokenDies();
    const request = new Request(`${api.origin}/orders`, { method: 'PUT', body: '{"n":2}' });
    expect((await client().send(request)).status).toBe(200);
    expect(api.seen.map(({ method, body }) => [method, body])).toEqual([
      ['PUT', '{"n":2}'],
      ['PUT', '{"n":2}'],
    ]);
    expect(api.seen[0]?.headers['content-length']).toBe('7');
  });

  it('takes a 403 for what it is: not about the token', async () => {
    const { send, shop } = client();
    expect((await send(`${api.origin}/forbidden`)).status).toBe(403);
    expect([api.seen.length, shop.calls()]).toEqual([1, 1]);
  });

  it('reads the error of WWW-Authenticate, as RFC 6750 writes it', async () => {
    const answers: [number, string | undefined, boolean][] = [
      [401, undefined, true],
      [401, 'Basic realm="x"', true],
      [401, 'Bearer realm="x", error="invalid_token", error_description="it expired"', true],
      [400, 'Bearer error="invalid_token"', true],
      [401, 'Bearer error="insufficient_scope"', false],
      [403, 'Bearer error="insufficient_scope"', false],
      [200, undefined, false],
    ];
    for (const [status, challenge, refused] of answers) {
      const headers = challenge === undefined ? {} : { 'www-authenticate': challenge };
      const tokens = fixedTokens([[shopTokens().shop.accessToken, ['T1', 'T2']]]);
      await client({ tokens, fetch: async () => new Response('', { status, headers }) }).send(`${api.origin}/me`);
      expect([status, challenge, tokens.rejections.length]).toEqual([status, challenge, refused ? 1 : 0]);
    }
  });

  it('finds the code in an answer of 200, and leaves the body to the caller', async () => {
    firstTokenDies();
    const { send } = client({ isRejected: rejectedByCode('errcode', [40001]) });
    expect(await (await send(`${api.origin}/code`)).json()).toEqual({ ok: true });
    api.valid.clear();
    expect(await (await send(`${api.origin}/code`)).json()).toMatchObject({ errcode: 40001 });
  });

  it.each([
    ['silent after', 'text/event-stream', 'data: {}\n\n'],
    ['silent after', 'application/x-ndjson', '{"errcode":40001}\n'],
    ['silent after', 'text/plain', 'tick'],
    ['endless after', 'application/json', '[1'],
  ])('does not wait for the end of an answer that is no refusal: %s %s', async (kind, type, first) => {
    let ended = false;
    const encoder = new TextEncoder();
    const answering = async () => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(encoder.encode(first)),
        pull: (controller) => {
          if (kind === 'endless after') controller.enqueue(encoder.encode(',1'.repeat(2_000)));
        },
        cancel: () => {
          ended = true;
        },
      });
      return new Response(body, { headers: { 'content-type': type } });
    };
    const { send } = client({ fetch: answering, isRejected: rejectedByCode('errcode', [40001]) });
    const reader = (await send(`${api.origin}/me`)).body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    await reader?.cancel();
    expect(ended).toBe(true);
  });

  it('has 50 requests that are refused together replaced by one refresh', async () => {
    const { send, shop } = client();
    await send(`${api.origin}/me`);
    firstTokenDies();
    const answers = await Promise.all(Array.from({ length: 50 }, () => send(`${api.origin}/me`)));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(shop.calls()).toBe(2);
  });
});

describe('origins', () => {
  it('sends nothing of it to any other origin', async () => {
    const { send, shop } = client();
    expect((await send(`${elsewhere.origin}/open`)).status).toBe(200);
    expect(elsewhere.seen[0]?.headers.authorization).toBeUndefined();
    expect(shop.calls()).toBe(0);
  });

  it.each([{ header: 'Authorization' }, { header: 'x-access-token' }, { query: 'access_token' }])(
    'keeps it from the origin that a redirect leads to: %j',
    async (place) => {
      const { send } = client({ place });
      const answer = await send(`${api.origin}/go?to=${encodeURIComponent(`${elsewhere.origin}/open?b=2`)}`);
      expect(await answer.json()).toEqual({ open: true });
      expect(answer).toMatchObject({ redirected: true, url: `${elsewhere.origin}/open?b=2` });
      const [{ headers, query } = {}] = elsewhere.seen;
      expect([headers?.authorization, headers?.['x-access-token'], query?.get('access_token')]).toEqual([
        undefined,
        undefined,
        null,
      ]);
    },
  );

  it('does not take it up again once the way has led elsewhere', async () => {
    const back = `${elsewhere.origin}/go?to=${encodeURIComponent(`${api.origin}/me`)}`;
    const { send, shop } = client();
    expect((await send(`${api.origin}/go?to=${encodeURIComponent(back)}`)).status).toBe(401);
    expect(api.seen.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/go', `Bearer ${tokenOf(1)}`],
      ['/me', undefined],
    ]);
    // Nobody has refused the token: it was not shown.
    expect(shop.calls()).toBe(1);
  });

  it('takes it along on the origin itself, as fetch does with a body', async () => {
    const { send } = client();
    const to = (status: number) => `${api.origin}/go?status=${status}&to=${encodeURIComponent('/me')}`;
    for (const status of [302, 303, 307]) {
      const answer = await send(to(status), { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } });
      expect(answer).toMatchObject({ status: 200, url: `${api.origin}/me` });
    }
    const arrived = api.seen.filter(({ path }) => path === '/me');
    expect(arrived.map(({ method, body, headers }) => [method, body, headers['content-type']])).toEqual([
      ['GET', '', undefined],
      ['GET', '', undefined],
      ['POST', 'x', 'text/plain'],
    ]);
  });

  it('follows no redirect that carries the token away in its address', async () => {
    const { send } = client({ place: { query: 'access_token' } });
    const thief = `${elsewhere.origin}/open?t=${encodeURIComponent(tokenOf(1))}`;
    const error = await send(`${api.origin}/go?to=${encodeURIComponent(thief)}`).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(TokenError);
    expect(error).toMatchObject({ reason: 'redirect', retryable: false });
    for (const form of writtenForms(tokenOf(1))) expect(inspect(error)).not.toContain(form);
    expect(elsewhere.seen).toEqual([]);
  });

  it('leaves redirects to who wants them: manual, error, and none without end', async () => {
    const { send } = client();
    const url = `${api.origin}/go?to=%2Fme`;
    expect((await send(url, { redirect: 'manual' })).status).toBe(302);
    await expect(send(url, { redirect: 'error' })).rejects.toThrow(TypeError);
    api.seen.length = 0;
    await expect(send(`${api.origin}/loop`)).rejects.toThrow(TypeError);
    expect(api.seen).toHaveLength(21);
  });

  it('shows no token in the address of the answer, nor in its print', async () => {
    const { send } = client({ place: { query: 'access_token' } });
    const answer = await send(`${api.origin}/me?a=1#part`);
    expect(answer.url).toBe(`${api.origin}/me?a=1`);
    for (const form of writtenForms(tokenOf(1))) expect(inspect(answer, { depth: 10 })).not.toContain(form);
  });
});

describe('sources and signals', () => {
  it('finds the source of each request, or sends without', async () => {
    const account = testAccount({ name: 'erp', grants: 'only' });
    const tokens = fixedTokens([
      [account.user('ann'), 'A'],
      [account.user('bob'), 'B'],
    ]);
    const source = (request: Request) => {
      const user = request.headers.get('x-user');
      return user === null ? undefined : account.user(user);
    };
    const { send } = client({ tokens, source });
    for (const user of ['ann', 'bob']) await send(`${api.origin}/open`, { headers: { 'x-user': user } });
    await send(`${api.origin}/open`, { method: 'POST', body: 'b' });
    expect(api.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer A', 'Bearer B', undefined]);
    expect(api.seen[2]?.body).toBe('b');
  });

  it('ends with the caller’s signal: while it waits for a token, and while it waits for the answer', async () => {
    let issued = (_: { value: string }) => {};
    const slow = testAccount({ name: 'slow', issue: () => new Promise((resolve) => (issued = resolve)) });
    const { tokens } = shopTokens();
    tokens.add(slow);
    const reason = new Error('enough');
    const controller = new AbortController();
    const waiting = client({ tokens, source: slow.accessToken }).send(`${api.origin}/me`, {
      signal: controller.signal,
    });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    issued({ value: 'late' });

    const other = new AbortController();
    const sending = client().send(`${api.origin}/slow`, { signal: other.signal });
    await expect.poll(() => api.seen.length).toBe(1);
    other.abort(reason);
    await expect(sending).rejects.toBe(reason);
    api.release();
  });

  it('says why there is no token', async () => {
    const account = testAccount({ name: 'erp', grants: 'only' });
    const { tokens } = shopTokens();
    const error = await client({ tokens, source: account.user('ann') })
      .send(`${api.origin}/me`)
      .catch((cause: unknown) => cause);
    expect(error).toMatchObject({ name: 'TokenError', code: 'ERR_TOKEN_CONFIGURATION' });
    expect(api.seen).toEqual([]);
  });
});

describe('options', () => {
  it.each([
    [{ origins: [] }, /^"origins" must be a list of origins/],
    [{ origins: ['api.example'] }, /^"origins\[0\]" must be an origin without path/],
    [{ origins: ['https://api.example', 'https://api.example/v1'] }, /^"origins\[1\]" must be an origin without path/],
    [{ origins: ['http://api.example'] }, /^"origins\[0\]" must be https/],
    [{ source: undefined }, /^"source" must be a token source/],
    [{ tokens: {} }, /^"tokens" must be a TokenManager/],
    [{ place: { header: 'a b' } }, /^"place.header" must be a header's name/],
    [{ place: { header: 'a', query: 'b' } }, /^"place" must be \{ header/],
    [{ place: { query: 'q', scheme: 'Bearer' } }, /^"place.scheme" must be left out/],
    [{ place: { header: 'a', sheme: 'Bearer' } }, /^"place.sheme" is no option/],
    [{ isRejected: true }, /^"isRejected" must be a function/],
    [{ minValidityMs: -1 }, /^"minValidityMs" must be a number/],
    [{ fetch: 'fetch' }, /^"fetch" must be a function/],
    [{ origin: 'https://api.example' }, /^"origin" is no option of fetchWithToken/],
  ])('refuses %j', (options, message) => {
    let error: unknown;
    try {
      client(options as unknown as Partial<FetchWithTokenOptions>);
    } catch (cause) {
      error = cause;
    }
    expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION', message: expect.stringMatching(message) });
  });

  it('takes this machine over plain HTTP, and HTTPS to anywhere', () => {
    for (const origin of ['http://localhost:3000', 'http://127.0.0.1', 'http://[::1]:1', 'https://api.example:8443/']) {
      expect(client({ origins: [origin] })).toBeDefined();
    }
  });
});

it('needs neither axios nor anything of Nest', async () => {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const follow = async (file: URL): Promise<void> => {
    if (seen.has(file.href)) return;
    seen.add(file.href);
    const code = await readFile(file, 'utf8');
    for (const [, kind, name = ''] of code.matchAll(/^(import type|import|export)[^;]*? from '([^']+)';/gms)) {
      if (kind === 'import type') continue;
      if (name.startsWith('.')) await follow(new URL(name.replace(/js$/, 'ts'), file));
      else packages.add(name);
    }
  };
  await follow(new URL('../../src/http/fetch.ts', import.meta.url));
  expect(seen.size).toBeGreaterThan(5);
  expect([...packages]).toEqual(['@evertoken/core']);
});

describe('on the platforms', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await createSandbox();
  });
  afterAll(() => sandbox.close());

  it('WeChat: the token in the query, 40001 in an answer of 200', async () => {
    const { tokens, account } = officialAccountOf(sandbox);
    const send = fetchWithToken({
      tokens,
      source: account.accessToken,
      place: { query: 'access_token' },
      isRejected: rejectedByCode('errcode', [40001, 40014, 42001]),
      origins: [new URL(sandbox.urls.wechat).origin],
    });
    const followers = `${sandbox.urls.wechat}/cgi-bin/user/get`;
    expect(await (await send(followers)).json()).toMatchObject({ total: expect.any(Number) });
    sandbox.wechat.killToken(SANDBOX_ACCOUNTS.wechat.appId);
    const answers = await Promise.all(Array.from({ length: 50 }, async () => (await send(followers)).json()));
    for (const answer of answers) expect(answer).toMatchObject({ total: expect.any(Number) });
    const refused = sandbox.calls({ outcome: '40001' }).length;
    expect(refused).toBeGreaterThan(0);
    expect(sandbox.calls({ platform: 'wechat' }).filter(({ endpoint }) => endpoint.includes('token'))).toHaveLength(2);
    await tokens.close();
  });

  it('DingTalk: a header of its own, the code in an answer of 400', async () => {
    const { tokens, account } = dingTalkAppOf(sandbox);
    const send = fetchWithToken({
      tokens,
      source: account.accessToken,
      place: { header: 'x-acs-dingtalk-access-token' },
      isRejected: rejectedByCode('code', ['InvalidAuthentication']),
      origins: [new URL(sandbox.urls.dingtalkApi).origin],
    });
    const user = `${sandbox.urls.dingtalkApi}/v1.0/contact/users/union-1`;
    expect((await send(user)).status).toBe(200);
    sandbox.dingtalk.killToken(SANDBOX_ACCOUNTS.dingtalk.appKey);
    expect((await send(user)).status).toBe(200);
    expect(sandbox.calls({ outcome: 'InvalidAuthentication' })).toHaveLength(1);
    await tokens.close();
  });
});
