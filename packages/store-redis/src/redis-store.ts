import type { Clock, EpochMs, StoreTraits, TokenKey } from '@evertoken/core';
import {
  type DueQuery,
  type ListFilter,
  type Row,
  type RowGuard,
  RowStore,
  type RowUpdate,
  refuseProblems,
} from '@evertoken/core/store';
import { connectorOf, isClustered } from './connector.js';
import { storeError } from './failure.js';
import { changeArguments, fieldsIn, fieldsOf, guardArguments, rowOf } from './hash.js';
import { Layout } from './layout.js';
import { Line } from './line.js';
import { openServer } from './opening.js';
import { KEY_PREFIX, problemsOf, type RedisStoreOptions, TIMEOUT_MS, wayOf } from './options.js';
import { duePage, listPage, type Pager } from './pages.js';
import { FORGET, INSERT, READ, type Script, UPDATE } from './scripts.js';
import { Watch } from './watch.js';

/** A record store on Redis; see `redisStore`. */
export class RedisStore extends RowStore {
  readonly name = 'redisStore';
  readonly #options: RedisStoreOptions;
  readonly #layout: Layout;
  readonly #clock: Pick<Clock, 'now'> | undefined;
  readonly #line: Line;
  readonly #watch: Watch;
  readonly #pager: Pager;
  #opened = false;

  constructor(options: RedisStoreOptions) {
    super();
    this.#options = { ...options };
    this.#clock = options.clock;
    this.#layout = new Layout(options.keyPrefix ?? KEY_PREFIX);
    const limitMs = options.timeoutMs ?? TIMEOUT_MS;
    const connector = connectorOf(this.#options);
    this.#watch = new Watch((subscription) => new Line(connector(subscription), limitMs), this.#layout.changes);
    // A server that answers no command does not speak on the other connection either.
    this.#line = new Line(connector(), limitMs, () => this.#watch.renew());
    this.#pager = {
      layout: this.#layout,
      run: (script, keys, args) => this.#run('a look at the index', script, keys, args),
      now: () => this.#now(),
      fields: (key) => this.#fields(key),
      recordOf: (key, fields) => this.recordIn(rowOf(key, fields)),
      forget: (key) => this.#run('tidying', FORGET, this.#layout.ofRecord(key), ['', key]),
    };
  }

  problems(): readonly string[] {
    return problemsOf(this.#options);
  }

  async open(): Promise<StoreTraits> {
    refuseProblems(this);
    const way = wayOf(this.#options);
    const clustered = isClustered(this.#options);
    const { durable } = this.#options;
    try {
      const traits = await openServer({ line: this.#line, layout: this.#layout, way, clustered, durable });
      this.#opened = true;
      this.#watch.open();
      return traits;
    } catch (error) {
      // A server that was refused is not used; one that was accepted before may come back.
      if (!this.#opened) await this.#line.close();
      throw error;
    }
  }

  async due(query: DueQuery) {
    return duePage(this.#pager, query);
  }

  async list(filter: ListFilter, page: { readonly limit: number; readonly cursor?: string }) {
    return listPage(this.#pager, filter, page);
  }

  watch(listener: (key: TokenKey, generation?: number) => void): () => void {
    return this.#watch.add(listener);
  }

  async close(): Promise<void> {
    this.#opened = false;
    await Promise.all([this.#watch.close(), this.#line.close()]);
  }

  protected async load(key: TokenKey): Promise<{ readonly row?: Row; readonly now: EpochMs }> {
    const { fields, now } = await this.#fields(key);
    return { ...(fields.size > 0 && { row: rowOf(key, fields) }), now };
  }

  protected async insert(row: Omit<Row, 'revision'>): Promise<boolean> {
    const { key } = row;
    // A first claim leaves a record without token: nobody waits for that.
    const channel = row.token === null ? '' : this.#layout.changes;
    const args = ['', key, channel, ...fieldsOf(row)];
    return (await this.#run('a write', INSERT, this.#layout.ofRecord(key), args)) === 1;
  }

  protected async update(
    key: TokenKey,
    guard: RowGuard,
    update: RowUpdate,
  ): Promise<{ readonly leaseUntil?: EpochMs } | undefined> {
    const guards = guardArguments(guard);
    // Nobody waits for a claim or a renewal.
    const channel = update.lease ? '' : this.#layout.changes;
    const args = [this.#now(), key, channel, String(guards.length), ...guards, ...changeArguments(update)];
    const answer = await this.#run('a write', UPDATE, this.#layout.ofRecord(key), args);
    if (answer === null) return undefined;
    return answer === '' ? {} : { leaseUntil: Number(answer) };
  }

  async #fields(key: TokenKey): Promise<{ fields: Map<string, string>; now: EpochMs }> {
    const [record = ''] = this.#layout.ofRecord(key);
    const [now, listed] = (await this.#run('a read', READ, [record], [this.#now()])) as [string, string[]];
    return { fields: fieldsIn(listed), now: Number(now) };
  }

  /** The time scripts are to take, empty for the server's own. */
  #now(): string {
    return this.#clock ? String(this.#clock.now()) : '';
  }

  async #run(what: string, script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    try {
      return await this.#line.run(script, keys, args);
    } catch (error) {
      throw storeError(what, error);
    }
  }
}
