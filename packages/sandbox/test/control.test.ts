import { describe, expect, it } from 'vitest';
import { getToken, plainUser } from './dingtalk/support.js';
import { call, TANAKA } from './nextengine/support.js';
import { DAY, DINGTALK, HOUR, NEXTENGINE, postRaw, START, startSandbox, WECHAT } from './support.js';
import { legacy, use } from './wechat/support.js';

async function control(url: string, path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST') {
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${url}/_sandbox${path}`, { method, ...content });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('the control API', () => {
  it('moves the clock forward, and never back', async () => {
    const { url, now } = await startSandbox();
    expect((await control(url, '/clock', { advanceMs: HOUR })).body).toEqual({ now: START + HOUR, offsetMs: HOUR });
    expect(now()).toBe(START + HOUR);
    expect((await control(url, '/clock', { advanceMs: -1 })).status).toBe(400);
    expect((await control(url, '/clock')).body).toEqual({ now: START + HOUR, offsetMs: HOUR });
  });

  it('lists calls by filter', async () => {
    const sandbox = await startSandbox();
    await legacy(sandbox);
    await getToken(sandbox);
    const { body } = await control(sandbox.url, '/calls?platform=wechat&outcome=ok');
    expect(body['calls']).toEqual([
      {
        at: START,
        platform: 'wechat',
        method: 'GET',
        endpoint: '/cgi-bin/token',
        account: WECHAT.appId,
        outcome: 'ok',
        status: 200,
      },
    ]);
    expect((await control(sandbox.url, '/calls?colour=red')).status).toBe(400);
    expect((await control(sandbox.url, '/calls?platform=red')).status).toBe(400);
  });

  it('takes, lists and deletes faults', async () => {
    const sandbox = await startSandbox();
    const rule = { kind: 'busy', platform: 'wechat', count: 2 };
    expect((await control(sandbox.url, '/faults', rule)).body).toEqual({ faults: [rule] });
    expect((await legacy(sandbox)).errcode).toBe(-1);
    expect((await control(sandbox.url, '/faults')).body).toEqual({ faults: [{ ...rule, count: 1 }] });
    expect((await control(sandbox.url, '/faults', undefined, 'DELETE')).body).toEqual({ faults: [] });
    expect((await legacy(sandbox)).errcode).toBeUndefined();
  });

  it('takes no rule of a list that holds a wrong one', async () => {
    const { url } = await startSandbox();
    const { status, body } = await control(url, '/faults', { faults: [{ kind: 'drop' }, { kind: 'explode' }] });
    expect(status).toBe(400);
    expect(body['error']).toContain('"kind"');
    expect((await control(url, '/faults')).body).toEqual({ faults: [] });
  });

  it('handles late requests', async () => {
    const sandbox = await startSandbox();
    await control(sandbox.url, '/faults', { kind: 'late' });
    await expect(legacy(sandbox)).rejects.toThrow();
    expect((await control(sandbox.url, '/late', {})).body).toEqual({ handled: 1 });
    expect(sandbox.state().wechat[0]?.legacy.issued).toBe(1);
  });

  it('revokes tokens', async () => {
    const sandbox = await startSandbox();
    const [wechat, dingtalk] = [await legacy(sandbox), await getToken(sandbox)];
    await control(sandbox.url, '/revoke', { platform: 'wechat', account: WECHAT.appId, kind: 'legacy' });
    await control(sandbox.url, '/revoke', { platform: 'dingtalk', account: DINGTALK.appKey });
    expect(await use(sandbox, wechat.access_token)).toBe(40001);
    expect((await plainUser(sandbox, dingtalk.access_token)).errcode).toBe(40014);
    expect((await control(sandbox.url, '/revoke', { platform: 'wechat', account: 'nobody' })).status).toBe(400);
  });

  it('issues pairs and sign-ins for programs that cannot reach into the process', async () => {
    const sandbox = await startSandbox();
    const user = { clientId: NEXTENGINE.clientId, uid: TANAKA };
    const { body: pair } = await control(sandbox.url, '/nextengine/pair', user);
    expect((await call(sandbox, { accessToken: String(pair['accessToken']) })).result).toBe('success');
    expect((await control(sandbox.url, '/nextengine/sign-in', user)).body).toMatchObject({ uid: TANAKA });
  });

  it('resets everything', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await legacy(sandbox);
    await control(sandbox.url, '/clock', { advanceMs: DAY });
    await control(sandbox.url, '/faults', { kind: 'drop', count: 'always' });
    expect((await control(sandbox.url, '/reset', {})).body).toEqual({ now: START, offsetMs: 0 });
    expect(sandbox.calls()).toEqual([]);
    expect(sandbox.state().faults).toEqual([]);
    expect(await use(sandbox, token)).toBe(40001);
  });

  it('lists its actions, and answers 404 to what it does not have', async () => {
    const { url } = await startSandbox();
    expect((await control(url, '')).body['actions']).toContain('POST /_sandbox/clock');
    expect((await control(url, '/nothing')).status).toBe(404);
    expect((await postRaw(`${url}/_sandbox/clock`, [])).status).toBe(400);
  });
});
