import { TokenError } from '@evertoken/core';
import { describe, expect, it, vi } from 'vitest';
import { DingTalkError, dingTalkApp, jsApiSignature } from '../src/index.js';
import { type FakeAnswer, failureFrom, fakeFetch, fakeTokens, hastyClock, NOW } from './support.js';

const OK = { json: { errcode: 0, errmsg: 'ok', result: { name: 'Li' } } };
const DEAD_OLD = { json: { errcode: 88, sub_code: '40014', request_id: 'R1' } };
const DEAD_NEW = { status: 400, json: { code: 'InvalidAuthentication', message: '', requestid: 'R1' } };

function set(answers: (FakeAnswer | Error)[], ...values: string[]) {
  const fetch = fakeFetch(...answers);
  const clock = hastyClock();
  const options = { corpId: 'dingcorp', fetch, clock, random: () => 0.5 };
  const account = dingTalkApp({ name: 'oa', appKey: 'k', appSecret: 's', ...options });
  const tokens = fakeTokens(...values);
  return { client: account.client(tokens), seen: fetch.seen, tokens, account, clock };
}

describe('oapi', () => {
  it('puts the token into the query, and gives the whole answer back', async () => {
    const { client, seen } = set([OK], 'T1');
    await expect(client.oapi.get('/user/get', { query: { userid: 'u 1', lang: undefined } })).resolves.toEqual(OK.json);
    expect(seen[0]?.url.href).toBe('https://oapi.dingtalk.com/user/get?userid=u+1&access_token=T1');
    expect(seen[0]?.headers.has('x-acs-dingtalk-access-token')).toBe(false);
  });

  it('posts an object as JSON and a form as it is', async () => {
    const { client, seen } = set([OK], 'T1');
    await client.oapi.post('/topapi/v2/user/get', { userid: 'u1' });
    expect(seen[0]).toMatchObject({ method: 'POST', json: { userid: 'u1' } });
    expect(seen[0]?.headers.get('content-type')).toBe('application/json');
    const form = new FormData();
    form.set('media', new Blob(['x']), 'x.txt');
    await client.oapi.post('/media/upload', form, { query: { type: 'file' } });
    expect(seen[1]?.body).toBe(form);
    expect(seen[1]?.headers.has('content-type')).toBe(false);
  });

  it('takes an answer that is no object for none of the platform', async () => {
    const { client } = set([{ text: '' }], 'T1');
    expect(await failureFrom(client.oapi.get('/x'))).toMatchObject({
      code: 'ERR_TOKEN_TRANSPORT',
      reason: 'malformed',
    });
  });
});

describe('api', () => {
  it('puts the token into the header and nowhere else', async () => {
    const { client, seen } = set([{ json: { nick: 'Li' } }], 'T1');
    await expect(client.api.get<{ nick: string }>('/v1.0/contact/users/me')).resolves.toEqual({ nick: 'Li' });
    expect(seen[0]?.url.href).toBe('https://api.dingtalk.com/v1.0/contact/users/me');
    expect(seen[0]?.headers.get('x-acs-dingtalk-access-token')).toBe('T1');
  });

  it('speaks every method, with JSON only', async () => {
    const { client, seen } = set([{ json: {} }], 'T1');
    await client.api.post('/v1.0/x', { a: 1 });
    await client.api.put('/v1.0/x', { a: 2 });
    await client.api.patch('/v1.0/x', { a: 3 });
    await client.api.delete('/v1.0/x', { query: { a: 4 } });
    expect(seen.map(({ method, json }) => [method, json])).toEqual([
      ['POST', { a: 1 }],
      ['PUT', { a: 2 }],
      ['PATCH', { a: 3 }],
      ['DELETE', undefined],
    ]);
    await expect(client.api.post('/v1.0/x', new URLSearchParams('a=1'))).rejects.toThrow(/^"body" must be/);
    expect(seen).toHaveLength(4);
  });

  it('resolves with nothing where the answer has no body', async () => {
    const { client } = set([{ status: 204 }], 'T1');
    await expect(client.api.delete('/v1.0/x')).resolves.toBeUndefined();
  });

  it('says which permissions are missing', async () => {
    const denied = {
      code: 'Forbidden.AccessDenied.AccessTokenPermissionDenied',
      message: 'no',
      requestid: 'R1',
      accessdenieddetail: { requiredScopes: ['Contact.User.Read'] },
    };
    const { client, tokens } = set([{ status: 403, json: denied }], 'T1');
    const error = await failureFrom(client.api.get('/v1.0/contact/users/me'));
    expect(error).toMatchObject({
      name: 'DingTalkError',
      code: denied.code,
      httpStatus: 403,
      requestId: 'R1',
      requiredScopes: ['Contact.User.Read'],
      retryable: false,
      account: 'oa',
      message:
        'account "oa": DingTalk answered Forbidden.AccessDenied.AccessTokenPermissionDenied (HTTP 403) to GET ' +
        '/v1.0/contact/users/me: the app lacks the permission, needed: Contact.User.Read',
    });
    expect(tokens.rejections).toEqual([]);
  });
});

