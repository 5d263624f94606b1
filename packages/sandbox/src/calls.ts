import type { FaultKind } from './faults.js';
import type { PlatformName } from './platform.js';

/** One call that reached a simulated platform. Never holds a secret, a token or an answer. */
export interface SandboxCall {
  /** Sandbox time of arrival, Unix milliseconds. */
  readonly at: number;
  readonly platform: PlatformName;
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
  readonly platform?: PlatformName;
  readonly endpoint?: string;
  readonly account?: string;
  readonly subject?: string;
  readonly outcome?: string;
}

export const CALL_FILTER_KEYS = ['platform', 'endpoint', 'account', 'subject', 'outcome'] as const;

/** An entry that is still being written. */
export type OpenCall = { -readonly [Key in keyof SandboxCall]: SandboxCall[Key] };

// A sandbox may run for days in a development set-up: the oldest calls are forgotten.
const MAX_CALLS = 100_000;

export class CallLog {
  #entries: OpenCall[] = [];

  get size(): number {
    return this.#entries.length;
  }

  add(entry: OpenCall): OpenCall {
    this.#entries.push(entry);
    if (this.#entries.length > MAX_CALLS) this.#entries = this.#entries.slice(MAX_CALLS / 10);
    return entry;
  }

  list(filter: CallFilter = {}): SandboxCall[] {
    return this.#entries
      .filter((entry) => CALL_FILTER_KEYS.every((key) => filter[key] === undefined || filter[key] === entry[key]))
      .map((entry) => ({ ...entry }));
  }

  clear(): void {
    this.#entries = [];
  }
}
