import type { TokenErrorCode } from './errors.js';
import type { TokenState } from './store/record.js';
import type { EpochMs } from './token.js';

/** What every event says: which key, and when by the manager's clock. Never a token, never a secret. */
export interface KeyEvent {
  readonly account: string;
  readonly platform: string;
  readonly kind: string;
  /** Personal data on some platforms. */
  readonly subject?: string;
  readonly at: EpochMs;
}

/** A request to the platform ended. */
export interface IssueEvent extends KeyEvent {
  readonly outcome: 'renewed' | 'unchanged' | 'failed';
  readonly durationMs: number;
  readonly forced: boolean;
}

/** A token was stored by this process. */
export interface CommitEvent extends KeyEvent {
  readonly generation?: number;
  readonly expiresAt?: EpochMs;
  readonly cause: string;
}

/** A token of this process was not stored, because a newer one stands. */
export interface ConflictEvent extends KeyEvent {
  readonly predecessor: number;
  readonly stored: number;
}

/** Somebody reported that the platform refused a value. */
export interface RejectEvent extends KeyEvent {
  /** `better`: another one was stored already; `renewed`: asking brought one; `again`: nothing better. */
  readonly outcome: 'better' | 'renewed' | 'again';
}

/** An attempt failed. */
export interface FailureEvent extends KeyEvent {
  readonly code: TokenErrorCode;
  readonly platformCode?: string;
  readonly requestId?: string;
  readonly message: string;
  readonly failures: number;
  readonly retryAt?: EpochMs;
}

/** A key's state changed. */
export interface StateEvent extends KeyEvent {
  readonly from: TokenState;
  readonly to: TokenState;
  readonly cause?: string;
}

/** A person must sign in again. */
export interface ReauthorizeEvent extends KeyEvent {
  readonly cause: 'refused' | 'expired' | 'indeterminate' | 'gone';
  readonly platformCode?: string;
}

/** A grant ends soon and has not been renewed. */
export interface GrantEndingEvent extends KeyEvent {
  readonly endsAt: EpochMs;
}

/** Names and payloads; also published on the diagnostics channels `evertoken:<name>`. */
export interface TokenEvents {
  issue: IssueEvent;
  commit: CommitEvent;
  conflict: ConflictEvent;
  reject: RejectEvent;
  failure: FailureEvent;
  state: StateEvent;
  reauthorize: ReauthorizeEvent;
  grantEnding: GrantEndingEvent;
}

/** The names of the events. */
export const TOKEN_EVENTS = Object.freeze([
  'issue',
  'commit',
  'conflict',
  'reject',
  'failure',
  'state',
  'reauthorize',
  'grantEnding',
] as const satisfies readonly (keyof TokenEvents)[]);

type Listener<Name extends keyof TokenEvents> = (event: TokenEvents[Name]) => void;

/** Listeners of one manager. */
export class EventHub {
  readonly #listeners = new Map<keyof TokenEvents, Set<Listener<never>>>();

  on<Name extends keyof TokenEvents>(name: Name, listener: Listener<Name>): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    set.add(listener as Listener<never>);
    return () => void set.delete(listener as Listener<never>);
  }

  emit<Name extends keyof TokenEvents>(name: Name, event: TokenEvents[Name]): void {
    const channel = process.getBuiltinModule('node:diagnostics_channel').channel(`evertoken:${name}`);
    if (channel.hasSubscribers) channel.publish(event);
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        (listener as Listener<Name>)(event);
      } catch (error) {
        // A subscriber's mistake must not stop a refresh, nor vanish.
        process.emitWarning(error instanceof Error ? error : String(error), { code: 'EVERTOKEN_LISTENER' });
      }
    }
  }
}
