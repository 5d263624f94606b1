import type { Account, KeyFilter, TokenKey } from '@evertoken/core';
import { parseTokenKey } from '@evertoken/core';
import type { TokenRecord } from '@evertoken/core/store';

/** Counts the keys that a filter means while the manager lists them, for a bar that knows its end without a list of its own. */
export class ExpectedKeys {
  readonly #accounts: readonly Account[];
  readonly #keys = new Set<TokenKey>();
  #filter: KeyFilter = {};

  constructor(accounts: readonly Account[]) {
    this.#accounts = accounts;
  }

  get count(): number {
    return this.#keys.size;
  }

  /** Begins with the configured sources; those that are stored count once. */
  begin(filter: KeyFilter): void {
    this.#filter = filter;
    for (const account of this.#accounts) {
      for (const source of account.sources()) if (this.#means(source)) this.#keys.add(source.key);
    }
  }

  /** Stored records: what the manager has a token of. */
  add(records: readonly TokenRecord[]): void {
    for (const { key, token } of records) {
      if (!token) continue;
      const { platform, id, kind, subject } = parseTokenKey(key);
      const account = this.#accounts.find((each) => each.platform === platform && each.id === id);
      if (account && this.#means({ account: account.name, kind, subject: subject?.join('/') })) this.#keys.add(key);
    }
  }

  #means({ account, kind, subject }: { account: string; kind: string; subject?: string | undefined }): boolean {
    const { accounts, kinds, subjects } = this.#filter;
    return (
      (accounts?.includes(account) ?? true) &&
      (kinds?.includes(kind) ?? true) &&
      (subjects === undefined || (subject !== undefined && subjects.includes(subject)))
    );
  }
}
