import type { IncomingMessage } from 'node:http';
import type { CallbackReply, CallbackRequest } from '@evertoken/core';
import { type BodyProblem, callbackRequest } from '@evertoken/core/http';
import type { CallbackRoute } from './read-callback-options.js';

/** A request as it came, or why it is without its body. */
export interface ReceivedCallback {
  readonly request: CallbackRequest;
  readonly problem: BodyProblem | undefined;
}

/** What is still to come is not waited for, and not kept. */
export const TOO_LARGE: CallbackReply = { status: 413, headers: { connection: 'close' }, body: '' };

/** Reads each request once: before the framework's parsers where that can be arranged, else when it is answered. */
export class CallbackBodies {
  readonly #received = new WeakMap<IncomingMessage, Promise<ReceivedCallback>>();

  read(message: IncomingMessage, { maxBytes }: CallbackRoute): Promise<ReceivedCallback> {
    const known = this.#received.get(message);
    if (known) return known;
    const receiving = receive(message, maxBytes);
    this.#received.set(message, receiving);
    return receiving;
  }
}

async function receive(message: IncomingMessage, maxBytes: number): Promise<ReceivedCallback> {
  let problem: BodyProblem | undefined;
  const onBodyProblem = (what: BodyProblem) => {
    problem = what;
  };
  const request = await callbackRequest(message, { maxBytes, onBodyProblem });
  return { request, problem };
}
