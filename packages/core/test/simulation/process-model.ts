import type { Account } from '../../src/account.js';
import { type Clock, type Journal, TokenManager, type TokenManagerOptions } from '../../src/index.js';
import type { PlatformModel } from './platform-model.js';
import { portOf, type StoreModel } from './store-model.js';
import type { Actor, World } from './world.js';

/** A host's wall clock. */
export interface WallClock {
  /** Against the true time, ms. */
  skewMs: number;
  setBack: boolean;
}

/**
 * One process: a manager with a clock of its own on the shared store. What a process does between two calls to the outside
 * nobody can see, so a crash at any of its awaits is a crash at one of those calls: before it leaves, after it was carried
 * out, or before its answer is read.
 */
export class VirtualProcess implements Actor {
  readonly name: string;
  readonly manager: TokenManager;
  readonly clock: Clock;
  alive = true;
  heldUntil = 0;
  /** The clock of its host. */
  readonly wall: WallClock;
  /** What its monotonic clock has missed, ms: some stand still while the machine sleeps. */
  asleepMs = 0;
  onCrash: () => void = () => {};
  onStop: (ms: number) => void = () => {};
  /** Told of each call to the outside, before it takes effect. */
  onReach: (where: string) => void = () => {};
  readonly #world: World;
  #nap: { calls: number; readonly ms: number } | undefined;
  #callsLeft = Number.POSITIVE_INFINITY;

  constructor(
    world: World,
    {
      name,
      account,
      store,
      platform,
      journal,
      random,
      wall = { skewMs: 0, setBack: false },
      options,
    }: {
      name: string;
      account: Account;
      store: StoreModel;
      platform: PlatformModel;
      journal?: Journal | undefined;
      random: () => number;
      wall?: WallClock;
      options?: Partial<TokenManagerOptions>;
    },
  ) {
    this.name = name;
    this.wall = wall;
    this.#world = world;
    this.clock = {
      now: () => world.now + wall.skewMs,
      monotonic: () => world.now - this.asleepMs,
      after: (ms, callback) => world.after(ms, `${name} timer`, callback, { actor: this }),
    };
    this.manager = new TokenManager({
      accounts: [account],
      name,
      random,
      clock: this.clock,
      store: portOf(store, this),
      fetch: platform.fetchOf(this),
      ...(journal && { journal }),
      ...options,
    });
  }

  /** What it cannot know has passed, ms: its machine slept and its clock was set back, perhaps both since it last looked at its clocks. */
  get lostMs(): number {
    return this.wall.setBack ? this.asleepMs : 0;
  }

  /** Counts a call to the outside; whether the process is dead by now. */
  reaches(where: string): boolean {
    if (this.alive && --this.#callsLeft < 0) this.crash(where);
    if (this.alive && this.#nap && --this.#nap.calls < 0) {
      const { ms } = this.#nap;
      this.#nap = undefined;
      this.stop(ms);
    }
    if (this.alive) this.onReach(where);
    return !this.alive;
  }

  /** Lets it die at one of its next calls. */
  doom(calls: number): void {
    this.#callsLeft = calls;
  }

  /** Stops it at one of its next calls, for `ms`. */
  nap(calls: number, ms: number): void {
    this.#nap = { calls, ms };
  }

  /** SIGKILL. */
  crash(where = ''): void {
    if (!this.alive) return;
    this.alive = false;
    this.#world.say(this.name, () => `is killed ${where}`);
    this.onCrash();
  }

  /** SIGSTOP, and SIGCONT after `ms`: what comes meanwhile waits in buffers. */
  stop(ms: number): void {
    this.heldUntil = Math.max(this.heldUntil, this.#world.now + ms);
    this.onStop(ms);
    this.#world.say(this.name, () => `is stopped for ${ms / 1000} s`);
  }

  /** The lid is closed: nothing happens, and its monotonic clock stands still. */
  sleep(ms: number): void {
    this.stop(ms);
    this.asleepMs += ms;
  }

  /** Somebody sets its clock. */
  step(ms: number): void {
    this.wall.skewMs += ms;
    if (ms < -1_000) this.wall.setBack = true;
    this.#world.say(this.name, () => `its clock is stepped by ${ms / 1000} s`);
  }
}
