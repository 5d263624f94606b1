import { ParentRejected } from '@evertoken/core';
import { describe, expect, it } from 'vitest';
import { miniProgram, officialAccount } from '../src/index.js';
import { answering, everythingOf, failureOf, NOON, request } from './support.js';

const SECRET = 'app-secret-0123456789abcdef';
const shop = officialAccount({ name: 'shop', appId: 'wx1', secret: SECRET });
const legacy = officialAccount({ name: 'shop', appId: 'wx1', secret: SECRET, endpoint: 'token' });
const GRANTED = { access_token: '54_a', expires_in: 7200 };
const MINUTE = 60_000;

describe('the stable access token', () => {
  const source = shop.accessToken;

  it('describes itself', () => {
    expect(source).toMatchObject({
      key: 'et1/wechat/wx1/stable_access_token',
      account: 'shop',
      kind: 'stable_access_token',
      issuance: 'idempotent',
      keep: 'obtainable',
      lifetime: 'remaining',
      overlapMs: 5 * MINUTE,
    });
    expect(source.subject).toBeUndefined();
  });

  it('is worth asking for in its last five minutes only', () => {
    const token = { value: '54_a', issuedAt: NOON, expiresAt: NOON + 120 * MINUTE };
    expect(source.renewableFrom?.(token)).toBe(NOON + 115 * MINUTE);
    expect(source.renewableFrom?.({ value: '54_a', issuedAt: NOON })).toBe(NOON);
  });

  it('comes from stable_token, never by force', async () => {
    const { fetch, seen } = answering(GRANTED);
    expect(await source.issue(request(fetch))).toEqual({ value: '54_a', lifetimeMs: 120 * MINUTE });
    expect(seen).toHaveLength(1);
    expect(seen[0]?.url.href).toBe('https://api.weixin.qq.com/cgi-bin/stable_token');
    expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({ appid: 'wx1', secret: SECRET, force_refresh: false });
  });
});

describe('the access token of the older endpoint', () => {
  const source = legacy.accessToken;

  it('describes itself, under a key of its own', () => {
    expect(source).toMatchObject({
      key: 'et1/wechat/wx1/access_token',
      kind: 'access_token',
      issuance: 'superseding',
      keep: 'obtainable',
      lifetime: 'remaining',
      overlapMs: 5 * MINUTE,
    });
    expect(source.key).not.toBe(shop.accessToken.key);
  });

  it('can be renewed at any time', () => {
    expect(source.renewableFrom).toBeUndefined();
  });

  it('comes from token', async () => {
    const { fetch, seen } = answering(GRANTED);
    await source.issue(request(fetch));
    expect(seen[0]?.method).toBe('GET');
    expect(seen[0]?.url.pathname).toBe('/cgi-bin/token');
    expect(Object.fromEntries(seen[0]?.url.searchParams ?? [])).toEqual({
      grant_type: 'client_credential',
      appid: 'wx1',
      secret: SECRET,
    });
  });

  it('leaves it open whether the old token still lives where the answer makes no sense', async () => {
    const { fetch } = answering({ access_token: '54_a' });
    expect(await failureOf(source.issue(request(fetch)))).toMatchObject({
      code: 'ERR_TOKEN_TRANSPORT',
      uncertain: true,
    });
  });
});

