import { type PrivateServer, type ServerKind, startServer, Wire, whyMissing } from '@evertoken/test-servers';
import { describe, expect, it, vi } from 'vitest';
import { SHARED_STORES, type SharedStore } from '../processes/stores.js';
import type { Member, MemberError } from './member.js';
import { DAY_MS, grantOf, PAST_LEASE_MS, statusOf, World } from './world.js';

const PROOF = process.env['EVERTOKEN_PROOF'] === '1';
const ROUNDS = PROOF ? 20 : 1;
const USERS = 3;
/** Far more than any of the limits below: what a slow machine may need until all is well again. */
const PATIENCE = { timeout: 40_000, interval: 50 };

/** How long a call may take that will be carried out, ms: one that finds its connection gone meanwhile needs a new one, which is mute too. */
const CARRIED_OUT_MS = 5_000;

/** What fails while one user's renewal is held up right before a call of the store. */
interface Scene {
  readonly world: World;
  readonly server: PrivateServer;
  readonly wire: Wire;
  readonly uid: string;
  /** Lets the call go. */
  go(): Promise<void>;
  /** Resolves once the server has carried the call out, whether or not its answer gets through; or will not. */
  carriedOut(): Promise<unknown>;
  /** Resolves once the caller has its token, or its error. */
  answered(): Promise<unknown>;
}

interface Cut {
  readonly of: 'claim' | 'commit';
  readonly how: string;
  readonly play: (scene: Scene) => Promise<unknown>;
  /** The process is killed as well, once the caller has the token. */
  readonly killed?: true;
}

/** The connection is cut, or the server stands still, in the middle of this call. */
const disturbances = (of: Cut['of']): Cut[] => [
  {
    of,
    how: 'the connection is cut before it has left',
    play: ({ wire, go }) => {
      wire.sever();
      return go();
    },
  },
  {
    of,
    how: 'the connection is cut before its answer has come',
    async play({ wire, go, carriedOut }) {
      wire.mute = true;
      await go();
      await carriedOut();
      wire.sever();
      wire.mute = false;
    },
  },
  {
    of,
    how: 'its answer does not come, and the connection stays until it was given up',
    async play({ wire, go, carriedOut, answered }) {
      wire.mute = true;
      await go();
      await carriedOut();
      await answered();
      // Bytes that were lost are lost to their connection: nothing may come after them.
      wire.sever();
      wire.mute = false;
    },
  },
  {
    of,
    how: 'the server stands still, and carries it out after it was given up',
    async play({ server, go, answered }) {
      server.pause();
      await go();
      await answered();
      server.resume();
    },
  },
];

const OUTAGES: readonly Cut[] = [
  {
    of: 'commit',
    how: 'the server is killed before it has come',
    async play({ server, go, answered }) {
      await server.kill();
      await go();
      await answered();
      await server.restart();
    },
  },
  {
    of: 'commit',
    how: 'the server is killed before its answer has come',
    async play({ server, wire, go, carriedOut, answered }) {
      wire.mute = true;
      await go();
      await carriedOut();
      await server.kill();
      wire.mute = false;
      await answered();
      await server.restart();
    },
  },
  {
    of: 'commit',
    how: 'the server is stopped in order, and started again',
    async play({ server, go, answered }) {
      await server.shutdown();
      await go();
      await answered();
      await server.restart();
    },
  },
  {
    of: 'commit',
    how: 'the server is killed before it has come, and the process after it has the token',
    killed: true,
    async play({ server, go, answered }) {
      await server.kill();
      await go();
      await answered();
    },
  },
];
const CUTS = [...disturbances('claim'), ...disturbances('commit'), ...OUTAGES];

