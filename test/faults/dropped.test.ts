import type { TokenStatus } from '@evertoken/core';
import { type ServerKind, whyMissing } from '@evertoken/test-servers';
import { describe, expect, it, vi } from 'vitest';
import { SHARED_STORES } from '../processes/stores.js';
import type { Member } from './member.js';
import { DAY_MS, grantOf, statusOf, World } from './world.js';

const PROOF = process.env['EVERTOKEN_PROOF'] === '1';
const ROUNDS = PROOF ? 20 : 1;
const PATIENCE = { timeout: 20_000, interval: 20 };

const TOKEN_LIFE_MS = 7_200_000;
/** How long a superseded access token still works. */
const OVERLAP_MS = 300_000;
/** How long the platform may take a superseded pair: longer than the first distance between attempts. */
const GRACE_MS = 1_200_000;
/** First distance between attempts: no machine is so slow that one comes by itself. */
const RETRY_MS = 600_000;
/** Longer than any distance between attempts. */
const PAST_BACK_OFF_MS = 16 * 60_000;

const SUPERSEDING = { name: 'shop', appId: 'wx00000000superseding', secret: 'superseding-secret' };
const IDEMPOTENT = { name: 'news', appId: 'wx0000000000idempotent', secret: 'idempotent-secret' };
const APPS = [SUPERSEDING, IDEMPOTENT].map(({ appId, secret }) => ({ appId, secret }));

/** How an answer gets lost after the platform has done its work. */
const LOSSES = {
  'the connection is cut': (world: World, uid: string) => {
    world.sandbox.fault({ kind: 'drop', subject: uid });
    return [];
  },
  'it is thrown away on arrival': () => ['answer lost'],
} as const;

interface Cast {
  readonly world: World;
  readonly asker: Member;
  readonly keeper: Member;
}

describe('an answer that is lost after the platform has done the work', () => {
  it.concurrent.for(SHARED_STORES)(
    'of a pair: presented once more, and refused means sign-in; of other tokens: served while they may live: $store',
    { timeout: PROOF ? 600_000 : 60_000 },
    async ({ server, ...shared }, { skip, onTestFinished }) => {
      const missing = missingOf(server);
      if (missing) skip(missing);
      const cast = await castOf(shared, { processes: 2, graceMs: 0 }, onTestFinished);
      const { world, keeper } = cast;
      for (let round = 0; round < ROUNDS; round++) {
        for (const [loss, lose] of Object.entries(LOSSES)) {
          const [uid] = world.users as [string];
          const asked = await lostRenewal(cast, uid, lose(world, uid));
          expect({ loss, calls: asked.calls() }).toEqual({ loss, calls: ['ok', '002002'] });
          expect(await statusOf(keeper, uid)).toMatchObject({ state: 'reauthorize', cause: 'indeterminate' });
          expect(await world.holdsCurrent(uid)).toBe(false);
          // Nobody asks in vain any more.
          await expect(keeper.ask('get', { of: grantOf(uid) })).rejects.toMatchObject({
            code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
            reason: 'indeterminate',
          });
          await keeper.ask('sweep');
          expect(asked.calls()).toHaveLength(2);
          await world.signIn(keeper, uid);
          expect((await statusOf(keeper, uid)).state).toBe('active');
        }
        await superseding(cast);
        await supersedingAndSilent(cast);
        await idempotent(cast);
      }
      report(shared.store, 'a pair, no grace', 'reauthorize/indeterminate');
      report(shared.store, 'superseding and idempotent tokens', 'active');
    },
  );

  it.concurrent.for(SHARED_STORES)(
    'of a pair that the platform takes a while longer: recovered by presenting it once more: $store',
    { timeout: PROOF ? 600_000 : 60_000 },
    async ({ server, ...shared }, { skip, onTestFinished }) => {
      const missing = missingOf(server);
      if (missing) skip(missing);
      const cast = await castOf(shared, { processes: 1, graceMs: GRACE_MS }, onTestFinished);
      const { world, keeper } = cast;
      for (let round = 0; round < ROUNDS; round++) {
        for (const [loss, lose] of Object.entries(LOSSES)) {
          const [uid] = world.users as [string];
          const asked = await lostRenewal(cast, uid, lose(world, uid));
          expect({ loss, calls: asked.calls() }).toEqual({ loss, calls: ['ok', 'ok'] });
          expect((await statusOf(keeper, uid)).state).toBe('active');
          expect(await world.holdsCurrent(uid)).toBe(true);
          // Made once: the second answer brought the pair of the first.
          expect(asked.made()).toBe(1);
        }
      }
      report(shared.store, 'a pair, grace', 'active');
    },
  );
});

