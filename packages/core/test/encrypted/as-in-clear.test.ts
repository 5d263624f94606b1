import fc from 'fast-check';
import { expect, it } from 'vitest';
import { memoryStore, type TokenStore } from '../../src/index.js';
import type { AttemptChange, CommitOptions, Lease, TokenPart } from '../../src/store/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { MapRowStore } from '../store/map-row-store.js';
import { keyOf, sealing } from './support.js';

/** One operation, made on both stores alike; what it refers to (a generation, a lease) is looked up in the model's answers. */
type Operation =
  | { readonly do: 'commit'; readonly key: number; readonly token: TokenPart; readonly options: CommitShape }
  | { readonly do: 'claim'; readonly key: number; readonly seen: 'present' | 'stale'; readonly intent: boolean }
  | { readonly do: 'renew'; readonly key: number }
  | { readonly do: 'release'; readonly key: number; readonly change: AttemptChange }
  | { readonly do: 'remove'; readonly key: number; readonly seen: 'present' | 'stale' }
  | { readonly do: 'park'; readonly key: number; readonly seen: 'present' | 'stale' }
  | { readonly do: 'wait' }
  | { readonly do: 'rotate' };

interface CommitShape extends Pick<CommitOptions, 'fenced' | 'release' | 'revive' | 'refreshAt' | 'attempt'> {
  readonly predecessor: 'present' | 'stale' | 'nothing';
  readonly leased: boolean;
}

const LEASE_MS = 1_000;
const START = Date.UTC(2026, 0, 1);
const key = fc.nat(2);
const seen = fc.constantFrom('present' as const, 'present' as const, 'stale' as const);
const extra = fc.dictionary(
  fc.string({ maxLength: 3 }).filter((name) => name !== '__proto__'),
  // JSON has no -0, and JSON is what a record holds.
  fc.jsonValue({ maxDepth: 1 }).map((value) => JSON.parse(JSON.stringify(value)) as typeof value),
  {
    maxKeys: 2,
    noNullPrototype: true,
  },
) as fc.Arbitrary<NonNullable<TokenPart['extra']>>;
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const token = fc
  .record({
    // Few values, so that equal ones meet; among them one that looks sealed.
    value: fc.constantFrom('A', 'B', 'é🔑', 'sealed1.new.AAAA', ''),
    refreshToken: some(fc.constantFrom('R', 'S', '', 'sealed1.old.AAAA')),
    extra: some(fc.oneof(extra, fc.constant({ sealed: 'sealed1.old.AAAA' }))),
    issuedAt: fc.nat(9),
    expiresAt: some(fc.nat(9)),
    order: some(fc.nat(3)),
  })
  .map(
    (part): TokenPart => ({
      ...defined(part),
      firstSeenAt: 1,
      seen: ['0123456789abcdef'],
      lineage: { cause: 'issue', actor: 'p', at: 1, durationMs: 1 },
    }),
  );
const change = fc
  .record({
    state: some(fc.constantFrom('retrying' as const, 'contested' as const)),
    failures: some(fc.nat(3)),
    refreshAt: some(fc.option(fc.constant(START + 1))),
    intent: some(fc.constant(null)),
  })
  .map((fields): AttemptChange => defined(fields));
const options = fc
  .record({
    predecessor: fc.constantFrom('present' as const, 'present' as const, 'stale' as const, 'nothing' as const),
    leased: fc.boolean(),
    fenced: fc.boolean(),
    release: fc.boolean(),
    revive: fc.boolean(),
    refreshAt: some(fc.constant(START + 2)),
    attempt: some(change),
  })
  .map((shape): CommitShape => defined(shape));
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('commit' as const), key, token, options }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('claim' as const), key, seen, intent: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('renew' as const, 'release' as const), key, change }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('remove' as const, 'park' as const), key, seen }) },
  { weight: 1, arbitrary: fc.constant({ do: 'wait' } as const) },
  { weight: 1, arbitrary: fc.constant({ do: 'rotate' } as const) },
);

/** Without the properties that are undefined: absent is not the same as undefined. */
function defined<T extends object>(fields: T): { [Name in keyof T]: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]: Exclude<T[Name], undefined>;
  };
}

/** Makes an operation on a store; `leases` are those the store has given so far. */
async function make(store: TokenStore, leases: Map<number, Lease>, step: Operation): Promise<unknown> {
  if (step.do === 'wait' || step.do === 'rotate') return undefined;
  const subject = keyOf(String(step.key));
  const { record } = await store.read(subject);
  const generation = record?.generation ?? 0;
  const epoch = record?.attempt.epoch ?? 0;
  const lease = leases.get(step.key) ?? ({ kind: 'lease', key: subject, epoch, holder: 'p', until: 0 } as const);
  if (step.do === 'commit') {
    const { predecessor, leased, ...more } = step.options;
    const named = { present: generation, stale: generation + 1, nothing: 0 }[predecessor];
    return store.commit(subject, step.token, { ...more, predecessor: named, ...(leased && { lease }) });
  }
  if (step.do === 'renew') return store.renew(lease, LEASE_MS);
  if (step.do === 'release') return store.note(lease, step.change, { release: true });
  const of = { key: subject, generation: step.seen === 'present' ? generation : generation + 1, epoch };
  if (step.do === 'remove') return store.remove(subject, of.generation);
  if (step.do === 'park') return store.park(of, 'unknownSource');
  const answer = await store.claim(of, 'p', LEASE_MS, step.intent ? { generation } : undefined);
  if ('kind' in answer) leases.set(step.key, answer as Lease);
  return answer;
}

async function everything(store: TokenStore) {
  const accounts = ['platform/app'];
  const reads = await Promise.all([0, 1, 2].map((at) => store.read(keyOf(String(at)))));
  return { reads, due: await store.due({ limit: 9, accounts }), list: await store.list({}, { limit: 9 }) };
}

it.each([
  ['memoryStore', (clock: ManualClock): TokenStore => memoryStore({ clock })],
  ['a store over rows', (clock: ManualClock): TokenStore => new MapRowStore(clock)],
])(
  'answers and holds what a store in clear does, whatever is done to it, by whichever process: %s',
  async (_name, create) => {
    const steps = fc.array(fc.tuple(operation, fc.constantFrom('old' as const, 'new' as const)), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 4 }), steps, async (inClear, sealed) => {
        const clock = new ManualClock(START);
        const model = memoryStore({ clock });
        const inner = create(clock);
        const processes = { old: sealing(inner, 'old'), new: sealing(inner, 'new') };
        const [ofModel, ofStore] = [new Map<number, Lease>(), new Map<number, Lease>()];
        const before = inClear.map((step) => [step, undefined] as const);
        for (const [step, active] of [...before, ...sealed]) {
          if (step.do === 'wait') await clock.advance(LEASE_MS / 2);
          if (step.do === 'rotate' && active) await processes[active].rotateKeys();
          const store = active ? processes[active] : inner;
          expect(await make(store, ofStore, step)).toEqual(await make(model, ofModel, step));
          expect(await everything(store)).toEqual(await everything(model));
        }
        expect(await everything(processes.new)).toEqual(await everything(model));
      }),
      { numRuns: 200 },
    );
  },
);