describe.each([
  ['oapi', DEAD_OLD],
  ['oapi', { json: { errcode: 40014 } }],
  ['oapi', { json: { errcode: '42001' } }],
  ['oapi', { json: { errcode: 40001 } }],
  ['api', DEAD_NEW],
  ['api', { ...DEAD_NEW, status: 401 }],
] as const)('%s, when the token is dead (%j)', (host, dead) => {
  it('reports it, and tries once more with the better one', async () => {
    const { client, seen, tokens } = set([dead, OK], 'T1', 'T2');
    await expect(client[host].post('/x', { a: 1 })).resolves.toEqual(OK.json);
    expect(tokens.rejections).toEqual([{ kind: 'access_token', value: 'T1' }]);
    expect(
      seen.map(
        ({ url, headers }) => url.searchParams.get('access_token') ?? headers.get('x-acs-dingtalk-access-token'),
      ),
    ).toEqual(['T1', 'T2']);
    expect(seen.map(({ json }) => json)).toEqual([{ a: 1 }, { a: 1 }]);
  });

  it('never tries a third time', async () => {
    const { client, seen, tokens } = set([dead], 'T1', 'T2', 'T3');
    const error = await failureFrom(client[host].get('/x'));
    expect(error).toBeInstanceOf(DingTalkError);
    expect(error).toMatchObject({ retryable: false });
    expect(seen).toHaveLength(2);
    expect(tokens.rejections).toHaveLength(1);
  });

  it('does not repeat itself with the same token', async () => {
    const { client, seen } = set([dead], 'T1');
    expect(await failureFrom(client[host].get('/x'))).toBeInstanceOf(DingTalkError);
    expect(seen).toHaveLength(1);
  });

  it('passes on that nothing better is to be had', async () => {
    const { client, seen, tokens } = set([dead], 'T1');
    const again = new TokenError('ERR_TOKEN_REJECTED_AGAIN', 'the same again');
    tokens.reject = async () => {
      throw again;
    };
    expect(await failureFrom(client[host].get('/x'))).toBe(again);
    expect(seen).toHaveLength(1);
  });
});

describe.each(['oapi', 'api'] as const)('what %s refuses to send', (host) => {
  it.each([
    ['users/me', {}, '"path" must begin'],
    ['@evil.example/x', {}, '"path" must begin'],
    ['https://evil.example/x', {}, '"path" must begin'],
    ['/x?access_token=mine', {}, '"access_token" is put in'],
    ['/x', { query: { access_token: 'mine' } }, '"access_token" is put in'],
    ['/x', { query: { Access_Token: 'mine' } }, '"access_token" is put in'],
    ['/x', { headers: { 'X-Acs-DingTalk-Access-Token': 'mine' } }, '"x-acs-dingtalk-access-token" is put in'],
  ])('%s with %j', async (path, options, message) => {
    const { client, seen } = set([OK], 'T1');
    const error = await failureFrom(client[host].get(path, options));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(new RegExp(`^${message}`));
    expect((error as Error).message).not.toContain('mine');
    expect(seen).toEqual([]);
  });
});

it('refuses a token inside a form, which the old host would read', async () => {
  const { client, seen } = set([OK], 'T1');
  await expect(client.oapi.post('/x', new URLSearchParams('access_token=mine'))).rejects.toThrow(
    /put in by the client/,
  );
  expect(seen).toEqual([]);
});

it('sends each call to its own host whatever the path looks like', async () => {
  const { client, seen } = set([OK], 'T1');
  for (const path of ['//evil.example/x', '/\\evil.example/x', '/../x', '/x#@evil.example'])
    await client.oapi.get(path);
  expect(new Set(seen.map(({ url }) => url.host))).toEqual(new Set(['oapi.dingtalk.com']));
});

