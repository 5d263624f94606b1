import { describe, expect, it } from 'vitest';
import type { Sandbox, WeChatAccount } from '../../src/index.js';
import { xmlText } from '../../src/push-message.js';
import { open, startReceiver } from '../receiver.js';
import { DAY, HOUR, MINUTE, postJson, START, startSandbox, WECHAT } from '../support.js';
import { OFFICIAL, startComponent } from './open-platform-support.js';
import { legacy, stable, ticket, use } from './support.js';

const { appId } = WECHAT;

function start(account: Partial<WeChatAccount> = {}): Promise<Sandbox> {
  return startSandbox({ wechat: [{ ...WECHAT, ...account }] });
}

describe('tokens and tickets', () => {
  it('are killed with those that work next to them', async () => {
    const sandbox = await start();
    const [old, current, kept] = [await legacy(sandbox), await legacy(sandbox), await stable(sandbox)];
    sandbox.wechat.killToken(appId, 'legacy');
    expect(await use(sandbox, old.access_token)).toBe(40001);
    expect(await use(sandbox, current.access_token)).toBe(40001);
    expect(await use(sandbox, kept.access_token)).toBe(0);
    expect(() => sandbox.wechat.killToken(appId, 'other' as never)).toThrow('"kind"');
  });

  it('keep a token two generations back for its own overlap where the switch says so', async () => {
    const sandbox = await start({ olderTokens: 'overlap' });
    const { access_token: oldest } = await legacy(sandbox);
    sandbox.advance(MINUTE);
    await legacy(sandbox);
    await legacy(sandbox);
    expect(await use(sandbox, oldest)).toBe(0);
    sandbox.advance(5 * MINUTE);
    expect(await use(sandbox, oldest)).toBe(40001);
  });

  it('answer 42001 to a predecessor that has reached its own end', async () => {
    const sandbox = await start();
    const { access_token: old } = await legacy(sandbox);
    sandbox.advance(2 * HOUR);
    await legacy(sandbox);
    expect(await use(sandbox, old)).toBe(42001);
    sandbox.advance(5 * MINUTE);
    expect(await use(sandbox, old)).toBe(40001);
  });

  it('end the token before a forced one at once where the switch says so', async () => {
    const sandbox = await start({ forcedEnds: 'atOnce' });
    const { access_token: leaked } = await stable(sandbox);
    const { access_token: forced } = await stable(sandbox, { force_refresh: true });
    expect([await use(sandbox, leaked), await use(sandbox, forced)]).toEqual([40001, 0]);
  });

  it('have another ticket once one was ended', async () => {
    const sandbox = await start();
    const { access_token: token } = await stable(sandbox);
    const [jsapi, card] = [await ticket(sandbox, token), await ticket(sandbox, token, 'wx_card')];
    sandbox.wechat.endTicket(appId, 'jsapi');
    expect((await ticket(sandbox, token)).ticket).not.toBe(jsapi.ticket);
    expect((await ticket(sandbox, token, 'wx_card')).ticket).toBe(card.ticket);
  });

  it('end an authorizer’s ticket too', async () => {
    const component = await startComponent();
    const { authorizer_access_token: token } = await component.authorize();
    const first = await ticket(component.sandbox, token);
    component.sandbox.wechat.endTicket(OFFICIAL, 'jsapi');
    expect((await ticket(component.sandbox, token)).ticket).not.toBe(first.ticket);
  });
});

describe('a secret', () => {
  it('can be replaced, and the tokens live on', async () => {
    const sandbox = await start();
    const { access_token: token } = await legacy(sandbox);
    sandbox.wechat.resetSecret(appId, 'another');
    expect((await legacy(sandbox)).errcode).toBe(40125);
    expect(await use(sandbox, token)).toBe(0);
    expect((await legacy(sandbox, { secret: 'another' })).access_token).toBeTypeOf('string');
  });

  it('can be replaced with the end of every token', async () => {
    const sandbox = await start();
    const tokens = [await legacy(sandbox), await stable(sandbox)];
    sandbox.wechat.resetSecret(appId, 'another', { endTokens: true });
    for (const { access_token: token } of tokens) expect(await use(sandbox, token)).toBe(40001);
  });

  it.each([40243, 50004, 50007])('can be refused with %i, and tokens work until they expire', async (code) => {
    const sandbox = await start();
    const { access_token: token } = await legacy(sandbox);
    sandbox.wechat.configure(appId, { tokenRefusal: code });
    expect([(await legacy(sandbox)).errcode, (await stable(sandbox)).errcode]).toEqual([code, code]);
    expect(await use(sandbox, token)).toBe(0);
    sandbox.wechat.configure(appId, { tokenRefusal: false });
    expect((await legacy(sandbox)).errcode).toBeUndefined();
  });
});

