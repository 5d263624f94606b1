import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Journal,
  type JournalEntry,
  type JournalledEntry,
  memoryStore,
  type StoreTraits,
  TokenError,
  type TokenEvents,
  TokenManager,
  type TokenStore,
} from '../src/index.js';
import type { TokenRecord } from '../src/store/index.js';
import { ManualClock } from '../src/testing/index.js';
import { ModelPlatform, modelAccount, network } from './model-platform.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A disk that several processes share. */
class SharedJournal implements Journal {
  readonly name = 'sharedJournal';
  readonly sealed = false;
  readonly kept = new Map<string, JournalEntry | string>();
  appended = 0;
  full = false;
  closed = false;

  async open() {
    if (this.closed) throw new TokenError('ERR_TOKEN_STORE', 'sharedJournal: the disk is full (ENOSPC)');
  }

  async append(entry: JournalEntry) {
    if (this.full) throw Object.assign(new Error('write'), { code: 'ENOSPC' });
    const id = String(++this.appended);
    this.kept.set(id, structuredClone(entry));
    return id;
  }

  async entries(key?: string): Promise<JournalledEntry[]> {
    return [...this.kept].flatMap(([id, entry]): JournalledEntry[] => {
      if (typeof entry === 'string') return [{ id, problem: entry }];
      return key === undefined || entry.key === key ? [{ id, entry }] : [];
    });
  }

  async remove(id: string) {
    this.kept.delete(id);
  }

  async close() {}
}

let clock: ManualClock;
let platform: ModelPlatform;
let memory: TokenStore;
let journal: SharedJournal;
/** How the store is doing: well, away for commits, gone altogether, taking its time, or acknowledging what it forgets. */
let health: 'well' | 'away' | 'gone' | 'slow' | 'forgetful';
let release: () => void;
/** By how much the store's clock is ahead of ours. */
let storeAheadMs: number;

beforeEach(() => {
  clock = new ManualClock();
  platform = new ModelPlatform(clock, 'rotating');
  platform.lifetimeMs = DAY;
  storeAheadMs = 0;
  memory = memoryStore({
    clock: { now: () => clock.now() + storeAheadMs },
  });
  journal = new SharedJournal();
  health = 'well';
});

function storeOf(traits: StoreTraits): TokenStore {
  return new Proxy(memory, {
    get: (target, name) => {
      if (name === 'peek' || name === 'watch') return undefined;
      if (name === 'open') return async () => traits;
      const method = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      if (health === 'gone' && (name === 'read' || name === 'claim' || name === 'commit'))
        return () => Promise.reject(new Error('gone'));
      if (name !== 'commit') return method.bind(target);
      return async (...args: Parameters<TokenStore['commit']>) => {
        if (health === 'away') throw new Error('away');
        if (health === 'slow')
          await new Promise<void>((resolve) => {
            release = resolve;
          });
        if (health === 'forgetful') return 'accepted';
        return target.commit(...args);
      };
    },
  });
}

const renewable = { subjects: ['user-1'], renewableFrom: (current: { expiresAt?: number }) => current.expiresAt ?? 0 };

function processOn(traits: StoreTraits = { durable: 'synced', scope: 'fleet' }, options = {}, journalled = true) {
  const account = modelAccount(platform, { ...renewable, ...options });
  const manager = new TokenManager({
    clock,
    random: () => 0.5,
    fetch: network,
    accounts: [account],
    store: storeOf(traits),
    ...(journalled && { journal }),
  });
  const conflicts: TokenEvents['conflict'][] = [];
  const failures: TokenEvents['failure'][] = [];
  manager.on('conflict', (event) => conflicts.push(event));
  manager.on('failure', (event) => failures.push(event));
  return { manager, source: account.token, conflicts, failures };
}

