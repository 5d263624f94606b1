import { TokenError } from '../errors.js';
import { accountKeyIn, type TokenKey, tokenKeyOf } from '../key.js';
import { RECORD_VERSION, type TokenPart, type TokenRecord } from '../store/record.js';
import type { Lease, StoreTraits, TokenStore } from '../store/store.js';
import type { EpochMs } from '../token.js';
import type { ManualClock } from './manual-clock.js';

/** What the suites need of a test runner: Vitest, Jest and node:test fit (with an `expect`). */
export interface TestRunner {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => Promise<void> | void): void;
  expect(actual: unknown): {
    toBe(expected: unknown): void;
    toEqual(expected: unknown): void;
    toMatchObject(expected: object): void;
    toBeUndefined(): void;
    toBeGreaterThan(expected: number): void;
    toBeGreaterThanOrEqual(expected: number): void;
  };
}

/** How stores may differ: each difference is named here, none is a skip. */
export interface StoreContractOptions {
  readonly name: string;
  /** A new, empty store on the given clock. It is closed after each test. */
  readonly create: (clock: ManualClock) => Promise<TokenStore> | TokenStore;
  /** Another connection to the same data: what a second process has. Default: the same object. */
  readonly reconnect?: (store: TokenStore, clock: ManualClock) => Promise<TokenStore> | TokenStore;
  readonly traits: StoreTraits;
  /** Rounds of each race. Default 200. */
  readonly rounds?: number;
  /** Writes a record as another version of this library would. Needed for the tests of unknown fields and formats. */
  readonly plant?: (store: TokenStore, record: TokenRecord) => Promise<void>;
}

const TTL = 30_000;

