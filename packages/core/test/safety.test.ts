import { beforeEach, describe, expect, it } from 'vitest';
import { memoryStore, TokenManager, type TokenManagerOptions, type TokenStore } from '../src/index.js';
import type { TokenRecord } from '../src/store/index.js';
import { ManualClock } from '../src/testing/index.js';
import { ModelPlatform, modelAccount, network } from './model-platform.js';

/** What the simulation has found, as short stories. */

const HOUR = 3_600_000;
let clock: ManualClock;
let platform: ModelPlatform;
let inner: TokenStore;
let store: TokenStore;

beforeEach(() => {
  clock = new ManualClock();
  platform = new ModelPlatform(clock, 'superseding');
  inner = memoryStore({ clock });
  // One that is not in this process: managers keep copies above it.
  store = new Proxy({} as TokenStore, {
    get: (_target, name) => {
      if (name === 'peek' || name === 'watch') return undefined;
      const method = inner[name as 'read'] as unknown;
      return typeof method === 'function' ? method.bind(inner) : method;
    },
  });
});

function manage(options: TokenManagerOptions) {
  return new TokenManager({
    clock,
    store,
    random: () => 0.5,
    fetch: network,
    allowVolatileGrants: true,
    singleInstance: true,
    ...options,
  });
}

const recordOf = async (key: TokenRecord['key']) => (await inner.read(key)).record as TokenRecord;

describe('a superseding request that was given up', () => {
  it('is left alone until the platform has settled, by other processes too, which are told and do not wait', async () => {
    const account = modelAccount(platform);
    const [one, two] = [manage({ accounts: [account], name: 'one' }), manage({ accounts: [account], name: 'two' })];
    await one.get(account.token);
    await clock.advance(2 * HOUR);
    const open = platform.hold();
    const asked = one.get(account.token);
    asked.catch(() => {});
    await clock.advance(10_000);
    await expect(asked).rejects.toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'timeout' });
    const callsThen = platform.calls;
    await expect(two.get(account.token)).rejects.toMatchObject({ code: 'ERR_TOKEN_TRANSPORT' });
    const rejected = expect(two.reject(account.token, 'T1')).rejects.toMatchObject({ code: 'ERR_TOKEN_TRANSPORT' });
    await clock.advance(1_000);
    await rejected;
    await clock.advance(8_900);
    two.get(account.token).catch(() => {});
    await clock.advance(50);
    expect(platform.calls).toBe(callsThen);
    open();
    await clock.advance(60_000);
    expect((await two.get(account.token)).value).toBe('T3');
    expect(platform.calls).toBe(callsThen + 1);
  });

  it('keeps its doubt over the next failure, whatever that says, and while the next holder is at it', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    await manager.get(account.token);
    await clock.advance(1.5 * HOUR);
    // Its holder fell silent after the claim.
    const { generation, attempt } = await recordOf(account.token.key);
    const seen = { key: account.token.key, generation, epoch: attempt.epoch };
    await inner.claim(seen, 'killed', 30_000, { generation });
    const since = clock.now();
    await clock.advance(31_000);
    const status = async () => {
      for await (const { state } of manager.inspect()) return state;
      return undefined;
    };
    expect(await status()).toBe('doubtful');
    platform.twists = ['ERR_TOKEN_BUSY'];
    await expect(manager.get(account.token)).rejects.toMatchObject({ code: 'ERR_TOKEN_BUSY' });
    expect((await recordOf(account.token.key)).attempt).toMatchObject({ state: 'doubtful', doubtUntil: since });
    expect(manager.peek(account.token)).toBeUndefined();
    await clock.advance(60_000);
    const open = platform.hold();
    const asked = manager.get(account.token);
    await clock.advance(1);
    const other = manage({ accounts: [account], name: 'other' });
    await other.get(account.token, { signal: AbortSignal.abort() }).catch(() => {});
    const served = other.get(account.token).then(({ value }) => value);
    open();
    await clock.advance(2_000);
    expect([(await asked).value, await served]).toEqual(['T2', 'T2']);
  });
});

