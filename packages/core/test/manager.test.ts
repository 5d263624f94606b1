import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { beforeEach, describe, expect, it } from 'vitest';
import type { TokenStore } from '../src/index.js';
import {
  memoryStore,
  TOKEN_EVENTS,
  type TokenError,
  type TokenEvents,
  TokenManager,
  type TokenManagerOptions,
} from '../src/index.js';
import { ManualClock } from '../src/testing/index.js';
import { ModelPlatform, modelAccount, network, refusedParent, ticketOf } from './model-platform.js';

const HOUR = 3_600_000;
let clock: ManualClock;
let platform: ModelPlatform;

beforeEach(() => {
  clock = new ManualClock();
  platform = new ModelPlatform(clock);
});

function manage(options: TokenManagerOptions) {
  const manager = new TokenManager({ clock, random: () => 0.5, fetch: network, ...options });
  const events: [keyof TokenEvents, TokenEvents[keyof TokenEvents]][] = [];
  for (const name of TOKEN_EVENTS) manager.on(name, (event) => events.push([name, event]));
  return Object.assign(manager, {
    events,
    named: (name: string) => events.filter(([given]) => given === name).map(([, event]) => event),
  });
}

describe('get', () => {
  it('asks the platform once for 1,000 concurrent callers of a cold key (S1)', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    const tokens = await Promise.all(Array.from({ length: 1_000 }, () => manager.get(account.token)));
    expect(platform.calls).toBe(1);
    expect(new Set(tokens.map((token) => token.value))).toEqual(new Set(['T1']));
  });

  it('asks once for several managers on one store (S1)', async () => {
    const account = modelAccount(platform);
    const store = memoryStore({ clock });
    const open = platform.hold();
    const managers = Array.from({ length: 4 }, () => manage({ accounts: [account], store }));
    const asked = managers.flatMap((manager) => Array.from({ length: 50 }, () => manager.get(account.token)));
    await clock.advance(100);
    open();
    const tokens = await Promise.all(asked);
    expect(platform.calls).toBe(1);
    expect(tokens.every((token) => token.value === 'T1')).toBe(true);
  });

  it('answers from memory while the token is fresh, behind the caller once it is due, and waits only when it must', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    const first = await manager.get(account.token);
    expect(first).toEqual({ value: 'T1', issuedAt: clock.now(), expiresAt: clock.now() + 2 * HOUR });
    await clock.advance(1.5 * HOUR - 1);
    expect((await manager.get(account.token)).value).toBe('T1');
    expect(platform.calls).toBe(1);
    await clock.advance(1);
    expect((await manager.get(account.token)).value).toBe('T1');
    await clock.advance(0);
    expect(platform.calls).toBe(2);
    expect((await manager.get(account.token)).value).toBe('T2');
    await clock.advance(2 * HOUR - 60_000);
    expect((await manager.get(account.token)).value).toBe('T3');
  });

  it('serves a living token while the platform is down, and says why once it has ended', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    await manager.get(account.token);
    platform.twists = Array(500).fill('ERR_TOKEN_BUSY');
    for (let minute = 0; minute < 119; minute++) {
      await clock.advance(60_000);
      expect((await manager.get(account.token)).value).toBe('T1');
    }
    await clock.advance(60_000);
    await expect(manager.get(account.token)).rejects.toMatchObject({
      code: 'ERR_TOKEN_BUSY',
      account: 'model',
      platformCode: '4711',
    });
    expect(platform.calls).toBeLessThan(15);
    platform.twists = [];
    await clock.advance(15 * 60_000);
    expect((await manager.get(account.token)).value).toBe('T2');
  });

  it('does not ask again about a refused secret until long after, and not on another process either', async () => {
    const account = modelAccount(platform);
    const store = memoryStore({ clock });
    const [one, two] = [manage({ accounts: [account], store }), manage({ accounts: [account], store })];
    platform.twists = Array(50).fill('ERR_TOKEN_REFUSED');
    for (const manager of [one, two, one, two]) {
      await expect(manager.get(account.token)).rejects.toMatchObject({
        code: 'ERR_TOKEN_REFUSED',
        platformCode: '4711',
        retryAt: clock.now() + 900_000,
      });
    }
    expect(platform.calls).toBe(1);
    await clock.advance(900_000);
    await expect(two.get(account.token)).rejects.toMatchObject({ code: 'ERR_TOKEN_REFUSED' });
    expect(platform.calls).toBe(2);
  });

  it('never waits for a person where asking again is enough', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    await manager.get(account.token);
    platform.twists = ['ERR_TOKEN_REAUTHORIZATION_REQUIRED'];
    await expect(manager.reject(account.token, 'T1')).rejects.toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
    });
    expect(manager.named('reauthorize')).toEqual([]);
    await clock.advance(2 * HOUR);
    expect((await manager.get(account.token)).value).toBe('T2');
  });

  it('tries at once after the credentials were changed', async () => {
    const store = memoryStore({ clock });
    platform.twists = ['ERR_TOKEN_REFUSED'];
    const wrong = modelAccount(platform, { credentials: () => 'wrong' });
    await expect(manage({ accounts: [wrong], store }).get(wrong.token)).rejects.toMatchObject({
      code: 'ERR_TOKEN_REFUSED',
    });
    const right = modelAccount(platform, { credentials: () => 'right' });
    expect((await manage({ accounts: [right], store }).get(right.token)).value).toBe('T1');
  });

  it('gives up for a caller whose signal is aborted, and goes on for the others', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    const open = platform.hold();
    const stop = new AbortController();
    const impatient = manager.get(account.token, { signal: stop.signal });
    const patient = manager.get(account.token);
    stop.abort();
    await expect(impatient).rejects.toMatchObject({ code: 'ERR_TOKEN_ABORTED' });
    open();
    expect((await patient).value).toBe('T1');
    expect(platform.calls).toBe(1);
  });

  it('brings a token that lives as long as asked, where asking can bring that', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    await manager.get(account.token);
    await clock.advance(HOUR);
    expect((await manager.get(account.token, { minValidityMs: 0.9 * HOUR })).value).toBe('T1');
    expect((await manager.get(account.token, { minValidityMs: 1.5 * HOUR })).value).toBe('T2');
    expect((await manager.get(account.token, { minValidityMs: 10 * HOUR })).value).toBe('T2');
    expect(platform.calls).toBe(2);
  });

  it('does not ask early where asking early brings nothing', async () => {
    const account = modelAccount(platform, { renewableFrom: (current) => (current.expiresAt ?? 0) - 300_000 });
    const manager = manage({ accounts: [account] });
    await manager.get(account.token);
    await clock.advance(1.9 * HOUR);
    expect((await manager.get(account.token, { minValidityMs: HOUR })).value).toBe('T1');
    expect((await manager.refreshDue()).results).toEqual([]);
    expect(platform.calls).toBe(1);
  });

  it('survives a source that throws instead of rejecting, and does not keep its lease for ever', async () => {
    const account = modelAccount(platform, {
      issue: () => {
        throw new RangeError('a mistake');
      },
    });
    const store = memoryStore({ clock });
    let renewals = 0;
    const renew = store.renew.bind(store);
    store.renew = (...args) => {
      renewals++;
      return renew(...args);
    };
    const manager = manage({ accounts: [account], store });
    await expect(manager.get(account.token)).rejects.toMatchObject({
      code: 'ERR_TOKEN_TRANSPORT',
      reason: 'unexpected',
    });
    await clock.advance(120_000);
    expect(renewals).toBe(0);
  });

  it('gives up a request that takes too long', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    platform.gate = new Promise(() => {});
    const asked = manager.get(account.token);
    asked.catch(() => {});
    await clock.advance(9_999);
    await clock.advance(1);
    await expect(asked).rejects.toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'timeout' });
  });

  it('counts lifetimes from the start of the request (S10)', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    const open = platform.hold();
    const startedAt = clock.now();
    const asked = manager.get(account.token);
    await clock.advance(5_000);
    open();
    expect(await asked).toMatchObject({ issuedAt: startedAt, expiresAt: startedAt + 2 * HOUR });
  });

  it('turns an absolute end into a duration with the platform’s own time', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    const skewed = clock.now() + 600_000;
    platform.twists = [() => ({ value: 'T', expiresAt: skewed + HOUR, answeredAt: skewed })];
    expect((await manager.get(account.token)).expiresAt).toBe(clock.now() + HOUR);
  });

  it('does not take an old token for a young one when the wall clock is set back', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    await manager.get(account.token);
    await clock.advance(HOUR);
    clock.step(-HOUR);
    await clock.advance(HOUR);
    expect((await manager.get(account.token)).value).toBe('T2');
  });

  it('refuses a source of an account it does not manage, by name', async () => {
    const account = modelAccount(platform, { name: 'stranger' });
    await expect(manage({}).get(account.token)).rejects.toThrow(/account "stranger" is not one of this manager's/);
  });
});

