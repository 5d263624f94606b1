import type { Engine } from './engine.js';
import { TokenError } from './errors.js';
import type { TokenSource } from './source.js';
import type { TokenRecord } from './store/record.js';
import type { StoreLink } from './store-link.js';
import type { KeyFilter } from './tokens.js';

/** Records asked for at a time. */
const PAGE = 500;
/** Keys that are read one by one at most. */
const MAX_NAMED = 100;

/** All records of configured accounts, page by page; where a filter names keys one by one, just those. */
export async function* records(engine: Engine, link: StoreLink, filter: KeyFilter): AsyncGenerator<TokenRecord> {
  const named = await namedRecords(engine, link, filter);
  if (named) {
    yield* named;
    return;
  }
  const accounts = engine.registry.accountKeys(filter.accounts);
  for (let cursor: string | undefined; ; ) {
    const page = await link.timed('list', (store) =>
      store.list({ accounts }, { limit: PAGE, ...(cursor !== undefined && { cursor }) }),
    );
    yield* page.records;
    cursor = page.cursor;
    if (cursor === undefined) return;
  }
}

/** Whether a source is meant by a filter, its state apart. */
export function matches(
  source: Pick<TokenSource, 'account' | 'kind' | 'subject'>,
  { accounts, kinds, subjects }: KeyFilter,
): boolean {
  return (
    (accounts?.includes(source.account) ?? true) &&
    (kinds?.includes(source.kind) ?? true) &&
    (subjects === undefined || (source.subject !== undefined && subjects.includes(source.subject)))
  );
}

async function namedRecords(engine: Engine, link: StoreLink, filter: KeyFilter): Promise<TokenRecord[] | undefined> {
  const found: TokenRecord[] = [];
  const sources = namedSources(engine, filter);
  if (!sources) return undefined;
  for (const source of sources) {
    if (engine.linkOf(source) !== link) continue;
    try {
      const { record } = await link.read(source.key);
      if (record) found.push(record);
    } catch (error) {
      // A record that cannot be opened is listed without its token.
      if (error instanceof TokenError && error.code === 'ERR_TOKEN_STORE' && !error.retryable) return undefined;
      throw error;
    }
  }
  return found;
}

/** The sources of a filter that says whose tokens of which kind it means; undefined for any other. */
function namedSources(engine: Engine, { accounts, kinds, subjects }: KeyFilter): TokenSource[] | undefined {
  if (!accounts || !kinds || !subjects || accounts.length * kinds.length * subjects.length > MAX_NAMED)
    return undefined;
  const sources: TokenSource[] = [];
  for (const name of new Set(accounts)) {
    const account = engine.registry.get(name)?.account;
    for (const kind of new Set(kinds)) {
      // A kind that the account does not answer for may be stored all the same.
      if (account && !account.kinds.some((known) => known.kind === kind)) return undefined;
      for (const subject of new Set(subjects)) {
        const source = account?.source(kind, subject);
        if (source) sources.push(source);
      }
    }
  }
  return sources;
}