it('adds headers of the caller', async () => {
  const { client, seen } = set([OK], 'T1');
  await client.oapi.post(
    '/x',
    { a: 1 },
    { headers: { 'Accept-Language': 'zh_CN', 'Content-Type': 'application/json;charset=utf-8' } },
  );
  expect(seen[0]?.headers.get('accept-language')).toBe('zh_CN');
  expect(seen[0]?.headers.get('content-type')).toBe('application/json;charset=utf-8');
});

it.each([
  ['busy', { json: { errcode: -1 } }, 'busy', 1_500],
  ['throttled', { json: { errcode: 90018 } }, 'throttled', 1_500],
  ['banned', { status: 403, text: '<html>', headers: { 'content-type': 'text/html' } }, 'banned', 300_000],
  ['silent', { status: 503 }, 'busy', 1_500],
])('says when to come back to a platform that is %s', async (_what, answer, reason, afterMs) => {
  const { client, clock } = set([answer], 'T1');
  const error = (await failureFrom(client.oapi.get('/x'))) as DingTalkError;
  expect(error).toMatchObject({ name: 'DingTalkError', retryable: true, reason });
  expect((error.retryAt ?? 0) - clock.now()).toBe(afterMs);
});

it('names a refusal without a code by its status', async () => {
  const { client } = set([{ status: 503 }], 'T1');
  expect(await failureFrom(client.api.get('/v1.0/x'))).toMatchObject({ code: 'HTTP_503', httpStatus: 503 });
});

it('takes a bare 403 for the word of a proxy, not of the platform', async () => {
  const { client, tokens } = set([{ status: 403 }], 'T1');
  expect(await failureFrom(client.api.get('/v1.0/x'))).toMatchObject({
    code: 'ERR_TOKEN_TRANSPORT',
    reason: 'malformed',
  });
  expect(tokens.rejections).toEqual([]);
});

it('gives up after its time limit, and when the caller does', async () => {
  const hanging: typeof fetch = (_url, init) =>
    new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)));
  const account = dingTalkApp({ name: 'oa', appKey: 'k', appSecret: 's', fetch: hanging });
  const client = account.client(fakeTokens('T1'));
  const late = await failureFrom(client.api.get('/v1.0/x', { timeoutMs: 5 }));
  expect(late).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'timeout' });
  const controller = new AbortController();
  const ended = failureFrom(client.api.get('/v1.0/x', { signal: controller.signal }));
  setImmediate(() => controller.abort());
  expect(await ended).toMatchObject({ code: 'ERR_TOKEN_ABORTED' });
});

it('passes on why there is no token', async () => {
  const { client, tokens, seen } = set([OK], 'T1');
  const refused = new TokenError('ERR_TOKEN_REFUSED', 'a wrong secret');
  tokens.get = async () => {
    throw refused;
  };
  expect(await failureFrom(client.api.get('/v1.0/x'))).toBe(refused);
  expect(seen).toEqual([]);
});

describe('jsApiConfig', () => {
  const url = 'https://h.example/page?a=1#top';

  it('signs the page with the ticket, and keeps the ticket to itself', async () => {
    const { client } = set([], 'J1');
    const config = await client.jsApiConfig(url, { agentId: 17, nonceStr: 'n', timeStamp: 1_800_000_000 });
    expect(config).toEqual({
      agentId: 17,
      corpId: 'dingcorp',
      nonceStr: 'n',
      timeStamp: 1_800_000_000,
      signature: jsApiSignature({ ticket: 'J1', nonceStr: 'n', timeStamp: 1_800_000_000, url }),
    });
    expect(JSON.stringify(config)).not.toContain('J1');
  });

  it('takes the time and a new nonce by itself', async () => {
    const { client } = set([], 'J1');
    const [one, two] = [await client.jsApiConfig(url), await client.jsApiConfig(url, { digest: 'sha1' })];
    expect(one.nonceStr).toMatch(/^[0-9a-f]{32}$/);
    expect(two.nonceStr).not.toBe(one.nonceStr);
    expect(one.timeStamp).toBe(NOW / 1000);
    expect(one.signature).toHaveLength(64);
    expect(two.signature).toBe(jsApiSignature({ ticket: 'J1', ...two, url, digest: 'sha1' }));
    expect(one).not.toHaveProperty('agentId');
  });

  it('asks for the ticket, not for the access token', async () => {
    const { client, tokens, account } = set([], 'J1');
    const get = vi.spyOn(tokens, 'get');
    await client.jsApiConfig(url);
    expect(get.mock.calls.map(([source]) => source)).toEqual([account.jsapiTicket]);
  });
});