describe('unchanged values', () => {
  const same = () => ({ value: 'same', lifetimeMs: 2 * HOUR });

  it('keep their generation, and are no error', async () => {
    const account = modelAccount(platform, { lifetime: 'extended' });
    const store = memoryStore({ clock });
    const manager = manage({ accounts: [account], store });
    platform.twists = Array(9).fill(same);
    await manager.get(account.token);
    const { generation } = (await store.read(account.token.key)).record ?? {};
    await clock.advance(1.6 * HOUR);
    expect((await manager.refreshDue()).counts).toMatchObject({ unchanged: 1, renewed: 0 });
    expect((await store.read(account.token.key)).record).toMatchObject({
      generation,
      token: { expiresAt: clock.now() + 2 * HOUR },
    });
    expect(manager.named('conflict')).toEqual([]);
  });

  it('are extended up to the cap after they were first seen, and then trusted for the grace alone', async () => {
    const account = modelAccount(platform, { lifetime: 'extended', maxLifetimeMs: 3 * HOUR });
    const manager = manage({ accounts: [account] });
    platform.twists = Array(9).fill(same);
    const { issuedAt } = await manager.get(account.token);
    await clock.advance(1.6 * HOUR);
    await manager.refreshDue();
    expect((await manager.get(account.token)).expiresAt).toBe(issuedAt + 3 * HOUR);
    await clock.advance(1.4 * HOUR);
    expect((await manager.get(account.token)).expiresAt).toBe(clock.now() + 300_000);
    expect(platform.calls).toBeLessThan(6);
  });

  it('of constant lifetime count from when they were first seen', async () => {
    const account = modelAccount(platform, { lifetime: 'constant' });
    const manager = manage({ accounts: [account] });
    platform.twists = Array(9).fill(same);
    const { expiresAt } = await manager.get(account.token);
    await clock.advance(1.5 * HOUR);
    await manager.refreshDue();
    expect((await manager.get(account.token)).expiresAt).toBe(expiresAt);
  });

  it('are not asked for in a loop once their sum of times has ended', async () => {
    const account = modelAccount(platform, {
      lifetime: 'constant',
      renewableFrom: (current) => current.expiresAt ?? 0,
    });
    const manager = manage({ accounts: [account] });
    platform.twists = Array(500).fill(same);
    for (let minute = 0; minute < 240; minute++) {
      expect((await manager.get(account.token)).value).toBe('same');
      await manager.refreshDue();
      await clock.advance(60_000);
    }
    expect(platform.calls).toBeLessThan(30);
  });
});