describe.each([
  ['stable', shop.accessToken],
  ['older', legacy.accessToken],
])('an access token (%s endpoint)', (_, source) => {
  it('takes 40001 for a wrong secret', async () => {
    const { fetch } = answering({ errcode: 40001, errmsg: `invalid credential ${SECRET} rid: 6-7-8` });
    const error = await failureOf(source.issue(request(fetch)));
    expect(error).toMatchObject({
      code: 'ERR_TOKEN_REFUSED',
      retryable: false,
      account: 'shop',
      kind: source.kind,
      platformCode: '40001',
      requestId: '6-7-8',
      uncertain: false,
    });
    expect(everythingOf(error)).not.toContain(SECRET);
  });

  it.each([
    ['a page of a gateway', new Response('<html>502</html>', { status: 502 })],
    ['a broken connection', new TypeError('fetch failed', { cause: new Error(`https://x/?secret=${SECRET}`) })],
    ['an empty answer', ''],
    ['a token without an end', { access_token: '54_a' }],
    ['a token that ended already', { access_token: '54_a', expires_in: 0 }],
  ])('takes %s for a failure of transport', async (_what, answer) => {
    const { fetch } = answering(answer);
    const error = await failureOf(source.issue(request(fetch)));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', retryable: true, account: 'shop', kind: source.kind });
    expect(everythingOf(error)).not.toContain(SECRET);
    expect(everythingOf(error)).not.toContain('54_a');
  });

  it('reads the clock it is given for the next attempt', async () => {
    const { fetch } = answering({ errcode: 89507, errmsg: 'refused' });
    const now = NOON + 7;
    expect(await failureOf(source.issue(request(fetch, { now })))).toMatchObject({ retryAt: now + 60 * MINUTE });
  });

  it('gives up with its request', async () => {
    const { fetch } = answering(GRANTED);
    const given = { ...request(fetch), signal: AbortSignal.abort(new DOMException('late', 'TimeoutError')) };
    expect(await failureOf(source.issue(given))).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'timeout' });
  });

  it('tells another secret by its fingerprint', () => {
    const other = officialAccount({ name: 'shop', appId: 'wx1', secret: 'another' });
    expect(source.credentials?.()).toMatch(/^[0-9a-f]{16}$/);
    expect(source.credentials?.()).not.toBe(other.accessToken.credentials?.());
  });
});

describe.each([
  ['jsapi_ticket', shop.jsapiTicket, 'jsapi'],
  ['card_ticket', shop.cardTicket, 'wx_card'],
] as const)('a ticket (%s)', (kind, source, type) => {
  const TICKET = { errcode: 0, errmsg: 'ok', ticket: 'bxLd', expires_in: 7200 };

  it('describes itself', () => {
    expect(source).toMatchObject({
      key: `et1/wechat/wx1/${kind}`,
      kind,
      issuance: 'idempotent',
      keep: 'obtainable',
      lifetime: 'constant',
    });
    expect(source.dependsOn).toEqual([shop.accessToken]);
  });

  it('is the same until its end, so that asking earlier brings nothing', () => {
    expect(source.renewableFrom?.({ value: 'k', issuedAt: NOON, expiresAt: NOON + 1 })).toBe(NOON + 1);
    expect(source.renewableFrom?.({ value: 'k', issuedAt: NOON })).toBe(NOON);
  });

  it('is asked for with the access token', async () => {
    const { fetch, seen } = answering(TICKET);
    expect(await source.issue(request(fetch, { parents: ['54_a'] }))).toEqual({
      value: 'bxLd',
      lifetimeMs: 120 * MINUTE,
    });
    expect(seen[0]?.url.href).toBe(`https://api.weixin.qq.com/cgi-bin/ticket/getticket?access_token=54_a&type=${type}`);
  });

  it.each([40001, 40014, 42001])('says on %i that the access token is dead', async (errcode) => {
    const { fetch } = answering({ errcode, errmsg: 'invalid credential' });
    const error = await failureOf(source.issue(request(fetch, { parents: ['54_a'] })));
    expect(error).toBeInstanceOf(ParentRejected);
    expect(error).toMatchObject({ value: '54_a', platformCode: String(errcode) });
  });

  it('fails by its own where the account may not have it', async () => {
    const { fetch } = answering({ errcode: 48001, errmsg: 'api unauthorized for 54_a rid: 1-2' });
    const error = await failureOf(source.issue(request(fetch, { parents: ['54_a'] })));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REFUSED', kind, platformCode: '48001', requestId: '1-2' });
    expect(everythingOf(error)).not.toContain('54_a');
  });

  it('waits where it is given no access token', async () => {
    const { fetch, seen } = answering(TICKET);
    expect(await failureOf(source.issue(request(fetch)))).toMatchObject({ code: 'ERR_TOKEN_WAITING', kind });
    expect(seen).toEqual([]);
  });
});

it('goes where the base URL says, path and all', async () => {
  const app = miniProgram({ name: 'app', appId: 'wx2', secret: 's', baseUrl: 'http://127.0.0.1:1/wechat//' });
  const { fetch, seen } = answering(GRANTED);
  await app.accessToken.issue(request(fetch));
  expect(seen[0]?.url.href).toBe('http://127.0.0.1:1/wechat/cgi-bin/stable_token');
});
