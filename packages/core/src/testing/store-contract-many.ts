import { accountKeyIn, type TokenKey } from '../key.js';
import { RECORD_VERSION, type TokenRecord } from '../store/record.js';
import type { DueKey, TokenStore } from '../store/store.js';
import type { EpochMs } from '../token.js';
import {
  ACCOUNT,
  allDue,
  allListed,
  claimed,
  key,
  pagesOf,
  recordOf,
  type StoreCases,
  token,
} from './store-contract-support.js';

const FOREIGN = accountKeyIn(key('x', 'app2'));
const FILL_MS = 300_000;

/** Many keys, of which few are due: what `due` and `list` name, page by page. */
export function manyCases({ test, expect, keys: count, options }: StoreCases): void {
  test(
    `pages through what is due among ${count} keys: most urgent first, nothing twice, nothing missing, none under a lease, none of another account`,
    async (store, clock, other) => {
      const records = recordsFor(count, clock);
      await (options.fill ?? fillByCommits)(store, records);
      const due = mostUrgentFirst(records, ACCOUNT, clock.now());
      const leased = due.filter((_, at) => at % 5 === 2);
      await inBatches(leased, (of) => claimed(other, 'p1', { of }));
      const free = due.filter((of) => !leased.includes(of));

      // Between the pages, the last of those still to come: one is claimed, one is refreshed.
      const named: DueKey[] = [];
      const gone = new Set<TokenKey>();
      for await (const page of pagesOf((cursor) => store.due({ limit: 20, accounts: [ACCOUNT], ...cursor }))) {
        expect(page.now).toBe(clock.now());
        expect(20).toBeGreaterThanOrEqual(page.keys.length);
        named.push(...page.keys);
        if (page.cursor === undefined) break;
        const seen = new Set(named.map((one) => one.key));
        const [claim, refresh] = free.filter((of) => !seen.has(of) && !gone.has(of)).slice(-2);
        if (claim) await claimed(store, 'p2', { of: claim });
        if (refresh) await refreshed(store, refresh, clock);
        const [earlier] = named.slice(-1);
        if (earlier) await refreshed(store, earlier.key, clock);
        for (const of of [claim, refresh]) if (of) gone.add(of);
      }
      expect(named.map((one) => one.key).sort()).toEqual(free.filter((of) => !gone.has(of)).sort());
      const times = named.map((one) => one.refreshAt);
      expect(times).toEqual([...times].sort((a, b) => a - b));

      expect((await allDue(other, [FOREIGN], 20)).sort()).toEqual(
        mostUrgentFirst(records, FOREIGN, clock.now()).sort(),
      );
      const listed = await allListed(other, {}, 500);
      expect(listed.map((record) => record.key)).toEqual(records.map((record) => record.key).sort());
    },
    FILL_MS,
  );

  test('names what others leave alone exactly once, whatever they claim and commit between the pages', async (store, clock, other) => {
    const records = recordsFor(1_200, clock).filter(
      (record) => accountKeyIn(record.key) === ACCOUNT && isDue(record, clock.now()),
    );
    await inBatches(records, (record) => committed(store, record));
    const due = mostUrgentFirst(records, ACCOUNT, clock.now());
    const touched = due.filter((_, at) => at % 3 === 1);
    const found: TokenKey[] = [];
    let next = 0;
    for await (const page of pagesOf((cursor) => store.due({ limit: 7, accounts: [ACCOUNT], ...cursor }))) {
      found.push(...page.keys.map((one) => one.key));
      for (const of of touched.slice(next, next + 4)) {
        if (next++ % 2 === 0) await claimed(other, 'p2', { of });
        else await refreshed(other, of, clock);
      }
    }
    expect(new Set(found).size).toBe(found.length);
    const alone = (keys: readonly TokenKey[]) => keys.filter((of) => !touched.includes(of)).sort();
    expect(alone(found)).toEqual(alone(due));
  });

  test('answers a cursor with the same page as long as nothing changes', async (store, clock) => {
    for (let i = 0; i < 9; i++)
      await store.commit(key(`k${i}`), token(`t${i}`, clock), { predecessor: 0, refreshAt: 5 + (i % 2) });
    const first = await store.due({ limit: 4, accounts: [ACCOUNT] });
    const listed = await store.list({}, { limit: 4 });
    const cursor = String(first.cursor);
    const page = { limit: 4, cursor: String(listed.cursor) };
    const second = await store.due({ limit: 4, accounts: [ACCOUNT], cursor });
    expect([...first.keys, ...second.keys].map((due) => due.refreshAt)).toEqual([5, 5, 5, 5, 5, 6, 6, 6]);
    expect((await store.due({ limit: 4, accounts: [ACCOUNT], cursor })).keys).toEqual(second.keys);
    expect((await store.list({}, page)).records).toEqual((await store.list({}, page)).records);
  });
}

/** One in twenty is due in this account, one in twenty in another, the rest later or never. */
function recordsFor(count: number, clock: { now(): EpochMs }): TokenRecord[] {
  const now = clock.now();
  return Array.from({ length: count }, (_, i) => {
    const foreign = i % 10 === 9;
    // Scattered, with equal times among them, and fractions.
    const refreshAt =
      i % 20 === 0 || i % 20 === 19 ? now - (((i * 7_919) % 400) + 0.25) : i % 3 === 0 ? undefined : now + 1 + i;
    return {
      v: RECORD_VERSION,
      key: key(`k${i}`, foreign ? 'app2' : 'app'),
      generation: Math.floor(now),
      token: token(`t${i}`, clock),
      ...(refreshAt !== undefined && { refreshAt }),
      attempt: { epoch: 0, state: 'active', failures: 0 },
    };
  });
}

function isDue({ refreshAt }: TokenRecord, now: EpochMs): boolean {
  return refreshAt !== undefined && refreshAt <= now;
}

/** The due keys of an account; those due at one time stand in any order. */
function mostUrgentFirst(records: readonly TokenRecord[], account: string, now: EpochMs): TokenKey[] {
  return records
    .filter((record) => accountKeyIn(record.key) === account && isDue(record, now))
    .sort((a, b) => (a.refreshAt ?? 0) - (b.refreshAt ?? 0))
    .map((record) => record.key);
}

function fillByCommits(store: TokenStore, records: readonly TokenRecord[]): Promise<void> {
  return inBatches(records, (record) => committed(store, record));
}

async function committed(store: TokenStore, { key: of, token: part, refreshAt }: TokenRecord): Promise<void> {
  if (part) await store.commit(of, part, { predecessor: 0, ...(refreshAt !== undefined && { refreshAt }) });
}

/** Another value, due tomorrow. */
async function refreshed(store: TokenStore, of: TokenKey, clock: { now(): EpochMs }): Promise<void> {
  const { generation } = await recordOf(store, of);
  const options = { predecessor: generation, refreshAt: clock.now() + 86_400_000 };
  await store.commit(of, token(`refreshed ${of}`, clock), options);
}

/** 100 at a time: a store is filled in reasonable time without being run over. */
async function inBatches<Item>(items: readonly Item[], act: (item: Item) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += 100) await Promise.all(items.slice(at, at + 100).map(act));
}