describe('reject', () => {
  it('asks the platform once for 1,000 concurrent rejections of one value', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    const token = await manager.get(account.token);
    const better = await Promise.all(Array.from({ length: 1_000 }, () => manager.reject(account.token, token)));
    expect(platform.calls).toBe(2);
    expect(new Set(better.map(({ value }) => value))).toEqual(new Set(['T2']));
    expect((await manager.get(account.token)).value).toBe('T2');
  });

  it('costs no call where another value is stored already', async () => {
    const account = modelAccount(platform);
    const store = memoryStore({ clock });
    const [one, two] = [manage({ accounts: [account], store }), manage({ accounts: [account], store })];
    const old = await one.get(account.token);
    await two.reject(account.token, old);
    expect((await one.reject(account.token, old)).value).toBe('T2');
    expect(platform.calls).toBe(2);
  });

  it('asks although asking early should bring nothing: the platform has said that the token is dead', async () => {
    const account = modelAccount(platform, { renewableFrom: (current) => current.expiresAt ?? 0 });
    const manager = manage({ accounts: [account] });
    expect((await manager.reject(account.token, await manager.get(account.token))).value).toBe('T2');
  });

  it('tells all callers to stop when the platform hands out the refused value again, and rests', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    platform.twists = Array(9).fill(() => ({ value: 'same', lifetimeMs: 2 * HOUR }));
    const token = await manager.get(account.token);
    const refusals = await Promise.allSettled(Array.from({ length: 100 }, () => manager.reject(account.token, token)));
    expect(
      refusals.every(
        ({ status, ...rest }) =>
          status === 'rejected' && (rest as PromiseRejectedResult).reason.code === 'ERR_TOKEN_REJECTED_AGAIN',
      ),
    ).toBe(true);
    expect(platform.calls).toBe(2);
    await expect(manager.reject(account.token, token)).rejects.toMatchObject({
      code: 'ERR_TOKEN_REJECTED_AGAIN',
      retryAt: clock.now() + 30_000,
    });
    expect(platform.calls).toBe(2);
    expect((await manager.get(account.token)).value).toBe('same');
    await clock.advance(30_000);
    await expect(manager.reject(account.token, token)).rejects.toMatchObject({ code: 'ERR_TOKEN_REJECTED_AGAIN' });
    expect(platform.calls).toBe(3);
    await expect(manager.reject(account.token, token)).rejects.toMatchObject({ retryAt: clock.now() + 60_000 });
  });

  it('asks once and then rests where the platform cannot answer, however many report the same dead value', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    const token = await manager.get(account.token);
    platform.twists = Array(99).fill('ERR_TOKEN_BUSY');
    for (let call = 0; call < 20; call++) {
      await expect(manager.reject(account.token, token)).rejects.toMatchObject({ code: 'ERR_TOKEN_BUSY' });
    }
    expect(platform.calls).toBe(2);
    platform.twists = [];
    await clock.advance(60_000);
    expect((await manager.reject(account.token, token)).value).toBe('T2');
  });

  it('slows down for all processes together while fresh tokens keep being refused, until one has lived half its life', async () => {
    const account = modelAccount(platform);
    const store = memoryStore({ clock });
    const managers = [manage({ accounts: [account], store }), manage({ accounts: [account], store })];
    for (let round = 0; round < 600; round++) {
      const manager = managers[round % 2] as TokenManager;
      await manager.reject(account.token, await manager.get(account.token)).catch(() => {});
      await clock.advance(1_000);
    }
    expect(platform.calls).toBeLessThan(10);
    const states = [];
    for await (const status of (managers[0] as TokenManager).inspect()) states.push(status.state);
    expect(states).toEqual(['contested']);
    const calls = platform.calls;
    await clock.advance(1.4 * HOUR);
    const first = managers[0] as TokenManager;
    await first.reject(account.token, await first.get(account.token));
    expect(platform.calls).toBe(calls + 1);
  });
});

