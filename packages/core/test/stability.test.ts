import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Issuance,
  memoryStore,
  TokenError,
  TokenManager,
  type TokenManagerOptions,
  type TokenSource,
  type TokenStore,
} from '../src/index.js';
import { ManualClock } from '../src/testing/index.js';
import { ModelPlatform, modelAccount, network } from './model-platform.js';
import { warmUp } from './warm-up.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const LIFETIME_MS = 2 * HOUR;
/** The early window begins half an hour before the end. */
const EARLY_MS = 30 * MINUTE;
const PROCESSES = 4;
const LONGEST_REST_MS = 15 * MINUTE;
const STORE_LIMIT_MS = 2 * SECOND;

let clock: ManualClock;
let platform: ModelPlatform;

// Hours of a manual clock are seconds of a machine, and minutes of a busy one.
vi.setConfig({ testTimeout: 120_000 });
beforeAll(warmUp);

beforeEach(() => {
  clock = new ManualClock();
  platform = new ModelPlatform(clock);
});

/** How a platform is down. */
const OUTAGES = {
  'cannot be reached': () => {
    throw new TokenError('ERR_TOKEN_TRANSPORT', 'connect ECONNREFUSED', { reason: 'network', uncertain: false });
  },
  'answers nothing': () => new Promise<never>(() => {}),
  'is busy': () => {
    throw new TokenError('ERR_TOKEN_BUSY', 'system busy', { platformCode: '-1' });
  },
  'is being maintained': () => {
    throw new TokenError('ERR_TOKEN_MAINTENANCE', 'back soon');
  },
} as const;

/** A store on a server that may be away; who asks while it hangs is never answered. */
class Server {
  state: 'up' | 'down' | 'hangs' = 'up';
  calls = 0;
  readonly #records = memoryStore({ clock });

  connect(): TokenStore {
    const calls = this.#records;
    const away = async <Answer>(operation: () => Promise<Answer>): Promise<Answer> => {
      this.calls++;
      if (this.state === 'down') throw new Error('connection refused');
      if (this.state === 'hangs') return new Promise(() => {});
      return operation();
    };
    return {
      name: 'server',
      open: () => away(async () => ({ durable: 'synced', scope: 'fleet' })),
      read: (key) => away(() => calls.read(key)),
      claim: (...given) => away(() => calls.claim(...given)),
      renew: (...given) => away(() => calls.renew(...given)),
      commit: (...given) => away(() => calls.commit(...given)),
      note: (...given) => away(() => calls.note(...given)),
      due: (query) => away(() => calls.due(query)),
      list: (...given) => away(() => calls.list(...given)),
      remove: (...given) => away(() => calls.remove(...given)),
      park: (...given) => away(() => calls.park(...given)),
      close: async () => {},
    };
  }
}

/** Several processes on one store, each with a sweep every minute and a caller every second. */
class Fleet {
  readonly managers: readonly TokenManager[];
  readonly source: TokenSource;
  readonly failures: TokenError[] = [];
  answers = 0;
  slowestMs = 0;
  readonly #stops: (() => void)[];
  readonly #seed = { value: 1 };

  constructor(server: Server, options: TokenManagerOptions = {}) {
    const account = modelAccount(platform);
    this.source = account.token;
    this.managers = Array.from(
      { length: PROCESSES },
      () =>
        new TokenManager({
          accounts: [account],
          clock,
          random: () => this.#random(),
          fetch: network,
          store: server.connect(),
          ...options,
        }),
    );
    this.#stops = this.managers.map((manager) => manager.refreshEvery(MINUTE, () => {}));
  }

  /** A second of life, again and again. */
  async live(ms: number, until: () => boolean = () => false): Promise<void> {
    for (let second = 0; second < ms / SECOND && !until(); second++) {
      for (const manager of this.managers) this.#ask(manager);
      await clock.advance(SECOND);
    }
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops) stop();
    await clock.advance(MINUTE);
  }

  #ask(manager: TokenManager): void {
    const from = clock.now();
    manager
      .get(this.source)
      .then(({ expiresAt = 0 }) => {
        if (expiresAt <= clock.now()) throw new TokenError('ERR_TOKEN_TRANSPORT', 'an expired token was served');
        this.answers++;
      })
      .catch((error: TokenError) => this.failures.push(error))
      .finally(() => {
        this.slowestMs = Math.max(this.slowestMs, clock.now() - from);
      });
  }

  #random(): number {
    this.#seed.value = (this.#seed.value * 48_271) % 2_147_483_647;
    return this.#seed.value / 2_147_483_647;
  }
}

