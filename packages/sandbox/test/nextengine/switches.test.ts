import { describe, expect, it } from 'vitest';
import type { NextEngineSwitches, Sandbox } from '../../src/index.js';
import { DAY, HOUR, NEXTENGINE, postRaw, START } from '../support.js';
import { call, exchange, issue, pairOf, startNextEngine, TANAKA } from './support.js';

const { clientId } = NEXTENGINE;

function configure(sandbox: Sandbox, switches: NextEngineSwitches): void {
  sandbox.nextengine.configure(clientId, switches);
}

function signIn(sandbox: Sandbox) {
  return exchange(sandbox, sandbox.nextengine.signIn(clientId, TANAKA));
}

describe('a switch that is changed while the sandbox runs', () => {
  it.each([
    [{ maintenance: '002007' }, '002007'],
    [{ suspended: '003003' }, '003003'],
    [{ overload: '003001' }, '003001'],
  ] as const)('%j holds for the next call, and until it is taken back', async (switches, code) => {
    const sandbox = await startNextEngine();
    const pair = issue(sandbox);
    expect((await call(sandbox, pair)).result).toBe('success');
    configure(sandbox, switches);
    expect((await call(sandbox, pair)).code).toBe(code);
    configure(sandbox, { maintenance: false, suspended: false, overload: false });
    expect((await call(sandbox, pair)).result).toBe('success');
  });

  it('leaves the others as they are', async () => {
    const sandbox = await startNextEngine({ maintenance: '003005', authErrorResult: 'redirect' });
    configure(sandbox, { countType: 'number' });
    expect((await call(sandbox, issue(sandbox))).code).toBe('003005');
    expect(await call(sandbox, { accessToken: 'garbage' })).toMatchObject({ result: 'redirect', code: '002002' });
  });

  it('graceMs: lets in a pair that was superseded before', async () => {
    const sandbox = await startNextEngine();
    const old = issue(sandbox);
    const current = issue(sandbox);
    expect((await call(sandbox, old)).code).toBe('002002');
    configure(sandbox, { graceMs: HOUR });
    expect(pairOf(await call(sandbox, old)).accessToken).toBe(current.accessToken);
  });

  it('errorsCarryTokens, dropResponseAfterRenewal: hold for what comes back', async () => {
    const sandbox = await startNextEngine({ overload: '003002' });
    const pair = issue(sandbox);
    configure(sandbox, { errorsCarryTokens: false });
    expect((await call(sandbox, pair)).access_token).toBeUndefined();
    configure(sandbox, { dropResponseAfterRenewal: true });
    sandbox.advance(DAY);
    await expect(call(sandbox, pair)).rejects.toThrow();
  });

  it('stateLifeMs, stateSingleUse, neauthEndDates, signInRotates: hold for sign-ins', async () => {
    const sandbox = await startNextEngine();
    configure(sandbox, { stateLifeMs: 1000, stateSingleUse: false, neauthEndDates: true, signInRotates: false });
    const signedIn = sandbox.nextengine.signIn(clientId, TANAKA);
    const first = await exchange(sandbox, signedIn);
    expect(first.access_token_end_date).toBe('2026-11-03 10:30:00');
    expect((await exchange(sandbox, signedIn)).access_token).toBe(first.access_token);
    sandbox.advance(1000);
    expect((await exchange(sandbox, signedIn)).code).toBe('001002');
  });

  it('accessTokenLifeMs, refreshTokenLifeMs: hold for pairs issued from then on', async () => {
    const sandbox = await startNextEngine();
    issue(sandbox);
    configure(sandbox, { accessTokenLifeMs: HOUR, refreshTokenLifeMs: 2 * HOUR });
    expect(sandbox.nextengine.currentPair(clientId, TANAKA)?.accessTokenExpiresAt).toBe(START + DAY);
    expect(issue(sandbox)).toMatchObject({
      accessTokenExpiresAt: START + HOUR,
      refreshTokenExpiresAt: START + 2 * HOUR,
    });
  });

  it.each([
    [{ colour: 'red' }, '"colour"'],
    [{ clientSecret: 'another' }, '"clientSecret"'],
    [{ users: [] }, '"users"'],
    [{ overload: '003009' }, '"overload"'],
    [{ stateSingleUse: 'yes' }, '"stateSingleUse"'],
    [{ graceMs: -1 }, '"graceMs"'],
    [{ cancelledCode: '2003' }, '"cancelledCode"'],
    [{ monthlyFreeCalls: 0.5 }, '"monthlyFreeCalls"'],
  ])('is refused by name where it cannot be, and then nothing is changed: %j', async (switches, name) => {
    const sandbox = await startNextEngine();
    const change = { maintenance: '002007', ...switches } as NextEngineSwitches;
    expect(() => configure(sandbox, change)).toThrow(name);
    const response = await postRaw(`${sandbox.url}/_sandbox/nextengine/switches`, { clientId, ...change });
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: string }).error).toContain(name);
    expect((await signIn(sandbox)).result).toBe('success');
  });

  it('can be changed by other programs, and is as at the start after a reset', async () => {
    const sandbox = await startNextEngine({ orders: 3 });
    await postRaw(`${sandbox.url}/_sandbox/nextengine/switches`, { clientId, maintenance: '002007' });
    expect((await call(sandbox, issue(sandbox))).code).toBe('002007');
    sandbox.reset();
    const path = '/api_v1_receiveorder_base/count';
    expect(await call(sandbox, issue(sandbox), {}, path)).toMatchObject({ result: 'success', count: '3' });
    expect(() => sandbox.nextengine.configure('nobody', {})).toThrow('"clientId"');
  });
});

