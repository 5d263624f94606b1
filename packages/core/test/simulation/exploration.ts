import type { Token } from '../../src/index.js';
import { castOf, type Kind } from './cast.js';
import { Checker, type Violation } from './checker.js';
import { PlatformModel, type RequestFate } from './platform-model.js';
import { VirtualProcess } from './process-model.js';
import { type Fate, StoreModel } from './store-model.js';
import { type Happening, World } from './world.js';

/** What came of an exploration. */
export interface Explored {
  readonly kind: Kind;
  readonly faults: number;
  /** Ways taken to their end, and those left because they led to a state seen before. */
  readonly ends: number;
  readonly known: number;
  readonly states: number;
  readonly violations: readonly (Violation & { readonly path: readonly number[] })[];
  readonly history: readonly string[] | undefined;
}

const STORE_FATES: readonly Fate[] = ['well', 'lostBefore', 'lostAfter', 'silentAfter'];
const REQUEST_FATES: readonly RequestFate[] = ['well', 'lostBefore', 'lostAfter', 'half', { late: 15_000 }];
const LIFETIME = 7_200_000;
/** Longer than a lease. */
const STOP_MS = 45_000;
const ROUND_MS = 150_000;
const ROUNDS = 12;

/**
 * Takes every way two processes can take over one expiry of one key: which call reaches the store or the platform next, and
 * where up to `faults` faults strike (a call or its answer lost, an answer late or halved, a process killed, or stopped past its
 * lease). Each way is played from the start, and left where it comes to a state of the world that was seen before.
 */
export async function explore(kind: Kind, faults: number, only?: readonly number[]): Promise<Explored> {
  const seen = new Set<string>();
  const violations: (Violation & { readonly path: readonly number[] })[] = [];
  const sum = { ends: 0, known: 0 };
  let path: number[] | undefined = [...(only ?? [])];
  let history: readonly string[] | undefined;
  while (path) {
    const way: Way = new Way(kind, { faults, path, seen: only ? undefined : seen, logged: only !== undefined });
    await way.run();
    if (way.left) sum.known++;
    else sum.ends++;
    for (const violation of way.violations) violations.push({ ...violation, path: way.path });
    history = way.history;
    path = only || violations.length > 20 ? undefined : way.next();
  }
  return { kind, faults, ...sum, states: seen.size, violations, history };
}

/** One way: choices by number, the ones of `path` first and 0 from there on. */
class Way {
  readonly path: number[];
  /** How many choices there were at each point of the path. */
  readonly #widths: number[] = [];
  readonly #given: number;
  readonly #seen: Set<string> | undefined;
  readonly #world: World;
  readonly #store: StoreModel;
  readonly #platform: PlatformModel;
  readonly #checker: Checker;
  readonly #processes: VirtualProcess[] = [];
  readonly #cast: ReturnType<typeof castOf>;
  /** What each process has been told so far: that, and nothing else, decides what it does next. */
  readonly #told = new Map<string, number>();
  #faultsLeft: number;
  /** What is happening, and the choices made in it so far: they tell its choices apart. */
  #step = '';
  #stepFrom = 0;
  #choosing = false;
  left = false;

