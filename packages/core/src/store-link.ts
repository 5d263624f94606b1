import { DEFAULTS } from './defaults.js';
import type { ElapsedClock } from './elapsed.js';
import { TokenError, withoutUrls } from './errors.js';
import type { TokenKey } from './key.js';
import { elapsedSince, type Moment } from './moment.js';
import type { Registered } from './registry.js';
import { StepsBack } from './steps-back.js';
import type { TokenRecord } from './store/record.js';
import type { StoreTraits, TokenStore } from './store/store.js';
import type { EpochMs } from './token.js';

/** How long a measured clock offset is believed over a slower, newer one that does not contradict it, ms. */
const OFFSET_MEMORY_MS = 5 * 60_000;
/** An offset that changes by more than this has not been measured better: a clock was stepped, ms. */
const STEP_MS = 1_000;
/** How finely clocks are read, ms. */
const READING_MS = 1;

/** An answer that carries the store's time: of one key, of due keys, or of many records. */
interface Timed {
  readonly now: EpochMs;
  readonly record?: TokenRecord;
  readonly records?: readonly TokenRecord[];
  readonly keys?: readonly { readonly record?: TokenRecord }[];
}

/** Throws what the gate refuses: of all accounts, or of those that came later. */
type Check = (traits: StoreTraits, added?: Iterable<Registered>) => void;

/**
 * One manager's way to one store: opens it once, limits every call in time, turns its failures into `ERR_TOKEN_STORE`, and
 * knows the difference between its clock and ours.
 */
export class StoreLink {
  readonly store: TokenStore;
  readonly #clock: ElapsedClock;
  readonly #timeoutMs: number;
  readonly #check: Check;
  readonly #onOpen: () => void;
  #opening: Promise<StoreTraits> | undefined;
  #traits: StoreTraits | undefined;
  readonly #stepsBack = new StepsBack();
  #offsetMs = 0;
  #offsetRoundTripMs = Number.POSITIVE_INFINITY;
  #offsetAt = Number.NEGATIVE_INFINITY;
  #steppedAt = Number.NEGATIVE_INFINITY;

  /** `check` looks at what the store promises and throws what the gate refuses; `onOpen` is called once it has passed. */
  constructor(
    store: TokenStore,
    options: { clock: ElapsedClock; timeoutMs: number; check: Check; onOpen: () => void },
  ) {
    this.store = store;
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs;
    this.#check = options.check;
    this.#onOpen = options.onOpen;
  }

  /** Whether the store is open and has passed the gate. */
  get ready(): boolean {
    return this.#traits !== undefined;
  }

  /** What the open store says of its writes; undefined before. */
  get durable(): StoreTraits['durable'] | undefined {
    return this.#traits?.durable;
  }

