import type { FaultKind } from './faults.js';
import type { PlatformName } from './platform.js';

/** One call that reached a simulated platform. Never holds a secret, a token or an answer. */
export interface SandboxCall {
  /** Sandbox time of arrival, Unix milliseconds. */
  readonly at: number;
  /** Which platform was called. */
  readonly platform: PlatformName;
  /** HTTP method. */
  readonly method: string;
  /** Path template below the platform's base URL, such as `/v1.0/oauth2/{corpId}/token`. */
  readonly endpoint: string;
  /** `appId`, `appKey` or `clientId`, where the request names a configured one. */
  readonly account?: string;
  /** Below the account, such as an authorizer's app id, an agent, or NextEngine's `uid`. */
  readonly subject?: string;
  /** `ok`, the platform's own code, or the name of the fault that took the answer away. */
  readonly outcome: string;
  /** HTTP status sent, if one was. */
  readonly status?: number;
  /** The fault that was applied, if any. */
  readonly fault?: FaultKind;
  /** What the platform did without the caller hearing of it: after `drop`, `late`, or a spoilt answer. */
  readonly effect?: string;
}

/** Which calls to list; members that are left out match every call. */
export interface CallFilter {
  /** Calls of this platform. */
  readonly platform?: PlatformName;
  /** Calls of this path. */
  readonly endpoint?: string;
  /** Calls for this app id. */
  readonly account?: string;
  /** Calls about this user, authorizer or corp. */
  readonly subject?: string;
  /** Calls that ended so: `ok`, or the platform's code. */
  readonly outcome?: string;
}

/** What has been logged since somebody looked last. */
export interface CallPage {
  /** How many calls came before the first of `calls`, counted from the start; less than asked for if the log was cleared meanwhile. */
  readonly from: number;
  readonly calls: readonly SandboxCall[];
  /** Where to look on. The `effect` that a call has later is not told again. */
  readonly next: number;
}

export const CALL_FILTER_KEYS = ['platform', 'endpoint', 'account', 'subject', 'outcome'] as const;

/** An entry that is still being written. */
export type OpenCall = { -readonly [Key in keyof SandboxCall]: SandboxCall[Key] };

// A sandbox may run for days in a development set-up: the oldest calls are forgotten.
const MAX_CALLS = 100_000;

export class CallLog {
  #entries: OpenCall[] = [];
  /** How many were forgotten. */
  #dropped = 0;

  get size(): number {
    return this.#entries.length;
  }

  add(entry: OpenCall): OpenCall {
    this.#entries.push(entry);
    if (this.#entries.length > MAX_CALLS) {
      this.#entries = this.#entries.slice(MAX_CALLS / 10);
      this.#dropped += MAX_CALLS / 10;
    }
    return entry;
  }

  list(filter: CallFilter = {}): SandboxCall[] {
    return this.#entries
      .filter((entry) => CALL_FILTER_KEYS.every((key) => filter[key] === undefined || filter[key] === entry[key]))
      .map((entry) => ({ ...entry }));
  }

  /** The calls from the `after`-th on, so that somebody who looks again and again is told each of them once. */
  page(after: number): CallPage {
    const total = this.#dropped + this.#entries.length;
    // After a `clear` there are fewer than were seen.
    const from = Math.max(after > total ? 0 : after, this.#dropped);
    const calls = this.#entries.slice(from - this.#dropped).map((entry) => ({ ...entry }));
    return { from, calls, next: total };
  }

  clear(): void {
    this.#entries = [];
    this.#dropped = 0;
  }
}