  constructor(
    kind: Kind,
    { faults, path, seen, logged }: { faults: number; path: number[]; seen: Set<string> | undefined; logged: boolean },
  ) {
    this.path = path;
    this.#given = path.length;
    this.#seen = seen;
    this.#faultsLeft = faults;
    this.#world = new World({ pick: (waiting) => this.#pick(waiting), logged, detailed: true });
    this.#world.onHappening = ({ actor, what, content }) => {
      this.#step = `${what} ${content ?? ''}`;
      this.#stepFrom = this.#widths.length;
      if (actor)
        this.#told.set(
          actor.name,
          hashed(`${this.#told.get(actor.name) ?? 0} ${this.#world.now} ${what} ${content ?? ''}`),
        );
    };
    this.#store = new StoreModel(this.#world, { fate: () => this.#faulty(STORE_FATES) ?? 'well', latency: () => 0 });
    this.#platform = new PlatformModel(
      this.#world,
      {
        issuance: kind === 'pushed' ? 'superseding' : kind,
        lifetimeMs: LIFETIME,
        overlapMs: kind === 'idempotent' ? LIFETIME : 0,
        graceMs: 0,
        refreshLifetimeMs: 3 * LIFETIME,
        reusableRefresh: false,
      },
      { fate: () => this.#faulty(REQUEST_FATES) ?? 'well', latency: () => 0 },
    );
    this.#checker = new Checker(this.#store, this.#platform);
    this.#cast = castOf(this.#platform.traits, false);
    for (const name of ['p1', 'p2']) this.#processes.push(this.#started(name));
  }

  get violations(): readonly Violation[] {
    return this.#checker.violations;
  }

  get history(): readonly string[] | undefined {
    return this.#world.history;
  }

  async run(): Promise<void> {
    const { source, keep } = this.#cast;
    const [first] = this.#processes as [VirtualProcess, VirtualProcess];
    const signIn = () =>
      this.#platform.fetchOf(first)('', {
        body: { key: source.key, purpose: 'signIn' } as never,
      }) as unknown as Promise<never>;
    this.#do(keep === 'grant' ? first.manager.authorize(source, signIn) : first.manager.get(source));
    await this.#world.run(this.#world.now + 1_000);
    for (const { manager } of this.#processes) this.#do(manager.get(source));
    await this.#world.run(this.#world.now + 1_000);
    // Both come at the instant the token ends.
    await this.#world.run((this.#platform.current(source.key)?.expiresAt ?? 0) + 1);
    this.#choosing = true;
    for (const process of this.#processes) this.#do(this.#use(process));
    await this.#world.run(this.#world.now + 120_000);
    if (!this.left) await this.#recover();
  }

  /** The path that differs from this one as late as possible. */
  next(): number[] | undefined {
    for (let at = this.#widths.length - 1; at >= 0; at--) {
      const choice = this.path[at] as number;
      if (choice + 1 < (this.#widths[at] as number)) return [...this.path.slice(0, at), choice + 1];
    }
    return undefined;
  }

  async #use(process: VirtualProcess): Promise<Token> {
    const { source } = this.#cast;
    const token = await process.manager.get(source);
    this.#checker.served(process, token);
    if (this.#platform.works(token.value)) return token;
    return this.#checker.asking(source.key, process.manager.reject(source, token));
  }

  async #recover(): Promise<void> {
    this.#choosing = false;
    this.#checker.trouble(this.#cast.source.key);
    for (const [slot, process] of this.#processes.entries()) {
      if (process.alive) continue;
      this.#processes[slot] = this.#started(`${process.name}'`);
    }
    const got = new Map<VirtualProcess, unknown>();
    for (let round = 0; round < ROUNDS; round++) {
      got.clear();
      for (const process of this.#processes)
        this.#do(
          this.#use(process).then(
            (token) => got.set(process, token),
            (error) => got.set(process, error),
          ),
        );
      await this.#world.run(this.#world.now + ROUND_MS);
      if (
        [...got.values()].filter((token) => this.#platform.works((token as Token)?.value)).length ===
        this.#processes.length
      )
        break;
    }
    this.#checker.settledWell(this.#cast.source.key, this.#processes, got);
  }

  #started(name: string): VirtualProcess {
    const process: VirtualProcess = new VirtualProcess(this.#world, {
      name,
      account: this.#cast.account,
      store: this.#store,
      platform: this.#platform,
      random: () => 0.5,
    });
    process.onCrash = () => {
      this.#checker.trouble();
      for (const truth of this.#platform.tokens.values())
        if (truth.to === process && !truth.saved) truth.excuse ??= `${name} was killed before its first write`;
    };
    process.onReach = () => {
      const strike = this.#faulty(['on', 'crash', 'stop'] as const);
      if (strike === 'crash') process.crash();
      if (strike === 'stop') process.stop(STOP_MS);
    };
    return process;
  }

  /** One of the possibilities, the first of which is no fault. */
  #faulty<Possibility>(of: readonly Possibility[]): Possibility | undefined {
    if (!this.#choosing || this.#faultsLeft === 0) return of[0];
    const choice = this.#choose(of.length);
    if (choice > 0) {
      this.#faultsLeft--;
      this.#checker.trouble(this.#cast.source.key);
    }
    return of[choice];
  }

  /** Answers to one process alone commute with everything else; only calls to what all share are worth an order. */
  #pick(waiting: readonly Happening[]): number {
    if (!this.#choosing) return 0;
    const open = waiting.flatMap((happening, index) =>
      happening.kind === 'timer' || happening.cancelled ? [] : [index],
    );
    const answer = open.find(
      (index) => waiting[index]?.kind === 'answer' && (waiting[index]?.actor?.heldUntil ?? 0) <= this.#world.now,
    );
    if (answer !== undefined) return answer;
    const calls = open.filter((index) => waiting[index]?.kind === 'call');
    if (calls.length === 0) return 0;
    return calls[this.#choose(calls.length, waiting)] as number;
  }

  #choose(width: number, waiting: readonly Happening[] = this.#world.waiting): number {
    const at = this.#widths.length;
    this.#widths.push(width);
    if (at < this.#given) return this.path[at] as number;
    if (this.left) return 0;
    if (this.#seen && at > this.#given) {
      const state = this.#state(waiting);
      if (this.#seen.has(state)) {
        this.left = true;
        this.#choosing = false;
        this.#widths.pop();
        return 0;
      }
      this.#seen.add(state);
    }
    this.path[at] = 0;
    return 0;
  }

  #state(waiting: readonly Happening[]): string {
    const { key } = this.#cast.source;
    const current = this.#platform.current(key);
    const text = [
      this.#step,
      this.path.slice(this.#stepFrom, this.#widths.length - 1).join(),
      this.#faultsLeft,
      this.#world.now,
      JSON.stringify(this.#store.record(key)),
      current?.number,
      current?.saved,
      this.#platform.tokens.size,
      ...this.#processes.map((process) => `${process.alive} ${process.heldUntil} ${this.#told.get(process.name)}`),
      ...waiting
        .filter(({ cancelled, actor }) => !cancelled && actor?.alive !== false)
        .map(({ at, what, content }) => `${at} ${what} ${content ?? ''}`),
    ].join('\n');
    return `${hashed(text)} ${hashed(`again ${text}`)}`;
  }

  #do(work: Promise<unknown>): void {
    work.catch((error: Error) => this.#world.say('somebody', () => `gets ${error.message}`));
  }
}

/** FNV-1a, 32 bits. */
function hashed(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
