import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Journal,
  type JournalEntry,
  type JournalledEntry,
  memoryStore,
  type StoreTraits,
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

  async open() {}

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
/** How the store is doing: well, away, taking its time, or acknowledging what it forgets. */
let health: 'well' | 'away' | 'slow' | 'forgetful';
let release: () => void;

beforeEach(() => {
  clock = new ManualClock();
  platform = new ModelPlatform(clock, 'rotating');
  platform.lifetimeMs = DAY;
  memory = memoryStore({ clock });
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

function processOn(traits: StoreTraits = { durable: 'synced', scope: 'fleet' }, options = {}) {
  const account = modelAccount(platform, { ...renewable, ...options });
  const manager = new TokenManager({
    clock,
    random: () => 0.5,
    fetch: network,
    accounts: [account],
    store: storeOf(traits),
    journal,
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
