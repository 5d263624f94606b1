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
/** Asked of each shard at the least: keys are spread evenly, but not that evenly. */
const LEAST_SHARE = 16;
const SHARD_NUMBERS: readonly number[] = [...Array(SHARDS).keys()];
/** Keys one page of `list` looks at where a filter on states passes few. */
const LIST_LOOK = 5000;

/** `TokenStore.due`: one script for each shard, all at once, then the page's records, all at once. */
export async function duePage(pager: Pager, { limit, accounts, cursor }: DueQuery): Promise<DuePage> {
  const after = cursor === undefined ? undefined : placeIn(cursor);
  const some = chunks([...new Set(accounts)], ACCOUNTS_PER_SCRIPT);
  const share = shareOf(limit + 1);
  const streams = SHARD_NUMBERS.flatMap((shard) =>
    some.map((of) => new Stream(pager.layout.ofDue(shard, of), after, share)),
  );
  const times: number[] = [];
  let first: Place[] = [];
  for (let unread = streams; unread.length > 0; ) {
    times.push(...(await Promise.all(unread.map((stream) => stream.next(pager)))));
    first = streams
      .flatMap((stream) => stream.found)
      .sort(byPlace)
      .slice(0, limit + 1);
    const last = first[limit];
    unread = streams.filter(({ stop }) => stop && (!last || byPlace(stop, last) < 0));
  }
  const page = first.slice(0, limit);
  const keys = await Promise.all(page.map((place) => dueKey(pager, place)));
  const end = page.at(-1);
  return {
    keys: keys.filter((key) => key !== undefined),
    ...(first.length > limit && end && { cursor: `${end.at}/${end.key}` }),
    now: times.length > 0 ? Math.max(...times) : (await keysAfter(pager, [], 0)).now,
  };
}

/** `TokenStore.list`: one script for each shard, then the page's records, all at once. */
export async function listPage(
  pager: Pager,
  { accounts, states }: ListFilter,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string },
): Promise<Page> {
  const records: TokenRecord[] = [];
  // A filter on states may leave little of what is looked at.
  const wanted = Math.max(limit + 1, states ? 200 : 0);
  let after = cursor;
  for (let looked = 0; ; ) {
    const { keys, more, now } = await keysAfter(pager, rangesOf(accounts, after), wanted);
    const found = await Promise.all(keys.map((key) => listed(pager, key)));
    for (const record of found) {
      if (!record || (states && !states.includes(record.attempt.state))) continue;
      if (records.length === limit) return { records, cursor: (records.at(-1) as TokenRecord).key, now };
      records.push(record);
    }
    after = keys.at(-1);
    looked += keys.length;
    if (!more || after === undefined) return { records, now };
    if (looked >= LIST_LOOK) return { records, cursor: after, now };
  }
}

/** Due keys of some accounts in one shard, read as far as a page needs them. */
class Stream {
  readonly found: Place[] = [];
  /** Where the script stopped before it had seen all. */
  stop: Place | undefined;
  readonly #keys: readonly string[];
  #want: number;

  constructor(keys: readonly string[], after: Place | undefined, want: number) {
    this.#keys = keys;
    this.stop = after;
    this.#want = want;
  }

  /** Reads on; answers the server's time. */
  async next(pager: Pager): Promise<number> {
    const { at: from, key: fromKey } = this.stop ?? { at: '', key: '' };
    const look = Math.max(2 * this.#want, LOOK_AT_LEAST);
    const args = [pager.now(), String(this.#want), String(look), from, fromKey];
    const [now, at, key, ...found] = (await pager.run(DUE, this.#keys, args)) as string[];
    this.stop = at ? { at, key: key as TokenKey } : undefined;
    this.#want *= 2;
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

/** The next keys in these ranges, `wanted` at the most and one at least where there are more. */
async function keysAfter(
  pager: Pager,
  ranges: readonly string[],
  wanted: number,
): Promise<{ keys: TokenKey[]; more: boolean; now: number }> {
  const share = shareOf(wanted);
  const answers = await Promise.all(
    SHARD_NUMBERS.map(async (shard) => {
      const args = [pager.now(), String(share), ...ranges];
      const [now, ...keys] = (await pager.run(LIST, pager.layout.ofList(shard), args)) as [string, ...TokenKey[]];
      return { now: Number(now), keys };
    }),
  );
  // Past the last key of a shard that may have more, others would come too early.
  const ends = answers.flatMap(({ keys }) => (keys.length < share ? [] : (keys.at(-1) as TokenKey)));
  const end = ends.sort()[0];
  const known = answers.flatMap(({ keys }) => (end === undefined ? keys : keys.filter((key) => key <= end))).sort();
  const keys = known.slice(0, wanted);
  const more = end !== undefined || keys.length < known.length;
  return { keys, more, now: Math.max(...answers.map(({ now }) => now)) };
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

/** How many keys to ask each shard for where so many are wanted of all: mostly enough, and seldom much too many. */
function shareOf(wanted: number): number {
  return Math.max(LEAST_SHARE, Math.ceil((2 * wanted) / SHARDS));
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