describe('tokens that hang on tokens', () => {
  it('are asked for with their parent’s token, which is obtained first', async () => {
    const account = modelAccount(platform);
    const ticket = ticketOf(account.token, (parent) => ({ value: `ticket of ${parent}`, lifetimeMs: 2 * HOUR }));
    const manager = manage({
      accounts: [
        {
          ...account,
          sources: () => [account.token, ticket],
          source: (kind) => (kind === 'ticket' ? ticket : account.token),
        },
      ],
    });
    expect((await manager.get(ticket)).value).toBe('ticket of T1');
    expect(platform.calls).toBe(1);
  });

  it('have a dead parent renewed once, and are asked for once more', async () => {
    const account = modelAccount(platform);
    const asked: string[] = [];
    const ticket = ticketOf(account.token, (parent) => {
      asked.push(parent);
      if (parent === 'T1') throw refusedParent(parent);
      return { value: `ticket of ${parent}`, lifetimeMs: 2 * HOUR };
    });
    const manager = manage({ accounts: [account] });
    expect((await manager.get(ticket)).value).toBe('ticket of T2');
    expect(asked).toEqual(['T1', 'T2']);
  });

  it('stop when the parent is refused again', async () => {
    const account = modelAccount(platform);
    const ticket = ticketOf(account.token, (parent) => {
      throw refusedParent(parent);
    });
    const manager = manage({ accounts: [account] });
    await expect(manager.get(ticket)).rejects.toMatchObject({
      code: 'ERR_TOKEN_REJECTED_AGAIN',
      platformCode: '40001',
    });
    expect(platform.calls).toBe(2);
  });

  it('do not hammer the platform while their parent keeps being refused', async () => {
    const account = modelAccount(platform);
    let asked = 0;
    const ticket = ticketOf(account.token, (parent) => {
      asked++;
      throw refusedParent(parent);
    });
    const manager = manage({ accounts: [account] });
    for (let call = 0; call < 20; call++) {
      await expect(manager.get(ticket)).rejects.toMatchObject({ code: 'ERR_TOKEN_REJECTED_AGAIN' });
    }
    expect({ asked, parentCalls: platform.calls }).toEqual({ asked: 2, parentCalls: 2 });
    await clock.advance(60_000);
    await expect(manager.get(ticket)).rejects.toMatchObject({ code: 'ERR_TOKEN_REJECTED_AGAIN' });
    expect(asked).toBeLessThanOrEqual(4);
  });

  it('rest as well when the parent cannot be had after it was refused', async () => {
    const account = modelAccount(platform);
    let asked = 0;
    const ticket = ticketOf(account.token, (parent) => {
      asked++;
      throw refusedParent(parent);
    });
    const manager = manage({ accounts: [account] });
    await manager.get(account.token);
    platform.twists = Array(99).fill('ERR_TOKEN_BUSY');
    for (let call = 0; call < 20; call++) {
      await expect(manager.get(ticket)).rejects.toMatchObject({ code: 'ERR_TOKEN_BUSY' });
    }
    expect({ asked, parentCalls: platform.calls }).toEqual({ asked: 1, parentCalls: 2 });
  });

  it('are refused in a circle, at construction', () => {
    const account = modelAccount(platform);
    const looped = { ...account.token } as { dependsOn?: unknown };
    looped.dependsOn = [looped];
    expect(() => manage({ accounts: [{ ...account, sources: () => [looped as never] }] })).toThrow(
      /leads back to itself/,
    );
  });
});

