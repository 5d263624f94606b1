import { accountKeyIn, type TokenKey } from '../key.js';
import type { EpochMs } from '../token.js';
import { cursorOf, type DueIndex } from './due-index.js';
import type { TokenRecord } from './record.js';
import { isDue } from './steps.js';
import type { DuePage, DueQuery, ListFilter, Page } from './store.js';

/** `TokenStore.due` over an index in this process and a way to look at a record. */
export function duePage(
  index: DueIndex,
  recordOf: (key: TokenKey) => TokenRecord | undefined,
  { limit, accounts, cursor }: DueQuery,
  now: EpochMs,
): DuePage {
  const wanted = new Set(accounts);
  const keys: DuePage['keys'][number][] = [];
  for (const { key, refreshAt } of index.due(now, cursor)) {
    if (!wanted.has(accountKeyIn(key))) continue;
    const record = recordOf(key);
    if (!record || !isDue(record, now)) continue;
    if (keys.length === limit) return { keys, cursor: cursorOf(keys[keys.length - 1] as DuePage['keys'][number]), now };
    keys.push({ key, generation: record.generation, epoch: record.attempt.epoch, refreshAt, record });
  }
  return { keys, now };
}

/** `TokenStore.list` over all keys, in any order. A page costs a look at each key, and the sorting of no more than two pages at a time. */
export function listPage(
  keys: Iterable<TokenKey>,
  recordOf: (key: TokenKey) => TokenRecord | undefined,
  { accounts, states }: ListFilter,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string },
  now: EpochMs,
): Page {
  const wanted = accounts && new Set(accounts);
  const nearest: TokenRecord[] = [];
  /** One more than the page has: whether there is a next one. */
  const keep = limit + 1;
  let bound: TokenKey | undefined;
  for (const key of keys) {
    if ((cursor !== undefined && key <= cursor) || (bound !== undefined && key >= bound)) continue;
    if (wanted && !wanted.has(accountKeyIn(key))) continue;
    const record = recordOf(key);
    if (!record || (states && !states.includes(record.attempt.state))) continue;
    nearest.push(record);
    if (nearest.length < 2 * keep) continue;
    cut(nearest, keep);
    bound = nearest[limit]?.key;
  }
  cut(nearest, keep);
  const records = nearest.slice(0, limit);
  const last = records[records.length - 1];
  return { records, ...(nearest.length > limit && last && { cursor: last.key }), now };
}

function cut(records: TokenRecord[], length: number): void {
  records.sort((a, b) => (a.key < b.key ? -1 : 1));
  records.length = Math.min(records.length, length);
}
