import { describe, expect, it } from 'vitest';
import type { FaultRule } from '../src/index.js';
import { accessToken, contactUser, getToken, plainUser, topUser } from './dingtalk/support.js';
import { call, issue, startNextEngine, TANAKA } from './nextengine/support.js';
import { DAY, DINGTALK, NEXTENGINE, startSandbox, WECHAT } from './support.js';
import { legacy, stable, use } from './wechat/support.js';

describe('drop', () => {
  it('does the work and cuts the connection: the renewed pair is lost', async () => {
    const sandbox = await startNextEngine();
    const pair = issue(sandbox);
    sandbox.advance(DAY);
    sandbox.fault({ kind: 'drop', platform: 'nextengine' });
    await expect(call(sandbox, pair)).rejects.toThrow();
    expect((await call(sandbox, pair)).code).toBe('002002');
    expect(sandbox.calls({ outcome: 'drop' })).toMatchObject([{ effect: 'ok', fault: 'drop', subject: TANAKA }]);
  });
});

describe('late', () => {
  it('cuts the connection at once and does the work when it is told to', async () => {
    const sandbox = await startNextEngine();
    const pair = issue(sandbox);
    sandbox.advance(DAY);
    sandbox.fault({ kind: 'late' });
    await expect(call(sandbox, pair)).rejects.toThrow();
    expect(sandbox.state().late).toBe(1);
    expect(sandbox.nextengine.currentPair(NEXTENGINE.clientId, TANAKA)).toEqual(pair);
    expect(sandbox.runLate()).toBe(1);
    expect(sandbox.nextengine.currentPair(NEXTENGINE.clientId, TANAKA)).not.toEqual(pair);
    expect(sandbox.calls({ outcome: 'late' })).toMatchObject([{ effect: 'ok' }]);
    expect(sandbox.runLate()).toBe(0);
  });

  it('loses against a request that came after it', async () => {
    const sandbox = await startNextEngine();
    const pair = issue(sandbox);
    sandbox.advance(DAY);
    sandbox.fault({ kind: 'late' });
    await expect(call(sandbox, pair)).rejects.toThrow();
    const renewed = await call(sandbox, pair);
    sandbox.runLate();
    expect(sandbox.calls({ outcome: 'late' })).toMatchObject([{ effect: '002002' }]);
    expect(sandbox.nextengine.currentPair(NEXTENGINE.clientId, TANAKA)?.accessToken).toBe(renewed.access_token);
  });

  it('does the work after real time where a delay is given, and answers who still waits', async () => {
    const sandbox = await startSandbox();
    sandbox.fault({ kind: 'late', delayMs: 20, hold: true });
    expect((await legacy(sandbox)).access_token).toBeTypeOf('string');
    expect(sandbox.state().late).toBe(0);
  });

  it('is forgotten by a reset', async () => {
    const sandbox = await startSandbox();
    sandbox.fault({ kind: 'late', delayMs: 10_000 });
    await expect(legacy(sandbox)).rejects.toThrow();
    sandbox.reset();
    expect(sandbox.runLate()).toBe(0);
  });
});

describe('delay', () => {
  it('does the work at once and answers later: a caller who gives up has lost the answer', async () => {
    const sandbox = await startSandbox();
    sandbox.fault({ kind: 'delay', delayMs: 10_000 });
    const url = `${sandbox.urls.wechat}/cgi-bin/token?grant_type=client_credential&appid=${WECHAT.appId}&secret=${WECHAT.secret}`;
    const patience = new AbortController();
    const given = expect(fetch(url, { signal: patience.signal })).rejects.toThrow();
    await expect.poll(() => sandbox.calls().length, { timeout: 20_000 }).toBe(1);
    patience.abort();
    await given;
    expect(sandbox.calls()).toMatchObject([{ outcome: 'ok', fault: 'delay' }]);
    expect(sandbox.state().wechat[0]?.legacy.issued).toBe(1);
  });
});

describe('spoilt answers', () => {
  const url = (base: string) =>
    `${base}/cgi-bin/token?grant_type=client_credential&appid=${WECHAT.appId}&secret=${WECHAT.secret}`;

  it.each([
    [{ kind: 'status' }, 503, '', 0],
    [{ kind: 'status', status: 502, work: true }, 502, '', 1],
    [{ kind: 'html' }, 200, '<!doctype html>', 0],
    [{ kind: 'html', status: 400 }, 400, '<!doctype html>', 0],
    [{ kind: 'malformed' }, 200, '{"access_token"', 1],
  ] as const)('%o', async (rule, status, start, issued) => {
    const sandbox = await startSandbox();
    sandbox.fault(rule);
    const response = await fetch(url(sandbox.urls.wechat));
    const text = await response.text();
    expect(response.status).toBe(status);
    expect(text.startsWith(start)).toBe(true);
    expect(() => JSON.parse(text)).toThrow();
    expect(sandbox.state().wechat[0]?.legacy.issued).toBe(issued);
    expect(sandbox.calls()[0]?.outcome).toBe(rule.kind);
  });
});

