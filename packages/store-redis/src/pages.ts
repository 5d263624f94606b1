import { TokenError, type TokenKey } from '@evertoken/core';
import type { DueKey, DuePage, DueQuery, ListFilter, Page } from '@evertoken/core/store';
import { isDue, type Row, type TokenRecord } from '@evertoken/core/store';
import { type Layout, SHARDS } from './layout.js';
import { DUE, LIST, type Script } from './scripts.js';

/** What paging needs of the store. */
export interface Pager {
  readonly layout: Layout;
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** The time as scripts take it. */
  now(): string;
  /** Fields of a record's hash, none where there is no hash, and the server's time. */
  fields(key: TokenKey): Promise<{ readonly fields: ReadonlyMap<string, string>; readonly now: number }>;
  /** The record in them, or an error. */
  recordOf(key: TokenKey, fields: ReadonlyMap<string, string>): TokenRecord;
  /** Takes a key whose hash is gone out of the indexes. */
  forget(key: TokenKey): Promise<unknown>;
}

/** A place in the order of due keys: by time, then by key. */
interface Place {
  /** As text: exact. */
  readonly at: string;
  readonly key: TokenKey;
}

/** Due sets of one shard that one script looks through; more accounts make more of them, so that none runs long. */
const ACCOUNTS_PER_SCRIPT = 100;
/** Keys looked at in one due set by one script, leased ones included, beyond what is wanted. */
const LOOK_AT_LEAST = 1000;
/** Keys one page of `list` looks at where a filter on states passes few. */
const LIST_LOOK = 5000;

/** `TokenStore.due`: one script for each shard, all at once, then the page's records, all at once. */
export async function duePage(pager: Pager, { limit, accounts, cursor }: DueQuery): Promise<DuePage> {
  const after = cursor === undefined ? undefined : placeIn(cursor);
  const streams = [...Array(SHARDS).keys()].flatMap((shard) =>
    chunks([...new Set(accounts)], ACCOUNTS_PER_SCRIPT).map(
      (some) => new Stream(pager.layout.ofDue(shard, some), after),
    ),
  );
  let now = 0;
  let first: Place[] = [];
  let unfinished = streams;
  while (unfinished.length > 0) {
    now = Math.max(now, ...(await Promise.all(unfinished.map((stream) => stream.next(pager, limit + 1)))));
    first = streams
      .flatMap((stream) => stream.found)
      .sort(byPlace)
      .slice(0, limit + 1);
    const last = first[limit];
    unfinished = streams.filter(({ stop }) => stop && (!last || byPlace(stop, last) < 0));
  }
  if (streams.length === 0)
    now = Number((await pager.run(LIST, pager.layout.ofList(0), [pager.now(), '0'])) as string[]);
  const page = first.slice(0, limit);
  const keys = await Promise.all(page.map((place) => dueKey(pager, place)));
  const end = page.at(-1);
  return {
    keys: keys.filter((key) => key !== undefined),
    ...(first.length > limit && end && { cursor: `${end.at}/${end.key}` }),
    now,
  };
}

/** `TokenStore.list`: one script for each shard, then the page's records, all at once. */
export async function listPage(
  pager: Pager,
  { accounts, states }: ListFilter,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string },
): Promise<Page> {
  const records: TokenRecord[] = [];
  let after = cursor;
  for (let looked = 0; ; ) {
    const wanted = Math.max(limit, states ? 200 : 0) + 1;
    const { keys, now } = await keysAfter(pager, rangesOf(accounts, after), wanted);
    const found = await Promise.all(keys.map((key) => listed(pager, key)));
    for (const [i, record] of found.entries()) {
      if (record && (!states || states.includes(record.attempt.state))) {
        if (records.length === limit) return { records, cursor: (records.at(-1) as TokenRecord).key, now };
        records.push(record);
      }
      after = keys[i];
    }
    looked += keys.length;
    if (keys.length < wanted || after === undefined) return { records, now };
    if (looked >= LIST_LOOK) return { records, cursor: after, now };
  }
}