/** Everything a `TokenStore` owes, as tests. */
export function storeContract(
  { describe, it, expect }: TestRunner,
  newClock: () => ManualClock,
  options: StoreContractOptions,
): void {
  const rounds = options.rounds ?? 200;
  const test = (name: string, body: (store: TokenStore, clock: ManualClock, other: TokenStore) => Promise<void>) =>
    it(name, async () => {
      const clock = newClock();
      const store = await options.create(clock);
      await store.open();
      const other = (await options.reconnect?.(store, clock)) ?? store;
      if (other !== store) await other.open();
      try {
        await body(store, clock, other);
      } finally {
        if (other !== store) await other.close();
        await store.close();
      }
    });

  describe(`${options.name} keeps the contract of TokenStore`, () => {
    it('says what it promises', async () => {
      const store = await options.create(newClock());
      expect(await store.open()).toEqual(options.traits);
      expect(await store.open()).toEqual(options.traits);
      await store.close();
    });

    test('answers a key it does not have with nothing but its time', async (store, clock) => {
      expect(await store.read(KEY)).toEqual({ now: clock.now() });
    });

    test('stores a first token only where neither token nor tombstone stands', async (store, clock, other) => {
      expect(await store.commit(KEY, token('a', clock), { predecessor: 0, refreshAt: 5 })).toBe('accepted');
      const { record } = await other.read(KEY);
      expect(record).toMatchObject({
        v: RECORD_VERSION,
        key: KEY,
        token: token('a', clock),
        refreshAt: 5,
        attempt: { epoch: 0, state: 'active' },
      });
      expect(record?.generation).toBeGreaterThanOrEqual(Math.floor(clock.now()));
      expect(await other.commit(KEY, token('b', clock), { predecessor: 0 })).toMatchObject({
        token: { value: 'token of a' },
      });
      expect(await store.remove(KEY, record?.generation ?? 0)).toBe(true);
      expect(await store.commit(KEY, token('b', clock), { predecessor: 0 })).toMatchObject({
        attempt: { state: 'gone' },
      });
    });

    test('never creates a record by a commit that names a predecessor', async (store, clock) => {
      expect(await store.commit(KEY, token('late', clock), { predecessor: 41 })).toMatchObject({ generation: 0 });
      expect((await store.read(KEY)).record?.token).toBeUndefined();
    });

    test('lets a commit follow its predecessor alone, and numbers generations upward', async (store, clock, other) => {
      const first = await seed(store, clock, 'a');
      expect(await other.commit(KEY, token('b', clock), { predecessor: first })).toBe('accepted');
      const second = (await store.read(KEY)).record?.generation ?? 0;
      expect(second).toBeGreaterThan(first);
      expect(await store.commit(KEY, token('c', clock), { predecessor: first })).toMatchObject({
        generation: second,
        token: { value: 'token of b' },
      });
    });

    test('accepts an equal value under its generation and merges times: a known end beats an unknown one, then the later', async (store, clock) => {
      const { expiresAt: _end, ...endless } = token('a', clock);
      expect(await store.commit(KEY, endless, { predecessor: 0 })).toBe('accepted');
      const generation = (await store.read(KEY)).record?.generation ?? 0;
      expect(await store.commit(KEY, { ...token('a', clock), expiresAt: 900 }, { predecessor: 0 })).toBe('accepted');
      expect(await store.commit(KEY, { ...token('a', clock), expiresAt: 700 }, { predecessor: generation + 7 })).toBe(
        'accepted',
      );
      expect((await store.read(KEY)).record).toMatchObject({ generation, token: { expiresAt: 900 } });
    });

    test('gives a lease to one holder only, with the next epoch', async (store, clock, other) => {
      const seen = { key: KEY, generation: 0, epoch: 0 };
      expect(await store.claim(seen, 'p1', TTL)).toEqual({
        kind: 'lease',
        key: KEY,
        epoch: 1,
        holder: 'p1',
        until: clock.now() + TTL,
      });
      expect(await other.claim(seen, 'p2', TTL)).toMatchObject({
        generation: 0,
        attempt: { epoch: 1, lease: { holder: 'p1' } },
      });
      expect(await other.claim({ ...seen, epoch: 1 }, 'p2', TTL)).toMatchObject({
        attempt: { lease: { holder: 'p1' } },
      });
    });

    test('gives the lease of a holder that fell silent to the next one once it has ended', async (store, clock, other) => {
      await store.claim({ key: KEY, generation: 0, epoch: 0 }, 'p1', TTL);
      await clock.advance(TTL - 1);
      expect(await other.claim({ key: KEY, generation: 0, epoch: 1 }, 'p2', TTL)).toMatchObject({
        attempt: { epoch: 1 },
      });
      await clock.advance(1);
      expect(await other.claim({ key: KEY, generation: 0, epoch: 1 }, 'p2', TTL)).toMatchObject({
        kind: 'lease',
        epoch: 2,
        holder: 'p2',
      });
    });

    test('re-reads in the claim: who saw an older generation or epoch gets the present record', async (store, clock, other) => {
      const generation = await seed(store, clock, 'a');
      await other.commit(KEY, token('b', clock), { predecessor: generation });
      expect(await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', TTL)).toMatchObject({
        token: { value: 'token of b' },
      });
    });

    test('renews a lease for its own epoch only', async (store, clock, other) => {
      const lease = (await store.claim({ key: KEY, generation: 0, epoch: 0 }, 'p1', TTL)) as Lease;
      await clock.advance(20_000);
      expect(await store.renew(lease, TTL)).toMatchObject({ until: clock.now() + TTL });
      await clock.advance(TTL);
      await other.claim({ key: KEY, generation: 0, epoch: 1 }, 'p2', TTL);
      expect(await store.renew(lease, TTL)).toBeUndefined();
    });

    test('ends the lease with the commit that asks for it, and nobody else’s', async (store, clock, other) => {
      const first = (await store.claim({ key: KEY, generation: 0, epoch: 0 }, 'p1', TTL)) as Lease;
      await clock.advance(TTL);
      const second = (await other.claim({ key: KEY, generation: 0, epoch: 1 }, 'p2', TTL)) as Lease;
      expect(await store.commit(KEY, token('a', clock), { predecessor: 0, lease: first, release: true })).toBe(
        'accepted',
      );
      expect((await store.read(KEY)).record?.attempt.lease?.holder).toBe('p2');
      const generation = (await store.read(KEY)).record?.generation ?? 0;
      expect(
        await other.commit(KEY, token('b', clock), { predecessor: generation, lease: second, release: true }),
      ).toBe('accepted');
      expect((await store.read(KEY)).record?.attempt.lease).toBeUndefined();
    });

    test('refuses a fenced commit under an old epoch, and no other', async (store, clock) => {
      const generation = await seed(store, clock, 'a');
      const old = (await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', TTL)) as Lease;
      await clock.advance(TTL);
      await store.claim({ key: KEY, generation, epoch: 1 }, 'p2', TTL);
      expect(
        await store.commit(KEY, token('b', clock), { predecessor: generation, lease: old, fenced: true }),
      ).toMatchObject({ token: { value: 'token of a' } });
      expect(await store.commit(KEY, token('b', clock), { predecessor: generation, lease: old })).toBe('accepted');
    });

    test('notes under the current epoch only, and never changes the generation', async (store, clock, other) => {
      const generation = await seed(store, clock, 'a');
      const lease = (await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', TTL)) as Lease;
      const failure = { code: 'ERR_TOKEN_BUSY', message: 'busy', at: 1, epoch: 1 };
      expect(
        await store.note(
          lease,
          { state: 'retrying', failures: 1, retryAt: 9, refreshAt: 9, failure },
          { release: true },
        ),
      ).toBe(true);
      const { record } = await other.read(KEY);
      expect(record).toMatchObject({
        generation,
        refreshAt: 9,
        attempt: { epoch: 1, state: 'retrying', failures: 1, retryAt: 9, failure },
      });
      expect(record?.attempt.lease).toBeUndefined();
      await other.claim({ key: KEY, generation, epoch: 1 }, 'p2', TTL);
      expect(await store.note(lease, { state: 'active' }, { release: true })).toBe(false);
      expect((await store.read(KEY)).record?.attempt.lease?.holder).toBe('p2');
    });

    test('takes fields away that are noted as null, and the key out of the index', async (store, clock) => {
      const generation = await seed(store, clock, 'a', 1);
      const lease = (await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', TTL, { generation })) as Lease;
      expect(await store.note(lease, { intent: null, refreshAt: null }, { release: true })).toBe(true);
      const { record } = await store.read(KEY);
      expect(record?.attempt.intent).toBeUndefined();
      expect(record?.refreshAt).toBeUndefined();
      expect((await store.due({ limit: 10, accounts: [ACCOUNT] })).keys).toEqual([]);
    });

    test('notes nothing on a token that has been replaced since', async (store, clock, other) => {
      const generation = await seed(store, clock, 'a');
      const lease = (await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', TTL)) as Lease;
      await other.commit(KEY, token('b', clock), { predecessor: generation });
      expect(await store.note(lease, { state: 'reauthorize' }, { release: true, generation })).toBe(false);
      expect((await store.read(KEY)).record?.attempt.state).toBe('active');
    });

    test('keeps the intent of a holder that fell silent, as uncertain', async (store, clock, other) => {
      const generation = await seed(store, clock, 'a');
      await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', TTL, { generation });
      const since = clock.now();
      await clock.advance(TTL);
      await other.claim({ key: KEY, generation, epoch: 1 }, 'p2', TTL, { generation });
      expect((await store.read(KEY)).record?.attempt.intent).toEqual({ generation, since, epoch: 2, uncertain: true });
    });

    test('ends intent, doubt and failures with a commit of another value', async (store, clock) => {
      const generation = await seed(store, clock, 'a');
      const lease = (await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', TTL, { generation })) as Lease;
      await store.note(lease, { state: 'doubtful', failures: 3, doubtUntil: 77, retryAt: 5 });
      expect(
        await store.commit(KEY, token('b', clock), { predecessor: generation, lease, release: true, refreshAt: 6 }),
      ).toBe('accepted');
      expect((await store.read(KEY)).record?.attempt).toEqual({ epoch: 1, state: 'active', failures: 0 });
    });

    test('leaves a tombstone that only a new authorization replaces, with a higher generation', async (store, clock, other) => {
      const generation = await seed(store, clock, 'a', 1);
      expect(await store.remove(KEY, generation + 1)).toBe(false);
      expect(await store.remove(KEY, generation)).toBe(true);
      expect(await store.remove(KEY, generation)).toBe(false);
      expect((await other.read(KEY)).record).toMatchObject({
        generation,
        goneAt: clock.now(),
        attempt: { state: 'gone' },
      });
      expect((await other.read(KEY)).record?.token).toBeUndefined();
      expect((await store.due({ limit: 10, accounts: [ACCOUNT] })).keys).toEqual([]);
      expect(await other.commit(KEY, token('late', clock), { predecessor: generation })).toMatchObject({
        attempt: { state: 'gone' },
      });
      expect(await other.commit(KEY, token('new', clock), { predecessor: generation, revive: true })).toBe('accepted');
      expect((await store.read(KEY)).record?.generation).toBe(generation + 1);
    });

    test('names due keys of the asked accounts, most urgent first, page by page, none under a live lease', async (store, clock, other) => {
      const now = clock.now();
      for (let i = 0; i < 25; i++)
        await store.commit(key(`k${i}`), token(`t${i}`, clock), { predecessor: 0, refreshAt: now - 25 + i });
      await store.commit(key('later'), token('l', clock), { predecessor: 0, refreshAt: now + 1 });
      await store.commit(key('x', 'foreign'), token('f', clock), { predecessor: 0, refreshAt: now - 99 });
      const { record } = await store.read(key('k3'));
      await store.claim({ key: key('k3'), generation: record?.generation ?? 0, epoch: 0 }, 'p1', TTL);
      const found: TokenKey[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await other.due({ limit: 10, accounts: [ACCOUNT], ...(cursor !== undefined && { cursor }) });
        expect(page.now).toBe(now);
        found.push(...page.keys.map((due) => due.key));
        cursor = page.cursor;
        if (cursor === undefined) break;
      }
      expect(found).toEqual([...Array(25).keys()].filter((i) => i !== 3).map((i) => key(`k${i}`)));
    });

    test('says generation and epoch of a due key, so that a claim needs no other read', async (store, clock) => {
      await seed(store, clock, 'a', clock.now());
      const [due] = (await store.due({ limit: 1, accounts: [ACCOUNT] })).keys;
      expect(await store.claim(due ?? { key: KEY, generation: -1, epoch: -1 }, 'p1', TTL)).toMatchObject({
        kind: 'lease',
        epoch: 1,
      });
    });

    test('parks a key: out of the index, its token untouched', async (store, clock) => {
      const generation = await seed(store, clock, 'a', 1);
      expect(await store.park({ key: KEY, generation, epoch: 5 }, 'unknownSource')).toBe(false);
      expect(await store.park({ key: KEY, generation, epoch: 0 }, 'unknownSource')).toBe(true);
      expect((await store.due({ limit: 10, accounts: [ACCOUNT] })).keys).toEqual([]);
      expect((await store.read(KEY)).record).toMatchObject({
        generation,
        token: { value: 'token of a' },
        attempt: { cause: 'unknownSource' },
      });
    });

    test('lists records in key order, by account and state, page by page', async (store, clock) => {
      for (let i = 0; i < 12; i++) await store.commit(key(`k${i}`), token(`t${i}`, clock), { predecessor: 0 });
      await store.commit(key('x', 'foreign'), token('f', clock), { predecessor: 0 });
      const found: TokenKey[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await store.list({ accounts: [ACCOUNT] }, { limit: 5, ...(cursor !== undefined && { cursor }) });
        found.push(...page.records.map((record) => record.key));
        cursor = page.cursor;
        if (cursor === undefined) break;
      }
      expect(found).toEqual([...found].sort());
      expect(found.length).toBe(12);
      expect((await store.list({ states: ['gone'] }, { limit: 5 })).records).toEqual([]);
    });

    test('tells odd keys apart: Unicode, separators, case', async (store, clock) => {
      const subjects = [
        'a',
        'A',
        'ä',
        'a\u0308',
        'a/b',
        'a%2Fb',
        '..',
        ' a',
        '名前',
        '🔑',
        'a\u0000b',
        "a'b",
        '*',
        'a:b',
        'x'.repeat(300),
      ];
      for (const subject of subjects)
        expect(await store.commit(key(subject), token(subject, clock), { predecessor: 0 })).toBe('accepted');
      for (const subject of subjects)
        expect((await store.read(key(subject))).record?.token?.value).toBe(`token of ${subject}`);
    });

    test('keeps large values and extra facts as they are', async (store, clock) => {
      const part: TokenPart = {
        ...token('a', clock),
        value: 'é'.repeat(4_096),
        refreshToken: 'r'.repeat(4_096),
        extra: { scope: ['a', 'b'], nested: { n: 1, t: null } },
      };
      await store.commit(KEY, part, { predecessor: 0 });
      expect((await store.read(KEY)).record?.token).toEqual(part);
    });

    test('lets exactly one of two writers of one predecessor win, every time', async (store, clock, other) => {
      let generation = await seed(store, clock, 'seed');
      for (let round = 0; round < rounds; round++) {
        const answers = await Promise.all([
          store.commit(KEY, token(`a${round}`, clock), { predecessor: generation }),
          other.commit(KEY, token(`b${round}`, clock), { predecessor: generation }),
        ]);
        const { record } = await store.read(KEY);
        expect(answers.filter((answer) => answer === 'accepted').length).toBe(1);
        expect(record?.token?.value).toBe(`token of ${answers[0] === 'accepted' ? 'a' : 'b'}${round}`);
        expect(record?.generation).toBe(generation + 1);
        generation = record?.generation ?? 0;
      }
    });

    test('gives exactly one of two claimants the lease, every time', async (store, _clock, other) => {
      for (let round = 0; round < rounds; round++) {
        const seen = { key: KEY, generation: 0, epoch: round };
        const answers = await Promise.all([store.claim(seen, 'p1', TTL), other.claim(seen, 'p2', TTL)]);
        const leases = answers.filter((answer) => 'kind' in answer) as Lease[];
        expect(leases.length).toBe(1);
        expect(await store.note(leases[0] as Lease, {}, { release: true })).toBe(true);
      }
    });

    const { plant } = options;
    if (plant) {
      test('keeps fields it does not know', async (store, clock) => {
        const part = token('a', clock);
        await plant(store, {
          v: RECORD_VERSION,
          key: KEY,
          generation: 7,
          token: part,
          later: { x: 1 },
          attempt: { epoch: 3, state: 'active', failures: 0, more: 2 },
        } as TokenRecord);
        const lease = (await store.claim({ key: KEY, generation: 7, epoch: 3 }, 'p1', TTL)) as Lease;
        expect(await store.commit(KEY, token('b', clock), { predecessor: 7, lease, release: true })).toBe('accepted');
        expect((await store.read(KEY)).record).toMatchObject({
          generation: 8,
          later: { x: 1 },
          attempt: { epoch: 4, more: 2 },
        });
      });

      test('serves a record of a higher format and changes nothing in it', async (store, clock) => {
        const record: TokenRecord = {
          v: RECORD_VERSION + 1,
          key: KEY,
          generation: 7,
          token: token('a', clock),
          attempt: { epoch: 3, state: 'active', failures: 0 },
        };
        await plant(store, record);
        expect((await store.read(KEY)).record).toEqual(record);
        expect(await store.claim({ key: KEY, generation: 7, epoch: 3 }, 'p1', TTL)).toEqual(record);
        expect(await store.commit(KEY, token('b', clock), { predecessor: 7 })).toEqual(record);
        expect(await store.remove(KEY, 7)).toBe(false);
        expect((await store.read(KEY)).record).toEqual(record);
      });
    }

    if (options.reconnect) {
      test('keeps what it acknowledged for the next process', async (store, clock, other) => {
        await seed(store, clock, 'a');
        expect((await other.read(KEY)).record?.token?.value).toBe('token of a');
      });
    }
  });
}

const ACCOUNT = accountKeyIn(key('a'));
const KEY = key('subject');

function key(subject: string, id = 'app'): TokenKey {
  return tokenKeyOf({ platform: 'contract', id, kind: 'access_token', subject: [subject] });
}

function token(name: string, clock: { now(): EpochMs }): TokenPart {
  const at = clock.now();
  return {
    value: `token of ${name}`,
    issuedAt: at,
    firstSeenAt: at,
    expiresAt: at + 7_200_000,
    seen: ['0123456789abcdef'],
    lineage: { cause: 'issue', actor: 'contract', at, durationMs: 1 },
  };
}

async function seed(store: TokenStore, clock: { now(): EpochMs }, name: string, refreshAt?: EpochMs): Promise<number> {
  const answer = await store.commit(KEY, token(name, clock), {
    predecessor: 0,
    ...(refreshAt !== undefined && { refreshAt }),
  });
  const { record } = await store.read(KEY);
  if (answer !== 'accepted' || !record)
    throw new TokenError('ERR_TOKEN_STORE', 'the store under test did not accept a first token');
  return record.generation;
}
