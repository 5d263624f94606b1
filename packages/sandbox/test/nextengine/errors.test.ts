import { describe, expect, it } from 'vitest';
import { DAY, NEXTENGINE } from '../support.js';
import { call, exchange, issue, pairOf, startNextEngine, TANAKA } from './support.js';

describe('errors of the main function', () => {
  it.each([
    [{ overload: '003001' }, {}, '003001'],
    [{ overload: '003002' }, {}, '003002'],
    [{ overload: '003002' }, { wait_flag: '1' }, '003001'],
    [{ overload: 'wait' }, {}, '003002'],
    [{ maintenance: '003004' }, {}, '003004'],
    [{ maintenance: '003005' }, {}, '003005'],
    [{ suspended: '003003' }, {}, '003003'],
  ] as const)('by %o and %o renew an expired pair and carry it: %s', async (switches, fields, code) => {
    const sandbox = await startNextEngine(switches);
    const pair = issue(sandbox);
    sandbox.advance(DAY);
    const body = await call(sandbox, pair, fields);
    expect(body).toMatchObject({ result: 'error', code });
    expect(body.access_token).not.toBe(pair.accessToken);
    const held = sandbox.nextengine.currentPair(NEXTENGINE.clientId, TANAKA);
    expect(pairOf(body)).toEqual({ accessToken: held?.accessToken, refreshToken: held?.refreshToken });
  });

  it('come without tokens where the switch says so, though the pair was renewed', async () => {
    const sandbox = await startNextEngine({ overload: '003001', errorsCarryTokens: false });
    const pair = issue(sandbox);
    sandbox.advance(DAY);
    expect((await call(sandbox, pair)).access_token).toBeUndefined();
    expect(sandbox.nextengine.currentPair(NEXTENGINE.clientId, TANAKA)?.accessToken).not.toBe(pair.accessToken);
  });

  it('are waited for with wait_flag=1 where the switch says so', async () => {
    const sandbox = await startNextEngine({ overload: 'wait', overloadWaitMs: 20 });
    const started = performance.now();
    expect((await call(sandbox, issue(sandbox), { wait_flag: '1' })).result).toBe('success');
    expect(performance.now() - started).toBeGreaterThanOrEqual(15);
  });
});

describe('errors of the platform itself', () => {
  it.each([{ maintenance: '002007' }, { suspended: '002003' }] as const)(
    'by %o come before authentication: the pair sent is echoed and not renewed',
    async (switches) => {
      const sandbox = await startNextEngine(switches);
      const pair = issue(sandbox);
      sandbox.advance(DAY);
      const body = await call(sandbox, pair);
      expect(body.code).toBe(Object.values(switches)[0]);
      expect(pairOf(body)).toEqual({ accessToken: pair.accessToken, refreshToken: pair.refreshToken });
      expect(sandbox.nextengine.currentPair(NEXTENGINE.clientId, TANAKA)).toEqual(pair);
    },
  );

  it('stop the exchange: 001007 for a suspended company, 002007 in maintenance', async () => {
    for (const [switches, code] of [
      [{ suspended: '002003' }, '001007'],
      [{ maintenance: '002007' }, '002007'],
    ] as const) {
      const sandbox = await startNextEngine(switches);
      const signedIn = sandbox.nextengine.signIn(NEXTENGINE.clientId, TANAKA);
      expect((await exchange(sandbox, signedIn)).code).toBe(code);
    }
  });

  it('answer 000001 to a path that does not exist, and to a GET', async () => {
    const sandbox = await startNextEngine();
    expect((await call(sandbox, issue(sandbox), {}, '/api_v1_nothing/info')).code).toBe('000001');
    const response = await fetch(`${sandbox.urls.nextengineApi}/api_v1_login_user/info`);
    expect(await response.json()).toMatchObject({ result: 'error', code: '000001' });
  });
});

describe('faults by code', () => {
  it('of the main function renew, 999999 does neither and carries no tokens', async () => {
    const sandbox = await startNextEngine();
    const pair = issue(sandbox);
    sandbox.advance(DAY);
    sandbox.fault({ kind: 'code', code: '999999' });
    const failed = await call(sandbox, pair);
    expect(failed).toMatchObject({ result: 'error', code: '999999' });
    expect(failed.access_token).toBeUndefined();
    sandbox.fault({ kind: 'busy' });
    const busy = await call(sandbox, pair);
    expect(busy.code).toBe('003002');
    expect(busy.access_token).not.toBe(pair.accessToken);
    sandbox.fault({ kind: 'maintenance' });
    expect((await call(sandbox, pairOf(busy))).code).toBe('003005');
  });

  it('999999 can come after the work: the renewed pair is lost with it', async () => {
    const sandbox = await startNextEngine();
    const pair = issue(sandbox);
    sandbox.advance(DAY);
    sandbox.fault({ kind: 'code', code: '999999', work: true });
    expect((await call(sandbox, pair)).access_token).toBeUndefined();
    expect((await call(sandbox, pair)).code).toBe('002002');
  });

  it('do not let a dead pair in', async () => {
    const sandbox = await startNextEngine();
    const old = issue(sandbox);
    issue(sandbox);
    sandbox.fault({ kind: 'busy' });
    expect((await call(sandbox, old)).code).toBe('002002');
  });
});
