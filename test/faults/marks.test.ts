import type { TokenStatus } from '@evertoken/core';
import { whyMissing } from '@evertoken/test-servers';
import { describe, expect, it, vi } from 'vitest';
import { SHARED_STORES, type SharedStore } from '../processes/stores.js';
import type { Member, Point } from './member.js';
import { DAY_MS, grantOf, PAST_LEASE_MS, statusOf, World } from './world.js';

const PROOF = process.env['EVERTOKEN_PROOF'] === '1';
const USERS = PROOF ? 100 : 20;
const ROUNDS = PROOF ? 20 : 2;
/** Points stand inside calls of the store: however long one lasts, it is neither given up nor journalled. */
const NEVER_MS = 3_600_000;

/** What an outage at a point costs. Calls are the platform's answers to renewals of that user, in their order. */
interface Marked {
  readonly point: Point;
  readonly killed: { readonly state: 'active' | 'reauthorize'; readonly calls: readonly string[] };
  readonly stopped: { readonly calls: readonly string[] };
}

/** The next holder presents the pair again: it finds it untouched, or refused because the platform has renewed it (002002). */
const POINTS: readonly Marked[] = [
  { point: 'after claim', killed: { state: 'active', calls: ['ok'] }, stopped: { calls: ['ok'] } },
  { point: 'before request', killed: { state: 'active', calls: ['ok'] }, stopped: { calls: ['ok', '002002'] } },
  {
    point: 'after answer',
    killed: { state: 'reauthorize', calls: ['ok', '002002'] },
    stopped: { calls: ['ok', '002002'] },
  },
  {
    point: 'before commit',
    killed: { state: 'reauthorize', calls: ['ok', '002002'] },
    stopped: { calls: ['ok', '002002'] },
  },
  { point: 'after journal', killed: { state: 'active', calls: ['ok'] }, stopped: { calls: ['ok'] } },
  { point: 'after commit', killed: { state: 'active', calls: ['ok'] }, stopped: { calls: ['ok'] } },
];
/** Points at which the answer's first write, to the store or to the journal, has been acknowledged. */
const WRITTEN: readonly Point[] = ['after journal', 'after commit'];
/** What ends together in one process; for the proof each point by itself. */
const GROUPS = PROOF
  ? POINTS.map((marked) => [marked])
  : [POINTS.filter(({ point }) => point !== 'after journal'), POINTS.filter(({ point }) => point === 'after journal')];

describe(`a process that renews single-use pairs, of ${USERS} users’ of an account`, () => {
  it.concurrent.for(SHARED_STORES)(
    `stopped past its lease and continued, and killed, ${ROUNDS} times each at each point: $store`,
    { timeout: PROOF ? 3_600_000 : 120_000 },
    async (shared, { skip, onTestFinished }) => {
      const missing = shared.server && whyMissing(shared.server);
      if (missing) skip(missing);
      const world = await World.open(shared, { users: USERS });
      onTestFinished(() => world.end());
      const keeper = await world.member();
      for (const uid of world.users) await world.signIn(keeper, uid);
      for (const group of GROUPS) {
        const tallies = { stops: new Tally(shared, 'stops'), kills: new Tally(shared, 'kills') };
        let member = await memberFor(world, group);
        for (let round = 0; round < ROUNDS; round++)
          await stopped(world, { keeper, member, group, round, tally: tallies.stops });
        await vi.waitFor(async () => expect(await world.journalled()).toBe(0), { timeout: 20_000 });
        for (let round = 0; round < ROUNDS; round++) {
          await killed(world, { keeper, member, group, round, tally: tallies.kills });
          if (round < ROUNDS - 1) member = await memberFor(world, group);
        }
        expect(tallies.stops.report()).toBe(0);
        expect(tallies.kills.report()).toBe(0);
      }
    },
  );
});

interface Scene {
  readonly keeper: Member;
  readonly member: Member;
  readonly group: readonly Marked[];
  readonly round: number;
}

async function killed(world: World, { tally, ...scene }: Scene & { tally: Tally }): Promise<void> {
  const { keeper, member } = scene;
  for (const { uid, point, killed, calls } of await outage(world, { ...scene, end: () => member.kill() })) {
    const { state, cause } = await statusOf(keeper, uid);
    tally.add(point, state);
    const lost = killed.state === 'reauthorize';
    expect({ point, state, cause }).toEqual({
      point,
      state: killed.state,
      cause: lost ? 'indeterminate' : undefined,
    });
    expect({ point, calls: calls() }).toEqual({ point, calls: killed.calls });
    expect(await world.holdsCurrent(uid)).toBe(!lost);
    if (lost) await world.signIn(keeper, uid);
  }
}

