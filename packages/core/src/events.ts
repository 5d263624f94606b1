import type { TokenErrorCode } from './errors.js';
import type { TokenState } from './store/record.js';
import type { EpochMs } from './token.js';

/** What every event says: which key, and when by the manager's clock. Never a token, never a secret. */
export interface KeyEvent {
  /** Name of the account. */
  readonly account: string;
  /** The platform's short name. */
  readonly platform: string;
  /** Kind of the token. */
  readonly kind: string;
  /** Personal data on some platforms. */
  readonly subject?: string;
  /** When it happened, by the manager's clock, Unix ms. */
  readonly at: EpochMs;
}

/** A request to the platform ended. */
export interface IssueEvent extends KeyEvent {
  /** `renewed`: a new value. `unchanged`: the one that stands. `failed`: neither. */
  readonly outcome: 'renewed' | 'unchanged' | 'failed';
  /** From before the first request until the answer was stored or the failure noted, ms. */
  readonly durationMs: number;
  /** Whether a rejection caused it, and not time. */
  readonly forced: boolean;
  /** Requests that were sent: mostly 1; 0 where something has to come first that is missing. */
  readonly requests: number;
  /** Why it failed. `ERR_TOKEN_WAITING` also where the platform refused the parent token: that one is renewed, then this one asked for again. */
  readonly code?: TokenErrorCode;
  /** The platform's own code of a failure, as text. */
  readonly platformCode?: string;
  /** The platform's id of the failed request, for its support. */
  readonly requestId?: string;
}

/** A token was stored by this process. */
export interface CommitEvent extends KeyEvent {
  /** The generation it was stored as. */
  readonly generation?: number;
  /** End of validity, Unix ms; absent where no end is known. */
  readonly expiresAt?: EpochMs;
  /** How the token came to be: `issue`, `recover`, `adopt`, `push`, `grant`, `restore`. */
  readonly cause: string;
}

/** A token of this process was not stored, because a newer one stands. */
export interface ConflictEvent extends KeyEvent {
  /** The generation this process believed to replace. */
  readonly predecessor: number;
  /** The generation that stood in its place. */
  readonly stored: number;
}

/** Somebody reported that the platform refused a value. */
export interface RejectEvent extends KeyEvent {
  /** `better`: another one was stored already; `renewed`: asking brought one; `again`: nothing better. */
  readonly outcome: 'better' | 'renewed' | 'again';
}

/** An attempt failed. */
export interface FailureEvent extends KeyEvent {
  /** What went wrong, see `TOKEN_ERRORS`. */
  readonly code: TokenErrorCode;
  /** The platform's own code. */
  readonly platformCode?: string;
  /** The platform's id of the request. */
  readonly requestId?: string;
  /** For people; holds no secret and no token. */
  readonly message: string;
  /** Failed attempts in a row, this one included. */
  readonly failures: number;
  /** When the next attempt may be made, Unix ms. */
  readonly retryAt?: EpochMs;
}

/** A key's state changed. */
export interface StateEvent extends KeyEvent {
  /** The state before. */
  readonly from: TokenState;
  /** The state now. */
  readonly to: TokenState;
  /** Why, in one word. */
  readonly cause?: string;
}

/** A person must sign in again. */
export interface ReauthorizeEvent extends KeyEvent {
  /** `refused`: by the platform. `expired`: nobody renewed it in time. `indeterminate`: an answer was lost for good. `gone`: the platform said so. */
  readonly cause: 'refused' | 'expired' | 'indeterminate' | 'gone';
  /** The platform's own code of the refusal. */
  readonly platformCode?: string;
}

/** A grant ends soon and has not been renewed. */
export interface GrantEndingEvent extends KeyEvent {
  /** When it can no longer be renewed, Unix ms. */
  readonly endsAt: EpochMs;
}

/** Names and payloads; also published on the diagnostics channels `evertoken:<name>`. */
export interface TokenEvents {
  /** A request to the platform ended. */
  issue: IssueEvent;
  /** A token was stored by this process. */
  commit: CommitEvent;
  /** A token was not stored, because a newer one stands. */
  conflict: ConflictEvent;
  /** Somebody reported a refused value. */
  reject: RejectEvent;
  /** An attempt failed. */
  failure: FailureEvent;
  /** A key's state changed. */
  state: StateEvent;
  /** A person must sign in again. */
  reauthorize: ReauthorizeEvent;
  /** A grant ends soon and has not been renewed. */
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
