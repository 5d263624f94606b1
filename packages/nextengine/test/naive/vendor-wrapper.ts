import { type Client, exchange, type Pair, type Platform, pairIn, uidIn, userInfo } from './platform.js';

/** The `users` table, shared by an application's processes. */
export type UsersTable = Map<string, Pair>;

/**
 * The vendor sample's wrapper and its batch: one client object for a process, a row per user, a write when the tokens of
 * an answer differ from those sent, whatever stands there by then (the sheet's §11.3 and §11.4, as until July 2017).
 */
export class VendorWrapper implements Client {
  readonly #platform: Platform;
  readonly #users: UsersTable;
  readonly #options: { readonly throwsFirst?: boolean; readonly keepsClient?: boolean };
  #held: Pair | undefined;

  /** `throwsFirst`: as until 2016, an error is raised before the pair is saved. `keepsClient`: one object serves many users. */
  constructor(
    platform: Platform,
    users: UsersTable,
    options: { readonly throwsFirst?: boolean; readonly keepsClient?: boolean } = {},
  ) {
    this.#platform = platform;
    this.#users = users;
    this.#options = options;
  }

  async signIn(uid: string): Promise<void> {
    this.#users.set(uid, await exchange(this.#platform, uid));
  }

  async call(uid: string): Promise<string> {
    if (!this.#options.keepsClient) this.#held = undefined;
    const pair = this.#setUser(uid);
    if (pair === undefined) throw new Error('no such user');
    const answer = await userInfo(this.#platform, pair);
    if (this.#options.throwsFirst) uidIn(answer);
    const got = pairIn(answer);
    if (got && got.accessToken !== pair.accessToken) {
      this.#held = got;
      this.#users.set(uid, got);
    }
    return uidIn(answer);
  }

  /** Every row in turn; nothing is caught. */
  async refreshAll(): Promise<void> {
    for (const uid of this.#users.keys()) await this.call(uid);
  }

  /** Loads a user's pair; a client that already holds one writes that into the user's row instead. */
  #setUser(uid: string): Pair | undefined {
    if (this.#held) this.#users.set(uid, this.#held);
    else this.#held = this.#users.get(uid);
    return this.#held;
  }
}