/** The answer to a user's renewal is lost; the next attempt is made by whoever comes first, and not before it is due. */
async function lostRenewal({ world, asker, keeper }: Cast, uid: string, stopAt: readonly string[]) {
  await world.advance(DAY_MS);
  const since = world.sandbox.calls().length;
  const before = made(world, uid);
  const calls = () => world.renewals(since, uid).map(({ outcome, effect }) => effect ?? outcome);
  await expect(asker.ask('get', { of: grantOf(uid), stopAt })).rejects.toMatchObject({ code: 'ERR_TOKEN_TRANSPORT' });
  const doubtful = await statusOf(keeper, uid);
  expect(doubtful.state).toBe('doubtful');
  await keeper.ask('sweep');
  expect(calls()).toEqual(['ok']);
  await passUntilRetry(world, doubtful);
  await keeper.ask('sweep');
  return { calls, made: () => made(world, uid) - before };
}

/** S11: the request with unknown outcome may have killed the stored token, at once or after the overlap. */
async function superseding(cast: Cast): Promise<void> {
  const { world, asker, keeper } = cast;
  const of = { account: SUPERSEDING.name, kind: 'access_token' };
  const asks = () => world.sandbox.calls({ endpoint: '/cgi-bin/token' }).length;
  const first = await asker.ask<string>('get', { of });
  await world.advance(TOKEN_LIFE_MS - 1_000_000);
  const before = asks();
  world.sandbox.fault({ kind: 'drop', endpoint: '/cgi-bin/token' });
  const startedAt = world.sandbox.now();
  // Nobody waits: the token lives.
  expect(await asker.ask('get', { of })).toBe(first);
  const doubtful = await eventually(keeper, of, 'doubtful');
  expect(doubtful.retryAt).toBeLessThanOrEqual(world.sandbox.now() + OVERLAP_MS / 2);
  expect(doubtful.retryAt).toBeGreaterThan(startedAt);
  expect(await asker.ask('get', { of })).toBe(first);
  expect(await works(world, first)).toBe(true);
  expect(asks()).toBe(before + 1);
  await passUntilRetry(world, doubtful);
  await keeper.ask('sweep');
  expect(asks()).toBe(before + 2);
  const next = await keeper.ask<string>('get', { of });
  expect(next).not.toBe(first);
  expect(await works(world, next)).toBe(true);
  await vi.waitFor(async () => expect(await asker.ask('get', { of })).toBe(next), PATIENCE);
  expect(asks()).toBe(before + 2);
  expect((await statusAt(keeper, of)).state).toBe('active');
}

/** The platform goes on doing the work and saying nothing: after the overlap the stored token is served no more. */
async function supersedingAndSilent({ world, asker, keeper }: Cast): Promise<void> {
  const of = { account: SUPERSEDING.name, kind: 'access_token' };
  const stored = await asker.ask<string>('get', { of });
  await world.advance(TOKEN_LIFE_MS - 1_000_000);
  world.sandbox.fault({ kind: 'drop', endpoint: '/cgi-bin/token', count: 'always' });
  expect(await asker.ask('get', { of })).toBe(stored);
  await eventually(keeper, of, 'doubtful');
  // The token's own end is far; the doubt's is not.
  await world.advance(OVERLAP_MS + 1_000);
  for (const member of [asker, keeper])
    await expect(member.ask('get', { of })).rejects.toMatchObject({ code: 'ERR_TOKEN_TRANSPORT' });
  world.sandbox.clearFaults();
  await world.advance(PAST_BACK_OFF_MS);
  const next = await keeper.ask<string>('get', { of });
  expect(next).not.toBe(stored);
  expect(await works(world, next)).toBe(true);
}

