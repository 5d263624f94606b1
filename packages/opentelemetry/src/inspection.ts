import { type Clock, type EpochMs, type KeyFilter, systemClock, type TokenStatus } from '@evertoken/core';
import type { KeyNames } from './labels.js';

/** How often the stores are looked through for the gauges, and how long a collection waits for that. */
export interface InspectionOptions {
  /**
   * How old the result of the last look may be, ms: collections within that time share it. Default 10 s; ten times as long as
   * the look took, where that is more, so that a large store is looked through less often. 0: each collection looks anew.
   */
  readonly maxAgeMs?: number;
  /** How long a collection waits for a look, ms: it then shows the last result, and the look goes on for the next one. Default 2 s. */
  readonly timeoutMs?: number;
  /** Account names that are looked at. Default: all. */
  readonly accounts?: readonly string[];
  /** Kinds that are looked at. Default: all. */
  readonly kinds?: readonly string[];
}

/** What is stored of one kind of one account, or of those that go by one name, whoever's tokens they are. */
export interface KindSummary extends KeyNames {
  /** Keys by state. */
  readonly states: Map<TokenStatus['state'], number>;
  /** The end of the token that ends first, of those that are kept. */
  endsAt?: EpochMs;
  /** The end of the grant that ends first, of those that are kept. */
  grantEndsAt?: EpochMs;
}

/** What all processes together have counted. */
export interface Counted {
  readonly month: string;
  readonly calls: number;
}

/** The result of one look through the stores. */
export interface Summary {
  readonly kinds: readonly KindSummary[];
  /** Counts that processes keep, by account and kind. */
  readonly counts: ReadonlyMap<string, Counted>;
  /** When it was complete. */
  readonly at: { readonly wall: EpochMs; readonly monotonic: number };
  readonly tookMs: number;
}

/** Of the time between looks, how much a look may take: of 100,000 keys it takes many seconds. */
const SHARE = 0.1;
/** 10 ms: longest stretch of a look before others get their turn. Stores in memory and SQLite answer without giving them one. */
const TURN_MS = 10;

export const INSPECTION_DEFAULTS = Object.freeze({
  /** 10 s: several readers and a page that polls cost one look together, and no alert is that quick. */
  maxAgeMs: 10_000,
  /** 2 s: what a store is given for one answer, and far within any scraper's patience. */
  timeoutMs: 2_000,
});

/** Looks through a manager's stores when asked, one look at a time, and remembers what it saw. */
export class Inspection {
  readonly #inspect: (filter: KeyFilter) => AsyncIterable<TokenStatus>;
  readonly #accountOf: (account: string) => string;
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly #options: InspectionOptions;
  readonly #maxAgeMs: number;
  readonly #timeoutMs: number;
  #last: Summary | undefined;
  #running: Promise<void> | undefined;

  constructor(
    inspect: (filter: KeyFilter) => AsyncIterable<TokenStatus>,
    {
      clock,
      accountOf,
      options,
    }: {
      readonly clock: Pick<Clock, 'now' | 'monotonic'>;
      readonly accountOf: (account: string) => string;
      readonly options: InspectionOptions;
    },
  ) {
    this.#accountOf = accountOf;
    this.#inspect = inspect;
    this.#clock = clock;
    this.#options = options;
    this.#maxAgeMs = options.maxAgeMs ?? INSPECTION_DEFAULTS.maxAgeMs;
    this.#timeoutMs = options.timeoutMs ?? INSPECTION_DEFAULTS.timeoutMs;
  }

  /** What the last look saw; a new one where that is too old. Undefined before the first that succeeded. Never rejects. */
  async summary(): Promise<Summary | undefined> {
    if (this.#last && !this.#isOld(this.#last)) return this.#last;
    this.#running ??= this.#look().finally(() => {
      this.#running = undefined;
    });
    let cancel = () => {};
    // Real time, whatever the manager's clock: a scraper waits.
    const timeout = new Promise<void>((resolve) => {
      cancel = systemClock.after(this.#timeoutMs, resolve);
    });
    await Promise.race([this.#running, timeout]);
    cancel();
    return this.#last;
  }

  /** Since a look was complete, ms: after a step of the wall clock that much, too. */
  ageMs({ at }: Summary): number {
    return Math.max(this.#clock.monotonic() - at.monotonic, Math.abs(this.#clock.now() - at.wall));
  }

  #isOld(summary: Summary): boolean {
    return this.#maxAgeMs === 0 || this.ageMs(summary) >= Math.max(this.#maxAgeMs, summary.tookMs / SHARE);
  }

  async #look(): Promise<void> {
    const kinds = new Map<string, KindSummary>();
    const counts = new Map<string, Counted>();
    const { accounts, kinds: only } = this.#options;
    const startedAt = systemClock.monotonic();
    let turnAt = startedAt;
    try {
      for await (const status of this.#inspect({ ...(accounts && { accounts }), ...(only && { kinds: only }) })) {
        if (systemClock.monotonic() - turnAt > TURN_MS) {
          await new Promise((resolve) => setImmediate(resolve));
          turnAt = systemClock.monotonic();
        }
        const { platform, kind } = status;
        const account = this.#accountOf(status.account);
        const id = `${account}\n${platform}\n${kind}`;
        let summary = kinds.get(id);
        if (!summary) {
          summary = { account, platform, kind, states: new Map() };
          kinds.set(id, summary);
        }
        add(summary, status);
        const { month, calls } = status.extra ?? {};
        if (typeof month === 'string' && typeof calls === 'number')
          counts.set(`${status.account}\n${kind}`, { month, calls });
      }
      this.#last = {
        kinds: [...kinds.values()],
        counts,
        at: { wall: this.#clock.now(), monotonic: this.#clock.monotonic() },
        tookMs: systemClock.monotonic() - startedAt,
      };
    } catch {
      // A store that is away: what was seen last is shown on, and its age with it.
    }
  }
}

function add(summary: KindSummary, { state, expiresAt, refreshTokenExpiresAt }: TokenStatus): void {
  summary.states.set(state, (summary.states.get(state) ?? 0) + 1);
  // A key that waits for a person is counted; its ends, long past, would hide those that matter.
  if (state !== 'reauthorize' && state !== 'gone') {
    if (expiresAt !== undefined) summary.endsAt = Math.min(summary.endsAt ?? expiresAt, expiresAt);
    if (refreshTokenExpiresAt !== undefined)
      summary.grantEndsAt = Math.min(summary.grantEndsAt ?? refreshTokenExpiresAt, refreshTokenExpiresAt);
  }
}
