import { TokenError } from '@evertoken/core';
import type { Logger } from '@nestjs/common';
import type { AccountsLoad, TokenAccountProblem, TokenAccountsReport } from './accounts-load.js';
import type { ModuleSettings } from './read-module-options.js';
import { LOAD_TIMEOUT_MS } from './token.constants.js';

/** Loads accounts ahead of the start and of each sweep: bounded, never failing, and telling the log what is new. */
export class AccountsFollower {
  readonly #load: AccountsLoad | undefined;
  readonly #settings: ModuleSettings;
  readonly #logger: Logger;
  /** What was said of each account, so that it is said once. */
  readonly #said = new Map<string, string>();
  #failing = false;
  /** A load that was waited for in vain: nobody waits for it again. */
  #late: Promise<unknown> | undefined;

  constructor(load: AccountsLoad | undefined, settings: ModuleSettings, logger: Logger) {
    this.#load = load;
    this.#settings = settings;
    this.#logger = logger;
  }

  /** Resolves once the accounts are as the loader says, the limit has passed, or the signal says that nobody waits any more. */
  async follow(signal?: AbortSignal): Promise<void> {
    if (this.#load === undefined || this.#late !== undefined) return;
    const loading = this.#load.once().then(
      (report) => this.#tell(report),
      (error: unknown) => this.#failed(error, signal),
    );
    if (await this.#inTime(loading, signal)) return;
    this.#late = loading.finally(() => {
      this.#late = undefined;
    });
  }

  async #inTime(loading: Promise<void>, signal: AbortSignal | undefined): Promise<boolean> {
    let stop = () => {};
    const given = new Promise<false>((resolve) => {
      const late = () => {
        this.#logger.warn(`accountsFrom has not answered within ${LOAD_TIMEOUT_MS} ms; goes on without`);
        resolve(false);
      };
      // A start that nothing else keeps alive must not end here.
      const cancel = this.#settings.clock.after(LOAD_TIMEOUT_MS, late, true);
      const aborted = () => resolve(false);
      signal?.addEventListener('abort', aborted, { once: true });
      stop = () => {
        cancel();
        signal?.removeEventListener('abort', aborted);
      };
    });
    try {
      return await Promise.race([loading.then(() => true as const), given]);
    } finally {
      stop();
    }
  }

  #tell({ added, removed, failed }: TokenAccountsReport): void {
    if (this.#failing) this.#logger.log('accountsFrom answers again');
    this.#failing = false;
    if (added.length + removed.length > 0)
      this.#logger.log(`accounts: ${added.length} added, ${removed.length} removed`);
    const broken = new Set(failed.map(({ name }) => name));
    for (const name of this.#said.keys()) if (!broken.has(name)) this.#said.delete(name);
    for (const problem of failed) this.#tellOf(problem);
  }

  #tellOf({ name, error }: TokenAccountProblem): void {
    const text = reason(error);
    if (this.#said.get(name) === text) return;
    this.#said.set(name, text);
    this.#logger.error(`account "${name}" could not be taken: ${text}`);
  }

  #failed(error: unknown, signal: AbortSignal | undefined): void {
    // Once: a database that is away for an hour is one line, not a hundred.
    if (this.#failing || signal?.aborted) return;
    this.#failing = true;
    this.#logger.error(
      'accountsFrom failed; the accounts stay as they are',
      error instanceof Error ? error.stack : String(error),
    );
  }
}

/** Ours is public; a message of other code may quote what it stumbled over, and here that is a secret. */
function reason(error: unknown): string {
  if (error instanceof TokenError) return error.message;
  return `${error instanceof Error ? error.name : typeof error} in "account", see problems() of TokenAccounts`;
}