/** A fleet whose token has just come into its early window. */
async function inEarlyWindow(server = new Server()): Promise<Fleet> {
  const fleet = new Fleet(server, { allowVolatileGrants: true });
  if (platform.issuance === 'rotating')
    await fleet.managers[0]?.authorize(fleet.source, async () => ({
      value: 'T0',
      refreshToken: 'R0',
      lifetimeMs: LIFETIME_MS,
    }));
  await fleet.live(LIFETIME_MS - EARLY_MS - 10 * SECOND);
  expect(fleet.failures).toEqual([]);
  fleet.slowestMs = 0;
  return fleet;
}

function goDown(how: keyof typeof OUTAGES): void {
  platform.twists = Array(1_000).fill(OUTAGES[how]);
}

function comeBack(): void {
  platform.twists = [];
}

describe('a platform that is down for the whole early window', () => {
  const cases: [Issuance, keyof typeof OUTAGES][] = [
    ...(Object.keys(OUTAGES) as (keyof typeof OUTAGES)[]).map((how): [Issuance, typeof how] => ['idempotent', how]),
    // An answer that is lost is a doubt here, and ends before the token does.
    ['superseding', 'cannot be reached'],
    ['superseding', 'is busy'],
    ['rotating', 'cannot be reached'],
    ['rotating', 'is busy'],
  ];
  for (const [issuance, how] of cases) {
    it(`and ${how} is invisible to callers, and is asked no more than the back-off allows (${issuance})`, async () => {
      platform = new ModelPlatform(clock, issuance);
      const fleet = await inEarlyWindow();
      goDown(how);
      const calls = platform.calls;
      await fleet.live(EARLY_MS);
      expect(fleet.failures).toEqual([]);
      expect(fleet.answers).toBeGreaterThan(PROCESSES * 7_000);
      // 60 s, doubling to 15 min with full jitter, and a sweep every minute: for all processes together.
      expect(platform.calls - calls).toBeGreaterThan(1);
      expect(platform.calls - calls).toBeLessThanOrEqual(12);
      comeBack();
      const from = clock.now();
      const value = platform.current;
      await fleet.live(LONGEST_REST_MS + 2 * MINUTE, () => platform.current > value);
      expect(platform.current).toBe(value + 1);
      expect(clock.now() - from).toBeLessThanOrEqual(LONGEST_REST_MS + MINUTE);
      await fleet.live(5 * MINUTE);
      expect(platform.current).toBe(value + 1);
      await fleet.stop();
    });
  }

  it('and comes back before the end is asked again before the end, and nobody has noticed', async () => {
    const fleet = await inEarlyWindow();
    goDown('cannot be reached');
    await fleet.live(10 * MINUTE);
    comeBack();
    await fleet.live(2 * HOUR);
    expect(fleet.failures).toEqual([]);
    expect(fleet.slowestMs).toBe(0);
    await fleet.stop();
  });

  it('and stays away after the end is told to callers, the same to all, and is asked once per back-off step', async () => {
    const fleet = await inEarlyWindow();
    goDown('is busy');
    await fleet.live(EARLY_MS);
    expect(fleet.failures).toEqual([]);
    await fleet.live(MINUTE);
    const calls = platform.calls;
    await fleet.live(2 * HOUR);
    expect(platform.calls - calls).toBeLessThanOrEqual(40);
    const last = fleet.failures.slice(-PROCESSES);
    expect(last).toHaveLength(PROCESSES);
    for (const error of last) {
      expect(error).toMatchObject({ code: 'ERR_TOKEN_BUSY', platformCode: '-1', retryAt: last[0]?.retryAt });
      expect(error.retryAt).toBeGreaterThan(clock.now() - MINUTE);
    }
    comeBack();
    await fleet.live(LONGEST_REST_MS + MINUTE);
    const failures = fleet.failures.length;
    await fleet.live(MINUTE);
    expect(fleet.failures.length).toBe(failures);
    await fleet.stop();
  });
});

