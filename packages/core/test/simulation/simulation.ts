import { type IssuedToken, type Token, TokenError, tokenKeyOf } from '../../src/index.js';
import { type Cast, castOf, type Kind } from './cast.js';
import { Chance } from './chance.js';
import { Checker, type Violation } from './checker.js';
import { DiskModel, journalOf } from './journal-model.js';
import { PlatformModel, type PlatformTraits, type RequestFate } from './platform-model.js';
import { VirtualProcess, type WallClock } from './process-model.js';
import { fates, StoreModel } from './store-model.js';
import { World } from './world.js';

/** What came of one history. */
export interface Outcome {
  readonly kind: Kind;
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly steps: number;
  readonly calls: number;
  readonly faults: number;
  readonly history: readonly string[] | undefined;
}

const MINUTE = 60_000;
const LIFETIME = 120 * MINUTE;
/** All faults are over: this long until everything is well again. The longest back-off, a hung request, and a sweep. */
const RECOVERY_MS = 30 * MINUTE;
/** The same where fresh tokens keep being refused: the breaker's longest distance. */
const BREAKER_MS = 75 * MINUTE;
const ORPHAN = tokenKeyOf({ platform: 'model', id: 'app', kind: 'of_old' });
const ROUND_MS = 2 * MINUTE;

/** Plays one history: the seed decides everything. */
export async function simulate(kind: Kind, seed: number, { logged = false } = {}): Promise<Outcome> {
  const play = new Play(kind, seed, logged);
  await play.run();
  return play.outcome();
}

class Play {
  readonly #kind: Kind;
  readonly #seed: number;
  readonly #chance: Chance;
  readonly #world: World;
  readonly #store: StoreModel;
  readonly #platform: PlatformModel;
  readonly #checker: Checker;
  readonly #cast: Cast;
  readonly #disks: DiskModel[] = [];
  readonly #walls: WallClock[] = [];
  readonly #processes: VirtualProcess[] = [];
  readonly #journalled: boolean;
  readonly #hosts: number;
  readonly #rates: { store: number; platform: number };
  /** How cruel this history is: 0 not at all. */
  readonly #cruelty: number;
  readonly #tickets: string[] = [];
  #faults = 0;
  #incarnations = 0;
  #mishap: unknown;

