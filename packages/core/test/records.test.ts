import { beforeEach, describe, expect, it } from 'vitest';
import { encrypted, type KeyFilter, memoryStore, TokenManager, type TokenStore } from '../src/index.js';
import { ManualClock } from '../src/testing/index.js';
import { ModelPlatform, modelAccount, network } from './model-platform.js';

let clock: ManualClock;
let store: TokenStore;
let calls: string[];

beforeEach(() => {
  clock = new ManualClock();
  store = memoryStore({ clock });
  calls = [];
  for (const name of ['list', 'read'] as const) {
    const method = store[name].bind(store) as (...args: unknown[]) => unknown;
    Object.assign(store, { [name]: (...args: unknown[]) => calls.push(name) && method(...args) });
  }
});

const KEYS = ['1', '2'].map((id) => ({ [id]: Buffer.alloc(32, id).toString('base64') }));

/** Two users of one account, each with a pair. */
async function world(over: TokenStore = store) {
  const platform = new ModelPlatform(clock, 'rotating');
  const account = modelAccount(platform, { subjects: ['u1', 'u2'] });
  const manager = new TokenManager({
    accounts: [account],
    store: over,
    clock,
    fetch: network,
    allowVolatileGrants: true,
  });
  for (const uid of ['u1', 'u2']) {
    const source = account.source('access_token', uid);
    if (source) await manager.adopt(source, { value: `T-${uid}`, refreshToken: 'R0', lifetimeMs: 1 }, { grant: true });
  }
  calls.length = 0;
  const seen = async (filter: KeyFilter) => {
    const found: string[] = [];
    for await (const { subject, state, cause } of manager.inspect(filter))
      found.push([subject, state, cause].filter(Boolean).join(' '));
    return found;
  };
  return { manager, account, seen };
}

const named = (uid: string): KeyFilter => ({ accounts: ['model'], kinds: ['access_token'], subjects: [uid] });

describe('a filter that names whose token of which kind it means', () => {
  it('reads just that, however much is stored', async () => {
    const { manager, seen } = await world();
    expect(await seen(named('u2'))).toEqual(['u2 active']);
    expect(await seen(named('nobody'))).toEqual([]);
    expect(calls).toEqual(['read', 'read']);
    await clock.advance(10);
    expect((await manager.refreshAll(named('u1'))).results.map(({ subject }) => subject)).toEqual(['u1']);
    expect(calls).not.toContain('list');
  });

  it('leaves out what is not meant, by its state too', async () => {
    const { seen } = await world();
    expect(await seen({ ...named('u1'), states: ['reauthorize'] })).toEqual([]);
    expect(await seen({ ...named('u1'), states: ['active'] })).toEqual(['u1 active']);
  });

  it.each([
    ['no kind', { accounts: ['model'], subjects: ['u1'] }],
    ['a kind that nobody knows', { ...named('u1'), kinds: ['access_token', 'other'] }],
    ['no account', { kinds: ['access_token'], subjects: ['u1'] }],
  ])('is a matter of looking through all of them with %s', async (_what, filter) => {
    const { seen } = await world();
    expect(await seen(filter)).toEqual(['u1 active']);
    expect(calls).toContain('list');
  });

  it('shows a record that cannot be opened as looking through all of them does', async () => {
    await world(encrypted(store, { keys: KEYS[0] ?? {}, activeKeyId: '1' }));
    const other = encrypted(store, { keys: KEYS[1] ?? {}, activeKeyId: '2' });
    const account = modelAccount(new ModelPlatform(clock, 'rotating'), { subjects: ['u1', 'u2'] });
    const manager = new TokenManager({ accounts: [account], store: other, clock, allowVolatileGrants: true });
    const found: unknown[] = [];
    for await (const { subject, state, cause } of manager.inspect(named('u1'))) found.push([subject, state, cause]);
    expect(found).toEqual([['u1', 'absent', 'sealed']]);
  });
});
