import { describe, expect, it, vi } from 'vitest';
import { memoryStore, TokenManager, type TokenStore } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { ModelPlatform, modelAccount, network } from '../model-platform.js';
import { MapRowStore } from '../store/map-row-store.js';
import { damage, KEYS, sealing } from './support.js';

const DAY = 24 * 3_600_000;
const SUBJECTS = ['a', 'b', 'c'];

/** A process over an encrypted store, with users that have signed in and whose pairs have just expired. */
async function signedIn(inner: TokenStore, clock: ManualClock) {
  const platform = new ModelPlatform(clock, 'rotating');
  platform.lifetimeMs = DAY;
  const process = (activeKeyId: keyof typeof KEYS) => {
    const account = modelAccount(platform, { subjects: SUBJECTS });
    const manager = new TokenManager({
      clock,
      random: () => 0.5,
      fetch: network,
      accounts: [account],
      store: sealing(inner, activeKeyId),
      allowVolatileGrants: true,
    });
    const sources = SUBJECTS.map((subject) => account.source('access_token', subject) ?? account.token);
    return { manager, sources, source: account.token };
  };
  const one = process('new');
  for (const [at, source] of one.sources.entries())
    await one.manager.authorize(source, async () => ({
      value: `sign-in ${at}`,
      refreshToken: `R${at}`,
      lifetimeMs: DAY,
      refreshTokenLifetimeMs: 3 * DAY,
      extra: { scope: 'secret scope' },
    }));
  await clock.advance(DAY);
  return { ...one, platform, process };
}

describe.each([
  ['memoryStore', (clock: ManualClock): TokenStore => memoryStore({ clock })],
  ['a store over rows', (clock: ManualClock): TokenStore => new MapRowStore(clock)],
])('a manager over an encrypted %s', (_name, create) => {
  it('presents the refresh token itself, and stores nothing in clear', async () => {
    const clock = new ManualClock();
    const inner = create(clock);
    const { manager, source, platform } = await signedIn(inner, clock);
    expect((await manager.get(source)).value).toBe('T1');
    expect(platform.calls).toBe(1);
    expect(manager.peek(source)).toBe(await manager.get(source));
    const dump = JSON.stringify((await inner.list({}, { limit: 9 })).records);
    expect(dump).not.toMatch(/"T1"|"R\d"|sign-in|secret scope/);
  });

  it('shares one refresh with a process whose active key is another one', async () => {
    const clock = new ManualClock();
    const { manager, source, platform, process } = await signedIn(create(clock), clock);
    const other = process('old');
    const values = await Promise.all([manager.get(source), other.manager.get(other.source)]);
    expect(values.map(({ value }) => value)).toEqual(['T1', 'T1']);
    expect(platform.calls).toBe(1);
    await clock.advance(DAY);
    expect((await other.manager.get(other.source)).value).toBe('T2');
    expect((await manager.get(source)).value).toBe('T2');
    expect(platform.calls).toBe(2);
  });

  it('never asks the platform for what it cannot open, and refreshes the others', async () => {
    const clock = new ManualClock();
    const inner = memoryStore({ clock });
    const { sources, platform, process } = await signedIn(inner, clock);
    const [broken, ...fine] = sources;
    if (!broken) throw new Error('no source');
    platform.twists = fine.map((_, at) => () => ({ value: `N${at}`, refreshToken: `M${at}`, lifetimeMs: DAY }));
    await damage(inner, (stored) => ({ ...stored, refreshToken: stored.value }), broken.key);

    const { manager } = process('new');
    const { results } = await manager.refreshDue();
    expect(results.map(({ subject, outcome }) => [subject, outcome]).sort()).toEqual([
      ['a', 'failed'],
      ['b', 'renewed'],
      ['c', 'renewed'],
    ]);
    expect(results.find(({ subject }) => subject === 'a')?.error).toMatchObject({
      code: 'ERR_TOKEN_STORE',
      reason: 'sealed',
    });
    expect(platform.calls).toBe(2);
    await expect(manager.get(broken)).rejects.toMatchObject({ code: 'ERR_TOKEN_STORE' });
    expect(manager.peek(broken)).toBeUndefined();
    expect(platform.calls).toBe(2);
    const statuses = [];
    for await (const { subject, state, cause } of manager.inspect()) statuses.push([subject, state, cause]);
    expect(statuses).toEqual([
      ['a', 'absent', 'sealed'],
      ['b', 'active', undefined],
      ['c', 'active', undefined],
    ]);
  });
});

describe('a manager', () => {
  const account = modelAccount(new ModelPlatform(new ManualClock(), 'rotating'), { subjects: SUBJECTS });

  it('refuses an encrypted store whose options are wrong, by the name of the option', () => {
    const store = sealing(memoryStore(), 'new', { old: KEYS.old });
    expect(() => new TokenManager({ store })).toThrow(
      /^"activeKeyId" must be one of the ids in "keys" \(encrypted\(memoryStore\)\)$/,
    );
  });

  it('judges an encrypted store by the store below: one that forgets keeps no grant', async () => {
    const store = sealing(memoryStore(), 'new');
    const manager = new TokenManager({ accounts: [account], store });
    await expect(manager.start()).rejects.toThrow(
      /^"grantStore" must be a durable store .*encrypted\(memoryStore\) forgets it/,
    );
  });

  it('refuses a journal in clear beside it', () => {
    const journal = {
      name: 'plainJournal',
      sealed: false,
      open: vi.fn(),
      append: vi.fn(),
      entries: vi.fn(),
      remove: vi.fn(),
      close: vi.fn(),
    };
    expect(() => new TokenManager({ accounts: [account], store: sealing(memoryStore(), 'new'), journal })).toThrow(
      /^"journal" must be encrypted, as encrypted\(memoryStore\) is/,
    );
  });
});
