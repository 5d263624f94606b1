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

/** `TokenStore.list` over all keys, sorted here. */
export function listPage(
  keys: Iterable<TokenKey>,
  recordOf: (key: TokenKey) => TokenRecord | undefined,
  { accounts, states }: ListFilter,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string },
  now: EpochMs,
): Page {
  const records: TokenRecord[] = [];
  for (const key of [...keys].sort()) {
    if (cursor !== undefined && key <= cursor) continue;
    if (accounts && !accounts.includes(accountKeyIn(key))) continue;
    const record = recordOf(key);
    if (!record || (states && !states.includes(record.attempt.state))) continue;
    if (records.length === limit) return { records, cursor: (records[records.length - 1] as TokenRecord).key, now };
    records.push(record);
  }
  return { records, now };
}