describe('a store that is away', () => {
  for (const state of ['down', 'hangs'] as const) {
    it(`(${state}) for the whole early window is invisible to callers, and nothing is asked for without a lease`, async () => {
      const server = new Server();
      const fleet = await inEarlyWindow(server);
      server.state = state;
      const [calls, toStore] = [platform.calls, server.calls];
      await fleet.live(EARLY_MS);
      expect(fleet.failures).toEqual([]);
      expect(fleet.slowestMs).toBeLessThanOrEqual(state === 'hangs' ? STORE_LIMIT_MS + SECOND : SECOND);
      expect(platform.calls).toBe(calls);
      // Nor does anybody hammer the store: a few tries a second and process at most.
      expect(server.calls - toStore).toBeLessThanOrEqual((PROCESSES * 4 * EARLY_MS) / SECOND);
      server.state = 'up';
      const from = clock.now();
      await fleet.live(5 * MINUTE, () => platform.calls > calls);
      expect(clock.now() - from).toBeLessThanOrEqual(3 * SECOND);
      await fleet.live(HOUR);
      expect(platform.calls).toBe(calls + 1);
      expect(fleet.failures).toEqual([]);
      await fleet.stop();
    });

    it(`(${state}) past the end is told to callers in time, and is over for them as soon as it is back`, async () => {
      const server = new Server();
      const fleet = await inEarlyWindow(server);
      server.state = state;
      await fleet.live(EARLY_MS + 20 * SECOND);
      await fleet.live(MINUTE);
      expect(fleet.failures.length).toBeGreaterThan(0);
      for (const error of fleet.failures) expect(error).toMatchObject({ code: 'ERR_TOKEN_STORE', retryable: true });
      expect(fleet.slowestMs).toBeLessThanOrEqual(3 * STORE_LIMIT_MS);
      server.state = 'up';
      await fleet.live(5 * SECOND);
      const failures = fleet.failures.length;
      await fleet.live(HOUR);
      expect(fleet.failures.length).toBe(failures);
      expect(platform.calls).toBe(2);
      await fleet.stop();
    });

    for (const first of ['store', 'platform'] as const) {
      it(`(${state}), and the platform down too, is invisible to callers while the token lives, whatever comes back first (${first})`, async () => {
        const server = new Server();
        const fleet = await inEarlyWindow(server);
        server.state = state;
        goDown('cannot be reached');
        await fleet.live(15 * MINUTE);
        if (first === 'store') server.state = 'up';
        else comeBack();
        await fleet.live(10 * MINUTE);
        server.state = 'up';
        comeBack();
        await fleet.live(HOUR + 20 * MINUTE);
        expect(fleet.failures).toEqual([]);
        expect(platform.current).toBe(2);
        await fleet.stop();
      });
    }
  }

  it('when a process starts is told in time, and it works as soon as the store is there', async () => {
    const server = new Server();
    server.state = 'hangs';
    const fleet = new Fleet(server);
    await fleet.live(MINUTE);
    expect(fleet.answers).toBe(0);
    expect(fleet.slowestMs).toBeLessThanOrEqual(2 * STORE_LIMIT_MS);
    for (const error of fleet.failures) expect(error).toMatchObject({ code: 'ERR_TOKEN_STORE' });
    server.state = 'up';
    await fleet.live(15 * SECOND);
    const failures = fleet.failures.length;
    await fleet.live(MINUTE);
    expect(fleet.failures.length).toBe(failures);
    expect(platform.calls).toBe(1);
    await fleet.stop();
  });
});

describe('a wrong secret, with 8 managers and 1,000 callers', () => {
  it('costs one call per back-off step, and all callers get the same clear error', async () => {
    const server = new Server();
    const account = modelAccount(platform);
    platform.twists = Array(1_000).fill(() => {
      throw new TokenError('ERR_TOKEN_REFUSED', 'model: invalid secret', {
        account: 'model',
        kind: 'access_token',
        platformCode: '40125',
        requestId: 'r-1',
      });
    });
    const managers = Array.from(
      { length: 8 },
      () => new TokenManager({ accounts: [account], clock, fetch: network, store: server.connect() }),
    );
    for (let step = 1; step <= 4; step++) {
      const outcomes: unknown[] = [];
      for (const manager of managers)
        for (let caller = 0; caller < 125; caller++)
          manager.get(account.token).catch((error: unknown) => outcomes.push(error));
      for (let ms = 0; ms < 5 * SECOND && outcomes.length < 1_000; ms += 100) await clock.advance(100);
      expect(outcomes).toHaveLength(1_000);
      const [first] = outcomes as TokenError[];
      const { retryAt = 0 } = first as TokenError;
      expect(new Set((outcomes as TokenError[]).map((error) => error.message))).toEqual(
        new Set(['model: invalid secret']),
      );
      for (const error of outcomes)
        expect(error).toMatchObject({
          code: 'ERR_TOKEN_REFUSED',
          retryable: false,
          account: 'model',
          platformCode: '40125',
          requestId: 'r-1',
          retryAt,
        });
      expect(platform.calls).toBe(step);
      await clock.advance(retryAt - clock.now() - SECOND);
      for (const manager of managers) await expect(manager.get(account.token)).rejects.toMatchObject({ retryAt });
      for (const manager of managers) await manager.refreshDue();
      expect(platform.calls).toBe(step);
      await clock.advance(SECOND);
    }
  });
});
