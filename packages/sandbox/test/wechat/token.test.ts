import { describe, expect, it } from 'vitest';
import { getJson, HOUR, MINUTE, query, SECOND, startSandbox, WECHAT } from '../support.js';
import { legacy, stable, use } from './support.js';

describe('GET /cgi-bin/token', () => {
  it('issues another token for every call, without an errcode', async () => {
    const sandbox = await startSandbox();
    const [first, second] = [await legacy(sandbox), await legacy(sandbox)];
    expect(Object.keys(first)).toEqual(['access_token', 'expires_in']);
    expect(first.expires_in).toBe(7200);
    expect(second.access_token).not.toBe(first.access_token);
  });

  it('lets the immediate predecessor work for five minutes, then refuses it with 40001', async () => {
    const sandbox = await startSandbox();
    const { access_token: old } = await legacy(sandbox);
    await legacy(sandbox);
    sandbox.advance(5 * MINUTE - 1);
    expect(await use(sandbox, old)).toBe(0);
    sandbox.advance(1);
    expect(await use(sandbox, old)).toBe(40001);
  });

  it('refuses a token two generations back at once', async () => {
    const sandbox = await startSandbox();
    const { access_token: oldest } = await legacy(sandbox);
    await legacy(sandbox);
    await legacy(sandbox);
    expect(await use(sandbox, oldest)).toBe(40001);
  });

  it('answers 42001 to a current token from the second its life ends', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await legacy(sandbox);
    sandbox.advance(2 * HOUR - 1);
    expect(await use(sandbox, token)).toBe(0);
    sandbox.advance(1);
    expect(await use(sandbox, token)).toBe(42001);
  });

  it('takes the overlap from the account', async () => {
    const sandbox = await startSandbox({ wechat: [{ ...WECHAT, overlapMs: 0 }] });
    const { access_token: old } = await legacy(sandbox);
    await legacy(sandbox);
    expect(await use(sandbox, old)).toBe(40001);
  });

  it.each([
    [{ appid: '' }, 41002],
    [{ secret: '' }, 41004],
    [{ grant_type: 'authorization_code' }, 40002],
    [{ appid: 'wx-somebody' }, 40013],
    [{ secret: 'wrong' }, 40125],
  ])('answers %o with errcode %i and HTTP 200', async (fields, errcode) => {
    const sandbox = await startSandbox();
    const body = await legacy(sandbox, fields);
    expect(body.errcode).toBe(errcode);
    expect(body.errmsg).toMatch(/ rid: \w{8}-\w{8}-\w{8}$/);
  });

  it('answers 40001 to the secret of another account: the same number that a business call uses for a dead token', async () => {
    const sandbox = await startSandbox({ wechat: [WECHAT, { appId: 'wx-other', secret: 'other-secret' }] });
    expect((await legacy(sandbox, { secret: 'other-secret' })).errcode).toBe(40001);
  });

  it('answers 45009 once the day is used up, until the natural day in China ends', async () => {
    const sandbox = await startSandbox({ wechat: [{ ...WECHAT, dailyTokenQuota: 2 }] });
    await legacy(sandbox);
    await legacy(sandbox);
    expect((await legacy(sandbox)).errcode).toBe(45009);
    sandbox.advance(14 * HOUR + 30 * MINUTE - 1);
    expect((await legacy(sandbox)).errcode).toBe(45009);
    sandbox.advance(1);
    expect((await legacy(sandbox)).access_token).toBeTypeOf('string');
  });

  it('answers 40164 to an address that is not on the list', async () => {
    const sandbox = await startSandbox({ wechat: [{ ...WECHAT, ipAllowList: ['203.0.113.1'] }] });
    const body = await legacy(sandbox);
    expect(body.errcode).toBe(40164);
    expect(body.errmsg).toContain('127.0.0.1');
  });

  it('sends JSON as text/plain, without a request id and without fields, where the switches say so', async () => {
    const account = { ...WECHAT, textPlain: true, rid: false, omit: ['expires_in'] as const };
    const sandbox = await startSandbox({ wechat: [account] });
    const credentials = { grant_type: 'client_credential', appid: WECHAT.appId };
    const url = `${sandbox.urls.wechat}/cgi-bin/token?`;
    const response = await fetch(url + query({ ...credentials, secret: WECHAT.secret }));
    expect(response.headers.get('content-type')).toBe('text/plain');
    expect(Object.keys((await response.json()) as object)).toEqual(['access_token']);
    const refused = await getJson(url + query({ ...credentials, secret: 'wrong' }));
    expect(refused).toEqual({ errcode: 40125, errmsg: 'invalid appsecret' });
  });
});