async function stopped(world: World, { tally, ...scene }: Scene & { tally: Tally }): Promise<void> {
  const { keeper, member } = scene;
  const victims = await outage(world, { ...scene, end: () => member.stop() });
  member.continue();
  await world.tellTime(member);
  await member.ask('go');
  for (const { uid, point, stopped, asked, calls } of victims) {
    // Whatever others made of it meanwhile: who asked for the token gets the one that the platform takes.
    const got = await asked.catch((error: unknown) => askedAgain(member, { uid, point, error }));
    expect({ point, got }).toEqual({ point, got: world.current(uid) });
    const { state } = await statusOf(keeper, uid);
    tally.add(point, state);
    expect({ point, state }).toEqual({ point, state: 'active' });
    expect(await world.holdsCurrent(uid)).toBe(true);
    expect({ point, calls: calls() }).toEqual({ point, calls: stopped.calls });
  }
}

/** A late request presents a pair that is spent, and is refused; who asked may be told so. What is stored stands, and is had by asking again. */
async function askedAgain(
  member: Member,
  { uid, point, error }: { uid: string; point: Point; error: unknown },
): Promise<string> {
  expect({ point, error }).toMatchObject({
    point: 'before request',
    error: { code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED' },
  });
  return member.ask<string>('get', { of: grantOf(uid) });
}

function memberFor(world: World, group: readonly Marked[]): Promise<Member> {
  const journalled = group.some(({ point }) => point === 'after journal');
  return world.member({ journalAfterMs: journalled ? 100 : NEVER_MS, storeTimeoutMs: NEVER_MS });
}

/** Some users' renewals end, one at each point; all the others are renewed meanwhile, and after the leases' end these are seen to. */
async function outage(
  world: World,
  { keeper, member, group, round, end }: Scene & { readonly end: () => Promise<void> },
) {
  const { sandbox, users } = world;
  await world.advance(DAY_MS);
  const since = sandbox.calls().length;
  const victims = group.map((marked, index) => {
    const uid = users[(round * group.length + index) % users.length] as string;
    // The journal is written to while the store keeps its answer back.
    const stopAt = marked.point === 'after journal' ? ['before commit', marked.point] : [marked.point];
    const asked = member.ask<string>('get', { of: grantOf(uid), stopAt });
    asked.catch(() => {});
    return { ...marked, uid, asked, calls: () => world.renewals(since, uid).map(({ outcome }) => outcome) };
  });
  for (const { point } of victims) await member.at(point);
  await end();

  await keeper.ask('sweep');
  const others = users.filter((uid) => victims.every((victim) => victim.uid !== uid));
  const asked = world.renewals(since).filter(({ subject }) => others.includes(subject as string));
  expect(asked.map(({ subject }) => subject).sort()).toEqual([...others].sort());
  const standing = await keeper.ask<TokenStatus[]>('inspect', { filter: { subjects: others } });
  expect(standing).toHaveLength(others.length);
  for (const { subject, state, expiresAt } of standing) {
    expect({ subject, state }).toEqual({ subject, state: 'active' });
    expect(expiresAt).toBeGreaterThan(sandbox.now());
    expect(await world.holdsCurrent(subject as string)).toBe(true);
  }

  await world.advance(PAST_LEASE_MS);
  await keeper.ask('sweep');
  return victims;
}

/** States after outages, by point. */
class Tally {
  readonly #store: string;
  readonly #what: string;
  readonly #states = new Map<Point, string[]>();

  constructor({ store }: SharedStore, what: 'kills' | 'stops') {
    this.#store = store;
    this.#what = what;
  }

  add(point: Point, state: string): void {
    this.#states.set(point, [...(this.#states.get(point) ?? []), state]);
  }

  /** How many pairs were lost although a write of theirs had been acknowledged. */
  report(): number {
    let sum = 0;
    for (const [point, states] of this.#states) {
      const lost = WRITTEN.includes(point) ? states.filter((state) => state !== 'active').length : 0;
      sum += lost;
      const named = [...new Set(states)].map((state) => `${state} ${states.filter((one) => one === state).length}`);
      if (PROOF)
        console.log(`${this.#store}, ${point}: ${this.#what} ${states.length}, lost ${lost}, ${named.join(', ')}`);
    }
    return sum;
  }
}