/** Asking again brings what was made. */
async function idempotent({ world, asker, keeper }: Cast): Promise<void> {
  const of = { account: IDEMPOTENT.name, kind: 'stable_access_token' };
  const madeBy = () => {
    const app = world.sandbox.state().wechat.find(({ appId }) => appId === IDEMPOTENT.appId);
    return app?.stable.issued as number;
  };
  const first = await asker.ask<string>('get', { of });
  const { expiresAt = 0 } = await statusAt(keeper, of);
  // In its last five minutes the platform makes a new one.
  await world.advance(expiresAt - world.sandbox.now() - OVERLAP_MS + 5_000);
  const before = madeBy();
  world.sandbox.fault({ kind: 'drop', endpoint: '/cgi-bin/stable_token' });
  expect(await asker.ask('get', { of })).toBe(first);
  const retrying = await eventually(keeper, of, 'retrying');
  expect(madeBy()).toBe(before + 1);
  expect(await works(world, first)).toBe(true);
  await passUntilRetry(world, retrying);
  await keeper.ask('sweep');
  const next = await keeper.ask<string>('get', { of });
  expect(next).not.toBe(first);
  expect(await works(world, next)).toBe(true);
  expect(madeBy()).toBe(before + 1);
  expect((await statusAt(keeper, of)).state).toBe('active');
}

async function castOf(
  shared: (typeof SHARED_STORES)[number],
  { processes, graceMs }: { processes: number; graceMs: number },
  onTestFinished: (end: () => Promise<void>) => void,
): Promise<Cast> {
  const world = await World.open(shared, { users: 1, platform: { graceMs }, wechat: APPS });
  onTestFinished(() => world.end());
  const baseUrl = world.sandbox.urls.wechat;
  const more = [
    {
      factory: 'officialAccount',
      ...SUPERSEDING,
      baseUrl,
      endpoint: 'token',
      refresh: { kinds: ['access_token'] },
    },
    { factory: 'officialAccount', ...IDEMPOTENT, baseUrl, refresh: { kinds: ['stable_access_token'] } },
  ];
  const refresh = { retryIntervalMs: RETRY_MS };
  const opening = Array.from({ length: processes }, () => world.member({ more, refresh }));
  const [asker, keeper = asker] = (await Promise.all(opening)) as [Member, Member?];
  for (const uid of world.users) await world.signIn(keeper, uid);
  return { world, asker, keeper };
}

/** How many pairs the platform has made by renewal. */
function made(world: World, uid: string): number {
  const [app] = world.sandbox.state().nextengine;
  return app?.users.find((user) => user.uid === uid)?.renewals as number;
}

async function passUntilRetry(world: World, { retryAt = 0 }: TokenStatus): Promise<void> {
  await world.advance(Math.max(0, retryAt - world.sandbox.now()) + 1_000);
}

async function statusAt(member: Member, { account, kind }: { account: string; kind: string }): Promise<TokenStatus> {
  const [status] = await member.ask<TokenStatus[]>('inspect', { filter: { accounts: [account], kinds: [kind] } });
  return status as TokenStatus;
}

async function eventually(member: Member, of: { account: string; kind: string }, state: string): Promise<TokenStatus> {
  return vi.waitFor(async () => {
    const status = await statusAt(member, of);
    expect(status.state).toBe(state);
    return status;
  }, PATIENCE);
}

/** Whether the platform takes the token. */
async function works(world: World, token: string): Promise<boolean> {
  const url = `${world.sandbox.urls.wechat}/cgi-bin/getcallbackip?access_token=${encodeURIComponent(token)}`;
  const answer = (await (await fetch(url)).json()) as { errcode?: number };
  return !answer.errcode;
}

function missingOf(server: ServerKind | undefined): string | undefined {
  return server && whyMissing(server);
}

function report(store: string, what: string, state: string): void {
  if (PROOF) console.log(`${store}, answer lost: ${what}: ${ROUNDS} rounds, all ${state}`);
}