describe('a store’s server that fails in the middle of a renewal', () => {
  it.concurrent.for(SHARED_STORES.filter(({ server }) => server))(
    'costs neither the pair nor a second call, and what was answered is stored, once: $store',
    { timeout: PROOF ? 1_800_000 : 100_000 },
    async (shared, { skip, onTestFinished }) => {
      const missing = whyMissing(shared.server as ServerKind, 'server');
      if (missing) skip(missing);
      const { world, server, wire } = await behindWire(shared, onTestFinished);
      const keeper = await world.member();
      let member = await memberBehind(wire, world);
      for (const uid of world.users) await world.signIn(keeper, uid);
      let carriedOut = 0;
      for (let round = 0; round < ROUNDS; round++) {
        for (const [index, cut] of CUTS.entries()) {
          const uid = world.users[index % USERS] as string;
          await world.advance(DAY_MS);
          if (await play(cut, { world, server, wire, keeper, member, uid })) carriedOut++;
          if (cut.killed) member = await memberBehind(wire, world);
        }
      }
      expect(carriedOut).toBeGreaterThanOrEqual(ROUNDS);
      if (PROOF) for (const { of, how } of CUTS) console.log(`${shared.store}, ${of}: ${how}: ${ROUNDS} times, lost 0`);
    },
  );
});

/** Plays one scene; whether what had to be carried out in it was, if anything had to. */
async function play(
  { of, how, play, killed }: Cut,
  {
    world,
    server,
    wire,
    keeper,
    member,
    uid,
  }: { world: World; server: PrivateServer; wire: Wire; keeper: Member; member: Member; uid: string },
): Promise<boolean> {
  const before = await world.stored(uid);
  let carriedOut = false;
  const since = world.sandbox.calls().length;
  const [ended] = await heldUp(member, { of, uid });
  await play({
    world,
    server,
    wire,
    uid,
    go: () => member.ask('go'),
    carriedOut: () =>
      vi
        .waitFor(
          async () => {
            const { generation, attempt } = await world.stored(uid);
            expect(of === 'claim' ? attempt.epoch - before.attempt.epoch : generation - before.generation).toBe(1);
            carriedOut = true;
          },
          { ...PATIENCE, timeout: CARRIED_OUT_MS },
        )
        .catch(() => {}),
    answered: async () => void (await ended),
  });
  // Without its claim nothing was asked for; with the platform's answer in hand the caller has it, whatever the store does.
  const answer = await ended;
  if (of === 'commit' || answer !== 'ERR_TOKEN_STORE')
    expect({ of, how, answer }).toEqual({ of, how, answer: world.current(uid) });
  if (killed) {
    expect(await world.journalled()).toBe(1);
    await member.kill();
    await server.restart();
  }
  await vi.waitFor(async () => {
    await keeper.ask('sweep');
    const [{ state }, { generation }] = await Promise.all([statusOf(keeper, uid), world.stored(uid)]);
    const holds = await world.holdsCurrent(uid);
    const journalled = await world.journalled();
    // A claim whose answer was lost is a lease that nobody ends.
    if (generation === before.generation) await world.advance(PAST_LEASE_MS);
    const calls = world.renewals(since, uid).map(({ outcome }) => outcome);
    expect({ of, how, state, holds, journalled, calls, renewed: generation - before.generation }).toEqual({
      ...{ of, how, state: 'active', holds: true, journalled: 0, calls: ['ok'], renewed: 1 },
    });
  }, PATIENCE);
  return carriedOut;
}

/** Begins a renewal that waits right before the call; begins again where what the scene before has cut is not mended yet. */
async function heldUp(member: Member, { of, uid }: { of: Cut['of']; uid: string }): Promise<[Promise<unknown>]> {
  return vi.waitFor(async () => {
    const asked = member.ask<string>('get', { of: grantOf(uid), stopAt: [`before ${of}`] });
    const ended = asked.catch((error: MemberError) => error.code);
    const there = await Promise.race([member.at(`before ${of}`).then(() => 'there'), ended]);
    expect(there).toBe('there');
    return [ended];
  }, PATIENCE);
}

async function behindWire(shared: SharedStore, onTestFinished: (end: () => Promise<void>) => void) {
  const server = await startServer(shared.server as ServerKind);
  onTestFinished(() => server.stop());
  const wire = await Wire.before(server.url);
  const world = await World.open(shared, { users: USERS, options: { url: server.url } });
  onTestFinished(async () => {
    await world.end();
    wire.close();
    await server.stop();
  });
  return { world, server, wire };
}

function memberBehind(wire: Wire, world: World): Promise<Member> {
  return world.member({ url: wire.url, storeTimeoutMs: 1_000, journalAfterMs: 200 });
}
