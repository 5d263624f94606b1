import { sleep, systemClock } from '../clock.js';
import type { TokenKey } from '../key.js';
import type { TokenRecord } from '../store/record.js';
import {
  ACCOUNT,
  allDue,
  claimed,
  comesTrue,
  KEY,
  key,
  outcomeOf,
  recordOf,
  type StoreCases,
  seed,
  TTL,
  token,
} from './store-contract-support.js';

/** When the connection is cut after the operations have begun, ms: before they leave, and while they are on their way. */
const DELAYS = [0, 0, 1, 2, 5] as const;

/** The connection is lost in the middle. */
export function severCases({ test, expect, options: { sever }, patienceMs }: StoreCases): void {
  if (!sever) return;

  /** Tries again until it works: a connection that was cut is made anew by the next operations. */
  const works = async <Value>(operation: () => Promise<Value>): Promise<Value> => {
    let value: { value: Value } | undefined;
    const again = async () => {
      const outcome = await outcomeOf(operation(), patienceMs);
      if (outcome !== 'pending' && 'value' in outcome) value = outcome;
      return value !== undefined;
    };
    expect(await comesTrue(again, patienceMs)).toBe(true);
    return (value as { value: Value }).value;
  };

  test('settles what is under way when the connection is lost: all of a change or nothing, and what was acknowledged stands', async (store, clock, other) => {
    for (const [round, delay] of DELAYS.entries()) {
      const names = ['first', 'again', 'leased', 'noted'] as const;
      const [first, again, leased, noted] = names.map((name) => key(`${name} ${round}`)) as [
        TokenKey,
        TokenKey,
        TokenKey,
        TokenKey,
      ];
      for (const of of [again, leased, noted]) await other.commit(of, token('old', clock), { predecessor: 0 });
      const { generation } = await recordOf(other, leased);
      const lease = await claimed(other, 'p1', { of: leased, intent: { generation } });
      const failing = await claimed(other, 'p1', { of: noted });
      const before = await Promise.all([again, leased, noted].map((of) => recordOf(other, of)));
      const [oldAgain, oldLeased, oldNoted] = before as [TokenRecord, TokenRecord, TokenRecord];

      await works(() => store.read(KEY));
      const refreshAt = clock.now();
      const part = token('new', clock);
      const failed = { state: 'retrying', failures: 1, retryAt: refreshAt } as const;
      const underWay: Promise<unknown>[] = [
        store.commit(first, part, { predecessor: 0, refreshAt }),
        store.commit(again, part, { predecessor: oldAgain.generation, refreshAt }),
        store.commit(leased, part, { predecessor: generation, lease, release: true, refreshAt }),
        store.note(failing, { ...failed, refreshAt }, { release: true }),
      ];
      const outcomes = Promise.all(underWay.map((answer) => outcomeOf(answer, patienceMs)));
      if (delay > 0) await sleep(systemClock, delay);
      await sever(store);
      expect((await outcomes).includes('pending')).toBe(false);

      const attempt = { epoch: 0, state: 'active', failures: 0 } as const;
      const all = (old: TokenRecord, change: object) => ({ ...old, refreshAt, ...change });
      const { lease: _lease, ...rest } = oldNoted.attempt;
      const changed = [
        { key: first, token: part, refreshAt, attempt },
        all(oldAgain, { token: part, attempt, generation: oldAgain.generation + 1 }),
        all(oldLeased, { token: part, attempt: { ...attempt, epoch: 1 }, generation: generation + 1 }),
        all(oldNoted, { attempt: { ...rest, ...failed } }),
      ];
      // What was sent before the cut may arrive after it: what is true once it has settled is looked for.
      await settlesInto(async () => {
        const due: TokenKey[] = [];
        for (const [at, outcome] of (await outcomes).entries()) {
          const of = [first, again, leased, noted][at] as TokenKey;
          const { record } = await other.read(of);
          const happened = record?.refreshAt === refreshAt;
          if (happened) expect(record).toMatchObject(changed[at] as object);
          else expect(record).toEqual([undefined, ...before][at]);
          if (isAcknowledged(outcome)) expect([of, happened]).toEqual([of, true]);
          if (happened) due.push(of);
        }
        // The index changes with the record, or neither does.
        const named = await allDue(other, [ACCOUNT], 50);
        expect(named.filter((of) => [first, again, leased, noted].includes(of)).sort()).toEqual(due.sort());
      }, patienceMs);
    }
  });

  test('answers no read with nothing because the connection is lost', async (store, clock) => {
    await seed(store, clock, 'a');
    for (const delay of DELAYS) {
      const ask = () => Array.from({ length: 5 }, () => outcomeOf(store.read(KEY), patienceMs));
      const before = ask();
      if (delay > 0) await sleep(systemClock, delay);
      await sever(store);
      for (const outcome of await Promise.all([...before, ...ask()])) {
        expect(outcome === 'pending').toBe(false);
        if (outcome !== 'pending' && 'value' in outcome) expect(outcome.value.record?.token?.value).toBe('token of a');
      }
      expect((await works(() => store.read(KEY))).record?.token?.value).toBe('token of a');
    }
  });

  test('gives no lease twice when the connection is lost', async (store, clock, other) => {
    await seed(store, clock, 'a');
    for (const delay of DELAYS) {
      const seen = await works(() => recordOf(other));
      const asked = { key: KEY, generation: seen.generation, epoch: seen.attempt.epoch };
      const claims = [outcomeOf(store.claim(asked, 'p1', 1_000), patienceMs)];
      if (delay > 0) await sleep(systemClock, delay);
      const cut = sever(store);
      claims.push(
        outcomeOf(
          works(() => other.claim(asked, 'p2', 1_000)),
          patienceMs,
        ),
      );
      await cut;
      const outcomes = await Promise.all(claims);
      expect(outcomes.includes('pending')).toBe(false);
      const leases = outcomes.filter((one) => one !== 'pending' && 'value' in one && 'kind' in one.value);
      expect(1).toBeGreaterThanOrEqual(leases.length);
      const { attempt } = await works(() => recordOf(other));
      expect(attempt.epoch).toBe(seen.attempt.epoch + 1);
      await clock.advance(1_000);
    }
  });

  test('works again after the connection was lost: reads, claims, commits, pages', async (store, clock) => {
    const generation = await seed(store, clock, 'a', 1);
    await sever(store);
    expect(await works(() => allDue(store))).toEqual([KEY]);
    const lease = await works(async () => {
      await clock.advance(TTL);
      return claimed(store, 'p1');
    });
    expect(await works(() => store.commit(KEY, token('b', clock), { predecessor: generation, lease }))).toBe(
      'accepted',
    );
    expect(await works(() => recordOf(store))).toMatchObject({
      generation: generation + 1,
      token: { value: 'token of b' },
    });
    await sever(store);
    expect((await works(() => store.list({}, { limit: 5 }))).records.length).toBe(1);
  });
}

type Outcome = 'pending' | { value: unknown } | { error: unknown };

/** A commit or a note that succeeded, and was told so. */
function isAcknowledged(outcome: Outcome): boolean {
  return outcome !== 'pending' && 'value' in outcome && (outcome.value === 'accepted' || outcome.value === true);
}

/** Checks until the checks hold; where they do not in time, the last failure is the case's. */
async function settlesInto(check: () => Promise<void>, patienceMs: number): Promise<void> {
  let failure: unknown;
  const holds = await comesTrue(async () => {
    try {
      await check();
      return true;
    } catch (error) {
      failure = error;
      return false;
    }
  }, patienceMs);
  if (!holds) throw failure;
}