describe('addresses', () => {
  it('are blocked and let in again', async () => {
    const sandbox = await start();
    sandbox.wechat.blockIp(appId, '127.0.0.1');
    expect((await legacy(sandbox)).errcode).toBe(40164);
    expect(sandbox.state().wechat[0]?.blockedIps).toEqual(['127.0.0.1']);
    sandbox.wechat.unblockIp(appId, '127.0.0.1');
    expect((await legacy(sandbox)).errcode).toBeUndefined();
    sandbox.wechat.configure(appId, { ipAllowList: ['203.0.113.1'] });
    expect((await legacy(sandbox)).errcode).toBe(40164);
  });

  it('are confirmed by the administrator: 89503, then 89501, then let in', async () => {
    const sandbox = await start({ riskConfirmation: true });
    expect(() => sandbox.wechat.answerRisk(appId, 'confirmed')).toThrow('"appId"');
    expect((await legacy(sandbox)).errcode).toBe(89503);
    expect((await stable(sandbox)).errcode).toBe(89501);
    sandbox.wechat.answerRisk(appId, 'confirmed');
    expect((await legacy(sandbox)).errcode).toBeUndefined();
  });

  it('are refused by the administrator for an hour, and then for a day', async () => {
    const sandbox = await start({ riskConfirmation: true });
    await legacy(sandbox);
    sandbox.wechat.answerRisk(appId, 'refused');
    sandbox.advance(HOUR - 1);
    expect((await legacy(sandbox)).errcode).toBe(89507);
    sandbox.advance(1);
    expect((await legacy(sandbox)).errcode).toBe(89503);
    sandbox.wechat.answerRisk(appId, 'refused');
    sandbox.advance(DAY - 1);
    expect((await legacy(sandbox)).errcode).toBe(89506);
    sandbox.advance(1);
    expect((await legacy(sandbox)).errcode).toBe(89503);
  });

  it('are not asked about when they are on the list', async () => {
    const sandbox = await start({ riskConfirmation: true, ipAllowList: ['127.0.0.1'] });
    expect((await legacy(sandbox)).errcode).toBeUndefined();
  });
});