describe('an emptied store', () => {
  it('gets no copy back that another process may have superseded', async () => {
    const account = modelAccount(platform);
    const [one, two] = [manage({ accounts: [account], name: 'one' }), manage({ accounts: [account], name: 'two' })];
    await one.get(account.token);
    await clock.advance(1.5 * HOUR + 1);
    await two.refreshDue();
    inner = memoryStore({ clock });
    expect((await one.get(account.token)).value).toBe('T3');
    expect((await recordOf(account.token.key)).token?.value).toBe('T3');
  });

  it('keeps the back-off of who has asked in vain before a copy came back', async () => {
    platform = new ModelPlatform(clock);
    const account = modelAccount(platform);
    const [one, two] = [manage({ accounts: [account], name: 'one' }), manage({ accounts: [account], name: 'two' })];
    await one.get(account.token);
    await clock.advance(1.5 * HOUR - 20_000);
    await one.get(account.token);
    await clock.advance(10_000);
    inner = memoryStore({ clock });
    platform.twists = ['ERR_TOKEN_BUSY'];
    await expect(two.get(account.token)).rejects.toMatchObject({ code: 'ERR_TOKEN_BUSY' });
    const { calls } = platform;
    for (let i = 0; i < 3; i++) {
      await clock.advance(6_000);
      expect((await one.get(account.token)).value).toBe('T1');
    }
    expect([platform.calls, (await recordOf(account.token.key)).token?.value]).toEqual([calls, 'T1']);
  });

  it('takes a copy back under a lease, so that nobody who has one brings a token for nothing', async () => {
    const account = modelAccount(platform, { overlapMs: 300_000 });
    const [one, two] = [manage({ accounts: [account], name: 'one' }), manage({ accounts: [account], name: 'two' })];
    await one.get(account.token);
    await clock.advance(4_000);
    inner = memoryStore({ clock });
    const open = platform.hold();
    const asked = two.get(account.token);
    await clock.advance(1_500);
    await one.get(account.token);
    expect((await recordOf(account.token.key)).token).toBeUndefined();
    open();
    expect((await asked).value).toBe('T2');
    expect((await recordOf(account.token.key)).token?.value).toBe('T2');
  });
});

describe('a tombstone', () => {
  it('keeps the back-off of who asks again after it, for all processes', async () => {
    platform = new ModelPlatform(clock);
    const account = modelAccount(platform);
    const [one, two] = [manage({ accounts: [account], name: 'one' }), manage({ accounts: [account], name: 'two' })];
    await one.get(account.token);
    await one.forget(account.token);
    platform.twists = ['ERR_TOKEN_BUSY'];
    await expect(one.get(account.token)).rejects.toMatchObject({ code: 'ERR_TOKEN_BUSY' });
    for (const manager of [one, two, one, two])
      await expect(manager.get(account.token)).rejects.toMatchObject({ code: 'ERR_TOKEN_BUSY' });
    expect(platform.calls).toBe(2);
    await clock.advance(60_000);
    expect((await two.get(account.token)).value).toBe('T2');
  });
});

