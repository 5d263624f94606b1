import { setImmediate as turn } from 'node:timers/promises';
import { TokenError, type TokenKey } from '../../src/index.js';
import {
  DueIndex,
  type DuePage,
  type DueQuery,
  duePage,
  type ListFilter,
  listPage,
  type Page,
  type Step,
  SteppedStore,
  type StoreTraits,
  type TokenRecord,
} from '../../src/store/index.js';

type Listener = (key: TokenKey, generation?: number) => void;

/** What a server would hold: survives every connection to it. */
export class Data {
  readonly records = new Map<string, TokenRecord>();
  readonly index = new DueIndex();
  readonly listeners = new Set<Listener>();
}

/** A server's clock in this process: the monotonic one, which nobody can set. */
export const serverClock = { now: () => performance.timeOrigin + performance.now() };

/**
 * A store that keeps every promise, over a connection that can be cut: what goes wrong in a store that looks like it is one
 * overridden method away.
 */
export class SoundStore extends SteppedStore {
  readonly name: string = 'soundStore';
  readonly data: Data;
  readonly clock: { now(): number };
  #wire = { cut: false };

  constructor(clock: { now(): number } | undefined, data = new Data()) {
    super();
    this.clock = clock ?? serverClock;
    this.data = data;
  }

  async open(): Promise<StoreTraits> {
    return { durable: false, scope: 'process' };
  }

  async read(key: TokenKey): Promise<{ record?: TokenRecord; now: number }> {
    return this.send(() => {
      const record = this.look(key);
      return { ...(record && { record }), now: this.now() };
    });
  }

  async due(query: DueQuery): Promise<DuePage> {
    return this.send(() => duePage(this.data.index, (key) => this.look(key), query, this.now()));
  }

  async list(filter: ListFilter, page: { readonly limit: number; readonly cursor?: string }): Promise<Page> {
    return this.send(() => {
      const keys = [...this.data.records.values()].map((record) => record.key);
      return listPage(keys, (key) => this.look(key), filter, page, this.now());
    });
  }

  watch(listener: Listener): () => void {
    const own: Listener = (key, generation) => listener(key, generation);
    this.data.listeners.add(own);
    return () => void this.data.listeners.delete(own);
  }

  async close(): Promise<void> {}

  /** As a failing network does: what is on its way arrives or not, and nobody hears which. */
  async cut(afterwards: boolean): Promise<void> {
    const wire = this.#wire;
    this.#wire = { cut: false };
    if (afterwards) await turn();
    wire.cut = true;
  }

  /** Another program's writing. */
  plant(record: TokenRecord): void {
    this.write(record.key, record);
  }

  protected async swap<Answer>(
    key: TokenKey,
    decide: (record: TokenRecord | undefined, now: number) => Step<Answer>,
  ): Promise<Answer> {
    return this.send(() => this.step(key, decide));
  }

  protected step<Answer>(
    key: TokenKey,
    decide: (record: TokenRecord | undefined, now: number) => Step<Answer>,
  ): Answer {
    const before = this.look(key);
    const { next, answer } = decide(before, this.now());
    if (next) {
      this.write(key, next);
      this.tell(key, next.generation === before?.generation ? undefined : next.generation);
    }
    return answer;
  }

  protected now(): number {
    return this.clock.now();
  }

  /** What it takes for the same key. */
  protected nameOf(key: TokenKey): string {
    return key;
  }

  protected look(key: TokenKey): TokenRecord | undefined {
    return this.data.records.get(this.nameOf(key));
  }

  protected write(key: TokenKey, next: TokenRecord): void {
    this.data.records.set(this.nameOf(key), next);
    this.data.index.set(key, next.refreshAt);
  }

  protected tell(key: TokenKey, generation: number | undefined): void {
    for (const listener of this.data.listeners) setImmediate(listener, key, generation);
  }

  /** There, and back again. */
  protected async send<Answer>(work: () => Answer): Promise<Answer> {
    const wire = this.#wire;
    await turn();
    if (wire.cut) throw lost();
    const answer = work();
    await turn();
    if (wire.cut) throw lost();
    return answer;
  }
}

export function lost(): TokenError {
  return new TokenError('ERR_TOKEN_STORE', 'soundStore: the connection is lost');
}