describe('refreshDue', () => {
  it('obtains what is configured, then refreshes what is due, once for all processes', async () => {
    const account = modelAccount(platform);
    const store = memoryStore({ clock });
    const managers = [manage({ accounts: [account], store }), manage({ accounts: [account], store })] as const;
    expect((await managers[0].refreshDue()).counts.renewed).toBe(1);
    expect((await managers[1].refreshDue()).results).toEqual([]);
    await clock.advance(1.5 * HOUR);
    await Promise.all(managers.map((manager) => manager.refreshDue()));
    expect(platform.calls).toBe(2);
  });

  it('keeps on past one dead account (S9)', async () => {
    const dead = new ModelPlatform(clock);
    dead.twists = Array(99).fill('ERR_TOKEN_REFUSED');
    const accounts = [modelAccount(dead, { name: 'dead', id: 'dead' }), modelAccount(platform)];
    const report = await manage({ accounts }).refreshDue();
    expect(report.counts).toMatchObject({ failed: 1, renewed: 1 });
    expect(report.results.find(({ account }) => account === 'dead')?.error).toMatchObject({
      code: 'ERR_TOKEN_REFUSED',
      account: 'model',
    });
  });

  it('reports a key nobody answers for once, and parks it', async () => {
    const account = modelAccount(platform);
    const store = memoryStore({ clock });
    await manage({ accounts: [account], store }).refreshDue();
    await clock.advance(1.6 * HOUR);
    const changed = { ...account, sources: () => [], source: () => undefined };
    const manager = manage({ accounts: [changed], store });
    expect((await manager.refreshDue()).counts.failed).toBe(1);
    expect((await manager.refreshDue()).results).toEqual([]);
    expect((await store.read(account.token.key)).record?.token?.value).toBe('T1');
  });

  it('refreshes what one store keeps while the other one is down, and says that it is', async () => {
    const shop = modelAccount(platform);
    const users = new ModelPlatform(clock, 'rotating');
    const erp = modelAccount(users, { name: 'erp', id: 'erp', subjects: ['u'] });
    const grants = memoryStore({ clock });
    const store = memoryStore({ clock });
    const manager = manage({ accounts: [shop, erp], store, grantStore: grants, allowVolatileGrants: true });
    await manager.authorize(erp.token, async () => ({ value: 'T0', refreshToken: 'R0', lifetimeMs: HOUR }));
    await manager.start();
    store.due = () => Promise.reject(new Error('down'));
    await clock.advance(2 * HOUR);
    await expect(manager.refreshDue()).rejects.toMatchObject({ code: 'ERR_TOKEN_STORE' });
    expect(users.calls).toBe(1);
  });

  it('does nothing when the manager is drained while it waits for its turn', async () => {
    const store = memoryStore({ clock });
    let asked = 0;
    store.due = async () => {
      asked++;
      return { keys: [], now: clock.now() };
    };
    const manager = manage({ accounts: [modelAccount(platform)], store });
    const sweep = manager.refreshDue({ jitterMs: 10_000 });
    await clock.advance(1_000);
    await manager.drain();
    await clock.advance(10_000);
    expect((await sweep).results).toEqual([]);
    expect(asked).toBe(0);
  });

  it('does nothing after drain', async () => {
    const manager = manage({ accounts: [modelAccount(platform)] });
    await manager.drain();
    expect((await manager.refreshDue()).results).toEqual([]);
    expect(platform.calls).toBe(0);
  });

  it('is called periodically by refreshEvery, until that is stopped', async () => {
    const manager = manage({ accounts: [modelAccount(platform)] });
    const stop = manager.refreshEvery(60_000);
    await clock.advance(66_000);
    await clock.advance(0);
    await clock.advance(0);
    expect(platform.calls).toBe(1);
    stop();
    await clock.advance(10 * HOUR);
    expect(platform.calls).toBe(1);
  });

  it('sends at most as many requests of one account at a time as it may (S9)', async () => {
    const subjects = Array.from({ length: 30 }, (_, i) => `u${i}`);
    let inFlight = 0;
    let most = 0;
    const account = modelAccount(platform, {
      subjects,
      issue: async (request) => {
        most = Math.max(most, ++inFlight);
        await new Promise((resolve) => setImmediate(resolve));
        inFlight--;
        return platform.answer(request);
      },
    });
    const manager = manage({ accounts: [account], concurrencyPerAccount: 3 });
    const sources = subjects.map((subject) => account.source('access_token', subject) ?? account.token);
    await Promise.all(sources.map((source) => manager.get(source)));
    await clock.advance(1.6 * HOUR);
    expect((await manager.refreshDue({ concurrency: 100 })).counts.renewed).toBe(30);
    expect(most).toBe(3);
  });

  it('keeps only the asked kinds fresh', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [{ ...account, refresh: { kinds: ['other'] } }] });
    expect((await manager.refreshDue()).results).toEqual([]);
    expect((await manager.get(account.token)).value).toBe('T1');
    await clock.advance(1.9 * HOUR);
    expect((await manager.refreshDue()).results).toEqual([]);
  });
});

