import { accountContract } from '@evertoken/core/testing';
import { describe, expect, it } from 'vitest';
import { DingTalkError, dingTalkSns, dingTalkSso } from '../src/index.js';
import { everythingOf, failureFrom, fakeFetch, fakeTokens, hastyClock, issueRequest } from './support.js';
import { LAN, OA, world } from './world.js';

const there = world();
const HOUR = 3_600_000;
const OPENID = `open-${LAN}`;

const APIS = ['v1', 'legacy'] as const;
const SSO_PATHS = { v1: '/v1.0/oauth2/ssoAccessToken', legacy: '/sso/gettoken' };
const sso = (api: (typeof APIS)[number]) =>
  dingTalkSso({ name: 'console', corpId: OA.corpId, ssoSecret: OA.ssoSecret, api, baseUrls: there.baseUrls() });
const sns = () =>
  dingTalkSns({
    name: 'personal',
    appId: OA.appKey,
    appSecret: OA.appSecret,
    persistentCodes: true,
    baseUrls: there.baseUrls(),
    clock: { ...hastyClock(), now: there.clock.now },
  });

describe.each(APIS)('SSO by %s', (api) => {
  it('tells the administrator by a code that works once', async () => {
    const account = sso(api);
    const client = account.client(there.manage(account));
    const code = there.sandbox.dingtalk.ssoCode(OA.appKey);
    const who = await client.administrator(code);
    expect(who).toMatchObject({ userId: 'lan', name: '王兰', corpId: OA.corpId, isAdmin: true });
    const again = await failureFrom(client.administrator(code));
    expect(again).toBeInstanceOf(DingTalkError);
    expect(again).toMatchObject({ reason: 'reauthorize', account: 'console' });
    expect(everythingOf(again)).not.toContain(code);
    expect(there.calls(SSO_PATHS[api])).toBe(1);
  });

  it('asks once for all callers, below one key of the organisation', async () => {
    const account = sso(api);
    const manager = there.manage(account);
    await Promise.all(Array.from({ length: 20 }, () => manager.get(account.accessToken)));
    expect(there.calls(SSO_PATHS[api])).toBe(1);
    expect(account.accessToken.key).toBe(`et1/dingtalk/${OA.corpId}/sso_access_token`);
  });

  it('lives an hour where the answer says so, or says nothing', async () => {
    const account = sso(api);
    const token = await there.manage(account).get(account.accessToken);
    expect(token.expiresAt).toBe(there.clock.now() + HOUR);
  });

  it('replaces a dead token and asks once more', async () => {
    const account = sso(api);
    const client = account.client(there.manage(account));
    await client.administrator(there.sandbox.dingtalk.ssoCode(OA.appKey));
    there.sandbox.dingtalk.killToken(OA.appKey, { kind: 'sso' });
    await client.administrator(there.sandbox.dingtalk.ssoCode(OA.appKey));
    expect(there.calls(SSO_PATHS[api])).toBe(2);
  });

  it('is refused with a secret that is another one', async () => {
    const account = dingTalkSso({
      name: 'console',
      corpId: OA.corpId,
      ssoSecret: 'wrong',
      api,
      baseUrls: there.baseUrls(),
    });
    expect(await failureFrom(there.manage(account).get(account.accessToken))).toMatchObject({
      code: 'ERR_TOKEN_REFUSED',
    });
  });
});

it('SSO takes a lifetime of your own where the old answer names none, and none at all for "expired now"', async () => {
  const options = { name: 'c', corpId: 'dingcorp', ssoSecret: 's', api: 'legacy', defaultLifetimeMs: 600_000 } as const;
  for (const more of [{}, { expires_in: 0 }, { expires_in: -1 }]) {
    const fetch = fakeFetch({ json: { errcode: 0, access_token: 'T1', ...more } });
    expect(await dingTalkSso(options).accessToken.issue(issueRequest(fetch))).toEqual({
      value: 'T1',
      lifetimeMs: 600_000,
    });
    expect(fetch.seen[0]?.url.search).toBe('?corpid=dingcorp&corpsecret=s');
  }
  expect(dingTalkSso({ ...options, defaultLifetimeMs: 0 }).problems()).toEqual([
    '"defaultLifetimeMs" must be a number of milliseconds above zero',
  ]);
});