/** Due keys of some accounts in one shard, read as far as a page needs them. */
class Stream {
  readonly found: Place[] = [];
  /** Where the script stopped before it had seen all. */
  stop: Place | undefined;
  readonly #keys: readonly string[];

  constructor(keys: readonly string[], after: Place | undefined) {
    this.#keys = keys;
    this.stop = after;
  }

  async next(pager: Pager, want: number): Promise<number> {
    const from = this.stop ?? { at: '', key: '' };
    const look = Math.max(2 * want, LOOK_AT_LEAST);
    const args = [pager.now(), String(want), String(look), from.at, from.key];
    const [now, at, key, ...found] = (await pager.run(DUE, this.#keys, args)) as string[];
    this.stop = at ? { at, key: key as TokenKey } : undefined;
    for (let i = 0; i + 1 < found.length; i += 2)
      this.found.push({ at: found[i] as string, key: found[i + 1] as TokenKey });
    return Number(now);
  }
}

/** A key of the page as it stands by now; nothing where it is gone, held or no longer due. */
async function dueKey(pager: Pager, { at, key }: Place): Promise<DueKey | undefined> {
  const { fields, now } = await pager.fields(key);
  if (fields.size === 0) {
    await pager.forget(key);
    return undefined;
  }
  const number = (column: keyof Row) => Number(fields.get(column) ?? 0) || 0;
  const seen = { key, generation: number('generation'), epoch: number('epoch'), refreshAt: Number(at) };
  let record: TokenRecord;
  try {
    record = pager.recordOf(key, fields);
  } catch {
    // Whoever tries to claim it is told; the others on the page are not held up.
    return seen;
  }
  if (!isDue(record, now)) return undefined;
  return { ...seen, refreshAt: record.refreshAt ?? seen.refreshAt, record };
}

async function listed(pager: Pager, key: TokenKey): Promise<TokenRecord | undefined> {
  const { fields } = await pager.fields(key);
  if (fields.size > 0) return pager.recordOf(key, fields);
  await pager.forget(key);
  return undefined;
}

async function keysAfter(
  pager: Pager,
  ranges: readonly string[],
  wanted: number,
): Promise<{ keys: TokenKey[]; now: number }> {
  const answers = await Promise.all(
    [...Array(SHARDS).keys()].map(
      (shard) =>
        pager.run(LIST, pager.layout.ofList(shard), [pager.now(), String(wanted), ...ranges]) as Promise<string[]>,
    ),
  );
  const keys = answers.flatMap(([, ...found]) => found as TokenKey[]);
  keys.sort();
  return { keys: keys.slice(0, wanted), now: Math.max(...answers.map(([now]) => Number(now))) };
}

/** Where keys past the cursor stand, as lowest and highest of ZRANGEBYLEX, ascending. */
function rangesOf(accounts: readonly string[] | undefined, after: string | undefined): string[] {
  const past = after === undefined ? undefined : `(${after}`;
  if (!accounts) return [past ?? '-', '+'];
  return [...new Set(accounts)]
    .map((account) => `et1/${account}/`)
    .sort()
    .flatMap((start) => {
      // '0' comes right after '/'.
      const end = `${start.slice(0, -1)}0`;
      if (after !== undefined && after >= end) return [];
      return [past !== undefined && after !== undefined && after >= start ? past : `[${start}`, `(${end}`];
    });
}

function placeIn(cursor: string): Place {
  const at = cursor.slice(0, cursor.indexOf('/'));
  if (at === '' || Number.isNaN(Number(at)))
    throw new TokenError('ERR_TOKEN_CONFIGURATION', '"cursor" must be the one of an earlier page');
  return { at, key: cursor.slice(at.length + 1) as TokenKey };
}

// Keys are ASCII: the order of code units is the order of bytes.
function byPlace(a: Place, b: Place): number {
  return Number(a.at) - Number(b.at) || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  const result: Item[][] = [];
  for (let i = 0; i < items.length; i += size) result.push(items.slice(i, i + size));
  return result;
}
