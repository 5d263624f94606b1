import { asObject, type EpochMs, type IssueRequest, sendToPlatform, TokenError } from '@evertoken/core';
import type { AppSettings } from './app-settings.js';
import { companiesRequest, readAnswer } from './nextengine-wire.js';

/** 12 h: a cancellation is noticed within half a pair's life, for 60 calls a month and process. */
export const LIST_LIFE_MS = 12 * 60 * 60_000;
/** 5 min: nobody is told to rest by an older list. */
export const LIST_FRESH_MS = 5 * 60_000;
/** 5 s: a renewal waits no longer for it. */
export const LIST_TIMEOUT_MS = 5_000;
/** 10 000 rows: what a page holds unless it is told otherwise (§4); there may be more than a full one shows. */
const FULL_PAGE = 10_000;

interface List {
  readonly companyIds: ReadonlySet<string>;
  /** Start of the request. */
  readonly fetchedAt: EpochMs;
}

/** What a renewal asks with. */
type Asking = Pick<IssueRequest, 'fetch' | 'now'>;

/**
 * The companies that use the app (`/api_app/company`, sheet §6), as one process of one account knows them. It can only show
 * that a company is there no more; a call that fails or an answer that looks odd shows nothing.
 */
export class CompanyList {
  readonly #settings: AppSettings;
  readonly #count: () => void;
  /** Companies of users of ours, as far as this process has met them. */
  readonly #ours = new Set<string>();
  #list: List | undefined;
  #askedAt: EpochMs | undefined;
  #asking: Promise<void> | undefined;

  constructor(settings: AppSettings, count: () => void) {
    this.#settings = settings;
    this.#count = count;
  }

  /** A user of ours is of this company. */
  know(companyId: string): void {
    this.#ours.add(companyId);
  }

  /**
   * Whether a list of the last minutes lacks the company of a pair that is older than the list. One that names no other company
   * of ours may be of another kind than we think, and everybody would rest.
   */
  async lacks(companyId: string, issuedAt: EpochMs, asking: Asking): Promise<boolean> {
    this.know(companyId);
    if (!this.#askedWithin(LIST_LIFE_MS, asking)) await this.#ask(asking);
    if (!this.#list || this.#list.companyIds.has(companyId)) return false;
    if (!this.#askedWithin(LIST_FRESH_MS, asking)) await this.#ask(asking);
    const list = this.#list;
    if (asking.now() - list.fetchedAt > LIST_FRESH_MS || issuedAt >= list.fetchedAt) return false;
    if (list.companyIds.has(companyId)) return false;
    for (const other of this.#ours) if (list.companyIds.has(other)) return true;
    return false;
  }

  #askedWithin(ms: number, { now }: Asking): boolean {
    return this.#askedAt !== undefined && Math.abs(now() - this.#askedAt) <= ms;
  }

  /** One request, whoever wants it meanwhile. */
  #ask(asking: Asking): Promise<void> {
    this.#asking ??= this.#fetch(asking).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #fetch({ fetch, now }: Asking): Promise<void> {
    const { apiUrl, clientId, clientSecret, name, clock } = this.#settings;
    const stop = new AbortController();
    const fetchedAt = now();
    let cancel = () => {};
    // A fetch of somebody's own may not look at its signal.
    const tooLate = new Promise<undefined>((resolve) => {
      cancel = clock.after(LIST_TIMEOUT_MS, () => resolve(void stop.abort()), true);
    });
    try {
      this.#count();
      const request = companiesRequest(apiUrl, { clientId, clientSecret });
      const reply = await Promise.race([
        sendToPlatform({ ...request, account: name, fetch, signal: stop.signal }),
        tooLate,
      ]);
      this.#askedAt = fetchedAt;
      const companyIds = companyIdsIn(reply?.json);
      if (companyIds) this.#list = { companyIds, fetchedAt };
    } catch (error) {
      // Nothing was sent under a lease that is too short: asking goes on with the next one.
      if (!(error instanceof TokenError && error.code === 'ERR_TOKEN_STORE')) this.#askedAt = fetchedAt;
    } finally {
      cancel();
    }
  }
}

/** The companies of an answer that can be trusted to name them all. */
function companyIdsIn(json: unknown): ReadonlySet<string> | undefined {
  const answer = readAnswer(json);
  const { data, count } = answer?.fields ?? {};
  if (answer?.result !== 'success' || !Array.isArray(data)) return undefined;
  if (data.length === 0 || data.length >= FULL_PAGE || Number(count) !== data.length) return undefined;
  const companyIds = new Set<string>();
  for (const row of data) {
    const id = asObject(row)?.['company_id'];
    if (!(typeof id === 'string' && id !== '') && typeof id !== 'number') return undefined;
    companyIds.add(String(id));
  }
  return companyIds;
}