describe('stores that fail', () => {
  function failing(store: TokenStore) {
    const broken = { now: new Set<string>(), hang: false };
    const proxy = new Proxy(store, {
      get(target, name) {
        if (name === 'peek' || name === 'watch') return undefined;
        const method = target[name as keyof TokenStore];
        if (typeof method !== 'function' || name === 'close') return method;
        return (...args: unknown[]) => {
          if (broken.hang) return new Promise(() => {});
          if (broken.now.has(String(name)) || broken.now.has('all'))
            return Promise.reject(new Error('connect redis://user:secret@host ECONNREFUSED'));
          return (method as (...args: unknown[]) => unknown).apply(target, args);
        };
      },
    });
    return { store: proxy, broken };
  }

  it('are invisible to callers while the copy lives', async () => {
    const account = modelAccount(platform);
    const { store, broken } = failing(memoryStore({ clock }));
    const manager = manage({ accounts: [account], store });
    await manager.get(account.token);
    broken.now.add('all');
    for (let minute = 0; minute < 115; minute++) {
      await clock.advance(60_000);
      expect((await manager.get(account.token)).value).toBe('T1');
    }
    expect(platform.calls).toBe(1);
  });

  it('cause no platform call: no lease, no issue (S2)', async () => {
    const account = modelAccount(platform);
    const { store, broken } = failing(memoryStore({ clock }));
    broken.now.add('claim');
    const manager = manage({ accounts: [account], store });
    const error = await manager.get(account.token).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_TOKEN_STORE', retryable: true });
    expect(JSON.stringify(error) + String((error as TokenError).cause)).not.toContain('secret');
    expect(platform.calls).toBe(0);
  });

  it('are given up after their time limit', async () => {
    const account = modelAccount(platform);
    const { store, broken } = failing(memoryStore({ clock }));
    broken.hang = true;
    const manager = manage({ accounts: [account], store });
    const asked = manager.get(account.token);
    asked.catch(() => {});
    await clock.advance(2_000);
    await expect(asked).rejects.toMatchObject({ code: 'ERR_TOKEN_STORE', reason: 'timeout' });
  });

  it('get the token they did not acknowledge as soon as they can', async () => {
    const account = modelAccount(platform);
    const memory = memoryStore({ clock });
    const { store, broken } = failing(memory);
    const manager = manage({ accounts: [account], store });
    broken.now.add('commit');
    expect((await manager.get(account.token)).value).toBe('T1');
    expect((await memory.read(account.token.key)).record?.token).toBeUndefined();
    broken.now.clear();
    await clock.advance(60_000);
    expect((await memory.read(account.token.key)).record?.token?.value).toBe('T1');
    expect((await manager.get(account.token)).value).toBe('T1');
    expect(platform.calls).toBe(1);
  });

  it('get a living token back when they were emptied, before anyone asks the platform', async () => {
    const account = modelAccount(platform);
    let inner = memoryStore({ clock });
    const store = new Proxy({} as TokenStore, {
      get: (_target, name) =>
        name === 'peek' || name === 'watch'
          ? undefined
          : typeof inner[name as 'read'] === 'function'
            ? inner[name as 'read'].bind(inner)
            : inner[name as 'read'],
    });
    const manager = manage({ accounts: [account], store });
    await manager.get(account.token);
    inner = memoryStore({ clock });
    await clock.advance(31_000);
    expect((await manager.get(account.token)).value).toBe('T1');
    expect((await inner.read(account.token.key)).record?.token?.value).toBe('T1');
    expect(platform.calls).toBe(1);
  });
});