/** A process with a user whose pair T0/R0 has just expired. */
async function expired(traits?: StoreTraits) {
  const one = processOn(traits);
  await one.manager.authorize(one.source, async () => ({
    value: 'T0',
    refreshToken: 'R0',
    lifetimeMs: DAY,
    refreshTokenLifetimeMs: 3 * DAY,
  }));
  await clock.advance(DAY);
  return one;
}

const stored = async (key: TokenRecord['key']) => (await memory.read(key)).record as TokenRecord;

describe('the journal', () => {
  it('stays empty while the store acknowledges in time', async () => {
    const { manager, source } = await expired();
    expect((await manager.get(source)).value).toBe('T1');
    expect(journal.appended).toBe(0);
  });

  it('takes an answer that is not acknowledged within half a second, before it is served, and gives it back afterwards (S4)', async () => {
    const { manager, source } = await expired();
    health = 'slow';
    let served: string | undefined;
    const getting = manager.get(source).then(({ value }) => {
      served = value;
      expect(journal.kept.size).toBe(1);
    });
    await clock.advance(499);
    expect([served, journal.appended]).toEqual([undefined, 0]);
    await clock.advance(1);
    await getting;
    expect(served).toBe('T1');
    release();
    await clock.advance(0);
    expect((await stored(source.key)).token?.value).toBe('T1');
    expect(journal.kept.size).toBe(0);
  });

  it('brings home what a killed process has left, by whichever process comes first', async () => {
    const { manager, source } = await expired();
    health = 'away';
    expect((await manager.get(source)).value).toBe('T1');
    // Killed here: time does not go on for it.
    expect(journal.kept.size).toBe(1);
    expect((await stored(source.key)).token?.value).toBe('T0');
    health = 'well';
    const next = processOn();
    await next.manager.start();
    expect((await stored(source.key)).token).toMatchObject({ value: 'T1', refreshToken: 'R1' });
    expect(journal.kept.size).toBe(0);
    expect((await next.manager.get(source)).value).toBe('T1');
    expect(platform.calls).toBe(1);
  });

  it('is replayed by a sweep too, for those that were running all the time', async () => {
    const { manager, source } = await expired();
    health = 'away';
    await manager.get(source);
    const other = processOn();
    await other.manager.refreshDue();
    expect(journal.kept.size).toBe(1);
    health = 'well';
    await other.manager.refreshDue();
    expect(journal.kept.size).toBe(0);
    expect((await stored(source.key)).token?.value).toBe('T1');
  });

  it('gives way to a newer sign-in, and says so', async () => {
    const { manager, source } = await expired();
    health = 'away';
    await manager.get(source);
    health = 'well';
    // What stands by now is a pair of a later sign-in.
    const next = processOn();
    await next.manager.adopt(source, { value: 'N0', refreshToken: 'N', lifetimeMs: DAY }, { grant: true });
    await next.manager.start();
    expect((await stored(source.key)).token?.value).toBe('N0');
    expect(next.conflicts).toHaveLength(1);
    expect(journal.kept.size).toBe(0);
  });

  it('comes first on a store that may lose what it acknowledged, and keeps each rotation until the next', async () => {
    const traits: StoreTraits = { durable: 'relaxed', scope: 'fleet' };
    const { manager, source } = await expired(traits);
    health = 'forgetful';
    expect((await manager.get(source)).value).toBe('T1');
    expect(journal.kept.size).toBe(1);
    // The crash that loses it, and the start after it.
    health = 'well';
    const next = processOn(traits);
    await next.manager.start();
    expect((await stored(source.key)).token).toMatchObject({ value: 'T1', refreshToken: 'R1' });
    expect(journal.kept.size).toBe(1);
    await clock.advance(DAY);
    expect((await next.manager.get(source)).value).toBe('T2');
    await clock.advance(0);
    expect([...journal.kept.values()]).toMatchObject([{ token: { value: 'T2' } }]);
  });

  it('keeps what it cannot read, and what belongs to no account of ours, and says the first once', async () => {
    journal.kept.set('broken', 'sealed with another key');
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const one = processOn();
    await one.manager.start();
    await one.manager.refreshDue();
    expect(warned.mock.calls.map(([text]) => text)).toEqual([
      'sharedJournal: entry broken cannot be read and is kept: sealed with another key',
    ]);
    warned.mockRestore();
    expect([...journal.kept.keys()]).toEqual(['broken']);
  });

  it('takes what a sign-in brought, which cannot be exchanged twice', async () => {
    const { manager, source } = processOn();
    await manager.start();
    health = 'away';
    const token = await manager.authorize(source, async () => ({ value: 'T0', refreshToken: 'R0', lifetimeMs: DAY }));
    expect(token.value).toBe('T0');
    expect((await stored(source.key)).token).toBeUndefined();
    health = 'well';
    await processOn().manager.start();
    expect((await stored(source.key)).token).toMatchObject({ value: 'T0', refreshToken: 'R0' });
    expect(journal.kept.size).toBe(0);
  });

  const pair = (name: string) => ({ value: name, refreshToken: `R${name}`, lifetimeMs: DAY });

  it('takes a sign-in whose predecessor nobody knows, over whatever stands', async () => {
    const { source } = await expired();
    const { manager } = processOn();
    health = 'away';
    await manager.adopt(source, pair('N'), { grant: true });
    expect((await manager.get(source)).value).toBe('N');
    expect([...journal.kept.values()]).toMatchObject([{ v: 2, grant: 'hostTime', token: { value: 'N' } }]);
    // Killed here.
    health = 'well';
    await processOn().manager.start();
    expect(await stored(source.key)).toMatchObject({
      token: { value: 'N', refreshToken: 'RN' },
      attempt: { state: 'active' },
    });
    expect(journal.kept.size).toBe(0);
  });

  it('exchanges a sign-in though the store is away before the claim, and keeps what it brought', async () => {
    const { manager, source } = processOn();
    health = 'gone';
    let exchanges = 0;
    const exchange = async () => {
      exchanges++;
      return pair('N');
    };
    expect((await manager.authorize(source, exchange)).value).toBe('N');
    expect(exchanges).toBe(1);
    health = 'well';
    await processOn().manager.start();
    expect((await stored(source.key)).token).toMatchObject({ value: 'N', refreshToken: 'RN' });
  });

  it('exchanges nothing while neither store nor journal can take the answer', async () => {
    const { manager, source } = processOn();
    health = 'gone';
    journal.closed = true;
    let exchanges = 0;
    const exchange = async () => {
      exchanges++;
      return pair('N');
    };
    await expect(manager.authorize(source, exchange)).rejects.toMatchObject({ code: 'ERR_TOKEN_STORE' });
    expect(exchanges).toBe(0);
  });

  it.each([
    ['a start', false],
    ['the process itself', true],
  ])('brings the last of several sign-ins of one outage home, by %s', async (_by, itself) => {
    const { source } = await expired();
    const { manager } = processOn();
    health = 'away';
    for (const name of ['N1', 'N2', 'N3']) await manager.adopt(source, pair(name), { grant: true });
    expect((await manager.get(source)).value).toBe('N3');
    expect(journal.kept.size).toBe(3);
    health = 'well';
    if (itself) await clock.advance(60_000);
    else await processOn().manager.start();
    expect((await stored(source.key)).token).toMatchObject({ value: 'N3', refreshToken: 'RN3' });
    expect(journal.kept.size).toBe(0);
    expect((await manager.get(source)).value).toBe('N3');
  });

  it.each([
    ['a start', false],
    ['the process itself', true],
  ])('puts no sign-in of an outage over one that happened after it, by %s', async (_by, itself) => {
    const { source } = await expired();
    const { manager } = processOn();
    health = 'away';
    await manager.adopt(source, pair('N1'), { grant: true });
    health = 'well';
    await clock.advance(1);
    // A process on another host, without this journal.
    const other = processOn({ durable: 'synced', scope: 'fleet' }, {}, false);
    await other.manager.adopt(source, pair('N2'), { grant: true });
    if (itself) await clock.advance(60_000);
    else {
      const next = processOn();
      await next.manager.start();
      expect(next.conflicts).toHaveLength(1);
    }
    expect((await stored(source.key)).token?.value).toBe('N2');
    expect(journal.kept.size).toBe(0);
  });

  it.each([
    ['a process that has not heard the store yet', false, 'a start'],
    ['a process that has not heard the store yet', false, 'the process itself'],
    ['a process that knows the store', true, 'a start'],
    ['a process that knows the store', true, 'the process itself'],
  ])(
    'puts a sign-in over an older one though the clock is stepped meanwhile, taken by %s (%s), by %s',
    async (_who, knows, by) => {
      const { source } = await expired();
      const { manager } = processOn();
      if (knows) await manager.get(source).catch(() => {});
      const older = processOn({ durable: 'synced', scope: 'fleet' }, {}, false);
      await older.manager.adopt(source, pair('N1'), { grant: true });
      health = 'gone';
      await clock.advance(1_000);
      await manager.adopt(source, pair('N2'), { grant: true });
      clock.step(600_000);
      storeAheadMs = -600_000;
      health = 'well';
      if (by === 'a start') await manager.start();
      else await clock.advance(60_000);
      expect((await stored(source.key)).token).toMatchObject({ value: 'N2', refreshToken: 'RN2' });
      expect(journal.kept.size).toBe(0);
    },
  );

  it('puts a sign-in of an outage over a renewal of the one before, though that was answered later', async () => {
    const { source } = await expired();
    const { manager } = processOn();
    health = 'away';
    await manager.adopt(source, pair('N'), { grant: true });
    health = 'well';
    await clock.advance(1);
    const other = processOn({ durable: 'synced', scope: 'fleet' }, {}, false);
    expect((await other.manager.get(source)).value).toBe('T1');
    await processOn().manager.start();
    expect((await stored(source.key)).token).toMatchObject({ value: 'N', refreshToken: 'RN' });
  });

  it('puts no sign-in over what it was renewed to, however often, where its entry has outlived its commit', async () => {
    const { source } = await expired();
    const { manager } = processOn();
    health = 'away';
    await manager.adopt(source, pair('N'), { grant: true });
    const [left] = structuredClone([...journal.kept]);
    health = 'well';
    await clock.advance(60_000);
    for (let day = 1; day <= 10; day++) {
      await clock.advance(DAY);
      platform.twists = [() => pair(`N${day}`)];
      expect((await manager.get(source)).value).toBe(`N${day}`);
    }
    journal.kept.set(...(left as [string, JournalEntry]));
    const late = processOn();
    await late.manager.start();
    expect((await stored(source.key)).token?.value).toBe('N10');
    expect([late.conflicts.length, journal.kept.size]).toEqual([1, 0]);
  });

  it('brings back nothing that was forgotten after the sign-in', async () => {
    const { source } = await expired();
    const { manager } = processOn();
    health = 'away';
    await manager.adopt(source, pair('N1'), { grant: true });
    health = 'well';
    await clock.advance(1);
    await processOn({ durable: 'synced', scope: 'fleet' }, {}, false).manager.forget(source, { grant: true });
    await processOn().manager.start();
    expect((await stored(source.key)).attempt.state).toBe('gone');
    expect(journal.kept.size).toBe(0);
  });

  it('is brought home by several at once with one new generation, and no error', async () => {
    const { source } = await expired();
    const { generation } = await stored(source.key);
    const { manager } = processOn();
    health = 'away';
    await manager.adopt(source, pair('N'), { grant: true });
    health = 'well';
    await Promise.all(Array.from({ length: 8 }, () => processOn().manager.start()));
    expect(await stored(source.key)).toMatchObject({ generation: generation + 1, token: { value: 'N' } });
    expect(journal.kept.size).toBe(0);
  });

  it('leaves alone what a newer version wrote', async () => {
    const { manager, source } = await expired();
    health = 'away';
    await manager.get(source);
    const [[id, entry]] = [...journal.kept] as [[string, JournalEntry]];
    journal.kept.set(id, { ...entry, v: 3 });
    health = 'well';
    await processOn().manager.start();
    expect((await stored(source.key)).token?.value).toBe('T0');
    expect(journal.kept.size).toBe(1);
  });

  it('takes a pair learned from an answer, over the one that was presented', async () => {
    const { manager, source } = await expired();
    expect((await manager.get(source)).value).toBe('T1');
    health = 'away';
    await manager.adopt(source, { value: 'E2', refreshToken: 'S2', lifetimeMs: DAY }, { presented: 'T1' });
    expect([...journal.kept.values()]).toMatchObject([{ token: { value: 'E2', refreshToken: 'S2' } }]);
    health = 'well';
    await processOn().manager.start();
    expect((await stored(source.key)).token).toMatchObject({ value: 'E2', refreshToken: 'S2' });
  });

  it('that cannot be written to costs no answer: it is served, stored later, and the failure is told', async () => {
    const { manager, source, failures } = await expired();
    health = 'away';
    journal.full = true;
    expect((await manager.get(source)).value).toBe('T1');
    expect(failures.map(({ message }) => message)).toEqual([expect.stringMatching(/the journal failed.*ENOSPC/)]);
    expect(JSON.stringify(failures)).not.toMatch(/T1|R1/);
    health = 'well';
    await clock.advance(60_000);
    expect((await stored(source.key)).token?.value).toBe('T1');
  });

  it('is not for tokens that can be asked for again', async () => {
    platform = new ModelPlatform(clock, 'idempotent');
    const { manager, source } = processOn();
    health = 'away';
    expect((await manager.get(source)).value).toBe('T1');
    expect(journal.appended).toBe(0);
  });
});

