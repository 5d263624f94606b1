import { setImmediate as nextTurn } from 'node:timers/promises';
import { whyMissing } from '@evertoken/test-servers';
import { describe, expect, it } from 'vitest';
import { SHARED_STORES } from '../processes/stores.js';
import type { Member, Point } from './member.js';
import { DAY_MS, grantOf, PAST_LEASE_MS, statusOf, World } from './world.js';

const PROOF = process.env['EVERTOKEN_PROOF'] === '1';
const ROUNDS = PROOF ? 1_000 : 40 / SHARED_STORES.length;
const USERS = 3;
/** Points stand inside calls of the store: however long one lasts, it is neither given up nor journalled. */
const NEVER_MS = 3_600_000;
const POINTS: readonly Point[] = ['after claim', 'before request', 'after answer', 'before commit', 'after commit'];

/** What happens while the process is stopped, after its lease has ended. */
const MEANWHILE: Readonly<Record<string, (world: World, keeper: Member, uid: string) => Promise<unknown>>> = {
  nothing: async () => {},
  'another process sweeps': (_, keeper) => keeper.ask('sweep'),
  'the user signs in': (world, keeper, uid) => world.signIn(keeper, uid),
  async 'another process sweeps, and the user signs in'(world, keeper, uid) {
    await keeper.ask('sweep');
    await world.signIn(keeper, uid);
  },
  async 'two days pass'(world, keeper) {
    await keeper.ask('sweep');
    await world.advance(DAY_MS);
    await keeper.ask('sweep');
  },
};

describe('a process that is stopped past its lease in the middle of a renewal, and continued', () => {
  it.concurrent.for(SHARED_STORES)(
    `never puts its pair over a newer one, and loses none that it still brings, in ${ROUNDS} rounds: $store`,
    { timeout: PROOF ? 1_800_000 : 120_000 },
    async (shared, { skip, onTestFinished }) => {
      const missing = shared.server && whyMissing(shared.server);
      if (missing) skip(missing);
      const world = await World.open(shared, { users: USERS });
      onTestFinished(() => world.end());
      const [keeper, sleeper] = await Promise.all([
        world.member(),
        world.member({ journalAfterMs: NEVER_MS, storeTimeoutMs: NEVER_MS }),
      ]);
      const watchers = new Map(world.users.map((uid) => [uid, new Watcher(world, uid)]));
      for (const uid of world.users) await world.signIn(keeper, uid);
      const stories = Object.keys(MEANWHILE);
      // Where rounds are few, the stores share out the combinations.
      const first = SHARED_STORES.indexOf(shared) * ROUNDS;
      for (let round = first; round < first + ROUNDS; round++) {
        const uid = world.users[round % USERS] as string;
        const watcher = watchers.get(uid) as Watcher;
        const point = POINTS[round % POINTS.length] as Point;
        // Each story meets each point.
        const story = stories[Math.floor(round / POINTS.length) % stories.length] as string;
        await world.advance(DAY_MS);
        await watcher.look();
        const asked = sleeper.ask<string>('get', { of: grantOf(uid), stopAt: [point] });
        asked.catch(() => {});
        await sleeper.at(point);
        await watcher.look();
        await sleeper.stop();
        await world.advance(PAST_LEASE_MS);
        await MEANWHILE[story]?.(world, keeper, uid);
        await watcher.look();
        sleeper.continue();
        await world.tellTime(sleeper);
        await sleeper.ask('go');
        await watcher.lookUntil(asked);
        await watcher.look();
        const { state } = await statusOf(keeper, uid);
        const holds = await world.holdsCurrent(uid);
        expect({ round, point, story, state, holds }).toEqual({ round, point, story, state: 'active', holds: true });
        // Those whose turn it was not.
        await keeper.ask('sweep');
      }
      const looks = [...watchers.values()].reduce((sum, { count }) => sum + count, 0);
      if (PROOF) console.log(`${shared.store}: ${ROUNDS} stops, backwards 0 in ${looks} looks, lost 0`);
    },
  );
});

/** Looks at a record from outside: neither its generation nor the age of its pair, in the platform's order, ever goes back. */
class Watcher {
  count = 0;
  readonly #world: World;
  readonly #uid: string;
  /** Every access token of the user, in the order in which the platform made them. */
  readonly #made: string[] = [];
  #generation = 0;
  #stored = 0;

  constructor(world: World, uid: string) {
    this.#world = world;
    this.#uid = uid;
  }

  async look(): Promise<void> {
    const { generation, token } = await this.#world.stored(this.#uid);
    const current = this.#world.current(this.#uid);
    if (this.#made.at(-1) !== current) this.#made.push(current);
    const stored = this.#made.indexOf(token?.value as string);
    expect(generation).toBeGreaterThanOrEqual(this.#generation);
    expect(stored).toBeGreaterThanOrEqual(this.#stored);
    this.#generation = generation;
    this.#stored = stored;
    this.count++;
  }

  /** Looks again and again while something is under way, however it ends. */
  async lookUntil(work: Promise<unknown>): Promise<void> {
    let ended = false;
    const end = () => {
      ended = true;
    };
    work.then(end, end);
    while (!ended) {
      await this.look();
      // Some stores answer without giving anybody else a turn.
      await nextTurn();
    }
  }
}
