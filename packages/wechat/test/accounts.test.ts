import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { MiniProgramClient, miniProgram, OfficialAccountClient, officialAccount } from '../src/index.js';
import { type AppOptionsOf, factories } from './factories.js';
import { countingTokens } from './support.js';

const given = { name: 'shop', appId: 'wx1', secret: 'app-secret-0123456789' };

describe('officialAccount', () => {
  const shop = officialAccount(given);

  it('has one access token and two tickets, one object each', () => {
    expect([...shop.sources()]).toEqual([shop.accessToken, shop.jsapiTicket, shop.cardTicket]);
    expect(shop.accessToken).toBe(shop.accessToken);
    expect(shop.jsapiTicket).toBe([...shop.sources()][1]);
    expect(shop.cardTicket.dependsOn?.[0]).toBe(shop.accessToken);
  });

  it('finds its sources by kind', () => {
    for (const source of shop.sources()) expect(shop.source(source.kind)).toBe(source);
    expect(shop.source('access_token')).toBeUndefined();
    expect(shop.source('jsapi_ticket', 'somebody')).toBeUndefined();
  });

  it('lists what it can hold, as its sources are', () => {
    expect(shop.kinds.map(({ kind }) => kind)).toEqual(['stable_access_token', 'jsapi_ticket', 'card_ticket']);
    for (const facts of shop.kinds) expect(shop.source(facts.kind)).toMatchObject(facts);
  });

  it('says of the older endpoint that its tokens supersede each other', () => {
    const legacy = officialAccount({ ...given, endpoint: 'token' });
    expect(legacy.kinds[0]).toEqual({
      kind: 'access_token',
      issuance: 'superseding',
      keep: 'obtainable',
      overlapMs: 300_000,
      quota: { calls: 2_000, period: 'day', scope: 'account', utcOffsetMinutes: 480 },
    });
    expect(legacy.source('access_token')).toBe(legacy.accessToken);
    expect(legacy.source('stable_access_token')).toBeUndefined();
    expect(legacy.jsapiTicket.key).toBe(shop.jsapiTicket.key);
  });

  it('gives a client', () => {
    expect(shop.client(countingTokens())).toBeInstanceOf(OfficialAccountClient);
  });
});

describe('miniProgram', () => {
  const app = miniProgram(given);

  it('has an access token and nothing else', () => {
    expect([...app.sources()]).toEqual([app.accessToken]);
    expect(app.kinds.map(({ kind }) => kind)).toEqual(['stable_access_token']);
    expect(app.source('stable_access_token')).toBe(app.accessToken);
    expect(app.source('jsapi_ticket')).toBeUndefined();
    expect(app).not.toHaveProperty('jsapiTicket');
  });

  it('takes the older endpoint too', () => {
    expect(miniProgram({ ...given, endpoint: 'token' }).accessToken.kind).toBe('access_token');
  });

  it('gives a client', () => {
    expect(app.client(countingTokens())).toBeInstanceOf(MiniProgramClient);
  });
});

describe.each(factories)('%s', (_, make) => {
  const problemsOf = (options: object) => make({ ...given, ...options } as AppOptionsOf).problems();

  it('names itself and finds nothing wrong with good options', () => {
    const fetch = async () => new Response();
    const refresh = { kinds: ['stable_access_token'] };
    const account = make({ ...given, endpoint: 'stable_token', baseUrl: 'https://p.example/wx/', refresh, fetch });
    expect(account).toMatchObject({
      platform: 'wechat',
      name: 'shop',
      id: 'wx1',
      baseUrl: 'https://p.example/wx',
      refresh,
      fetch,
    });
    expect(account.problems()).toEqual([]);
  });

  it('takes the unset environment without a word, until it is asked', () => {
    const account = make({ name: 'shop', appId: undefined, secret: undefined });
    expect(account.id).toBe('');
    expect(account.problems()).toEqual([
      '"appId" must be a non-empty string, it is missing',
      '"secret" must be a non-empty string, it is missing',
    ]);
  });

  it('gives handles of their own to accounts that nobody configured', () => {
    const keyOf = (name: string) => make({ name, appId: '', secret: '' }).accessToken.key;
    expect(keyOf('a')).not.toBe(keyOf('b'));
    expect(keyOf('名'.repeat(500)).length).toBeLessThan(512);
  });

  it.each([
    ['"endpoint"', { endpoint: 'cgi-bin/token' }],
    ['"baseUrl"', { baseUrl: 'api.weixin.qq.com' }],
    ['"baseUrl"', { baseUrl: 'ftp://api.weixin.qq.com' }],
    ['"baseUrl"', { baseUrl: 'https://user:password@p.example' }],
    ['"baseUrl"', { baseUrl: 'https://p.example/?a=b' }],
    ['"baseUrl"', { baseUrl: 'https://p.example/#a' }],
    ['"baseUrl"', { baseUrl: 7 }],
    ['"appId"', { appId: 'wx1\n' }],
    ['"appId"', { appId: 'x'.repeat(129) }],
    ['"appId"', { appId: 1 }],
    ['"secret"', { secret: 'app-secret-0123456789\n' }],
    ['"secret"', { secret: '  ' }],
    ['"fetch"', { fetch: 'node-fetch' }],
    ['"probe"', { probe: 7 }],
    ['"probe"', { probe: { everyMs: 0 } }],
    ['"probe"', { probe: { every: 1000 } }],
    ['"refresh.kinds"', { refresh: { kinds: ['acess_token'] } }],
    ['"appid"', { appid: 'wx1' }],
  ])('reports %s of %j, and only that', (name, options) => {
    const problems = problemsOf(options);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name} `));
    expect(problems[0]).not.toMatch(/app-secret|password/);
  });

  it('leaves the shape of "refresh" to the manager', () => {
    expect(problemsOf({ refresh: { kinds: 'stable_access_token' } })).toEqual([]);
    expect(problemsOf({ refresh: null })).toEqual([]);
  });

  it('builds handles whatever it was given', () => {
    for (const appId of ['\ud800', 'x'.repeat(999), 1, null, ' ']) {
      expect(() => make({ ...given, appId } as AppOptionsOf).accessToken.key).not.toThrow();
    }
  });

  it('shows its secret to nobody', () => {
    const account = make(given);
    const client = account.client(countingTokens());
    for (const each of [account, account.accessToken, client]) {
      expect(inspect(each, { depth: 9, showHidden: true, getters: true })).not.toContain(given.secret);
      expect(JSON.stringify(each)).not.toContain(given.secret);
    }
  });
});