describe('quotas', () => {
  const clear = (sandbox: Sandbox, path: string, body: object) => postJson(`${sandbox.urls.wechat}${path}`, body);

  it('are exhausted by path, and cleared by path within the month’s ten', async () => {
    const sandbox = await start();
    const { access_token: token } = await stable(sandbox);
    for (const path of ['/cgi-bin/token', '/cgi-bin/user/get']) sandbox.wechat.exhaustQuota(appId, path);
    expect([(await legacy(sandbox)).errcode, await use(sandbox, token)]).toEqual([45009, 45009]);
    const url = `/cgi-bin/openapi/quota/clear?access_token=${token}`;
    expect((await clear(sandbox, url, { cgi_path: '/cgi-bin/token' })).errcode).toBe(0);
    expect([(await legacy(sandbox)).errcode, await use(sandbox, token)]).toEqual([undefined, 45009]);
    expect((await clear(sandbox, url, { cgi_path: '/nothing' })).errcode).toBe(76021);
    for (let i = 0; i < 9; i += 1) await clear(sandbox, url, { cgi_path: '/cgi-bin/token' });
    expect((await clear(sandbox, url, { cgi_path: '/cgi-bin/token' })).errcode).toBe(48006);
    expect((await clear(sandbox, `/cgi-bin/clear_quota?access_token=${token}`, { appid: appId })).errcode).toBe(48006);
    sandbox.advance(30 * DAY);
    const again = `/cgi-bin/openapi/quota/clear?access_token=${(await stable(sandbox)).access_token}`;
    expect((await clear(sandbox, again, { cgi_path: '/cgi-bin/token' })).errcode).toBe(0);
  });

  it('are told by path, with the rate where there is one, and only to the right kind of token', async () => {
    const component = await startComponent();
    const { sandbox } = component;
    const { authorizer_access_token: authorizer } = await component.authorize();
    const { access_token: account } = await stable(sandbox);
    const quota = (token: string, path: string) =>
      clear(sandbox, `/cgi-bin/openapi/quota/get?access_token=${token}`, { cgi_path: path });
    expect(await quota(account, '/cgi-bin/stable_token')).toMatchObject({
      quota: { daily_limit: 500_000, used: 1 },
      rate_limit: { call_count: 10_000, refresh_second: 60 },
    });
    expect(await quota(component.token, '/cgi-bin/component/api_component_token')).toMatchObject({
      quota: { used: 1 },
    });
    expect((await quota(component.token, '/cgi-bin/token')).errcode).toBe(76022);
    for (const token of [account, authorizer])
      expect((await quota(token, '/cgi-bin/component/api_component_token')).errcode).toBe(76022);
    expect((await quota(authorizer, '/cgi-bin/user/get')).errcode).toBe(0);
  });

  it('of components and authorizers are cleared by token and by secret', async () => {
    const component = await startComponent();
    const { sandbox } = component;
    const { authorizer_access_token: token } = await component.authorize();
    const platform = sandbox.state().openPlatforms[0]?.appId ?? '';
    const path = '/cgi-bin/component/api_get_authorizer_list';
    sandbox.openPlatform.exhaustQuota(platform, path);
    sandbox.wechat.exhaustQuota(OFFICIAL, '/cgi-bin/user/get');
    expect([(await component.list()).errcode, await use(sandbox, token)]).toEqual([45009, 45009]);

    const byToken = `/cgi-bin/clear_quota?access_token=`;
    expect((await clear(sandbox, byToken + component.token, { appid: OFFICIAL })).errcode).toBe(40013);
    expect((await clear(sandbox, byToken + component.token, { appid: platform })).errcode).toBe(0);
    expect((await clear(sandbox, byToken + token, { appid: OFFICIAL })).errcode).toBe(0);
    expect([(await component.list()).errcode, await use(sandbox, token)]).toEqual([undefined, 0]);

    sandbox.openPlatform.exhaustQuota(platform, path);
    sandbox.wechat.exhaustQuota(OFFICIAL, '/cgi-bin/user/get');
    const secret = { component_appid: platform, appsecret: 'sandbox-open-platform-secret' };
    const bySecret = '/cgi-bin/component/clear_quota/v2';
    expect((await clear(sandbox, bySecret, { ...secret, appsecret: 'wrong' })).errcode).toBe(40125);
    expect((await clear(sandbox, bySecret, { ...secret, appid: 'wx-nobody' })).errcode).toBe(61003);
    expect((await clear(sandbox, bySecret, secret)).errcode).toBe(0);
    expect([(await component.list()).errcode, await use(sandbox, token)]).toEqual([undefined, 45009]);
    expect((await clear(sandbox, bySecret, { ...secret, appid: OFFICIAL })).errcode).toBe(0);
    expect(await use(sandbox, token)).toBe(0);

    const old = `/cgi-bin/component/clear_quota?component_access_token=${component.token}`;
    expect((await clear(sandbox, old, { component_appid: platform })).errcode).toBe(0);
    expect((await clear(sandbox, old, { appid: OFFICIAL })).errcode).toBe(40013);
  });
});

describe('permissions', () => {
  it('are missing with 48001 where the switch says so', async () => {
    const sandbox = await start({ unauthorizedPaths: ['/cgi-bin/user/get'] });
    const { access_token: token } = await stable(sandbox);
    expect(await use(sandbox, token)).toBe(48001);
    expect((await ticket(sandbox, token)).errcode).toBe(0);
  });
});

