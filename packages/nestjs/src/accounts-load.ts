import type { Account, TokenManager } from '@evertoken/core';
import type { TokenAccountEntry, TokenAccountsLoader } from './interfaces/token-account-entry.interface.js';
import { ACCOUNTS_AT_A_TIME } from './token.constants.js';
import {
  accountConfigured,
  accountTwice,
  configurationError,
  notAnEntry,
  notTheAccount,
  wrongType,
} from './token.messages.js';

/** An account that could not be taken, by the name of its entry. */
export interface TokenAccountProblem {
  /** The entry's name; `accountsFrom[3]` for one without. */
  readonly name: string;
  /** What was thrown: a `TokenError` for what is wrong with the account, or the error of your code. */
  readonly error: unknown;
}

/** What a load of `accountsFrom` has changed, by name. */
export interface TokenAccountsReport {
  /** Accounts that were not there before. */
  readonly added: readonly string[];
  /** Accounts that were made again: of another version, or of none. */
  readonly replaced: readonly string[];
  /** Accounts that are gone; what is stored of them stays. */
  readonly removed: readonly string[];
  /** Accounts that could not be taken. One that was there before stays as it was. */
  readonly failed: readonly TokenAccountProblem[];
}

/** What a load has made of an entry. */
interface Made {
  readonly name: string;
  readonly version: string | number | undefined;
  readonly account: Account;
}

/** Keeps a manager's accounts as a loader says they are. */
export class AccountsLoad {
  /** What the manager has from here. */
  readonly accounts = new Map<string, Account>();
  readonly #versions = new Map<string, string | number | undefined>();
  readonly #manager: TokenManager;
  readonly #loader: TokenAccountsLoader;
  readonly #configured: () => Iterable<string>;
  #fixed: ReadonlySet<string> | undefined;
  #problems: readonly TokenAccountProblem[] = [];
  #running: Promise<TokenAccountsReport> | undefined;
  #next: Promise<TokenAccountsReport> | undefined;

  /** `configured`: the names of accounts that are not the loader's. */
  constructor(manager: TokenManager, loader: TokenAccountsLoader, configured: () => Iterable<string>) {
    this.#manager = manager;
    this.#loader = loader;
    this.#configured = configured;
  }

  problems(): readonly TokenAccountProblem[] {
    return this.#problems;
  }

  /** A load, or the one that is under way. */
  once(): Promise<TokenAccountsReport> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** A load that begins from now on: it sees what was written before. */
  again(): Promise<TokenAccountsReport> {
    if (this.#running === undefined) return this.once();
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.once();
      });
    return this.#next;
  }

  async #run(): Promise<TokenAccountsReport> {
    const entries: unknown[] = [];
    // All of them before the first is acted on: half a list would look like removals.
    for await (const entry of await this.#loader()) entries.push(entry);
    this.#fixed ??= new Set(this.#configured());
    const failed: TokenAccountProblem[] = [];
    const named = this.#named(entries, failed);
    const made = await this.#make([...named.values()], failed);
    const removed = [...this.accounts.keys()].filter((name) => !named.has(name));
    for (const name of removed) this.#drop(name);
    const { added, replaced } = this.#take(made, failed);
    this.#problems = failed;
    return { added, replaced, removed, failed };
  }

  /** The entries that may be taken. */
  #named(entries: readonly unknown[], failed: TokenAccountProblem[]): Map<string, TokenAccountEntry> {
    const named = new Map<string, TokenAccountEntry>();
    const refuse = (name: string, message: string) => failed.push({ name, error: configurationError(message, name) });
    for (const [i, entry] of entries.entries()) {
      const path = `accountsFrom[${i}]`;
      const { name, account } = (entry ?? {}) as Partial<TokenAccountEntry>;
      if (typeof name !== 'string' || name.trim() === '')
        refuse(path, wrongType(`${path}.name`, 'a non-empty string', name));
      else if (typeof account !== 'function') refuse(name, notAnEntry(path, account));
      else if (this.#fixed?.has(name)) refuse(name, accountConfigured(name));
      else if (named.has(name)) refuse(name, accountTwice(name));
      else named.set(name, entry as TokenAccountEntry);
    }
    return named;
  }

  /** Accounts that are new or may have changed, a few at a time: a secret may have to be fetched for each. */
  async #make(entries: readonly TokenAccountEntry[], failed: TokenAccountProblem[]): Promise<Made[]> {
    const made: Made[] = [];
    const rest = entries.values();
    const work = async () => {
      for (const entry of rest) {
        const { name } = entry;
        const version = entry.version instanceof Date ? entry.version.getTime() : entry.version;
        if (version !== undefined && this.#versions.get(name) === version && this.#isKept(name)) continue;
        try {
          const account = await entry.account();
          if (account?.name !== name) throw configurationError(notTheAccount(name, account?.name), name);
          made.push({ name, version, account });
        } catch (error) {
          failed.push({ name, error });
        }
      }
    };
    await Promise.all(Array.from({ length: ACCOUNTS_AT_A_TIME }, work));
    return made;
  }

  #take(made: readonly Made[], failed: TokenAccountProblem[]): { added: string[]; replaced: string[] } {
    const former = new Map(made.map(({ name }) => [name, this.accounts.get(name)]));
    // Another app under the same name is another account. All of them first: two rows may have changed places.
    const moved = made.filter(({ name, account }) => {
      const before = former.get(name);
      return before !== undefined && (before.id !== account.id || before.platform !== account.platform);
    });
    for (const { name } of moved) this.#drop(name);
    const report = { added: [] as string[], replaced: [] as string[] };
    for (const { name, version, account } of made) {
      try {
        this.#add(account, version);
        report[former.get(name) ? 'replaced' : 'added'].push(name);
      } catch (error) {
        failed.push({ name, error });
      }
    }
    for (const { name } of moved) this.#restore(former.get(name));
    return report;
  }

  /** A row that became wrong: the account goes on as it was, unless its app is another row's by now. */
  #restore(before: Account | undefined): void {
    if (before === undefined || this.accounts.has(before.name)) return;
    try {
      this.#add(before, undefined);
    } catch {
      // Said already, of the row that is wrong.
    }
  }

  #add(account: Account, version: string | number | undefined): void {
    this.#manager.add(account);
    this.accounts.set(account.name, account);
    this.#versions.set(account.name, version);
  }

  #drop(name: string): void {
    this.#manager.remove(name);
    this.accounts.delete(name);
    this.#versions.delete(name);
  }

  /** Somebody may have taken it from the manager. */
  #isKept(name: string): boolean {
    return this.#manager.optionsOf(name) !== undefined;
  }
}
