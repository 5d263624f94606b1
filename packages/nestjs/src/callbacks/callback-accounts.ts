import type { Account, CallbackReply, CallbackRequest, TokenManager } from '@evertoken/core';
import type { ModuleRef } from '@nestjs/core';
import { configurationError } from '../token.messages.js';
import { getAccountToken } from '../utils/get-account-token.util.js';
import { getTokenManagerToken } from '../utils/get-token-manager-token.util.js';
import { callbackNotMade, noCallback, noManager, noSuchAccount } from './callback.messages.js';
import type { CallbackRoute, CallbackSettings, CallbackTarget } from './read-callback-options.js';

/** What an account answers with. */
export type AnswerCallback = (request: CallbackRequest) => Promise<CallbackReply>;

type AccountTarget = Exclude<CallbackTarget, { readonly kind: 'handler' }>;

/** Finds accounts and their callbacks: anew for each request, because accounts come and go. */
export class CallbackAccounts {
  readonly #moduleRef: ModuleRef;
  readonly #settings: CallbackSettings;
  /** Of each account one: it may remember what it has answered. */
  readonly #callbacks = new WeakMap<Account, AnswerCallback>();
  #manager: TokenManager | undefined;
  /** Of a manager that knows no accounts: a double, in a test. */
  readonly #injected = new Map<string, Account>();

  constructor(moduleRef: ModuleRef, settings: CallbackSettings) {
    this.#moduleRef = moduleRef;
    this.#settings = settings;
  }

  /**
   * Whether every account that a route names is there, and takes callbacks.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION`; its message begins with the quoted option.
   */
  check(): void {
    for (const { option, target } of this.#settings.routes) {
      if (target.kind === 'handler') continue;
      this.#manager ??= this.#findManager(`${option}.${target.kind}`);
      if (target.kind === 'account') this.#checkAccount(`${option}.account`, target.name, target.optional);
      for (const [at, name] of (target.kind === 'accounts' ? (target.names ?? []) : []).entries()) {
        this.#checkAccount(`${option}.accounts[${at}]`, name, target.optional);
      }
    }
  }

  /**
   * The callback of the account that a request is for, where the route may serve it. `name`: from the path.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` where the account lacks what it takes.
   */
  callbackFor({ target }: CallbackRoute, name: string | undefined): AnswerCallback | undefined {
    if (target.kind === 'handler') return undefined;
    const account = this.#find(target.kind === 'account' ? target.name : (name ?? ''));
    return account && isServed(target, account) ? this.#callbackOf(account) : undefined;
  }

  #callbackOf(account: Account): AnswerCallback | undefined {
    const known = this.#callbacks.get(account);
    if (known || !account.callback || !this.#manager) return known;
    const callback = account.callback(this.#manager);
    this.#callbacks.set(account, callback);
    return callback;
  }

  #checkAccount(option: string, name: string, optional: boolean): void {
    const managed = this.#find(name);
    // A double of the manager starts without secrets, and so without the keys of pushes.
    if (managed) this.#checkKeys(option, managed);
    const account = managed ?? this.#inject(name);
    if (account && !account.callback) throw configurationError(noCallback(option, name), name);
    if (!account && !optional) {
      const known = this.#manager?.accounts().map((present) => present.name) ?? [];
      throw configurationError(noSuchAccount(option, name, known), name);
    }
  }

  #checkKeys(option: string, account: Account): void {
    try {
      this.#callbackOf(account);
    } catch (error) {
      throw configurationError(callbackNotMade(option, account.name, (error as Error).message), account.name);
    }
  }

  #find(name: string): Account | undefined {
    return this.#manager?.accounts().find((account) => account.name === name) ?? this.#injected.get(name);
  }

  #inject(name: string): Account | undefined {
    const account = found<Account>(this.#moduleRef, getAccountToken(name, this.#settings.managerName));
    if (account) this.#injected.set(name, account);
    return account;
  }

  #findManager(option: string): TokenManager {
    const { managerName } = this.#settings;
    const manager = found<TokenManager>(this.#moduleRef, getTokenManagerToken(managerName));
    if (!manager) throw configurationError(noManager(option, managerName));
    return manager;
  }
}

function isServed(target: AccountTarget, account: Account): boolean {
  if (target.kind === 'account') return true;
  return target.names ? target.names.includes(account.name) : target.platform === account.platform;
}

/** A provider of any module, or nothing. */
function found<Found>(moduleRef: ModuleRef, token: Parameters<ModuleRef['get']>[0]): Found | undefined {
  try {
    return moduleRef.get<Found>(token, { strict: false }) ?? undefined;
  } catch {
    // Nest's way of saying that there is none.
    return undefined;
  }
}
