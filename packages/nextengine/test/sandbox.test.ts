import type { PresentedToken } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, type NextEngineAccount, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { afterEach, describe, expect, it } from 'vitest';
import { type NextEngineApp, nextEngineApp } from '../src/index.js';
import { issueRequest, tokenErrorOf } from './support.js';

const HOUR_MS = 3_600_000;
const { clientId, clientSecret } = SANDBOX_ACCOUNTS.nextengine;
const UID = 'user-tanaka';

let open: Sandbox | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

/** A sandbox in which the user holds a pair, the account that calls it, and a clock for both. */
async function platform(
  switches: Partial<NextEngineAccount> = {},
): Promise<{ sandbox: Sandbox; clock: ManualClock; app: NextEngineApp; stored: PresentedToken }> {
  const clock = new ManualClock();
  const sandbox = await createSandbox({ clock, nextengine: [{ ...SANDBOX_ACCOUNTS.nextengine, ...switches }] });
  open = sandbox;
  const app = nextEngineApp({
    name: 'erp',
    clientId,
    clientSecret,
    baseUrls: { api: sandbox.urls.nextengineApi, base: sandbox.urls.nextengineBase },
  });
  const pair = sandbox.nextengine.issuePair(clientId, UID);
  const stored = { value: pair.accessToken, refreshToken: pair.refreshToken, issuedAt: clock.now(), generation: 1 };
  return { sandbox, clock, app, stored };
}

type World = Awaited<ReturnType<typeof platform>>;
const issue = ({ app, stored }: World, present = stored) =>
  app.user(UID).accessToken.issue(issueRequest(fetch, present));
const current = ({ sandbox }: World) => sandbox.nextengine.currentPair(clientId, UID);

describe('what a renewal does (sheet §7.1)', () => {
  it('before the access token’s end: echoes the pair, with its ends', async () => {
    const world = await platform();
    await world.clock.advance(24 * HOUR_MS - 1_000);
    const pair = current(world);
    expect(await issue(world)).toEqual({
      value: pair?.accessToken,
      refreshToken: pair?.refreshToken,
      expiresAt: pair?.accessTokenExpiresAt,
      refreshTokenExpiresAt: pair?.refreshTokenExpiresAt,
      answeredAt: world.clock.now(),
      extra: { companyNeId: 'ne-company-1000', companyId: '1000' },
    });
  });

  it.each([24, 48, 71])('%i h after the issue: brings another pair, valid for 24 and 72 h more', async (hours) => {
    const world = await platform();
    await world.clock.advance(hours * HOUR_MS);
    const issued = await issue(world);
    expect(issued.value).not.toBe(world.stored.value);
    expect(issued).toMatchObject({
      value: current(world)?.accessToken,
      refreshToken: current(world)?.refreshToken,
      expiresAt: world.clock.now() + 24 * HOUR_MS,
      refreshTokenExpiresAt: world.clock.now() + 72 * HOUR_MS,
    });
  });

  it.each(['error', 'redirect'] as const)('after both ends (%s): a person must sign in', async (authErrorResult) => {
    const world = await platform({ authErrorResult });
    await world.clock.advance(72 * HOUR_MS);
    expect(await tokenErrorOf(issue(world))).toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      platformCode: '002004',
    });
  });

  it.each(['error', 'redirect'] as const)('with a superseded pair (%s): a person must sign in', async (result) => {
    const world = await platform({ authErrorResult: result });
    world.sandbox.nextengine.issuePair(clientId, UID);
    expect(await tokenErrorOf(issue(world))).toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      platformCode: '002002',
    });
  });

  it('with garbage: a person must sign in', async () => {
    const world = await platform();
    const error = await tokenErrorOf(issue(world, { ...world.stored, value: 'garbage' }));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED', platformCode: '002002' });
  });

  it('of many with the same pair, one renews and the others learn that it is superseded', async () => {
    const world = await platform();
    await world.clock.advance(25 * HOUR_MS);
    const ends = await Promise.allSettled(Array.from({ length: 5 }, () => issue(world)));
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('trouble during a renewal', () => {
  it.each([
    [{ overload: '003002' }, '003002'],
    [{ suspended: '003003' }, '003003'],
    [{ maintenance: '003005' }, '003005'],
  ] as const)('%j: the pair that came with the error is taken', async (switches, code) => {
    const world = await platform(switches);
    await world.clock.advance(25 * HOUR_MS);
    expect(await issue(world)).toMatchObject({ value: current(world)?.accessToken });
    expect(world.sandbox.calls().map(({ outcome }) => outcome)).toEqual([code]);
  });

  it.each([
    [{ overload: '003001' }, 'ERR_TOKEN_BUSY'],
    [{ suspended: '002003' }, 'ERR_TOKEN_SUSPENDED'],
    [{ maintenance: '002007' }, 'ERR_TOKEN_MAINTENANCE'],
  ] as const)('%j before the end: an error by its code, the pair stands', async (switches, code) => {
    const world = await platform(switches);
    expect(await tokenErrorOf(issue(world))).toMatchObject({ code, uncertain: false });
    expect(current(world)?.accessToken).toBe(world.stored.value);
  });

  it.each(['drop', 'malformed'] as const)('%s: the outcome is open', async (kind) => {
    const world = await platform();
    await world.clock.advance(25 * HOUR_MS);
    world.sandbox.fault({ kind });
    expect(await tokenErrorOf(issue(world))).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', uncertain: true });
    expect(current(world)?.accessToken).not.toBe(world.stored.value);
  });

  it.each([{ kind: 'html' }, { kind: 'status', status: 502 }, { kind: 'code', code: '999999' }] as const)(
    '%j: the outcome is open, and asking again brings the pair',
    async (fault) => {
      const world = await platform();
      await world.clock.advance(25 * HOUR_MS);
      world.sandbox.fault(fault);
      expect(await tokenErrorOf(issue(world))).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', uncertain: true });
      expect(await issue(world)).toMatchObject({ value: current(world)?.accessToken });
    },
  );
});