describe('SNS', () => {
  it('exchanges a scan’s code, keeps the persistent code and has the user’s token by it', async () => {
    const account = sns();
    const manager = there.manage(account);
    const client = account.client(manager);
    const who = await client.exchange(there.sandbox.dingtalk.scanCode(OA.appKey, { unionId: LAN }));
    expect(who).toEqual({ openid: OPENID, unionid: LAN });
    const user = account.user(who.openid);
    expect(await user.client(manager).get('/sns/getuserinfo')).toMatchObject({ user_info: { unionid: LAN } });
    expect((await manager.get(user.persistentCode)).expiresAt).toBeUndefined();
    await there.clock.advance(100 * 24 * HOUR);
    expect(await user.client(manager).get('/sns/getuserinfo')).toMatchObject({ user_info: { unionid: LAN } });
    expect([there.calls('/sns/get_persistent_code'), there.calls('/sns/get_sns_token')]).toEqual([1, 2]);
  });

  it('never asks twice with a code whose answer was lost', async () => {
    const account = sns();
    const client = account.client(there.manage(account));
    there.sandbox.fault({ kind: 'drop', endpoint: '/sns/get_persistent_code' });
    const code = there.sandbox.dingtalk.scanCode(OA.appKey);
    expect(await failureFrom(client.exchange(code))).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT' });
    expect(there.calls('/sns/get_persistent_code')).toBe(1);
    expect(await failureFrom(client.exchange(code))).toMatchObject({ code: '40078', reason: 'reauthorize' });
  });

  it('waits for a sign-in where the user took the permission back', async () => {
    const account = sns();
    const manager = there.manage(account);
    const client = account.client(manager);
    await client.exchange(there.sandbox.dingtalk.scanCode(OA.appKey));
    const user = account.user(OPENID);
    await user.client(manager).get('/sns/getuserinfo');
    there.sandbox.dingtalk.endUser(OA.appKey, LAN);
    expect(await failureFrom(user.client(manager).get('/sns/getuserinfo'))).toMatchObject({
      code: 'ERR_TOKEN_WAITING',
    });
    await client.exchange(there.sandbox.dingtalk.scanCode(OA.appKey));
    expect(await user.client(manager).get('/sns/getuserinfo')).toMatchObject({ user_info: { unionid: LAN } });
  });

  it('heals a user’s dead token, and a dead app token below it', async () => {
    const account = sns();
    const manager = there.manage(account);
    await account.client(manager).exchange(there.sandbox.dingtalk.scanCode(OA.appKey));
    const client = account.user(OPENID).client(manager);
    await client.get('/sns/getuserinfo');
    there.sandbox.dingtalk.killToken(OA.appKey, { kind: 'sns' });
    there.sandbox.dingtalk.killToken(OA.appKey, { kind: 'sns', subject: OPENID });
    expect(await client.get('/sns/getuserinfo')).toMatchObject({ user_info: { unionid: LAN } });
    expect(there.calls('/sns/gettoken')).toBe(2);
  });

  it('tells by a signed call alone who it is', async () => {
    const account = sns();
    const client = account.client(there.manage(account));
    // Base64 has a plus or a slash in most signatures: one code a try.
    for (let i = 0; i < 20; i++) {
      await there.clock.advance(1_001);
      const code = there.sandbox.dingtalk.scanCode(OA.appKey, { unionId: LAN });
      expect(await client.userByCode(code)).toMatchObject({ user_info: { unionid: LAN } });
    }
    expect(there.calls('/sns/gettoken')).toBe(0);
  });

  it('signs and encodes as the published vector says', async () => {
    const fetch = fakeFetch({ json: { errcode: 0, user_info: {} } });
    const clock = { ...hastyClock(), now: () => 1_546_084_445_901 };
    const account = dingTalkSns({ name: 'p', appId: 'dingoa', appSecret: 'testappSecret', fetch, clock });
    await account.client(fakeTokens()).userByCode('code');
    expect(fetch.seen[0]?.url.href).toBe(
      'https://oapi.dingtalk.com/sns/getuserinfo_bycode?accessKey=dingoa&timestamp=1546084445901' +
        '&signature=HCbG3xNE3vzhO%2Bu7qCUL1jS5hsu2n5r2cFhnTrtyDAE%3D',
    );
    expect(fetch.seen[0]).toMatchObject({ method: 'POST', json: { tmp_auth_code: 'code' } });
  });

  it('takes two hours for the token’s life, or what the options say', async () => {
    const answer = () => issueRequest(fakeFetch({ json: { errcode: 0, access_token: 'T1' } }));
    const options = { name: 'p', appId: 'a', appSecret: 's' };
    expect(await dingTalkSns(options).accessToken.issue(answer())).toEqual({ value: 'T1', lifetimeMs: 2 * HOUR });
    const own = dingTalkSns({ ...options, defaultLifetimeMs: HOUR });
    expect(await own.accessToken.issue(answer())).toEqual({ value: 'T1', lifetimeMs: HOUR });
  });

  it('keeps nobody’s code unless it is told to', async () => {
    const account = dingTalkSns({ name: 'p', appId: OA.appKey, appSecret: OA.appSecret, baseUrls: there.baseUrls() });
    const manager = there.manage(account, { allowVolatileGrants: false });
    expect(await account.client(manager).exchange(there.sandbox.dingtalk.scanCode(OA.appKey))).toMatchObject({
      openid: OPENID,
    });
    expect(() => account.user(OPENID)).toThrow(/"persistentCodes" must be true/);
    expect(account.kinds.map(({ keep }) => keep)).toEqual(['obtainable']);
  });
});

accountContract(
  { describe, it, expect },
  {
    name: 'dingTalkSso',
    create: () => dingTalkSso({ name: 'account', corpId: 'dingcorp', ssoSecret: 'the-sso-secret' }),
    secrets: ['the-sso-secret'],
    unconfigured: () => dingTalkSso({ name: 'account', corpId: undefined, ssoSecret: undefined }),
  },
);

accountContract(
  { describe, it, expect },
  {
    name: 'dingTalkSns',
    create: () => dingTalkSns({ name: 'account', appId: 'a', appSecret: 'the-sns-secret', persistentCodes: true }),
    secrets: ['the-sns-secret'],
    unconfigured: () => dingTalkSns({ name: 'account', appId: undefined, appSecret: undefined, persistentCodes: true }),
    subjects: (account) => {
      const user = (account as ReturnType<typeof dingTalkSns>).user('open-1');
      return [user.persistentCode, user.accessToken];
    },
  },
);
