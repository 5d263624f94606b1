import { describe, expect, it } from 'vitest';
import { DAY, HOUR, NEXTENGINE, SECOND } from '../support.js';
import { call, exchange, issue, pairOf, SUZUKI, startNextEngine, TANAKA } from './support.js';

const current = (sandbox: Awaited<ReturnType<typeof startNextEngine>>) =>
  sandbox.nextengine.currentPair(NEXTENGINE.clientId, TANAKA);

describe('a call with a current, unexpired access token', () => {
  it('echoes the pair unchanged, however often and however late', async () => {
    const sandbox = await startNextEngine();
    const pair = issue(sandbox);
    for (const wait of [0, 12 * HOUR, 12 * HOUR - 1]) {
      sandbox.advance(wait);
      const body = await call(sandbox, pair);
      expect(body.result).toBe('success');
      expect(pairOf(body)).toEqual({ accessToken: pair.accessToken, refreshToken: pair.refreshToken });
      expect(body.access_token_end_date).toBe(pair.accessTokenEndDate);
    }
  });

  it('needs no refresh token, and then echoes none', async () => {
    const sandbox = await startNextEngine();
    const { accessToken } = issue(sandbox);
    expect(pairOf(await call(sandbox, { accessToken }))).toEqual({ accessToken, refreshToken: undefined });
  });

  it('tells end dates in Japan time, one and three days after the issue', async () => {
    const sandbox = await startNextEngine();
    expect(await call(sandbox, issue(sandbox))).toMatchObject({
      access_token_end_date: '2026-11-03 10:30:00',
      refresh_token_end_date: '2026-11-05 10:30:00',
    });
  });

  it('tells an end date that is exact to the second', async () => {
    const sandbox = await startNextEngine();
    sandbox.advance(999);
    const pair = issue(sandbox);
    expect(pair.accessTokenEndDate).toBe('2026-11-03 10:30:00');
    sandbox.advance(DAY - SECOND + 1);
    expect(pairOf(await call(sandbox, pair)).accessToken).not.toBe(pair.accessToken);
  });
});

describe('a call with an expired access token', () => {
  it('runs and returns a new pair with new lifetimes', async () => {
    const sandbox = await startNextEngine();
    const old = issue(sandbox);
    sandbox.advance(DAY);
    const body = await call(sandbox, old);
    expect(body).toMatchObject({
      result: 'success',
      access_token_end_date: '2026-11-04 10:30:00',
      refresh_token_end_date: '2026-11-06 10:30:00',
    });
    expect(body.access_token).not.toBe(old.accessToken);
    expect(body.refresh_token).not.toBe(old.refreshToken);
    expect(pairOf(await call(sandbox, pairOf(body)))).toEqual(pairOf(body));
  });

  it('renews until just before three days, and answers 002004 without tokens after that', async () => {
    const sandbox = await startNextEngine();
    const [tanaka, suzuki] = [issue(sandbox), issue(sandbox, SUZUKI)];
    sandbox.advance(3 * DAY - 1);
    expect((await call(sandbox, tanaka)).result).toBe('success');
    sandbox.advance(1);
    const body = await call(sandbox, suzuki);
    expect(body).toMatchObject({ result: 'error', code: '002004' });
    expect(pairOf(body)).toEqual({ accessToken: undefined, refreshToken: undefined });
  });

  it('is redirected to sign in without a refresh token, which renews nothing', async () => {
    const sandbox = await startNextEngine();
    const pair = issue(sandbox);
    sandbox.advance(DAY);
    const body = await call(sandbox, { accessToken: pair.accessToken });
    expect(body.result).toBe('redirect');
    expect(body.access_token).toBeUndefined();
    expect(current(sandbox)).toEqual(pair);
  });

  it('is refused with a refresh token that is not the current one', async () => {
    const sandbox = await startNextEngine();
    const { accessToken } = issue(sandbox);
    sandbox.advance(DAY);
    expect((await call(sandbox, { accessToken, refreshToken: 'garbage' })).code).toBe('002004');
  });

  it('renews once for many calls at the same time: the others get 002002', async () => {
    const sandbox = await startNextEngine();
    const pair = issue(sandbox);
    sandbox.advance(DAY);
    const bodies = await Promise.all(Array.from({ length: 8 }, () => call(sandbox, pair)));
    expect(bodies.filter(({ result }) => result === 'success')).toHaveLength(1);
    expect(bodies.filter(({ code }) => code === '002002')).toHaveLength(7);
  });

  it('keeps the users of an app apart', async () => {
    const sandbox = await startNextEngine();
    const [tanaka, suzuki] = [issue(sandbox), issue(sandbox, SUZUKI)];
    sandbox.advance(DAY);
    await call(sandbox, tanaka);
    expect((await call(sandbox, suzuki)).result).toBe('success');
  });
});

describe('a call with a superseded pair', () => {
  it('is refused with 002002 and no tokens, at once', async () => {
    const sandbox = await startNextEngine();
    const old = issue(sandbox);
    sandbox.advance(DAY);
    const renewed = pairOf(await call(sandbox, old));
    const body = await call(sandbox, old);
    expect(body).toMatchObject({ result: 'error', code: '002002' });
    expect(body.access_token).toBeUndefined();
    const mixed = await call(sandbox, { accessToken: old.accessToken, refreshToken: renewed.refreshToken ?? '' });
    expect(mixed.code).toBe('002002');
  });

  it('is refused after a sign-in too', async () => {
    const sandbox = await startNextEngine();
    const old = issue(sandbox);
    const { uid, state } = sandbox.nextengine.signIn(NEXTENGINE.clientId, TANAKA);
    expect((await call(sandbox, old)).result).toBe('success');
    await exchange(sandbox, { uid, state });
    expect((await call(sandbox, old)).code).toBe('002002');
  });

  it('gets the current pair within a configured grace', async () => {
    const sandbox = await startNextEngine({ graceMs: 10 * SECOND });
    const old = issue(sandbox);
    sandbox.advance(DAY);
    const renewed = pairOf(await call(sandbox, old));
    sandbox.advance(10 * SECOND - 1);
    expect(pairOf(await call(sandbox, old))).toEqual(renewed);
    sandbox.advance(1);
    expect((await call(sandbox, old)).code).toBe('002002');
  });

  it('says redirect instead of error where the switch says so', async () => {
    const sandbox = await startNextEngine({ authErrorResult: 'redirect' });
    const old = issue(sandbox);
    issue(sandbox);
    expect(await call(sandbox, old)).toMatchObject({ result: 'redirect', code: '002002' });
    expect(await call(sandbox, { accessToken: 'garbage' })).toMatchObject({ result: 'redirect', code: '002002' });
  });
});

it('a call without an access token gets 002001, one with garbage 002002', async () => {
  const sandbox = await startNextEngine();
  expect((await call(sandbox, {})).code).toBe('002001');
  expect((await call(sandbox, { accessToken: 'garbage', refreshToken: 'garbage' })).code).toBe('002002');
});

it('an answer that carries a renewed pair is lost where the switch says so', async () => {
  const sandbox = await startNextEngine({ dropResponseAfterRenewal: true });
  const pair = issue(sandbox);
  expect((await call(sandbox, pair)).result).toBe('success');
  sandbox.advance(DAY);
  await expect(call(sandbox, pair)).rejects.toThrow();
  expect(current(sandbox)?.accessToken).not.toBe(pair.accessToken);
  expect((await call(sandbox, pair)).code).toBe('002002');
});
