import type { TokenKey } from '../key.js';
import { memoryStore } from '../memory-store.js';
import { systemRandom } from '../random.js';
import type { AttemptPart, TokenPart } from '../store/record.js';
import type { AttemptChange, CommitOptions, Lease, Seen, TokenStore } from '../store/store.js';
import type { EpochMs } from '../token.js';
import { ACCOUNT, allDue, allListed, key, mustHave, type StoreCases, TTL, token } from './store-contract-support.js';

const STEPS = 300;
const KEYS = [key('one'), key('two'), key('other account', 'app2')] as const;
const ACCOUNTS = [ACCOUNT, 'contract/app2'] as const;

/** A store beside the reference: `memoryStore`, which keeps every promise by being simple. */
export function referenceCases({ test, expect, options, has }: StoreCases): void {
  test('answers a random sequence of operations as the reference does, and keeps the same records', async (store, clock, other) => {
    const seed = options.seed ?? Math.floor(systemRandom() * 2 ** 32);
    const dice = diceOf(seed);
    const reference = memoryStore({ clock });
    const known: Known = { leases: [], seen: [] };
    for (let step = 1; step <= STEPS; step++) {
      if (dice.chance(0.2)) await clock.advance(dice.one([1, 1_000, TTL - 1, TTL]));
      if (dice.chance(0.02)) clock.step(-5_000);
      const { name, key: of, run } = operation(dice, { reference, known, clock, reseals: has('reseal') });
      try {
        const expected = await run(reference);
        expect(await run(dice.one([store, other]))).toEqual(expected);
        const { record, now } = await other.read(of);
        const present = reference.peek?.(of);
        expect([record, now]).toEqual([present, clock.now()]);
        if (typeof expected === 'object' && 'kind' in expected) known.leases.push(expected);
        if (present) known.seen.push({ key: of, generation: present.generation, epoch: present.attempt.epoch });
      } catch (error) {
        throw differing(error, `step ${step} (${name}) of the sequence from seed ${seed}`);
      }
    }
  });
}

/** What the processes of the sequence have seen so far: some of it is out of date. */
interface Known {
  readonly leases: Lease[];
  readonly seen: Seen[];
}

interface Operation {
  readonly name: string;
  readonly key: TokenKey;
  /** The same operation on either store. */
  readonly run: (store: TokenStore) => Promise<Lease | object | string | boolean | undefined>;
}

interface Scene {
  readonly reference: TokenStore;
  readonly known: Known;
  readonly clock: { now(): EpochMs };
  /** Whether the store can put another ciphertext in the place of a token. */
  readonly reseals: boolean;
}

/** One operation, made up before it runs: both stores are asked the very same. */
function operation(dice: Dice, { reference, known, clock, reseals }: Scene): Operation {
  const now = clock.now();
  const of = dice.one(KEYS);
  const record = reference.peek?.(of);
  const present = { key: of, generation: record?.generation ?? 0, epoch: record?.attempt.epoch ?? 0 };
  // Mostly what stands, so that much succeeds; sometimes what stood once.
  const stale = known.seen.filter((seen) => seen.key === of);
  const seen = dice.chance(0.8) || stale.length === 0 ? present : dice.one(stale);
  const leases = known.leases.filter((lease) => lease.key === of);
  const lease = dice.chance(0.7) ? leases[leases.length - 1] : dice.maybe(0.7, () => dice.one(leases));

  const kinds: Record<string, () => Operation['run']> = {
    claim: () => {
      const holder = dice.one(['p1', 'p2']);
      const intent = dice.maybe(0.5, () => ({ generation: seen.generation }));
      return (store) => store.claim(seen, holder, TTL, intent);
    },
    renew: () => (store) => (lease ? store.renew(lease, 2 * TTL) : Promise.resolve(undefined)),
    commit: () => {
      const part = randomToken(dice, now);
      const how = randomCommit(dice, seen.generation, lease, now);
      return (store) => store.commit(of, part, how);
    },
    note: () => {
      const change = randomChange(dice, now);
      const how = { release: dice.chance(0.5), ...dice.maybe(0.3, () => ({ generation: seen.generation })) };
      return (store) => (lease ? store.note(lease, change, how) : Promise.resolve(false));
    },
    remove: () => (store) => store.remove(of, seen.generation),
    park: () => (store) => store.park(seen, 'unknownSource'),
    ...(reseals && {
      reseal: () => {
        const value = `resealed ${dice.one(['x', 'y'])}`;
        return async (store: TokenStore) =>
          record?.token ? mustHave(store, 'reseal')(record, { ...record.token, value }) : undefined;
      },
    }),
    due: () => {
      const limit = dice.one([1, 2, 10]);
      const accounts = dice.one([ACCOUNTS, [ACCOUNT], []]);
      return (store) => allDue(store, accounts, limit);
    },
    list: () => {
      const filter = dice.one([{}, { accounts: [ACCOUNT] }, { states: ['gone', 'active'] }] as const);
      return (store) => allListed(store, filter, 2);
    },
  };
  const name = dice.one([...MOSTLY, ...Object.keys(kinds)]);
  return { name, key: of, run: (kinds[name] as () => Operation['run'])() };
}

