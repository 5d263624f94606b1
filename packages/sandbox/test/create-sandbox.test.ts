import { describe, expect, it } from 'vitest';
import { createSandbox, type SandboxOptions } from '../src/index.js';
import { accessToken, contactUser, getToken } from './dingtalk/support.js';
import { call, exchange, issue, TANAKA } from './nextengine/support.js';
import { DAY, DINGTALK, HOUR, NEXTENGINE, START, startSandbox, WECHAT } from './support.js';
import { PLATFORM } from './wechat/open-platform-support.js';
import { legacy, stable, ticket } from './wechat/support.js';

describe('createSandbox', () => {
  it('listens on a free port of the loopback interface, with base URLs that end without a slash', async () => {
    const { url, urls } = await startSandbox();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(urls).toEqual({
      wechat: `${url}/wechat`,
      wecom: `${url}/wecom`,
      dingtalkOapi: `${url}/dingtalk/oapi`,
      dingtalkApi: `${url}/dingtalk/api`,
      nextengineApi: `${url}/nextengine/api`,
      nextengineBase: `${url}/nextengine/base`,
    });
  });

  it('reads the system clock unless it is given another', async () => {
    const sandbox = await createSandbox();
    const [before, now] = [Date.now(), sandbox.now()];
    await sandbox.close();
    expect(now).toBeGreaterThanOrEqual(before);
  });

  it('has any number of accounts, each with tokens of its own', async () => {
    const wechat = Array.from({ length: 20 }, (_, i) => ({ appId: `wx${i}`, secret: `secret${i}` }));
    const sandbox = await startSandbox({ wechat });
    const answers = await Promise.all(wechat.map(({ appId, secret }) => stable(sandbox, { appid: appId, secret })));
    expect(new Set(answers.map((answer) => answer.access_token)).size).toBe(20);
  });

  it('dates its answers by its own clock', async () => {
    const sandbox = await startSandbox();
    sandbox.advance(DAY);
    const response = await fetch(`${sandbox.urls.wechat}/cgi-bin/token`);
    expect(response.headers.get('date')).toBe(new Date(START + DAY).toUTCString());
  });

  it('ends connections and delayed answers when it is closed, and may be closed again', async () => {
    const sandbox = await startSandbox();
    sandbox.fault({ kind: 'delay', delayMs: 600_000 });
    const waiting = expect(legacy(sandbox)).rejects.toThrow();
    await expect.poll(() => sandbox.calls().length).toBe(1);
    await sandbox.close();
    await sandbox.close();
    await waiting;
    await expect(fetch(sandbox.url)).rejects.toThrow();
  });

  it('answers 404 outside of the platforms, and 413 to a body that is too large', async () => {
    const { url, urls } = await startSandbox();
    expect((await fetch(`${url}/wechatter`)).status).toBe(404);
    const body = 'x'.repeat(2 * 1024 * 1024);
    const response = await fetch(`${urls.wechat}/cgi-bin/stable_token`, { method: 'POST', body }).catch(
      () => undefined,
    );
    expect([413, undefined]).toContain(response?.status);
  });

  it.each([
    [{ prot: 1 }, '"prot"'],
    [{ port: -1 }, '"port"'],
    [{ clock: {} }, '"clock"'],
    [{ wechat: {} }, '"wechat"'],
    [{ wechat: [{ appId: 'wx1' }] }, '"secret"'],
    [{ wechat: [WECHAT, WECHAT] }, '"appId"'],
    [{ wechat: [{ ...WECHAT, quota: 1 }] }, '"quota"'],
    [{ wechat: [{ ...WECHAT, users: [{ openid: 'o' }, { openid: 'o' }] }] }, '"openid"'],
    [{ wechat: [{ ...WECHAT, users: [{ name: 'x' }] }] }, '"name"'],
    [{ pushTimeoutMs: 0 }, '"pushTimeoutMs"'],
    [{ openPlatforms: [{ ...PLATFORM, appId: WECHAT.appId }] }, '"appId"'],
    [{ openPlatforms: [{ ...PLATFORM, encodingAESKey: 'short' }] }, '"encodingAESKey"'],
    [{ openPlatforms: [{ ...PLATFORM, callbackUrl: 'ftp://x' }] }, '"callbackUrl"'],
    [{ openPlatforms: [{ ...PLATFORM, ticketEveryMs: -1 }] }, '"ticketEveryMs"'],
    [{ openPlatforms: [{ ...PLATFORM, codeReuse: 'yes' }] }, '"codeReuse"'],
    [{ openPlatforms: [{ ...PLATFORM, authorizers: [{ appId: 'a' }, { appId: 'a' }] }] }, '"appId"'],
    [{ openPlatforms: [{ ...PLATFORM, authorizers: [{ appId: 'a', permissions: [0] }] }] }, '"permissions"'],
    [{ dingtalk: [{ ...DINGTALK, unifiedToken: 'both' }] }, '"unifiedToken"'],
    [{ nextengine: [{ ...NEXTENGINE, users: undefined }] }, '"users"'],
    [{ nextengine: [{ ...NEXTENGINE, overload: '003009' }] }, '"overload"'],
    [{ nextengine: [{ ...NEXTENGINE, signInRotates: 'no' }] }, '"signInRotates"'],
    [{ nextengine: [{ ...NEXTENGINE, users: [{ uid: 'a' }, { uid: 'a' }] }] }, '"uid"'],
  ])('refuses options that cannot be: %o', async (options, name) => {
    await expect(createSandbox(options as unknown as SandboxOptions)).rejects.toThrow(name);
  });
});

describe('what the sandbox tells', () => {
  it('holds no secret and no token', async () => {
    const sandbox = await startSandbox();
    const token = (await legacy(sandbox)).access_token;
    const values = [token, (await ticket(sandbox, token)).ticket, (await getToken(sandbox)).access_token];
    await legacy(sandbox, { secret: 'a-wrong-secret', appid: 'a-wrong-secret' });
    const { accessToken: dingtalk } = await accessToken(sandbox);
    await contactUser(sandbox, dingtalk);
    const pair = issue(sandbox);
    await call(sandbox, pair);
    const signedIn = sandbox.nextengine.signIn(NEXTENGINE.clientId, TANAKA);
    const { access_token: exchanged, refresh_token: refresh } = await exchange(sandbox, signedIn);
    const secrets = [WECHAT.secret, DINGTALK.appSecret, NEXTENGINE.clientSecret, 'a-wrong-secret', signedIn.state];
    const told = JSON.stringify([sandbox.calls(), sandbox.state()]);
    for (const value of [...values, ...secrets, dingtalk, pair.accessToken, pair.refreshToken, exchanged, refresh]) {
      expect(told).not.toContain(value);
    }
  });

  it('survives JSON unchanged', async () => {
    const sandbox = await startSandbox();
    await legacy(sandbox);
    issue(sandbox);
    const state = sandbox.state();
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
    expect(state.wechat[0]).toMatchObject({ legacy: { issued: 1, expiresAt: START + 2 * HOUR } });
    expect(state.nextengine[0]?.users[0]).toMatchObject({ uid: TANAKA, signIns: 1, renewals: 0 });
  });
});
