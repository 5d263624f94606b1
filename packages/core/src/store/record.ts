import { fingerprint, type TokenKey } from '../key.js';
import type { EpochMs, TokenExtra } from '../token.js';

/** The record format this code writes. Who reads a higher one serves the token and refuses to claim. */
export const RECORD_VERSION = 1;

/** See `core.md` §3. `gone` is a tombstone: no token, generation kept. */
export type TokenState =
  | 'active'
  | 'retrying'
  | 'doubtful'
  | 'waiting'
  | 'suspended'
  | 'contested'
  | 'repeated'
  | 'reauthorize'
  | 'gone';

/** How a generation came to be. */
export interface Lineage {
  /** `issue`: asked for. `recover`: found by another way. `adopt`: learned from an answer. `push`: pushed. `grant`: a sign-in. `restore`: from elsewhere. */
  readonly cause: 'issue' | 'recover' | 'adopt' | 'push' | 'grant' | 'restore';
  /** The process that did it, as its manager names itself. */
  readonly actor: string;
  /** When, store time. */
  readonly at: EpochMs;
  /** How long it took, ms. */
  readonly durationMs: number;
  /** Fingerprint of the value it replaced. */
  readonly predecessor?: string;
}

/** A token to be stored: what `commit` takes. All times in store time, Unix ms. */
export interface TokenPart {
  /** The token, in clear or sealed. */
  readonly value: string;
  /** Keyed fingerprint of a sealed value, by which an equal one is recognised; absent where the value stands in clear. */
  readonly mark?: string;
  /** What renews it, in clear or sealed. */
  readonly refreshToken?: string;
  /** Facts that travel with it. */
  readonly extra?: TokenExtra;
  /** Start of the request that brought it. */
  readonly issuedAt: EpochMs;
  /** When this value was first seen; survives unchanged answers. */
  readonly firstSeenAt: EpochMs;
  /** As the platform says, without margin; absent where no end is known. */
  readonly expiresAt?: EpochMs;
  /** When it can no longer be renewed. */
  readonly refreshTokenExpiresAt?: EpochMs;
  /** Order of the push that brought it. */
  readonly order?: number;
  /** The sign-in that it goes back to; kept by renewals. */
  readonly grant?: SignIn;
  /** Fingerprints of the last 8 values, this one included, newest first. */
  readonly seen: readonly string[];
  /** Fingerprint of the credentials that issued it. */
  readonly credentials?: string;
  /** How it came to be. */
  readonly lineage: Lineage;
}

/** A person's sign-in. */
export interface SignIn {
  /** When it took place, store time. */
  readonly at: EpochMs;
  /** Fingerprint of the first value it brought. */
  readonly first: string;
}

/** A failed attempt, as all processes see it. Holds no secret and no free text of the platform. */
export interface AttemptFailure {
  /** What went wrong, see `TOKEN_ERRORS`. */
  readonly code: string;
  /** For people; holds no secret and no token. */
  readonly message: string;
  /** The platform's own code. */
  readonly platformCode?: string;
  /** The platform's id of the request. */
  readonly requestId?: string;
  /** When, store time. */
  readonly at: EpochMs;
  /** Epoch of the attempt: waiters take the failure of the holder they waited for. */
  readonly epoch: number;
  /** Fingerprint of the credentials it was made with. */
  readonly credentials?: string;
}

/** An intent: a generation is about to be presented in a request that may spend it. */
export interface Intent {
  /** The generation that is presented. */
  readonly generation: number;
  /** Start of the first attempt whose outcome is unknown, store time. */
  readonly since: EpochMs;
  /** The epoch that set it last. */
  readonly epoch: number;
  /** An earlier holder ended without saying what became of its request. */
  readonly uncertain: boolean;
}

/** Written under the lease; never changes the generation. */
export interface AttemptPart {
  /** Number of claims. */
  readonly epoch: number;
  /** The lease, live or over; absent where it was released. */
  readonly lease?: {
    /** Who has it. */
    readonly holder: string;
    /** Its end, store time. */
    readonly until: EpochMs;
  };
  /** The request that may have spent a generation. */
  readonly intent?: Intent;
  /** The key's state. */
  readonly state: TokenState;
  /** Why it is in this state, in one word. */
  readonly cause?: string;
  /** Failed attempts in a row. */
  readonly failures: number;
  /** The last failed attempt. */
  readonly failure?: AttemptFailure;
  /** No claim before this but by `refresh` and the first `reject`. */
  readonly retryAt?: EpochMs;
  /** Until when a doubtful token is served (S11). */
  readonly doubtUntil?: EpochMs;
  /** Issues forced by `reject`, while fresh tokens keep being refused. */
  readonly forced?: {
    /** How many. */
    readonly count: number;
    /** When the last one was, store time. */
    readonly at: EpochMs;
  };
}

/** One key, as stores keep it. Fields a reader does not know are kept on write. */
export interface TokenRecord {
  /** Format of the record. */
  readonly v: number;
  /** The key. */
  readonly key: TokenKey;
  /** Of the token, or of the one a tombstone stands for; 0 where there never was one. */
  readonly generation: number;
  /** The token; absent where there is none, or a tombstone. */
  readonly token?: TokenPart;
  /** When the tombstone was set. */
  readonly goneAt?: EpochMs;
  /** When the key is due; absent where nothing is to be done. */
  readonly refreshAt?: EpochMs;
  /** What is going on with it. */
  readonly attempt: AttemptPart;
}

/** The attempt part of a key that was never claimed. */
export const NO_ATTEMPT: AttemptPart = Object.freeze({ epoch: 0, state: 'active', failures: 0 });

/** By what an equal value is recognised without showing it: its own mark, or the fingerprint of one that stands in clear. */
export function markOf(token: Pick<TokenPart, 'value' | 'mark'>): string {
  return token.mark ?? fingerprint(token.value);
}

/** How many fingerprints of values a record remembers. */
const SEEN = 8;

/** The values that a record remembers once it holds the one of this fingerprint. */
export function seenWith(own: string, seen: readonly string[] = []): readonly string[] {
  return [own, ...seen.filter((other) => other !== own)].slice(0, SEEN);
}

/** What a store answers for a key it does not have. */
export function emptyRecord(key: TokenKey): TokenRecord {
  return { v: RECORD_VERSION, key, generation: 0, attempt: NO_ATTEMPT };
}

/** Whether nothing is known of the key: no token, no tombstone. A record with an attempt part alone is absent for commits. */
export function isAbsent(record: TokenRecord | undefined): boolean {
  return record === undefined || (record.token === undefined && record.goneAt === undefined);
}
