import { setTimeout } from 'node:timers/promises';
import { type RefreshReport, TokenManager, type TokenStore } from '@evertoken/core';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { type NextEngineClient, nextEngineApp } from '../../src/index.js';
import { FarStore, isAnythingUnderWay, Machine } from './machine.js';
import { PatientClock, quiet } from './patient-clock.js';
import { DAY_MS, type Happening, MINUTE_MS, planYear, START, seeded } from './plan.js';

const APP = { clientId: 'year', clientSecret: 'a-years-secret' };
/** How often the application sweeps; a sweep that has nothing due is left out. */
const SWEEP_MS = 5 * MINUTE_MS;

export interface YearOptions {
  readonly seed: number;
  readonly users: number;
  readonly days: number;
  /** What keeps the pairs, by the year's clock. */
  readonly makeStore: (clock: PatientClock) => TokenStore;
}

/** How a year went. */
export interface YearReport {
  /** Users of whom the platform and the store hold different pairs. */
  readonly lost: readonly string[];
  /** Users whom the manager once said to have to sign in again. */
  readonly askedToSignIn: readonly string[];
  readonly states: Readonly<Record<string, number>>;
  /** By user. */
  readonly signIns: readonly number[];
  readonly renewals: readonly number[];
  /** Calls that renew or try to, by month of 30.4 days, per user. */
  readonly monthlyCalls: readonly number[];
  readonly sweeps: number;
  readonly restarts: number;
  /** Business calls by what they ended with. */
  readonly business: Readonly<Record<string, number>>;
}

interface Process {
  readonly machine: Machine;
  readonly tokens: TokenManager;
  readonly client: NextEngineClient;
}

/** Plays a year of an application with that many users. */
export async function playYear(options: YearOptions): Promise<YearReport> {
  const clock = new PatientClock(START);
  const users = Array.from({ length: options.users }, (_, index) => ({
    uid: `user-${index}`,
    companyId: `company-${index % 7}`,
  }));
  const sandbox = await createSandbox({ clock, nextengine: [{ ...APP, users }] });
  try {
    return await new Year(options, clock, sandbox).play();
  } finally {
    await sandbox.close();
  }
}

class Year {
  readonly #options: YearOptions;
  readonly #clock: PatientClock;
  readonly #sandbox: Sandbox;
  readonly #store: TokenStore;
  readonly #far: FarStore;
  readonly #asked = new Set<string>();
  readonly #business = new Map<string, number>();
  #process: Process;
  #started = 0;
  #sweeps = 0;
  #attempts = 0;
  #monthly: number[] = [];

  constructor(options: YearOptions, clock: PatientClock, sandbox: Sandbox) {
    this.#options = options;
    this.#clock = clock;
    this.#sandbox = sandbox;
    this.#store = options.makeStore(clock);
    this.#far = new FarStore(this.#store);
    this.#process = this.#boot();
  }

  async play(): Promise<YearReport> {
    const { seed, users, days } = this.#options;
    const end = START + days * DAY_MS;
    for (let index = 0; index < users; index++) await this.#signIn(`user-${index}`);
    await this.#process.tokens.refreshDue();
    const plan = planYear(seed, { users, days });
    for (let next = plan.shift(); ; ) {
      const sweepAt = await this.#nextSweepAt();
      const at = Math.min(next?.at ?? end, sweepAt, end);
      await this.#clock.moveTo(at);
      this.#countMonth();
      if (at >= end) break;
      if (next && next.at <= sweepAt) {
        await this.#let(next);
        next = plan.shift();
      } else await this.#sweep();
    }
    await this.#passed(this.#process.tokens.close());
    return this.#report();
  }