describe('an account’s own pushes', () => {
  const KEYS = { token: 'accountToken', encodingAESKey: 'jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C' };
  const MESSAGE = { MsgType: 'text', Content: 'hello' };

  it('are sent encrypted for the account', async () => {
    const { url, received } = await startReceiver();
    const sandbox = await start({ push: { ...KEYS, url } });
    expect(await sandbox.wechat.push(appId, MESSAGE)).toMatchObject({
      event: 'text',
      account: appId,
      outcome: 'success',
    });
    const text = received[0] && open(received[0], { ...KEYS, receiveId: appId });
    expect(xmlText(text ?? '', 'Content')).toBe('hello');
    expect(xmlText(text ?? '', 'ToUserName')).toBe(`gh_${appId}`);
    expect(xmlText(text ?? '', 'CreateTime')).toBe(String(START / 1000));
  });

  it('are sent in the clear as JSON where the switch says so', async () => {
    const { url, received } = await startReceiver();
    const sandbox = await start();
    await expect(sandbox.wechat.push(appId, MESSAGE)).rejects.toThrow('"push"');
    sandbox.wechat.configure(appId, { push: { ...KEYS, url, mode: 'plain', format: 'json' } });
    await sandbox.wechat.push(appId, MESSAGE);
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject(MESSAGE);
  });

  it('begin with a check of the URL', async () => {
    const good = await startReceiver(({ query }) => ({ body: query.get('echostr') ?? '' }));
    const bad = await startReceiver();
    const sandbox = await start({ push: { ...KEYS, url: good.url } });
    expect(await sandbox.wechat.verifyUrl(appId)).toMatchObject({ outcome: 'verified' });
    sandbox.wechat.configure(appId, { push: { ...KEYS, url: bad.url } });
    expect(await sandbox.wechat.verifyUrl(appId)).toMatchObject({ outcome: 'invalid' });
    sandbox.reset();
    expect(await sandbox.wechat.verifyUrl(appId)).toMatchObject({ outcome: 'verified' });
  });

  it('can be checked by the platform: 40201, 40202, 40203', async () => {
    const sandbox = await start();
    const { access_token: token } = await stable(sandbox);
    const check = (body: object) =>
      postJson(`${sandbox.urls.wechat}/cgi-bin/callback/check?access_token=${token}`, body);
    expect((await check({ action: 'all' })).errcode).toBe(40201);
    sandbox.wechat.configure(appId, { push: { ...KEYS, url: 'http://127.0.0.1:1/' } });
    expect((await check({ action: 'none' })).errcode).toBe(40202);
    expect((await check({ action: 'all', check_operator: 'NONE' })).errcode).toBe(40203);
    expect(Object.keys(await check({ action: 'all', check_operator: 'CAP' }))).toEqual(['dns', 'ping']);
    expect(Object.keys(await check({ action: 'dns' }))).toEqual(['dns']);
  });
});

describe('switches', () => {
  it.each([
    [{ colour: 'red' }, '"colour"'],
    [{ secret: 'x' }, '"secret"'],
    [{ kind: 'shop' }, '"kind"'],
    [{ overlapMs: -1 }, '"overlapMs"'],
    [{ dailyQuotas: { '/x': -1 } }, '"dailyQuotas"'],
    [{ minuteQuotas: [] }, '"minuteQuotas"'],
    [{ omit: ['token'] }, '"omit"'],
    [{ ipAllowList: '127.0.0.1' }, '"ipAllowList"'],
    [{ tokenRefusal: 0 }, '"tokenRefusal"'],
    [{ olderTokens: 'gone' }, '"olderTokens"'],
    [{ forcedEnds: 'later' }, '"forcedEnds"'],
    [{ userTokenRefresh: 'never' }, '"userTokenRefresh"'],
    [{ riskConfirmation: 1 }, '"riskConfirmation"'],
    [{ push: { url: 'x' } }, '"token"'],
    [{ push: { token: 't', encodingAESKey: 'short', url: 'http://x/' } }, '"encodingAESKey"'],
  ])('refuse %o, and nothing changes', async (switches, name) => {
    const sandbox = await start();
    expect(() => sandbox.wechat.configure(appId, switches as never)).toThrow(name);
    expect((await stable(sandbox)).errcode).toBeUndefined();
    expect(() => sandbox.wechat.configure('wx-nobody', {})).toThrow('"appId"');
  });

  it('take effect at once, and end with a reset', async () => {
    const sandbox = await start();
    sandbox.wechat.configure(appId, { expiresIn: 60, rid: false });
    expect((await legacy(sandbox)).expires_in).toBe(60);
    sandbox.reset();
    expect((await legacy(sandbox)).expires_in).toBe(7200);
  });
});