describe('codes', () => {
  it('come in the envelope of WeChat, without the work', async () => {
    const sandbox = await startSandbox();
    sandbox.fault({ kind: 'code', code: 89503 });
    expect(await legacy(sandbox)).toMatchObject({ errcode: 89503, errmsg: expect.stringContaining('rid: ') });
    sandbox.fault({ kind: 'busy', platform: 'wechat' });
    expect((await legacy(sandbox)).errcode).toBe(-1);
    expect(sandbox.state().wechat[0]?.legacy.issued).toBe(0);
  });

  it('come in the envelopes of both DingTalk APIs', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await getToken(sandbox);
    const answered = async <T>(rule: FaultRule, run: () => Promise<T>) => {
      sandbox.fault({ platform: 'dingtalk', ...rule });
      return run();
    };
    expect(await answered({ kind: 'code', code: 90018 }, () => topUser(sandbox, token))).toMatchObject({
      errcode: 88,
      sub_code: '90018',
    });
    expect(await answered({ kind: 'busy' }, () => topUser(sandbox, token))).toMatchObject({
      errcode: 88,
      sub_code: '',
    });
    expect(await answered({ kind: 'code', code: 15 }, () => plainUser(sandbox, token))).toMatchObject({
      errcode: 15,
      sub_code: 'isp.top-remote-connection-timeout',
    });
    expect(await answered({ kind: 'busy' }, () => plainUser(sandbox, token))).toMatchObject({ errcode: -1 });
    expect(await answered({ kind: 'code', code: '1111' }, () => accessToken(sandbox))).toMatchObject({
      punish: 'deny',
    });
    expect(await answered({ kind: 'code', code: 404 }, () => accessToken(sandbox))).toMatchObject({ errcode: 404 });
    const limited = 'Forbidden.AccessDenied.QpsLimitForApi';
    const response = await answered({ kind: 'code', code: limited }, () => contactUser(sandbox, token));
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: limited });
    expect((await answered({ kind: 'busy' }, () => contactUser(sandbox, token))).status).toBe(500);
    expect((await answered({ kind: 'maintenance' }, () => contactUser(sandbox, token))).status).toBe(503);
  });
});

describe('a rule', () => {
  it('hits as many calls as it says, once by default', async () => {
    const sandbox = await startSandbox();
    sandbox.fault({ kind: 'busy', count: 2 });
    expect([(await legacy(sandbox)).errcode, (await legacy(sandbox)).errcode]).toEqual([-1, -1]);
    expect((await legacy(sandbox)).errcode).toBeUndefined();
    sandbox.fault({ kind: 'busy', count: 'always' });
    for (let i = 0; i < 3; i += 1) expect((await legacy(sandbox)).errcode).toBe(-1);
    expect(sandbox.state().faults).toEqual([{ kind: 'busy', count: 'always' }]);
    sandbox.clearFaults();
    expect((await legacy(sandbox)).errcode).toBeUndefined();
  });

  it('hits only the platform, endpoint and account it names', async () => {
    const other = { appKey: 'other', appSecret: 'other-secret' };
    const sandbox = await startSandbox({ dingtalk: [DINGTALK, other] });
    sandbox.fault({ kind: 'busy', platform: 'dingtalk', endpoint: '/gettoken', account: 'other' });
    expect((await legacy(sandbox)).errcode).toBeUndefined();
    expect((await getToken(sandbox)).errcode).toBe(0);
    expect((await accessToken(sandbox)).accessToken).toBeTypeOf('string');
    expect((await getToken(sandbox, { appkey: 'other', appsecret: 'other-secret' })).errcode).toBe(-1);
  });

  it('hits one user of NextEngine, or the path of a template', async () => {
    const sandbox = await startSandbox();
    const [tanaka, suzuki] = [issue(sandbox), issue(sandbox, 'user-suzuki')];
    sandbox.fault({ kind: 'busy', subject: TANAKA });
    expect((await call(sandbox, suzuki)).result).toBe('success');
    expect((await call(sandbox, tanaka)).code).toBe('003002');
    sandbox.fault({ kind: 'busy', endpoint: '/v1.0/contact/users/u1' });
    expect((await contactUser(sandbox, (await getToken(sandbox)).access_token)).status).toBe(500);
  });

  it('takes no token with it that a later call relies on', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await stable(sandbox);
    sandbox.fault({ kind: 'status' });
    await expect(use(sandbox, token)).rejects.toThrow();
    expect(await use(sandbox, token)).toBe(0);
  });

  it.each([
    [{ kind: 'explode' }, '"kind"'],
    [{ kind: 'delay' }, '"delayMs"'],
    [{ kind: 'code' }, '"code"'],
    [{ kind: 'drop', count: 0 }, '"count"'],
    [{ kind: 'drop', platform: 'weibo' }, '"platform"'],
    [{ kind: 'drop', path: '/gettoken' }, '"path"'],
    [{ kind: 'status', status: 99 }, '"status"'],
    [{ kind: 'late', hold: 'yes' }, '"hold"'],
  ])('that cannot be is refused: %o', async (rule, name) => {
    const sandbox = await startSandbox();
    expect(() => sandbox.fault(rule as FaultRule)).toThrow(name);
  });
});