describe('round trips', () => {
  function counted() {
    const calls: string[] = [];
    const store = new Proxy(memoryStore({ clock }), {
      get: (target, name) => {
        if (name === 'peek' || name === 'watch') return undefined;
        const method = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return (...args: unknown[]) => {
          calls.push(String(name));
          return method.apply(target, args);
        };
      },
    });
    return { store, calls };
  }

  it('are three for a cold key, none for a fresh one, and two for a key that the index named', async () => {
    const account = modelAccount(platform);
    const { store, calls } = counted();
    const manager = manage({ accounts: [account], store });
    await manager.start();
    calls.length = 0;
    await manager.get(account.token);
    expect(calls).toEqual(['read', 'claim', 'commit']);
    calls.length = 0;
    await manager.get(account.token);
    expect(calls).toEqual([]);
    await clock.advance(1.6 * HOUR);
    await manager.refreshDue();
    expect(calls).toEqual(['due', 'claim', 'commit']);
  });

  it('are three for a rejection', async () => {
    const account = modelAccount(platform);
    const { store, calls } = counted();
    const manager = manage({ accounts: [account], store });
    const token = await manager.get(account.token);
    calls.length = 0;
    await manager.reject(account.token, token);
    expect(calls).toEqual(['read', 'claim', 'commit']);
  });

  it('are one for 1,000 callers whose copy has gone unchecked for too long', async () => {
    const account = modelAccount(platform);
    const { store, calls } = counted();
    const manager = manage({ accounts: [account], store });
    await manager.get(account.token);
    await clock.advance(31_000);
    calls.length = 0;
    await Promise.all(Array.from({ length: 1_000 }, () => manager.get(account.token, {})));
    expect(calls).toEqual(['read']);
  });

  it('are none while another process is at a token that is due, but still lives', async () => {
    const account = modelAccount(platform);
    const { store, calls } = counted();
    const manager = manage({ accounts: [account], store });
    await manager.get(account.token);
    await clock.advance(1.6 * HOUR);
    const { record } = await store.read(account.token.key);
    await store.claim({ key: account.token.key, generation: record?.generation ?? 0, epoch: 1 }, 'another', 30_000);
    await manager.get(account.token);
    await clock.advance(0);
    calls.length = 0;
    for (let call = 0; call < 50; call++) expect((await manager.get(account.token)).value).toBe('T1');
    expect(calls).toEqual([]);
    expect(platform.calls).toBe(1);
  });

  it('happen behind the caller where the copy is merely old', async () => {
    const account = modelAccount(platform);
    const { store, calls } = counted();
    const manager = manage({ accounts: [account], store });
    await manager.get(account.token);
    await clock.advance(6_000);
    calls.length = 0;
    let answered = false;
    const asked = manager.get(account.token).then(() => {
      answered = true;
    });
    for (let turn = 0; turn < 3; turn++) await Promise.resolve();
    await asked;
    expect(answered).toBe(true);
    await clock.advance(0);
    expect(calls).toEqual(['read']);
  });
});

describe('start, drain and close', () => {
  it('leaves a shared store without listeners', async () => {
    const account = modelAccount(platform);
    const store = memoryStore({ clock });
    let watching = 0;
    const watch = store.watch?.bind(store);
    store.watch = (listener) => {
      watching++;
      const stop = watch?.(listener);
      return () => {
        watching--;
        stop?.();
      };
    };
    const manager = manage({ accounts: [account], store });
    await manager.get(account.token);
    expect(watching).toBe(1);
    await manager.close();
    expect(watching).toBe(0);
  });

  it('loads what is known without asking the platform', async () => {
    const account = modelAccount(platform);
    const store = memoryStore({ clock });
    await manage({ accounts: [account], store }).get(account.token);
    const manager = manage({ accounts: [account], store });
    await manager.start();
    expect(manager.peek(account.token)?.value).toBe('T1');
    expect(platform.calls).toBe(1);
  });

  it('answers from memory between drain and close, and not what is not there', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    await manager.get(account.token);
    await manager.drain();
    expect((await manager.get(account.token)).value).toBe('T1');
    await clock.advance(2 * HOUR);
    await expect(manager.get(account.token)).rejects.toMatchObject({ code: 'ERR_TOKEN_CLOSED' });
    await expect(manager.reject(account.token, 'T1')).rejects.toMatchObject({ code: 'ERR_TOKEN_CLOSED' });
  });

  it('waits for a request in flight and stores its answer', async () => {
    const account = modelAccount(platform);
    const store = memoryStore({ clock });
    const manager = manage({ accounts: [account], store });
    const open = platform.hold();
    const asked = manager.get(account.token);
    await clock.advance(10);
    const drained = manager.drain();
    open();
    await Promise.all([asked, drained]);
    expect((await store.read(account.token.key)).record?.token?.value).toBe('T1');
  });

  it('closes in time although a request is unanswered, and names it', async () => {
    const account = modelAccount(platform, { issuance: 'idempotent' });
    const manager = manage({ accounts: [account], requestTimeoutMs: 30_000, leaseTtlMs: 60_000 });
    platform.gate = new Promise(() => {});
    manager.get(account.token).catch(() => {});
    await clock.advance(10);
    const closing = manager.close();
    await clock.advance(10_000);
    expect(await closing).toEqual({ unanswered: [{ account: 'model', kind: 'access_token' }] });
  });
});

