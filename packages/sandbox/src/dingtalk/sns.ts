import type { Clock } from '../clock.js';
import { hexValue } from '../opaque.js';
import { CodeBook } from './code-book.js';
import { Renewable } from './renewable.js';
import type { DingTalkCommonSettings } from './switches.js';
import type { DingTalkUserSettings } from './users.js';

/** A user's persistent code, and the token it brings. */
export interface SnsGrant {
  readonly user: DingTalkUserSettings;
  readonly persistentCode: string;
  readonly token: Renewable;
}

/** Scan logins of one personal app: its token, codes of single use, persistent codes, users' tokens. */
export class Sns {
  readonly codes: CodeBook<DingTalkUserSettings>;
  readonly token: Renewable;
  readonly #grants = new Map<string, SnsGrant>();
  readonly #lifetimeMs: () => number;

  constructor(switches: () => DingTalkCommonSettings, clock: Clock) {
    this.#lifetimeMs = () => switches().expiresIn * 1000;
    this.codes = new CodeBook(clock);
    this.token = new Renewable(
      () => hexValue(32),
      () => ({ lifetimeMs: this.#lifetimeMs() }),
    );
  }

  /** The persistent code of a user: the same each time. */
  persist(user: DingTalkUserSettings): SnsGrant {
    // A repeated call returns the token without moving its end.
    const terms = () => ({ lifetimeMs: this.#lifetimeMs(), renews: false });
    const grant = this.#grants.get(user.openId) ?? {
      user,
      persistentCode: hexValue(64),
      token: new Renewable(() => hexValue(32), terms),
    };
    this.#grants.set(user.openId, grant);
    return grant;
  }

  grant(openId: string | undefined, persistentCode: string | undefined): SnsGrant | undefined {
    const grant = openId === undefined ? undefined : this.#grants.get(openId);
    return grant?.persistentCode === persistentCode ? grant : undefined;
  }

  kill(openId: string | undefined, keepReturningSame: boolean): void {
    if (openId === undefined) this.token.revoke(keepReturningSame);
    else this.#grants.get(openId)?.token.revoke(keepReturningSame);
  }

  /** Takes back what a user granted: the persistent code is none any more. */
  end(openId: string): void {
    this.kill(openId, false);
    this.#grants.delete(openId);
  }
}