  /** Opens the store, once; a failure is forgotten, so that the next caller tries again. */
  async open(): Promise<void> {
    if (this.#traits) return;
    this.#opening ??= this.#limited('open', () => this.store.open(), Math.max(DEFAULTS.openTimeoutMs, this.#timeoutMs));
    const opening = this.#opening;
    try {
      const traits = await opening;
      this.#check(traits);
      if (!this.#traits) this.#onOpen();
      this.#traits = traits;
    } finally {
      if (this.#opening === opening) this.#opening = undefined;
    }
  }

  /** Looks again at what the open store promises, for an account that was added. */
  recheck(added: Registered): void {
    if (this.#traits) this.#check(this.#traits, [added]);
  }

  /** One call of the store, opened before, limited in time. */
  async call<Answer>(what: string, operation: (store: TokenStore) => Promise<Answer>): Promise<Answer> {
    await this.#opened();
    const answer = await this.#limited(what, () => operation(this.store));
    return isRecord(answer) ? this.#broughtOver(answer) : answer;
  }

  /** A call that changes nothing and whose answer carries the store's time: measures the offset on the way. */
  async timed<Answer extends Timed>(what: string, operation: (store: TokenStore) => Promise<Answer>): Promise<Answer> {
    // Not on the way: what opening takes would be taken for a slow answer.
    await this.#opened();
    for (let again = false; ; again = true) {
      const [before, sentAt] = [this.#clock.now(), this.#clock.monotonic()];
      const answer = await this.#limited(what, () => operation(this.store));
      const [after, arrivedAt] = [this.#clock.now(), this.#clock.monotonic()];
      // Nobody waits that long: the clock was stepped or the machine asleep meanwhile, and when this was true is unknown.
      if (after - before > 2 * this.#timeoutMs && !again) continue;
      this.#measure(answer.now, before, after);
      this.#stepsBack.observe(answer.now, { sentAt, arrivedAt });
      return this.#allBroughtOver(answer);
    }
  }

  read(key: TokenKey) {
    return this.timed('read', (store) => store.read(key));
  }

  /** Whether the difference between the two clocks is known. */
  get timedOnce(): boolean {
    return this.#offsetAt > Number.NEGATIVE_INFINITY;
  }

  /** When one of the two clocks was last found to be stepped, our time: what was taken over from the store before may be off by the step. */
  get steppedAt(): EpochMs {
    return this.#steppedAt;
  }

  /** The store's time now. */
  now(): EpochMs {
    return this.#clock.now() + this.#offsetMs;
  }

  /** This instant, to be told in the store's time later. */
  moment(): Moment {
    const wall = this.#clock.now();
    return { wall, monotonic: this.#clock.monotonic(), ...(this.timedOnce && { store: this.toStore(wall) }) };
  }

  /** When a moment was, by the store's clock as it goes now. */
  storeTimeOf(moment: Moment): EpochMs {
    const [wall, stored] = [this.#clock.now(), this.now()];
    return stored - elapsedSince(moment, { wall, monotonic: this.#clock.monotonic(), store: stored });
  }

  toStore(local: EpochMs): EpochMs {
    return local + this.#offsetMs;
  }

  toLocal(stored: EpochMs): EpochMs {
    return stored - this.#offsetMs;
  }

  /** The store read its clock somewhere between the two: the offset lies from `now - after` to `now - before`. */
  #measure(now: EpochMs, before: EpochMs, after: EpochMs): void {
    const roundTrip = after - before;
    const from = now - after - READING_MS;
    const to = now - before + READING_MS;
    const recent = after - this.#offsetAt < OFFSET_MEMORY_MS;
    // One that cannot be true any more was measured before a clock was stepped, however well.
    const contradicted = this.#offsetMs < from || this.#offsetMs > to;
    if (recent && !contradicted && roundTrip > this.#offsetRoundTripMs) return;
    if (this.timedOnce && (this.#offsetMs < from - STEP_MS || this.#offsetMs > to + STEP_MS)) this.#steppedAt = after;
    // A store without a clock of its own must come out as no offset.
    this.#offsetMs = from <= 0 && to >= 0 ? 0 : now - (before + after) / 2;
    this.#offsetRoundTripMs = roundTrip;
    this.#offsetAt = after;
  }

  #broughtOver<Read extends TokenRecord>(record: Read): Read {
    return this.#stepsBack.bringOver(record) as Read;
  }

  #allBroughtOver<Answer extends Timed>(answer: Answer): Answer {
    if (this.#stepsBack.none) return answer;
    const { record, records, keys } = answer;
    return {
      ...answer,
      ...(record && { record: this.#broughtOver(record) }),
      ...(records && { records: records.map((each) => this.#broughtOver(each)) }),
      ...(keys && { keys: keys.map((due) => (due.record ? { ...due, record: this.#broughtOver(due.record) } : due)) }),
    };
  }

  async #opened(): Promise<void> {
    if (!this.#traits) await this.#limited('open', () => this.open());
  }

  #limited<Answer>(what: string, operation: () => Promise<Answer>, limitMs = this.#timeoutMs): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      const cancel = this.#clock.after(limitMs, () => {
        reject(
          new TokenError('ERR_TOKEN_STORE', `${this.store.name}: no answer to ${what} within ${limitMs} ms`, {
            reason: 'timeout',
          }),
        );
      });
      // A store that throws instead of rejecting is a store that fails.
      (async () => operation())().then(
        (answer) => {
          cancel();
          resolve(answer);
        },
        (cause: unknown) => {
          cancel();
          reject(cause instanceof TokenError ? cause : this.#failure(what, cause));
        },
      );
    });
  }

  #failure(what: string, cause: unknown): TokenError {
    const clean = withoutUrls(cause);
    const { code } = (clean ?? {}) as { code?: unknown };
    const why = typeof code === 'string' ? ` (${code})` : '';
    return new TokenError('ERR_TOKEN_STORE', `${this.store.name}: ${what} failed${why}`, { cause });
  }
}

/** Operations that find another record than they expected answer with it. */
function isRecord(answer: unknown): answer is TokenRecord {
  return typeof answer === 'object' && answer !== null && 'attempt' in answer && 'generation' in answer;
}