describe('peek', () => {
  it('is synchronous, from memory only, and never shows an expired token', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    expect(manager.peek(account.token)).toBeUndefined();
    const token = await manager.get(account.token);
    expect(manager.peek(account.token)).toBe(token);
    await clock.advance(2 * HOUR - 1);
    expect(manager.peek(account.token)?.value).toBe('T1');
    await clock.advance(1);
    expect(manager.peek(account.token)).toBeUndefined();
  });
});

describe('events', () => {
  it('tell what happened, and never a token', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    const token = await manager.get(account.token);
    await manager.reject(account.token, token);
    platform.twists = ['ERR_TOKEN_BUSY'];
    await clock.advance(1.6 * HOUR);
    await manager.refreshDue();
    expect(manager.events.map(([name]) => name)).toEqual([
      'commit',
      'issue',
      'commit',
      'issue',
      'reject',
      'failure',
      'state',
      'issue',
    ]);
    expect(JSON.stringify(manager.events)).not.toMatch(/T\d/);
  });

  it('tell of each attempt what was sent and why it failed', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    const issues = () => manager.events.filter(([name]) => name === 'issue').map(([, event]) => event);
    const token = await manager.get(account.token);
    await manager.reject(account.token, token);
    platform.twists = ['ERR_TOKEN_BUSY'];
    await clock.advance(1.6 * HOUR);
    await manager.refreshDue();
    expect(issues()).toMatchObject([
      { outcome: 'renewed', requests: 1, forced: false },
      { outcome: 'renewed', requests: 1, forced: true },
      { outcome: 'failed', requests: 1, forced: false, code: 'ERR_TOKEN_BUSY', platformCode: '4711' },
    ]);
    expect(issues()[0]).not.toHaveProperty('code');
    expect(platform.calls).toBe(3);
  });

  it('tell of a request that was refused for its parent, too', async () => {
    const account = modelAccount(platform);
    const ticket = ticketOf(account.token, (parent) => {
      if (parent === 'T1') throw refusedParent(parent);
      return { value: 'ticket', lifetimeMs: 2 * HOUR };
    });
    const manager = manage({ accounts: [account] });
    await manager.get(ticket);
    expect(manager.named('issue')).toMatchObject([
      { kind: 'access_token', outcome: 'renewed', requests: 1 },
      { kind: 'ticket', outcome: 'failed', requests: 1, code: 'ERR_TOKEN_WAITING', platformCode: '40001' },
      { kind: 'access_token', outcome: 'renewed', forced: true, requests: 1 },
      { kind: 'ticket', outcome: 'renewed', requests: 1 },
    ]);
  });

  it('are published on diagnostics channels too', async () => {
    const account = modelAccount(platform, { name: 'channelled' });
    const published: unknown[] = [];
    const listen = (event: unknown) => published.push(event);
    subscribe('evertoken:commit', listen);
    await manage({ accounts: [account] }).get(account.token);
    unsubscribe('evertoken:commit', listen);
    expect(published).toMatchObject([
      { account: 'channelled', platform: 'model', kind: 'access_token', cause: 'issue' },
    ]);
  });

  it('tell the generation that is stored, also where the store numbers by a clock of its own', async () => {
    const account = modelAccount(platform);
    let storeNow = clock.now();
    const store = memoryStore({ clock: Object.assign(new ManualClock(), { now: () => storeNow++ }) });
    const manager = manage({ accounts: [account], store });
    await manager.get(account.token);
    const { record } = await store.read(account.token.key);
    expect(manager.named('commit')).toMatchObject([{ generation: record?.generation }]);
  });

  it('go on when a listener throws', async () => {
    const account = modelAccount(platform);
    const manager = manage({ accounts: [account] });
    const warned = new Promise((resolve) => {
      process.once('warning', resolve);
    });
    manager.on('commit', () => {
      throw new Error('listener');
    });
    expect((await manager.get(account.token)).value).toBe('T1');
    expect(String(await warned)).toContain('listener');
  });
});
