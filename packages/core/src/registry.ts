import type { Account, RefreshOptions } from './account.js';
import { type AccountKey, accountKeyOf, parseTokenKey, type TokenKey } from './key.js';
import { configurationError, readRefresh } from './options.js';
import type { TokenSource } from './source.js';

/** An account and what was said of it when it was added. */
export interface Registered {
  readonly account: Account;
  readonly key: AccountKey;
  readonly refresh: RefreshOptions;
}

/** The accounts of one manager, by name and by what stands in their keys. */
export class Registry {
  readonly #byName = new Map<string, Registered>();
  readonly #byKey = new Map<AccountKey, Registered>();

  /**
   * Adds an account, or replaces the options of one with the same name and id.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION`
   */
  add(account: Account, refreshOptions?: RefreshOptions): Registered {
    checkShape(account);
    const refresh = refreshOptions ?? account.refresh;
    const { name } = account;
    const problems = account.problems();
    if (problems.length > 0) throw configurationError(`${problems.join('; ')} (account "${name}")`, { account: name });
    const registered: Registered = {
      account,
      key: accountKeyOf(account),
      refresh: readRefresh(`accounts["${name}"].refresh`, refresh),
    };
    const known = this.#byName.get(name);
    if (known && known.key !== registered.key) {
      throw configurationError(`"name" of an account must be unique: "${name}" is another account already`, {
        account: name,
      });
    }
    const sameKey = this.#byKey.get(registered.key);
    if (sameKey && sameKey.account.name !== name) {
      throw configurationError(
        `"${name}" and "${sameKey.account.name}" are the same ${account.platform} app: configure it once, under one name`,
        { account: name },
      );
    }
    for (const source of account.sources()) checkCircles(source);
    this.#byName.set(name, registered);
    this.#byKey.set(registered.key, registered);
    return registered;
  }

  remove(name: string): boolean {
    const known = this.#byName.get(name);
    if (!known) return false;
    this.#byName.delete(name);
    this.#byKey.delete(known.key);
    return true;
  }

  get(name: string): Registered | undefined {
    return this.#byName.get(name);
  }

  all(): IterableIterator<Registered> {
    return this.#byName.values();
  }

  /** Of all accounts, or of those with these names. */
  accountKeys(names?: readonly string[]): AccountKey[] {
    const keys = [...this.#byKey];
    return keys.filter(([, { account }]) => names?.includes(account.name) ?? true).map(([key]) => key);
  }

  /** The account a key belongs to. */
  ownerOf(key: TokenKey): Registered | undefined {
    const { platform, id } = parseTokenKey(key);
    return this.#byKey.get(accountKeyOf({ platform, id }));
  }

  /** A stored key back to its source; undefined where no account answers for it. */
  sourceOf(key: TokenKey): TokenSource | undefined {
    const { kind, subject } = parseTokenKey(key);
    const source = this.ownerOf(key)?.account.source(kind, subject?.join('/'));
    return source?.key === key ? source : undefined;
  }
}

function checkShape(account: Account): void {
  if (typeof account !== 'object' || account === null) {
    throw configurationError(
      `"accounts" must hold accounts, such as officialAccount({ … }), got ${account === null ? 'null' : typeof account}`,
    );
  }
  for (const method of ['problems', 'sources', 'source', 'client'] as const) {
    if (typeof account[method] !== 'function') {
      throw configurationError(`"accounts" must hold accounts, such as officialAccount({ … }): "${method}" is missing`);
    }
  }
  if (typeof account.name !== 'string' || account.name.trim() === '') {
    throw configurationError(`"name" of a ${account.platform} account must be a non-empty string`);
  }
}

function checkCircles(source: TokenSource, path: readonly TokenKey[] = []): void {
  if (path.includes(source.key)) {
    throw configurationError(`"dependsOn" of ${source.kind} (account "${source.account}") leads back to itself`);
  }
  for (const parent of source.dependsOn ?? []) checkCircles(parent, [...path, source.key]);
}
