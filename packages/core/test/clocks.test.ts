import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { sleep } from '../src/clock.js';
import {
  type Clock,
  type Issuance,
  memoryStore,
  type Token,
  TokenManager,
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
/** A token is renewed half an hour before its end. */
const NEED_MS = 1.5 * HOUR;
const LEASE_MS = 30 * SECOND;

/** What really happens, whatever any clock says. */
let truth: ManualClock;
let platform: ModelPlatform;
/** When each value that was issued dies at the platform, in true time. */
let ends: Map<string, number>;

// Hours of a manual clock are seconds of a machine, and minutes of a busy one.
vi.setConfig({ testTimeout: 120_000 });
beforeAll(warmUp);

beforeEach(() => {
  truth = new ManualClock();
  use('superseding');
});

function use(issuance: Issuance): void {
  platform = new ModelPlatform(truth, issuance);
  ends = new Map();
  const mint = platform.mint.bind(platform);
  platform.mint = (request) => {
    const issued = mint(request);
    ends.set(issued.value, truth.now() + LIFETIME_MS);
    return issued;
  };
}

/** What a machine's monotonic clock does while it sleeps. */
type Monotonic = 'stands still' | 'goes on';

/** The clocks of one machine. */
class Host implements Clock {
  #asleepSince: number | undefined;
  #stoodStillMs = 0;
  readonly #late: (() => void)[] = [];

  constructor(public offsetMs = 0) {}

  now = () => truth.now() + this.offsetMs;

  monotonic = () => truth.monotonic() - this.#stoodStillMs;

  after(ms: number, callback: () => void): () => void {
    const at = this.monotonic() + ms;
    let cancel = () => {};
    let cancelled = false;
    const arm = () => {
      cancel = truth.after(Math.max(0, at - this.monotonic()), () => {
        if (this.#asleepSince === undefined) callback();
        else this.#late.push(() => cancelled || arm());
      });
    };
    arm();
    return () => {
      cancelled = true;
      cancel();
    };
  }

  /** The wall clock is set. */
  step(ms: number): void {
    this.offsetMs += ms;
  }

  fallAsleep(): void {
    this.#asleepSince = truth.monotonic();
  }

  /** Timers that came due meanwhile fire only now, or run on from where they stood. */
  async wake(monotonic: Monotonic): Promise<void> {
    if (monotonic === 'stands still') this.#stoodStillMs += truth.monotonic() - (this.#asleepSince ?? 0);
    this.#asleepSince = undefined;
    for (const arm of this.#late.splice(0)) arm();
    await turns();
  }

  async sleep(ms: number, monotonic: Monotonic): Promise<void> {
    this.fallAsleep();
    await truth.advance(ms);
    await this.wake(monotonic);
  }
}

/** How long the network takes to a store and back, ms: seldom little, and never the same twice. */
const FAST_MS = 2;
const USUAL_MS = 40;
const SELDOM = 100;

/** A store on another machine: with a clock of its own, over a network, and seen through copies. */
function remote(clock: Host): TokenStore {
  const store = memoryStore({ clock });
  let times = 0;
  const away = async <Answer>(operation: () => Promise<Answer>): Promise<Answer> => {
    const ms = times++ % SELDOM === 0 ? FAST_MS : USUAL_MS + (times % 7);
    await sleep(truth, ms / 4);
    const answer = await operation();
    await sleep(truth, (ms * 3) / 4);
    return answer;
  };
  return {
    name: 'remote',
    open: async () => ({ durable: 'synced', scope: 'fleet' }),
    read: (key) => away(() => store.read(key)),
    due: (query) => away(() => store.due(query)),
    list: (filter, page) => away(() => store.list(filter, page)),
    claim: store.claim.bind(store),
    renew: store.renew.bind(store),
    commit: store.commit.bind(store),
    note: store.note.bind(store),
    remove: store.remove.bind(store),
    park: store.park.bind(store),
    close: store.close.bind(store),
  };
}

/** Lets time pass until the platform has been asked so often. */
async function asked(times: number): Promise<void> {
  for (let ms = 0; platform.calls < times && ms < SECOND; ms += 10) await truth.advance(10);
  expect(platform.calls).toBe(times);
}

function manage(clock: Clock, store?: TokenStore, issue?: TokenSource['issue']) {
  const account = modelAccount(platform, issue && { issue });
  const manager = new TokenManager({
    accounts: [account],
    clock,
    random: () => 0.5,
    fetch: network,
    singleInstance: true,
    ...(store && { store }),
  });
  return { manager, source: account.token, get: () => manager.get(account.token) };
}

type Managed = ReturnType<typeof manage>;

const turns = async (count = 10) => {
  for (let turn = 0; turn < count; turn++) await truth.advance(0);
};

/** What a caller gets; it must be alive at the platform, whatever the clocks say. */
async function alive({ get }: Managed): Promise<Token> {
  const token = await passing(get());
  expect(ends.get(token.value), `${token.value} is served after its end`).toBeGreaterThan(truth.now());
  return token;
}

/** Lets time pass while something is waited for. */
async function passing<Value>(work: Promise<Value>, limitMs = HOUR): Promise<Value> {
  let over = false;
  const watched = work.finally(() => {
    over = true;
  });
  watched.catch(() => {});
  await turns();
  for (let ms = 0; !over && ms < limitMs; ms += 100) await truth.advance(100);
  return watched;
}

/** Everybody asks every minute, and something periodic sweeps every five; how many requests the platform got. */
async function live(members: readonly Managed[], ms: number): Promise<number> {
  const before = platform.calls;
  for (let minute = 0; minute < ms / MINUTE; minute++) {
    for (const member of members) {
      await alive(member);
      if (minute % 5 === 0) await passing(member.manager.refreshDue());
    }
    await truth.advance(MINUTE);
  }
  return platform.calls - before;
}

describe('machines whose clocks differ by ten minutes either way, and a store with a third opinion', () => {
  for (const issuance of ['idempotent', 'superseding'] as const)
    for (const storeOffset of [-10, 0, 7])
      it(`ask once per need between them, and serve nothing that has ended (${issuance}, store ${storeOffset} min)`, async () => {
        use(issuance);
        const store = remote(new Host(storeOffset * MINUTE));
        const members = [-10, 0, 10].map((minutes) => manage(new Host(minutes * MINUTE), store));
        expect(await live(members, 12 * HOUR)).toBe(12 / 1.5);
      });

  it('agree on the token within the time that copies go unchecked', async () => {
    const store = remote(new Host());
    const members = [-10, 10].map((minutes) => manage(new Host(minutes * MINUTE), store)) as [Managed, Managed];
    await alive(members[0]);
    await alive(members[1]);
    const refused = platform.current;
    expect((await passing(members[0].manager.reject(members[0].source, `T${refused}`))).value).toBe(`T${refused + 1}`);
    await truth.advance(31 * SECOND);
    expect((await alive(members[1])).value).toBe(`T${refused + 1}`);
    expect(platform.calls).toBe(2);
  });
});

describe('a wall clock that is stepped', () => {
  const STEPS = { 'back by an hour': -HOUR, 'back by ten seconds': -10 * SECOND, 'on by an hour': HOUR };

  for (const [name, ms] of Object.entries(STEPS)) {
    it(`${name} during a token’s life costs no call and serves nothing that has ended`, async () => {
      const [host, store] = [new Host(), remote(new Host(3 * MINUTE))];
      const members = [manage(host, store), manage(new Host(), store)];
      expect(await live(members, HOUR)).toBe(1);
      host.step(ms);
      expect(await live(members, NEED_MS * 4)).toBe(4);
      host.step(-ms);
      expect(await live(members, NEED_MS * 4)).toBe(4);
    });

    it(`${name} between claim and send costs no second call`, async () => {
      const [host, store] = [new Host(), remote(new Host())];
      const { claim } = store;
      let stepped = false;
      store.claim = async (...seen) => {
        const lease = await claim(...seen);
        if (!stepped) {
          stepped = true;
          host.step(ms);
          await turns();
        }
        return lease;
      };
      const members = [manage(host, store), manage(new Host(), store)];
      expect(await live(members, 10 * MINUTE)).toBe(1);
    });

    it(`${name} during a request costs no second call, and the token counts from the request’s start at the latest`, async () => {
      const [host, store] = [new Host(), remote(new Host())];
      const members = [manage(host, store), manage(new Host(), store)] as const;
      const open = platform.hold();
      const first = members[0].get();
      await asked(1);
      host.step(ms);
      await truth.advance(5 * SECOND);
      open();
      expect((await passing(first)).value).toBe('T1');
      expect(await live(members, 10 * MINUTE)).toBe(0);
      expect(platform.calls).toBe(1);
      const { record, now } = await passing(store.read(members[0].source.key));
      expect((record?.token?.expiresAt ?? 0) - now).toBeLessThanOrEqual(LIFETIME_MS);
    });

    it(`${name} makes nothing young again that a process keeps for itself`, async () => {
      const host = new Host();
      const member = manage(host, undefined);
      await live([member], HOUR);
      host.step(ms);
      await live([member], NEED_MS * 3);
      // What the clock jumps on may have been a sleep: that costs a call, but never serves what has ended.
      expect(platform.calls).toBeLessThanOrEqual(4);
    });
  }

  for (const [age, minutes] of Object.entries({ young: 20, 'half as old as the step is long': 30, old: 75 }))
    it(`back by an hour, and that of the store with it, makes no token young again that was ${age}`, async () => {
      const host = new Host();
      const store = remote(host);
      const members = [manage(host, store), manage(host, store)];
      await live(members, minutes * MINUTE);
      host.step(-HOUR);
      expect(await live(members, 2 * LIFETIME_MS)).toBeLessThanOrEqual(4);
      // What was stored afterwards goes by the clock as it is.
      expect(await live(members, NEED_MS * 4)).toBeLessThanOrEqual(5);
    });

  it('back and then slept through makes nothing young again either', async () => {
    const host = new Host();
    const member = manage(host, undefined);
    await alive(member);
    host.step(-HOUR);
    await turns();
    await alive(member);
    await host.sleep(2 * HOUR, 'stands still');
    expect(member.manager.peek(member.source)).toBeUndefined();
    expect((await alive(member)).value).toBe('T2');
  });
});

describe('a store whose clock is stepped', () => {
  for (const [name, ms] of Object.entries({ back: -10 * MINUTE, on: 10 * MINUTE })) {
    it(`${name} by ten minutes keeps nobody from renewing, once per need`, async () => {
      const server = new Host();
      const store = remote(server);
      const members = [-5, 5].map((minutes) => manage(new Host(minutes * MINUTE), store));
      expect(await live(members, HOUR)).toBe(1);
      server.step(ms);
      // The token that lived through the step is renewed ten minutes later or earlier by true time; its successors are not.
      expect([4, 5]).toContain(await live(members, NEED_MS * 4));
      expect([4, 5]).toContain(await live(members, NEED_MS * 4));
    });

    it(`${name} by three hours lets nobody serve what has ended, even twice in a token’s life`, async () => {
      const server = new Host();
      const store = remote(server);
      const members = [-5, 5].map((minutes) => manage(new Host(minutes * MINUTE), store));
      await live(members, 40 * MINUTE);
      server.step(18 * ms);
      await live(members, 20 * MINUTE);
      server.step(18 * ms);
      expect(await live(members, NEED_MS * 4)).toBeLessThanOrEqual(6);
      expect(await live(members, NEED_MS * 4)).toBeLessThanOrEqual(5);
    });

    it(`${name} by ten minutes just before a token is needed does not hold up who needs it`, async () => {
      const server = new Host();
      const store = remote(server);
      const members = [manage(new Host(), store), manage(new Host(), store)] as const;
      await alive(members[0]);
      await alive(members[1]);
      server.step(ms);
      for (const member of members) {
        const from = truth.now();
        const refused = `T${platform.current}`;
        expect((await passing(member.manager.reject(member.source, refused))).value).not.toBe(refused);
        expect(truth.now() - from).toBeLessThanOrEqual(SECOND);
        await truth.advance(15 * MINUTE);
      }
      expect(platform.calls).toBe(3);
    });

    it(`${name} by ten minutes during a request loses nothing`, async () => {
      const server = new Host();
      const store = remote(server);
      const members = [manage(new Host(), store), manage(new Host(), store)] as const;
      const open = platform.hold();
      const first = members[0].get();
      await asked(1);
      server.step(ms);
      await truth.advance(5 * SECOND);
      open();
      expect((await passing(first)).value).toBe('T1');
      expect((await alive(members[1])).value).toBe('T1');
      expect(await live(members, HOUR)).toBe(0);
    });

    it(`${name} by ten minutes under the lease of a process that died frees the key again`, async () => {
      const server = new Host();
      const store = remote(server);
      const member = manage(new Host(), store);
      await store.claim({ key: member.source.key, generation: 0, epoch: 0 }, 'dead', LEASE_MS);
      server.step(ms);
      expect((await passing(member.get())).value).toBe('T1');
      expect(truth.now() - Date.UTC(2026, 0, 1)).toBeLessThanOrEqual(Math.max(0, -ms) + LEASE_MS + 5 * SECOND);
      expect(platform.calls).toBe(1);
    });
  }
});

describe('a laptop that sleeps', () => {
  for (const monotonic of ['stands still', 'goes on'] as const) {
    describe(`and whose monotonic clock ${monotonic}`, () => {
      for (const [kind, storeOf] of Object.entries({
        'its own memory': () => undefined,
        'a store of its own clock': (host: Host) => memoryStore({ clock: host }),
        'a server': () => remote(new Host(-2 * MINUTE)),
      })) {
        it(`wakes up with no token that has ended, and asks once (${kind})`, async () => {
          const host = new Host();
          const member = manage(host, storeOf(host));
          await alive(member);
          await host.sleep(8 * HOUR, monotonic);
          expect(member.manager.peek(member.source)).toBeUndefined();
          expect((await alive(member)).value).toBe('T2');
          expect(platform.calls).toBe(2);
          await host.sleep(HOUR, monotonic);
          expect((await alive(member)).value).toBe('T2');
          await host.sleep(45 * MINUTE, monotonic);
          expect((await alive(member)).value).toBe('T2');
          await truth.advance(SECOND);
          expect((await alive(member)).value).toBe('T3');
          expect(platform.calls).toBe(3);
        });
      }

      it('sends nothing under a lease that ended while it slept, and takes what another machine was given', async () => {
        const store = remote(new Host());
        const laptop = new Host();
        let slept = false;
        const first = manage(laptop, store, async (request) => {
          if (!slept) {
            slept = true;
            laptop.fallAsleep();
            await truth.advance(10 * MINUTE);
            expect((await alive(other)).value).toBe('T1');
            await laptop.wake(monotonic);
          }
          return platform.answer(request);
        });
        const other = manage(new Host(), store);
        // Where its timers went on the request has timed out before it was sent.
        const brought = await passing(first.get()).catch((error: unknown) => error);
        if (monotonic === 'stands still') expect(brought).toMatchObject({ value: 'T1' });
        else expect(brought).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'timeout' });
        expect((await alive(first)).value).toBe('T1');
        expect(platform.calls).toBe(1);
      });

      it('commits no superseding answer that reaches it after another machine has asked', async () => {
        const store = remote(new Host());
        const laptop = new Host();
        const members = [manage(laptop, store), manage(new Host(), store)] as const;
        await alive(members[0]);
        await truth.advance(LIFETIME_MS);
        let answer = () => {};
        const kept = new Promise<void>((resolve) => {
          answer = resolve;
        });
        platform.twists = [
          async (request) => {
            const issued = platform.mint(request);
            await kept;
            return issued;
          },
        ];
        const first = members[0].get();
        first.catch(() => {});
        await asked(2);
        laptop.fallAsleep();
        await truth.advance(10 * MINUTE);
        expect((await alive(members[1])).value).toBe('T3');
        answer();
        await laptop.wake(monotonic);
        await passing(first.catch(() => {}));
        expect((await passing(store.read(members[0].source.key))).record?.token?.value).toBe('T3');
        expect((await alive(members[0])).value).toBe('T3');
      });
    });
  }

  it('takes no answer that it slept through for the time of the store', async () => {
    const store = remote(new Host(-MINUTE));
    const desk = manage(new Host(), store);
    await alive(desk);
    await truth.advance(LIFETIME_MS - 10 * MINUTE);
    const laptop = new Host();
    let deliver = () => {};
    const delivered = new Promise<void>((resolve) => {
      deliver = resolve;
    });
    const member = manage(laptop, {
      ...store,
      read: async (key) => {
        const answer = await store.read(key);
        await delivered;
        return answer;
      },
    });
    const first = member.get();
    await laptop.sleep(14 * MINUTE, 'stands still');
    deliver();
    expect((await passing(first)).value).toBe('T2');
    expect(platform.calls).toBe(2);
  });
});
