import { describe, expect, it } from 'vitest';
import { getJson, HOUR, postJson, startSandbox, WECHAT } from '../support.js';
import { legacy, stable, ticket, use } from './support.js';

describe('tickets', () => {
  it('stay the same for two hours, and never tell how much of them is left', async () => {
    const sandbox = await startSandbox();
    const first = await ticket(sandbox, (await legacy(sandbox)).access_token);
    expect(first).toMatchObject({ errcode: 0, errmsg: 'ok', expires_in: 7200 });
    sandbox.advance(2 * HOUR - 1);
    expect(await ticket(sandbox, (await legacy(sandbox)).access_token)).toEqual(first);
    sandbox.advance(1);
    expect((await ticket(sandbox, (await legacy(sandbox)).access_token)).ticket).not.toBe(first.ticket);
  });

  it('differ by type', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await stable(sandbox);
    expect((await ticket(sandbox, token, 'wx_card')).ticket).not.toBe((await ticket(sandbox, token)).ticket);
  });

  it('tell the remaining time where the switch says so', async () => {
    const sandbox = await startSandbox({ wechat: [{ ...WECHAT, ticketExpiresIn: 'remaining' }] });
    const { access_token: token } = await stable(sandbox);
    await ticket(sandbox, token);
    sandbox.advance(HOUR);
    expect((await ticket(sandbox, token)).expires_in).toBe(3600);
  });

  it('need a living token', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await stable(sandbox);
    sandbox.advance(2 * HOUR);
    expect((await ticket(sandbox, token)).errcode).toBe(42001);
  });

  it('are not for mini programs', async () => {
    const sandbox = await startSandbox({ wechat: [{ ...WECHAT, kind: 'miniProgram' }] });
    expect((await ticket(sandbox, (await stable(sandbox)).access_token)).errcode).toBe(48001);
  });

  it('come without errcode where the switch says so', async () => {
    const sandbox = await startSandbox({ wechat: [{ ...WECHAT, omit: ['errcode'] }] });
    expect((await ticket(sandbox, (await stable(sandbox)).access_token)).errcode).toBeUndefined();
  });
});

describe('business calls', () => {
  it('answer 41001 without a token, 40014 to a malformed one, 40001 to one that was never issued', async () => {
    const sandbox = await startSandbox();
    expect(await use(sandbox, '')).toBe(41001);
    expect(await use(sandbox, 'short')).toBe(40014);
    expect(await use(sandbox, `70_${'x'.repeat(133)}`)).toBe(40001);
  });

  it.each(['/cgi-bin/get_api_domain_ip', '/cgi-bin/getcallbackip'])('%s lists addresses', async (path) => {
    const sandbox = await startSandbox();
    const { access_token: token } = await stable(sandbox);
    const { ip_list } = await getJson(`${sandbox.urls.wechat}${path}?access_token=${token}`);
    expect(ip_list.length).toBeGreaterThan(0);
  });

  it('take any POST with a living token', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await stable(sandbox);
    const url = `${sandbox.urls.wechat}/cgi-bin/message/custom/send?access_token=`;
    expect(await postJson(url + token, { touser: 'o1' })).toEqual({ errcode: 0, errmsg: 'ok' });
    expect((await postJson(`${url}dead`, {})).errcode).toBe(40014);
    expect(sandbox.calls({ endpoint: '/cgi-bin/message/custom/send' })).toHaveLength(2);
  });

  it('answer 40066 to a path that does not exist', async () => {
    const sandbox = await startSandbox();
    expect((await getJson(`${sandbox.urls.wechat}/cgi-bin/nothing`)).errcode).toBe(40066);
  });
});

describe('quota endpoints', () => {
  it('count the calls of a path, and check the token', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await legacy(sandbox);
    const url = `${sandbox.urls.wechat}/cgi-bin/openapi/quota/get?access_token=`;
    const body = await postJson(url + token, { cgi_path: '/cgi-bin/token' });
    expect(body.quota).toEqual({ daily_limit: 2000, used: 1, remain: 1999 });
    expect((await postJson(url + token, { cgi_path: 'cgi-bin/token' })).errcode).toBe(76003);
    expect((await postJson(url + token, { cgi_path: '/cgi-bin/nothing' })).errcode).toBe(76021);
    sandbox.advance(2 * HOUR);
    expect((await postJson(url + token, { cgi_path: '/cgi-bin/token' })).errcode).toBe(42001);
  });

  it('clear the counters ten times a month', async () => {
    const sandbox = await startSandbox({ wechat: [{ ...WECHAT, dailyTokenQuota: 1 }] });
    const { access_token: token } = await legacy(sandbox);
    const url = `${sandbox.urls.wechat}/cgi-bin/clear_quota?access_token=${token}`;
    expect((await postJson(url, { appid: 'wx-other' })).errcode).toBe(40013);
    for (let i = 0; i < 10; i += 1) expect((await postJson(url, { appid: WECHAT.appId })).errcode).toBe(0);
    expect((await postJson(url, { appid: WECHAT.appId })).errcode).toBe(48006);
    expect((await legacy(sandbox)).access_token).toBeTypeOf('string');
  });

  it('clear without a token, by the secret', async () => {
    const sandbox = await startSandbox({ wechat: [{ ...WECHAT, dailyTokenQuota: 0 }] });
    expect((await legacy(sandbox)).errcode).toBe(45009);
    const url = `${sandbox.urls.wechat}/cgi-bin/clear_quota/v2`;
    expect((await postJson(url, { appid: WECHAT.appId, appsecret: 'wrong' })).errcode).toBe(40125);
    const cleared = await fetch(`${url}?appid=${WECHAT.appId}&appsecret=${WECHAT.secret}`, { method: 'POST' });
    expect(await cleared.json()).toEqual({ errcode: 0, errmsg: 'ok' });
  });
});