describe('a manager without a journal', () => {
  const start = async (make: () => TokenManager) => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const manager = make();
    await manager.start();
    await manager.start();
    const lines = warned.mock.calls.map(([text, options]) => [text, options]);
    warned.mockRestore();
    return lines;
  };
  const bare = () => processOn({ durable: 'synced', scope: 'fleet' }, {}, false).manager;

  it('says once, at start, what that may cost where grants are kept, and the line to add', async () => {
    const lines = await start(bare);
    expect(lines).toEqual([
      [
        expect.stringMatching(
          /^account "model" keeps grants and there is no journal: a crash .* Add: journal: fileJournal\(/,
        ),
        { type: 'TokenJournal' },
      ],
    ]);
  });

  it('says nothing where nothing can be lost', async () => {
    expect(await start(() => processOn().manager)).toEqual([]);
    const volatile = { clock, accounts: [modelAccount(platform, renewable)], allowVolatileGrants: true };
    expect(await start(() => new TokenManager(volatile))).toEqual([]);
    platform = new ModelPlatform(clock, 'idempotent');
    expect(await start(bare)).toEqual([]);
  });
});

describe('a journal whose disk is full at start', () => {
  it('is told with what it risks, and what it holds is brought home all the same', async () => {
    const { manager, source } = await expired();
    health = 'away';
    await manager.get(source);
    health = 'well';
    // Another journal object of the same disk, which has not been opened yet.
    const full = Object.assign(new SharedJournal(), { closed: true });
    for (const [id, entry] of journal.kept) full.kept.set(id, entry);
    journal = full;
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    await processOn().manager.start();
    expect(warned.mock.calls.map(([text]) => text)).toEqual([
      expect.stringMatching(/^sharedJournal: the disk is full \(ENOSPC\); .* in memory alone .* a new sign-in$/),
    ]);
    warned.mockRestore();
    expect((await stored(source.key)).token?.value).toBe('T1');
  });
});