  /** The next beat of the schedule at which something is due; what is overdue waits for the next one. */
  async #nextSweepAt(): Promise<number> {
    const now = this.#clock.now();
    let due = Number.POSITIVE_INFINITY;
    for (let cursor: string | undefined; ; ) {
      const page = await this.#store.list({}, { limit: 1_000, ...(cursor !== undefined && { cursor }) });
      for (const { refreshAt } of page.records) due = Math.min(due, refreshAt ?? due);
      cursor = page.cursor;
      if (cursor === undefined) break;
    }
    return START + Math.ceil((Math.max(due, now + 1) - START) / SWEEP_MS) * SWEEP_MS;
  }

  async #let(happening: Happening): Promise<void> {
    const { nextengine } = this.#sandbox;
    switch (happening.kind) {
      case 'call':
        return this.#call(`user-${happening.user}`);
      case 'restart':
        return this.#restart(happening.how, happening.requests);
      case 'maintenance':
        return nextengine.configure(APP.clientId, { maintenance: happening.code });
      case 'overload':
        return nextengine.configure(APP.clientId, { overload: happening.code });
      case 'outage':
        return this.#outage(happening.lastsMs, happening.midSweep);
      case 'trouble': {
        const { fault, count } = happening;
        const rule = fault === 'status' || fault === 'html' ? { kind: fault } : { kind: 'code' as const, code: fault };
        return this.#sandbox.fault({ ...rule, count });
      }
    }
  }

  /** The store goes away for hours; `midSweep`: while answers are on their way to it. */
  async #outage(lastsMs: number, midSweep: boolean): Promise<void> {
    const { machine, tokens } = this.#process;
    let sweeping: Promise<unknown> | undefined;
    machine.onAnswer = () => {
      this.#far.isAway = true;
    };
    while (midSweep && !this.#far.isAway) {
      await this.#clock.moveTo(await this.#nextSweepAt());
      sweeping = tokens.refreshDue().catch(() => undefined);
      await quiet();
    }
    machine.onAnswer = undefined;
    this.#far.isAway = true;
    const until = this.#clock.now() + lastsMs;
    while (this.#clock.now() + SWEEP_MS < until) {
      await this.#clock.moveTo(this.#clock.now() + SWEEP_MS);
      await this.#sweep();
    }
    this.#far.isAway = false;
    if (sweeping) await this.#passed(sweeping);
  }

  async #restart(how: 'close' | 'abandon' | 'midSweep', requests: number): Promise<void> {
    const { machine, tokens } = this.#process;
    if (how === 'close') await this.#passed(tokens.close());
    if (how === 'midSweep') {
      await this.#clock.moveTo(await this.#nextSweepAt());
      machine.dieAfter(requests);
      tokens.refreshDue().catch(() => {});
      await quiet();
    }
    machine.isDead = true;
    this.#process = this.#boot();
  }

  async #sweep(): Promise<void> {
    this.#sweeps++;
    await this.#passed(this.#process.tokens.refreshDue().catch((): RefreshReport | undefined => undefined));
  }

  async #call(uid: string): Promise<void> {
    const search = { fields: 'receive_order_id', limit: 1 };
    const calling = this.#process.client.user(uid).call('/api_v1_receiveorder_base/search', search, { retries: 0 });
    let end = 'ok';
    await this.#passed(
      calling.catch((error: { code?: string }) => {
        end = error.code ?? String(error);
      }),
    );
    this.#business.set(end, (this.#business.get(end) ?? 0) + 1);
  }

  async #signIn(uid: string): Promise<void> {
    const { client } = this.#process;
    const { state } = this.#sandbox.nextengine.signIn(APP.clientId, uid);
    await client.exchange({ uid, state, binding: client.signIn().binding });
  }

  /** A process of the application comes up, on what the ones before it have stored. */
  #boot(): Process {
    const { nextengineApi: api, nextengineBase: base } = this.#sandbox.urls;
    const machine = new Machine();
    const random = seeded(this.#options.seed * 1_000 + this.#started++);
    const clock = this.#clock;
    const quota = { freeCallsPerMonth: 1_000_000 };
    const app = { ...APP, name: 'erp', baseUrls: { api, base }, fetch: machine.fetch, clock, random, quota };
    const erp = nextEngineApp(app);
    const store = this.#far.for(machine);
    const tokens = new TokenManager({ accounts: [erp], store, clock, random, allowVolatileGrants: true });
    tokens.on('reauthorize', ({ subject }) => this.#asked.add(subject ?? ''));
    return { machine, tokens, client: erp.client(tokens) };
  }

  /** Waits for work; time passes where the work waits for it, and not while the platform is asked. */
  async #passed<Value>(work: Promise<Value>): Promise<Value> {
    let done = false;
    const ended = work.finally(() => {
      done = true;
    });
    ended.catch(() => {});
    for (;;) {
      await quiet(() => done);
      // A machine that is slow must not look like work that waits for the time.
      if (!done) await setTimeout(5);
      if (done) return ended;
      if (!isAnythingUnderWay()) await this.#clock.moveTo(this.#clock.now() + 500);
    }
  }

  #countMonth(): void {
    const month = Math.floor((this.#clock.now() - START) / ((365 / 12) * DAY_MS));
    while (this.#monthly.length < month) {
      const { calls } = this.#attemptsSoFar();
      this.#monthly.push((calls - this.#attempts) / this.#options.users);
      this.#attempts = calls;
    }
  }

  #attemptsSoFar(): { calls: number } {
    const [usage] = this.#sandbox.nextengine.usage(APP.clientId);
    const byUsers = (usage?.months ?? []).flatMap(({ users }) => Object.values(users));
    const business = [...this.#business.values()].reduce((sum, count) => sum + count, 0);
    return { calls: byUsers.reduce((sum, count) => sum + count, 0) - business };
  }

  async #report(): Promise<YearReport> {
    const users = this.#sandbox.state().nextengine[0]?.users ?? [];
    const { records } = await this.#store.list({}, { limit: 10_000 });
    const stored = new Set(records.map(({ token }) => `${token?.value} ${token?.refreshToken}`));
    const lost = users.filter(({ uid }) => {
      const latest = this.#sandbox.nextengine.currentPair(APP.clientId, uid);
      return !stored.has(`${latest?.accessToken} ${latest?.refreshToken}`);
    });
    const states: Record<string, number> = {};
    for (const { attempt } of records) states[attempt.state] = (states[attempt.state] ?? 0) + 1;
    return {
      lost: lost.map(({ uid }) => uid),
      askedToSignIn: [...this.#asked],
      states,
      signIns: users.map(({ signIns }) => signIns),
      renewals: users.map(({ renewals }) => renewals),
      monthlyCalls: this.#monthly,
      sweeps: this.#sweeps,
      restarts: this.#started - 1,
      business: Object.fromEntries(this.#business),
    };
  }
}