describe('an overload that wait_flag=1 waits for', () => {
  const WAIT = { wait_flag: '1' };
  const LONG_MS = 3_600_000;

  it('ends with 003001 where there is no connection yet, and the pair is renewed all the same', async () => {
    const sandbox = await startNextEngine({ overload: 'wait', overloadWaitMs: 20, overloadWaitEnd: '003001' });
    const pair = issue(sandbox);
    sandbox.advance(DAY);
    const startedAt = performance.now();
    const body = await call(sandbox, pair, WAIT);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(15);
    expect(body).toMatchObject({ code: '003001', access_token: expect.not.stringMatching(pair.accessToken) });
  });

  it.each(['configure', 'reset'] as const)('ends early with %s', async (how) => {
    const sandbox = await startNextEngine({ overload: 'wait', overloadWaitMs: LONG_MS });
    const waiting = call(sandbox, issue(sandbox), WAIT);
    await expect.poll(() => sandbox.calls({ outcome: 'ok' })).toHaveLength(1);
    // Whoever does not wait is told at once.
    expect((await call(sandbox, issue(sandbox))).code).toBe('003002');
    if (how === 'configure') configure(sandbox, { overload: false });
    else sandbox.reset();
    expect((await waiting).result).toBe('success');
  });

  it('keeps nobody waiting who is refused before the main function is asked', async () => {
    const sandbox = await startNextEngine({ overload: 'wait', overloadWaitMs: LONG_MS });
    const old = issue(sandbox);
    const current = issue(sandbox);
    expect((await call(sandbox, old, WAIT)).code).toBe('002002');
    configure(sandbox, { suspended: '003003' });
    expect((await call(sandbox, current, WAIT)).code).toBe('003003');
  });
});

it.each([
  ['/api_v1_login_user/info', {}, 1],
  ['/api_v1_login_company/info', {}, 1],
  ['/api_v1_receiveorder_base/search', { fields: 'receive_order_id' }, 25],
  ['/api_v1_receiveorder_base/count', {}, 25],
])('%s counts with a number where the switch says so, else with text', async (path, fields, count) => {
  const sandbox = await startNextEngine();
  const pair = issue(sandbox);
  expect((await call(sandbox, pair, fields, path)).count).toBe(String(count));
  configure(sandbox, { countType: 'number' });
  expect((await call(sandbox, pair, fields, path)).count).toBe(count);
});
