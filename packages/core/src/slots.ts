import type { AccountKey } from './key.js';

/** Resolves once a request may begin; the function it resolves with says that it is over. */
export type TakeSlot = () => Promise<() => void>;

interface Waiting {
  readonly account: AccountKey;
  readonly begin: () => void;
}

/**
 * A common bound for the requests of many accounts. Whoever has fewer under way comes first, and while such a one still has
 * work, a slot is kept for it: accounts whose platform hangs must not end up with all of them.
 */
export class Slots {
  readonly #size: number;
  readonly #work: () => Iterable<readonly [AccountKey, number]>;
  readonly #taken = new Map<AccountKey, number>();
  #waiting: Waiting[] = [];
  #free: number;

  /** `work` says how many keys each account has waiting and under way, requests included. */
  constructor(size: number, work: () => Iterable<readonly [AccountKey, number]>) {
    this.#size = size;
    this.#free = size;
    this.#work = work;
  }

  /** Resolves once the request may begin. */
  take(account: AccountKey): Promise<() => void> {
    return new Promise((resolve) => {
      this.#waiting.push({ account, begin: () => resolve(this.#begun(account)) });
      this.pump();
    });
  }

  /** Looks again who may begin: after every change of who has work. */
  pump(): void {
    for (let next = this.#next(); next; next = this.#next()) {
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      this.#free--;
      this.#taken.set(next.account, this.#of(next.account) + 1);
      next.begin();
    }
  }

  #next(): Waiting | undefined {
    if (this.#free === 0 || this.#waiting.length === 0) return undefined;
    let first: Waiting | undefined;
    for (const waiting of this.#waiting)
      if (!first || this.#of(waiting.account) < this.#of(first.account)) first = waiting;
    return first && this.#free > this.#reservedBefore(first.account) ? first : undefined;
  }

  /** Slots kept for accounts with work that have fewer under way than this one. */
  #reservedBefore(account: AccountKey): number {
    const own = this.#of(account);
    let kept = 0;
    if (own > 0) for (const [other, keys] of this.#work()) if (this.#of(other) < Math.min(own, keys)) kept++;
    // With more accounts than slots nobody could ever begin.
    return Math.min(kept, this.#size - 1);
  }

  #of(account: AccountKey): number {
    return this.#taken.get(account) ?? 0;
  }

  #begun(account: AccountKey): () => void {
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#free++;
      this.#taken.set(account, this.#of(account) - 1);
      this.pump();
    };
  }
}