/** Tried more often than the rest. */
const MOSTLY = ['claim', 'claim', 'claim', 'commit', 'commit', 'commit', 'note', 'note', 'renew'];

/** One of a few values, so that equal ones come up, with whatever a token may have. */
function randomToken(dice: Dice, now: EpochMs): TokenPart {
  const { expiresAt, ...part } = token(dice.one(['a', 'b', 'c', 'd']), { now: () => now + dice.one([0, -500, 500]) });
  return {
    ...part,
    ...dice.maybe(0.7, () => ({ expiresAt: now + dice.one([1, 60_000, 7_200_000]) })),
    ...dice.maybe(0.4, () => ({ refreshToken: dice.one(['r1', 'r2']) })),
    ...dice.maybe(0.3, () => ({ refreshTokenExpiresAt: now + dice.one([5, 9_000_000]) })),
    ...dice.maybe(0.3, () => ({ extra: { scope: dice.one(['x', 'y']) } })),
    ...dice.maybe(0.3, () => ({ order: dice.one([1, 2, 3]) })),
    ...dice.maybe(0.3, () => ({ credentials: dice.one(['c1', 'c2']) })),
  };
}

function randomCommit(dice: Dice, generation: number, lease: Lease | undefined, now: EpochMs): CommitOptions {
  return {
    predecessor: dice.one([generation, generation, generation, 0]),
    ...(lease && dice.chance(0.7) && { lease }),
    fenced: dice.chance(0.2),
    release: dice.chance(0.5),
    revive: dice.chance(0.4),
    ...dice.maybe(0.7, () => ({ refreshAt: now + dice.one([-1_000, 0, 1, 60_000]) })),
    ...dice.maybe(0.3, () => ({ attempt: randomChange(dice, now) })),
  };
}

function randomChange(dice: Dice, now: EpochMs): AttemptChange {
  const states: AttemptPart['state'][] = ['active', 'retrying', 'contested', 'repeated', 'reauthorize'];
  const failure = { code: 'ERR_TOKEN_BUSY', message: 'busy', at: now, epoch: 1 };
  return {
    ...dice.maybe(0.4, () => ({ state: dice.one(states) })),
    ...dice.maybe(0.3, () => ({ cause: dice.one(['refused', null]) })),
    ...dice.maybe(0.3, () => ({ failures: dice.one([0, 1, 2]) })),
    ...dice.maybe(0.3, () => ({ failure: dice.one([failure, null]) })),
    ...dice.maybe(0.3, () => ({ retryAt: dice.one([now + 1_000.5, null]) })),
    ...dice.maybe(0.2, () => ({ doubtUntil: dice.one([now + 9, null]) })),
    ...dice.maybe(0.2, () => ({ forced: dice.one([{ count: 1, at: now }, null]) })),
    ...dice.maybe(0.2, () => ({ intent: null })),
    ...dice.maybe(0.3, () => ({ refreshAt: dice.one([now - 1, now + 60_000, null]) })),
  };
}

/** Chance that can be repeated. */
interface Dice {
  chance(probability: number): boolean;
  one<Item>(of: readonly Item[]): Item;
  maybe<Value>(probability: number, value: () => Value): Value | undefined;
}

/** A linear congruential generator (Knuth's MMIX constants), its upper half only: the lower bits repeat soon. */
function diceOf(seed: number): Dice {
  let state = BigInt(seed);
  const next = () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffff_ffff_ffff_ffffn;
    return Number(state >> 32n) / 2 ** 32;
  };
  next();
  const dice: Dice = {
    chance: (probability) => next() < probability,
    one: (of) => of[Math.floor(next() * of.length)] as never,
    maybe: (probability, value) => (next() < probability ? value() : undefined),
  };
  return dice;
}

/** The same failure, saying how to repeat it. */
function differing(error: unknown, where: string): unknown {
  if (error instanceof Error) error.message = `${where}: ${error.message}`;
  return error;
}
