import type { CallbackReply, CallbackRequest } from '@evertoken/core';
import type { CallbackKeys } from './callback-keys.js';
import type { DingTalkEvent } from './event-fields.js';

/** How pushes to one address are judged. */
export interface CallbackSettings {
  /** Tried in this order; several while keys are being changed. A reply is encrypted with the pair that opened the push. */
  readonly keys: readonly CallbackKeys[];
  /**
   * For whom a push may be: a suite's key or a custom app's; of an internal app both its app key (address set in the console) and its
   * corp id (address registered through the old API).
   */
  readonly ownerKeys: readonly string[];
  /** The current time, Unix ms. */
  readonly now: () => number;
  /**
   * How far a push's time may be from ours, both ways, ms. `Infinity` switches the check off. Default 1 h: the platform repeats what was
   * not acknowledged up to 100 times, and its documents do not say with which time.
   */
  readonly replayWindowMs?: number | undefined;
  /** Largest body, bytes. Default 1 MiB. */
  readonly maxBytes?: number | undefined;
}

/** A push that is genuine, for us, and recent. It may still be a repetition: the platform sends again what was not acknowledged. */
export interface ReceivedDingTalkPush {
  /** Tells it from a refused one. */
  readonly kind: 'event';
  /** The decrypted fields, without a prototype; texts are trimmed. `EventType` says what happened. */
  readonly event: DingTalkEvent;
  /** Which of `ownerKeys` it is for. */
  readonly ownerKey: string;
  /** When the platform says it was sent, Unix ms. */
  readonly timestamp: number;
  /**
   * What to answer: this text, encrypted. Default `success`, which is the answer to everything, address checks included; without
   * it the platform sends the push again. It waits 1.5 s (SyncHTTP 1.2 s): store, answer, then work.
   */
  reply(text?: string): CallbackReply;
}

/** What came: a push, or something else, with the answer to give. */
export type DingTalkPush =
  | ReceivedDingTalkPush
  | {
      /** Nobody who holds the keys sent it. */
      readonly kind: 'refused';
      /** What to answer. */
      readonly reply: CallbackReply;
    };

/** Loaded with the first push: programs that take none do not pay for it. */
let loading: Promise<typeof import('./judge.js')> | undefined;

/**
 * Judges a request to a callback address (event subscription by HTTP, SyncHTTP). Whatever is wrong with it, it is refused and never
 * thrown, and every refusal is the same, so that it tells nobody which check failed. Order of checks: query, time, size, encoding,
 * envelope, signature (in constant time), base64, decryption, padding, length, owner key, content.
 *
 * Pages `http-callback-overview`, `configure-synchttp-push`, `callback-event-message-body-encryption-and-decryption`.
 */
export async function openCallback(request: CallbackRequest, settings: CallbackSettings): Promise<DingTalkPush> {
  loading ??= import('./judge.js');
  const { judge } = await loading;
  return judge(request, settings);
}