describe('POST /cgi-bin/stable_token', () => {
  it('repeats the token with its remaining seconds', async () => {
    const sandbox = await startSandbox();
    const first = await stable(sandbox);
    sandbox.advance(HOUR);
    expect(await stable(sandbox)).toEqual({ access_token: first.access_token, expires_in: 3600 });
  });

  it('makes a new token only when no more than five minutes remain, and both work then', async () => {
    const sandbox = await startSandbox();
    const { access_token: first } = await stable(sandbox);
    sandbox.advance(115 * MINUTE - SECOND);
    expect(await stable(sandbox)).toEqual({ access_token: first, expires_in: 301 });
    sandbox.advance(SECOND);
    const { access_token: second, expires_in } = await stable(sandbox);
    expect(second).not.toBe(first);
    expect(expires_in).toBe(7200);
    expect([await use(sandbox, first), await use(sandbox, second)]).toEqual([0, 0]);
    sandbox.advance(5 * MINUTE);
    expect([await use(sandbox, first), await use(sandbox, second)]).toEqual([40001, 0]);
  });

  it('rotates nothing by itself', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await stable(sandbox);
    sandbox.advance(2 * HOUR);
    expect(await use(sandbox, token)).toBe(42001);
  });

  it('is isolated from /cgi-bin/token', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await stable(sandbox);
    for (let i = 0; i < 3; i += 1) await legacy(sandbox);
    expect(await use(sandbox, token)).toBe(0);
    expect((await stable(sandbox)).access_token).toBe(token);
  });

  it('makes a new token by force, and ends the first one with the second force', async () => {
    const sandbox = await startSandbox();
    const { access_token: leaked } = await stable(sandbox);
    const { access_token: second } = await stable(sandbox, { force_refresh: true });
    expect(second).not.toBe(leaked);
    expect(await use(sandbox, leaked)).toBe(0);
    sandbox.advance(30 * SECOND);
    await stable(sandbox, { force_refresh: true });
    expect([await use(sandbox, leaked), await use(sandbox, second)]).toEqual([40001, 0]);
  });

  it('does not refresh by force within 30 seconds of the last time', async () => {
    const sandbox = await startSandbox();
    const first = await stable(sandbox, { force_refresh: true });
    sandbox.advance(30 * SECOND - 1);
    expect(await stable(sandbox, { force_refresh: true })).toEqual({ ...first, expires_in: 7170 });
    sandbox.advance(1);
    expect((await stable(sandbox, { force_refresh: true })).access_token).not.toBe(first.access_token);
  });

  it('answers 45009 to the 21st force of a day', async () => {
    const sandbox = await startSandbox();
    for (let i = 0; i < 20; i += 1) {
      expect((await stable(sandbox, { force_refresh: true })).errcode).toBeUndefined();
      sandbox.advance(30 * SECOND);
    }
    expect((await stable(sandbox, { force_refresh: true })).errcode).toBe(45009);
    expect((await stable(sandbox)).access_token).toBeTypeOf('string');
  });

  it('answers 45011 above the minute quota, until the next minute', async () => {
    const sandbox = await startSandbox({ wechat: [{ ...WECHAT, minuteStableQuota: 1 }] });
    await stable(sandbox);
    expect((await stable(sandbox)).errcode).toBe(45011);
    sandbox.advance(MINUTE);
    expect((await stable(sandbox)).access_token).toBeTypeOf('string');
  });

  it('wants POST and a JSON body', async () => {
    const sandbox = await startSandbox();
    const url = `${sandbox.urls.wechat}/cgi-bin/stable_token`;
    expect((await getJson(`${url}?appid=${WECHAT.appId}`)).errcode).toBe(43002);
    const form = await fetch(url, { method: 'POST', body: new URLSearchParams({ appid: WECHAT.appId }) });
    expect(await form.json()).toMatchObject({ errcode: 47001 });
  });
});

describe('revoking', () => {
  it('ends the current token of one kind before its time', async () => {
    const sandbox = await startSandbox();
    const [{ access_token: old }, { access_token: kept }] = [await stable(sandbox), await legacy(sandbox)];
    sandbox.wechat.revoke(WECHAT.appId, 'stable');
    expect([await use(sandbox, old), await use(sandbox, kept)]).toEqual([40001, 0]);
    const { access_token: fresh } = await stable(sandbox);
    expect(fresh).not.toBe(old);
    expect([await use(sandbox, old), await use(sandbox, fresh)]).toEqual([40001, 0]);
  });

  it('ends both kinds without a kind, and names an account it does not know', async () => {
    const sandbox = await startSandbox();
    const tokens = [await stable(sandbox), await legacy(sandbox)];
    sandbox.wechat.revoke(WECHAT.appId);
    for (const { access_token } of tokens) expect(await use(sandbox, access_token)).toBe(40001);
    expect(() => sandbox.wechat.revoke('wx-nobody')).toThrow('"appId"');
  });
});
