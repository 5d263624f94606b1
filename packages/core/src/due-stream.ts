import type { Engine } from './engine.js';
import { type AccountKey, accountKeyIn } from './key.js';
import type { Lanes, LaneTask } from './lanes.js';
import type { DueKey, DuePage } from './store/store.js';
import type { StoreLink } from './store-link.js';

/** Due keys of all accounts asked for at a time; while no more are waiting, a page is taken whole. */
const PAGE = 1_000;
/** Keys of one account that wait, once there are many of all: the rest is left in the store, and asked for as many at a time. */
const BACKLOG = 250;

/**
 * Brings the due keys of one store into their accounts' lanes: those of all accounts together, and where the keys of one
 * pile up, its own by itself, so that what is due of the others is still found. Holds back what nobody is free for.
 */
export class DueStream<Task extends LaneTask> {
  readonly #engine: Engine;
  readonly #link: StoreLink;
  readonly #lanes: Lanes<Task>;
  readonly #take: (keys: readonly DueKey[]) => void;
  readonly #own = new Map<AccountKey, Promise<void>>();

  /** `take` puts keys into the lanes, whatever waits there. */
  constructor(engine: Engine, link: StoreLink, lanes: Lanes<Task>, take: (keys: readonly DueKey[]) => void) {
    this.#engine = engine;
    this.#link = link;
    this.#lanes = lanes;
    this.#take = take;
  }

  /** The accounts' common pages, to the last one. Rejects with `ERR_TOKEN_STORE`. */
  async common(): Promise<void> {
    let accounts = this.#engine.registry.accountKeys();
    for (let cursor: string | undefined; ; ) {
      if (!(await this.#wanted(accounts))) return;
      const page = await this.#due(accounts, PAGE, cursor);
      const left = this.#takeWhatFits(page.keys);
      cursor = page.cursor;
      if (cursor === undefined) return;
      // Mostly keys of accounts that are on their own by now: the others' are found sooner without them.
      if (left > page.keys.length / 2) {
        accounts = accounts.filter((account) => !this.#own.has(account) && !this.#lanes.isClosed(account));
        cursor = undefined;
      }
    }
  }

  /** What accounts are asked for on their own, to the end. Rejects with `ERR_TOKEN_STORE`. */
  async own(): Promise<void> {
    const ends = await Promise.allSettled(this.#own.values());
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** How many were left in the store, because their account has enough of them waiting. */
  #takeWhatFits(keys: readonly DueKey[]): number {
    const crowded = this.#lanes.waiting() >= PAGE;
    const taken = new Map<AccountKey, number>();
    const fit: DueKey[] = [];
    for (const due of keys) {
      const account = accountKeyIn(due.key);
      if (this.#lanes.isClosed(account)) continue;
      const waiting = this.#lanes.waiting(account) + (taken.get(account) ?? 0);
      if (crowded && waiting >= BACKLOG && !this.#own.has(account)) {
        const own = this.#pagesOf(account);
        own.catch(() => {});
        this.#own.set(account, own);
      }
      if (this.#own.has(account)) continue;
      taken.set(account, (taken.get(account) ?? 0) + 1);
      fit.push(due);
    }
    this.#take(fit);
    return keys.length - fit.length;
  }

  async #pagesOf(account: AccountKey): Promise<void> {
    for (let cursor: string | undefined; ; ) {
      if (!(await this.#wanted([account]))) return;
      const page = await this.#due([account], BACKLOG, cursor);
      this.#take(page.keys);
      cursor = page.cursor;
      if (cursor === undefined) return;
    }
  }

  /** Waits until one of the accounts can do with more; `false`: none of them ever will. */
  async #wanted(accounts: readonly AccountKey[]): Promise<boolean> {
    const lanes = this.#lanes;
    const over = () => lanes.isStopped || accounts.every((account) => lanes.isClosed(account));
    await lanes.until(() => over() || accounts.some((account) => lanes.isHungry(account)));
    return !over();
  }

  #due(accounts: readonly AccountKey[], limit: number, cursor: string | undefined): Promise<DuePage> {
    return this.#link.timed('due', (store) => store.due({ limit, accounts, ...(cursor !== undefined && { cursor }) }));
  }
}