describe('a rotating grant', () => {
  const pair = (n: number) => ({ value: `T${n}`, refreshToken: `R${n}`, lifetimeMs: 24 * HOUR });

  beforeEach(() => {
    platform = new ModelPlatform(clock, 'rotating');
  });

  it('is not replaced by half a pair, whoever brings it', async () => {
    const account = modelAccount(platform, { subjects: ['u'] });
    const manager = manage({ accounts: [account] });
    await manager.authorize(account.token, async () => pair(0));
    const { refreshToken: _half, ...half } = pair(7);
    const malformed = { code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' };
    await expect(manager.authorize(account.token, async () => half)).rejects.toMatchObject(malformed);
    await expect(manager.adopt(account.token, half, { grant: true })).rejects.toMatchObject(malformed);
    await expect(manager.adopt(account.token, half, { presented: 'T0' })).rejects.toMatchObject(malformed);
    expect((await recordOf(account.token.key)).token).toMatchObject({ value: 'T0', refreshToken: 'R0' });
  });

  it('is not thought to live for ever because of an echo that came while the store was away', async () => {
    const account = modelAccount(platform, { subjects: ['u'] });
    const manager = manage({ accounts: [account] });
    await manager.authorize(account.token, async () => pair(0));
    const away = { read: () => Promise.reject(new Error('away')) };
    inner = Object.assign(Object.create(inner), away, { commit: away.read, claim: away.read, note: away.read });
    await manager.adopt(account.token, { value: 'T0', refreshToken: 'R0' }, { presented: 'T0' });
    await clock.advance(24 * HOUR);
    await expect(manager.get(account.token)).rejects.toMatchObject({ code: 'ERR_TOKEN_STORE' });
  });

  it('of the later of two sign-ins stays, whichever is stored first', async () => {
    const account = modelAccount(platform, { subjects: ['u'] });
    const [one, two] = [manage({ accounts: [account], name: 'one' }), manage({ accounts: [account], name: 'two' })];
    const { commit } = inner;
    let store = () => {};
    const held = new Promise<void>((resolve) => {
      store = resolve;
    });
    inner.commit = async (...args) => {
      inner.commit = commit;
      await held;
      return commit.apply(inner, args);
    };
    const first = one.authorize(account.token, async () => pair(1));
    await clock.advance(1_000);
    // The user has begun again in another window.
    await two.adopt(account.token, pair(2), { grant: true });
    store();
    expect((await first).value).toBe('T2');
    expect((await recordOf(account.token.key)).token).toMatchObject({ value: 'T2', refreshToken: 'R2' });
  });

  it('is not replaced by the answer to a sign-in that others have got, stored and renewed meanwhile', async () => {
    const account = modelAccount(platform, { subjects: ['u'] });
    const manager = manage({ accounts: [account] });
    await manager.authorize(account.token, async () => pair(0));
    await manager.adopt(account.token, pair(1), { presented: 'T0' });
    await manager.adopt(account.token, pair(2), { presented: 'T1' });
    expect((await manager.authorize(account.token, async () => pair(1))).value).toBe('T2');
    // Unless that was refused: then whatever a person brings is better.
    platform.twists = ['ERR_TOKEN_REAUTHORIZATION_REQUIRED'];
    await clock.advance(24 * HOUR);
    await expect(manager.get(account.token)).rejects.toMatchObject({ code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED' });
    expect((await manager.authorize(account.token, async () => pair(1))).value).toBe('T1');
  });

  it('that is renewed by asking is not replaced by the renewal of what stood before a sign-in, though that lives longer', async () => {
    platform = new ModelPlatform(clock, 'idempotent');
    const account = modelAccount(platform, { subjects: ['u'], keep: 'grant' });
    const manager = manage({ accounts: [account] });
    await manager.authorize(account.token, async () => pair(1));
    await clock.advance(24 * HOUR);
    const open = platform.hold();
    const renewal = manager.get(account.token);
    await clock.advance(100);
    await manager.adopt(account.token, { value: 'new', refreshToken: 'new', lifetimeMs: HOUR }, { grant: true });
    open();
    await clock.advance(1_000);
    await renewal;
    expect((await recordOf(account.token.key)).token).toMatchObject({ value: 'new', refreshToken: 'new' });
  });

  it('is not presented again by a caller who waited for a sweep that found it refused', async () => {
    const account = modelAccount(platform, { subjects: ['u'] });
    const [one] = [manage({ accounts: [account], name: 'one' })];
    await one.authorize(account.token, async () => pair(0));
    await clock.advance(24 * HOUR);
    platform.refresh = 7;
    const open = platform.hold();
    const swept = one.refreshDue();
    await clock.advance(60_000);
    const asked = expect(one.get(account.token)).rejects.toMatchObject({ code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED' });
    // The lease that the caller saw is renewed on, and ends before its own copy of it knows.
    await clock.advance(60_000);
    open();
    await clock.advance(1_000);
    await Promise.all([asked, swept]);
    expect(platform.calls).toBe(1);
  });

  it('is served as it stands after a late failure of a request for its predecessor', async () => {
    const account = modelAccount(platform, { subjects: ['u'] });
    const [one, two] = [manage({ accounts: [account], name: 'one' }), manage({ accounts: [account], name: 'two' })];
    await one.authorize(account.token, async () => pair(0));
    await clock.advance(24 * HOUR);
    platform.twists = [async () => new Promise(() => {})];
    const asked = one.get(account.token).catch(() => {});
    await clock.advance(1_000);
    await two.adopt(account.token, pair(9), { grant: true });
    await clock.advance(10 * 60_000);
    await asked;
    expect((await one.get(account.token)).value).toBe('T9');
    expect(one.peek(account.token)?.value).toBe('T9');
  });
});
