import type { TokenKey } from '../../src/index.js';
import {
  DueIndex,
  type DueQuery,
  duePage,
  type ListFilter,
  listPage,
  type Row,
  type RowGuard,
  RowStore,
  type RowUpdate,
  recordOf,
  type StoreTraits,
  type TokenRecord,
} from '../../src/store/index.js';

/** A table in memory: what guards and updates mean, in plain words. */
export class MapRowStore extends RowStore {
  readonly name = 'mapRowStore';
  readonly rows = new Map<string, Row>();
  readonly calls: string[] = [];
  readonly #clock: { now(): number };

  constructor(clock: { now(): number }) {
    super();
    this.#clock = clock;
  }

  async open(): Promise<StoreTraits> {
    return { durable: false, scope: 'process' };
  }

  async close() {}

  async due(query: DueQuery) {
    const index = new DueIndex();
    for (const row of this.rows.values()) index.set(row.key, row.refresh_at ?? undefined);
    return duePage(index, (key) => this.#record(key), query, this.#clock.now());
  }

  async list(filter: ListFilter, page: { readonly limit: number; readonly cursor?: string }) {
    const keys = [...this.rows.keys()] as TokenKey[];
    return listPage(keys, (key) => this.#record(key), filter, page, this.#clock.now());
  }

  protected async load(key: TokenKey) {
    this.calls.push('load');
    await Promise.resolve();
    const row = this.rows.get(key);
    return { ...(row && { row }), now: this.#clock.now() };
  }

  protected async insert(row: Omit<Row, 'revision'>) {
    this.calls.push('insert');
    await Promise.resolve();
    if (this.rows.has(row.key)) return false;
    this.rows.set(row.key, { ...row, revision: 1 });
    return true;
  }

  protected async update(key: TokenKey, guard: RowGuard, { set, nextGeneration, lease, intent, settle }: RowUpdate) {
    this.calls.push('update');
    await Promise.resolve();
    const now = this.#clock.now();
    const row = this.rows.get(key);
    if (!row || !passes(row, guard, now)) return undefined;
    const sticky = settle && (row.state === 'contested' || row.state === 'repeated');
    const epoch = row.epoch + (lease?.claim ? 1 : 0);
    const standing = row.intent_generation === intent;
    const leaseUntil = lease && now + lease.ttlMs;
    this.rows.set(key, {
      ...row,
      revision: row.revision + 1,
      ...(settle && !sticky && { state: 'active', cause: null }),
      ...(nextGeneration && { generation: row.generation === 0 ? Math.max(1, Math.floor(now)) : row.generation + 1 }),
      ...(lease && { epoch, lease_holder: lease.holder, lease_until: leaseUntil }),
      ...(intent !== undefined && {
        intent_generation: intent,
        intent_since: standing ? row.intent_since : now,
        intent_epoch: epoch,
        intent_uncertain: standing ? 1 : 0,
      }),
      ...set,
    } as Row);
    return leaseUntil === undefined ? {} : { leaseUntil };
  }

  #record(key: TokenKey): TokenRecord | undefined {
    const row = this.rows.get(key);
    return row && recordOf(row);
  }
}

function passes(row: Row, guard: RowGuard, now: number): boolean {
  const { revision, generation, epoch, maxV, leaseEnded, leaseHolder, holds, markNot } = guard;
  if (revision !== undefined && row.revision !== revision) return false;
  if (generation !== undefined && row.generation !== generation) return false;
  if (epoch !== undefined && row.epoch !== epoch) return false;
  if (maxV !== undefined && row.v > maxV) return false;
  if (leaseEnded && row.lease_until !== null && row.lease_until > now) return false;
  if (leaseHolder !== undefined && row.lease_holder !== leaseHolder) return false;
  if (holds === 'token' && row.token === null) return false;
  if (holds === 'nothing' && (row.token !== null || row.gone_at !== null)) return false;
  if (holds === 'either' && row.token === null && row.gone_at === null) return false;
  if (holds === 'no tombstone' && row.gone_at !== null) return false;
  return !(row.mark !== null && markNot?.includes(row.mark));
}