  constructor(kind: Kind, seed: number, logged: boolean) {
    this.#kind = kind;
    this.#seed = seed;
    const chance = new Chance(Math.imul(seed, 2_654_435_761) ^ kind.length);
    this.#chance = chance;
    this.#world = new World({ logged, wakeMs: () => chance.between(0, 3) });
    this.#cruelty = chance.one([0, 1, 1, 2, 3]);
    const rate = this.#cruelty === 0 ? 0 : chance.one([0, 0.005, 0.02, 0.06]);
    this.#rates = { store: rate, platform: this.#cruelty === 0 ? 0 : chance.one([0, 0.1, 0.3]) };
    const slow = chance.one([0, 0, 0.02, 0.1]);
    const latency = () => {
      if (!chance.happens(slow)) return chance.between(1, 30);
      return this.#rates.store > 0 && chance.happens(0.2) ? chance.between(900, 6_000) : chance.between(30, 900);
    };
    this.#store = new StoreModel(this.#world, {
      fate: fates(chance, () => this.#rates.store),
      latency,
      watched: chance.happens(0.3),
    });
    this.#store.skewMs = chance.between(-10, 10) * MINUTE;
    const traits: PlatformTraits = {
      issuance: kind === 'pushed' ? 'superseding' : kind,
      lifetimeMs: LIFETIME,
      overlapMs: kind === 'idempotent' ? LIFETIME : chance.one([0, 0, 5 * MINUTE]),
      graceMs: chance.one([0, 0, 60_000]),
      refreshLifetimeMs: 3 * LIFETIME,
      reusableRefresh: kind === 'superseding' && chance.happens(0.3),
    };
    this.#platform = new PlatformModel(this.#world, traits, { fate: () => this.#requestFate(), latency });
    this.#platform.takesParent = (value) => this.#tickets.slice(-2).includes(value);
    this.#checker = new Checker(this.#store, this.#platform);
    const renewsAtEnd = kind === 'rotating' && chance.happens(0.5);
    this.#cast = castOf(kind === 'pushed' ? { ...traits, issuance: 'pushed' } : traits, renewsAtEnd);
    this.#journalled = chance.happens(0.5);
    this.#hosts = chance.one([1, 1, 2]);
    for (let host = 0; host < this.#hosts; host++) {
      this.#disks.push(new DiskModel());
      this.#walls.push({ skewMs: chance.between(-10, 10) * MINUTE, setBack: false });
    }
    const count = chance.one([2, 2, 3]);
    for (let n = 1; n <= count; n++) this.#processes.push(this.#started(n % this.#hosts));
  }

  outcome(): Outcome {
    return {
      kind: this.#kind,
      seed: this.#seed,
      violations: this.#checker.violations,
      steps: this.#world.steps,
      calls: this.#platform.calls,
      faults: this.#faults,
      history: this.#world.history,
    };
  }

  async run(): Promise<void> {
    const { store, platform } = this.#rates;
    this.#calm();
    await this.#begin();
    Object.assign(this.#rates, { store, platform });
    const phases = this.#chance.one([1, 2, 2, 3, 3, 4]);
    for (let phase = 0; phase < phases; phase++) await this.#phase(phase);
    await this.#recover();
    if (this.#mishap) throw this.#mishap;
  }

  /** Somebody signs in, or a first ticket comes, while all is well. */
  async #begin(): Promise<void> {
    const first = this.#processes[0] as VirtualProcess;
    if (this.#cast.keep === 'grant') this.#act(first, () => this.#signIn(first));
    if (this.#cast.ticket) this.#push();
    await this.#world.run(this.#world.now + 10_000);
    // What an account that was configured differently has left behind.
    if (this.#chance.happens(0.2)) await this.#store.plant(ORPHAN);
  }

  /** A minute or two at an interesting time: the key is due, or ended, or anything. */
  async #phase(phase: number): Promise<void> {
    const chance = this.#chance;
    const record = this.#store.record(this.#cast.source.key);
    const { now } = this.#world;
    const trueTime = (stored: number | undefined) => (stored === undefined ? undefined : stored - this.#store.skewMs);
    const instants = [
      trueTime(record?.refreshAt),
      trueTime(record?.token?.expiresAt),
      trueTime(record?.attempt.retryAt),
    ]
      .filter((at) => at !== undefined)
      .flatMap((at) => [at - 70_000, at - 10_000, at]);
    const at =
      phase === 0 && chance.happens(0.7) ? now : Math.max(now, chance.one([now + 30_000, ...instants, ...instants]));
    await this.#world.run(at);
    const length = chance.between(20, 120) * 1_000;
    if (this.#cruelty > 0)
      for (let fault = chance.between(0, this.#cruelty); fault > 0; fault--) this.#later(length, () => this.#fault());
    for (let slot = 0; slot < this.#processes.length; slot++) {
      // Together, or each when it likes.
      const together = chance.happens(0.5);
      for (let act = chance.between(1, 4); act > 0; act--)
        this.#later(together ? 50 : length, () => this.#anything(slot));
    }
    if (this.#cast.ticket)
      for (let push = chance.between(0, 2); push > 0; push--) this.#later(length, () => this.#push());
    await this.#world.run(this.#world.now + length + 5_000);
  }

  #later(ms: number, run: () => void): void {
    this.#world.after(this.#chance.between(0, ms), 'the play', run);
  }

  #anything(slot: number): void {
    const process = this.#processes[slot] as VirtualProcess;
    if (!process.alive || process.heldUntil > this.#world.now) return;
    const { manager } = process;
    const { source, keep, ticket } = this.#cast;
    const chance = this.#chance;
    const dice = chance.next();
    if (dice < 0.6) this.#act(process, () => this.#use(process));
    else if (dice < 0.8) this.#act(process, () => manager.refreshDue());
    else if (dice < 0.85) this.#act(process, () => this.#checker.asking(source.key, manager.refresh(source)));
    else if (dice < 0.9) {
      const minValidityMs = chance.between(1, 100) * MINUTE;
      this.#act(process, () => this.#checker.asking(source.key, manager.get(source, { minValidityMs })));
    } else if (this.#cruelty > 0 && dice < 0.93) {
      if (keep === 'grant') this.#act(process, () => this.#signIn(process));
      else if (this.#kind === 'superseding') {
        this.#checker.trouble(source.key);
        this.#platform.supersedeFromOutside(source.key, process);
      }
    } else if (this.#cruelty > 0 && dice < 0.95 && !ticket) this.#act(process, () => this.#forget(process));
    else if (this.#kind === 'rotating') this.#act(process, () => this.#echo(process));
    else this.#act(process, () => this.#use(process));
  }

  /** What a caller does: get the token, use it, and say so if it is refused. */
  async #use(process: VirtualProcess): Promise<Token> {
    const { source } = this.#cast;
    const token = await process.manager.get(source);
    this.#checker.served(process, token);
    if (this.#platform.works(token.value)) return token;
    this.#world.say(process.name, () => `finds ${token.value} dead`);
    const better = await this.#checker.asking(source.key, process.manager.reject(source, token));
    this.#checker.served(process, better);
    return better;
  }

  /** An answer to a business call names the pair that was presented, possibly long ago. */
  async #echo(process: VirtualProcess): Promise<void> {
    const { source } = this.#cast;
    const { value } = await process.manager.get(source);
    const truth = this.#platform.tokens.get(value);
    if (!truth || !this.#platform.works(value)) return;
    const echo: IssuedToken = { value, ...(truth.refreshToken !== undefined && { refreshToken: truth.refreshToken }) };
    await new Promise<void>((resolve) => {
      this.#world.after(this.#chance.between(10, 20_000), `${process.name} echo`, resolve, { actor: process });
    });
    await process.manager.adopt(source, echo, { presented: value });
  }

  async #signIn(process: VirtualProcess): Promise<void> {
    const { source } = this.#cast;
    this.#checker.trouble(source.key);
    const exchange = () =>
      this.#platform.fetchOf(process)('', {
        body: { key: source.key, purpose: 'signIn' } as never,
      }) as unknown as Promise<IssuedToken>;
    // Two exchanges at once have no order unless the key's lease gives them one.
    await process.manager.authorize(source, exchange);
  }

  async #forget(process: VirtualProcess): Promise<void> {
    const { source, keep } = this.#cast;
    this.#checker.trouble(source.key);
    await process.manager.forget(source, { grant: true });
    if (keep === 'grant') await this.#signIn(process);
  }

  #push(): void {
    const { ticket } = this.#cast;
    if (!ticket) return;
    const order = Math.floor(this.#world.now / 1_000);
    const value = `P${this.#tickets.length + 1}`;
    this.#tickets.push(value);
    this.#checker.trouble(this.#cast.source.key);
    this.#world.say('platform', () => `pushes ${value}`);
    const deliveries = this.#cruelty > 0 && this.#chance.happens(0.3) ? 2 : 1;
    for (let n = 0; n < deliveries; n++) {
      const delay = this.#cruelty > 0 ? this.#chance.one([20, 2_000, 30_000]) : 20;
      this.#world.after(delay, `push ${value}`, () => {
        const awake = this.#processes.filter((process) => process.alive && process.heldUntil <= this.#world.now);
        const process = awake.length > 0 ? this.#chance.one(awake) : undefined;
        if (process) this.#act(process, () => process.manager.adopt(ticket, { value }, { order }));
      });
    }
  }

  #fault(): void {
    const chance = this.#chance;
    const process = chance.one(this.#processes);
    const slot = this.#processes.indexOf(process);
    this.#faults++;
    this.#checker.trouble(this.#cast.source.key);
    const faults: Record<string, () => void> = {
      crash: () => {
        process.crash();
        this.#later(60_000, () => this.#restart(slot));
      },
      doom: () => {
        process.doom(chance.between(0, 8));
        this.#later(120_000, () => this.#restart(slot));
      },
      stop: () => process.stop(chance.between(1, 90) * 1_000),
      nap: () => process.nap(chance.between(0, 8), chance.between(15, 60) * 1_000),
      sleep: () => process.sleep(chance.between(1, 90) * 1_000),
      step: () => process.step(chance.one([-3_600_000, -600_000, -10_000, -700, 700, 10_000, 600_000])),
      empty: () => {
        // Only what can be had again may be lost by a store.
        if (this.#cast.keep === 'obtainable' && !this.#cast.ticket) this.#store.empty();
      },
      store: () => this.#outage(this.#store, chance.one(['refusing', 'silent'] as const), 'none'),
      platform: () => {
        const bad = chance.one(['busy', 'unreachable', 'silentAfter', 'lostAfter'] as const);
        this.#outage(this.#platform, bad, undefined);
      },
    };
    faults[chance.one([...Object.keys(faults), 'doom', 'nap'])]?.();
  }

  #outage<State>(of: { outage: State }, bad: State, good: State): void {
    of.outage = bad;
    this.#world.say(of === (this.#store as unknown) ? 'store' : 'platform', () => `is ${bad}`);
    this.#world.after(this.#chance.between(1, 60) * 1_000, 'all is well', () => {
      of.outage = good;
      this.#checker.trouble(this.#cast.source.key);
      this.#world.say(of === (this.#store as unknown) ? 'store' : 'platform', () => 'is back');
    });
  }

  #requestFate(): RequestFate {
    const chance = this.#chance;
    if (!chance.happens(this.#rates.platform)) return 'well';
    this.#faults++;
    const fate = chance.one([
      'unreachable',
      'lostBefore',
      'lostAfter',
      'silentBefore',
      'silentAfter',
      'busy',
      'half',
      'late',
      'later',
    ] as const);
    if (fate === 'late') return { late: chance.between(5_000, 19_000) };
    return fate === 'later' ? { late: chance.between(21_000, 90_000) } : fate;
  }

  #restart(slot: number): void {
    const old = this.#processes[slot] as VirtualProcess;
    if (old.alive) return;
    // On the machine of the one before: what that has left in its journal comes home.
    const process = this.#started((slot + 1) % this.#hosts);
    this.#processes[slot] = process;
    this.#act(process, () => process.manager.start());
  }

  #started(host: number): VirtualProcess {
    const { account } = this.#cast;
    const disk = this.#disks[host] as DiskModel;
    const process: VirtualProcess = new VirtualProcess(this.#world, {
      name: `p${++this.#incarnations}@${host}`,
      account,
      store: this.#store,
      platform: this.#platform,
      random: this.#chance.next,
      wall: this.#walls[host] as WallClock,
      ...(this.#journalled && { journal: journalOf(this.#world, disk, () => process, this.#platform) }),
    });
    process.onStop = (ms) => {
      this.#checker.trouble(this.#cast.source.key);
      this.#world.after(ms, 'it goes on', () => this.#checker.trouble(this.#cast.source.key));
    };
    process.onCrash = () => {
      this.#checker.trouble(this.#cast.source.key);
      for (const truth of this.#platform.tokens.values())
        if (truth.to === process && !truth.saved) truth.excuse ??= `${process.name} was killed before its first write`;
    };
    return process;
  }

  /** Starts something in a process that nobody waits for. Only errors of our own family may come of it. */
  #act(process: VirtualProcess, work: () => Promise<unknown>): void {
    work().catch((error: unknown) => {
      if (!(error instanceof TokenError)) this.#mishap ??= error;
      this.#world.say(process.name, () => `gets ${(error as TokenError).code}: ${(error as Error).message}`);
    });
  }

  #calm(): void {
    this.#rates.store = 0;
    this.#rates.platform = 0;
  }

  /** The faults are over: everything must be well again within a stated time. */
  async #recover(): Promise<void> {
    const { source } = this.#cast;
    await this.#world.run(this.#world.now + 120_000);
    this.#calm();
    this.#store.outage = 'none';
    this.#platform.outage = undefined;
    this.#checker.trouble(source.key);
    for (const [slot, process] of this.#processes.entries()) {
      process.doom(Number.POSITIVE_INFINITY);
      if (!process.alive) this.#restart(slot);
    }
    this.#world.say('the play', () => 'all faults are over');
    const from = this.#world.now;
    for (let round = 0; ; round++) {
      if (round % 4 === 0) this.#push();
      await this.#world.run(this.#world.now + ROUND_MS);
      const got = new Map<VirtualProcess, unknown>();
      for (const [slot, process] of this.#processes.entries()) {
        if (round === 0 || round % this.#processes.length === slot)
          this.#act(process, () => process.manager.refreshDue());
        this.#act(process, () =>
          this.#use(process).then(
            (token) => got.set(process, token),
            (error) => got.set(process, error),
          ),
        );
      }
      await this.#world.run(this.#world.now + 30_000);
      const well = [...got.values()].filter((token) => this.#platform.works((token as Token)?.value));
      const state = this.#store.record(source.key)?.attempt.state;
      // What waits for a person waits on.
      const waits = this.#cast.keep === 'grant' && (state === 'reauthorize' || state === 'gone');
      const done = round >= 1 && (waits || well.length === this.#processes.length);
      const limit = state === 'contested' || state === 'repeated' ? BREAKER_MS : RECOVERY_MS;
      if (!done && this.#world.now - from < limit) continue;
      this.#checker.settledWell(source.key, this.#processes, got);
      this.#checker.orphan(ORPHAN);
      return;
    }
  }
}
