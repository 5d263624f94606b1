import type { IncomingMessage, ServerResponse } from 'node:http';
import { type CallbackReply, type CallbackRequest, TokenError } from '@evertoken/core';
import { type BodyProblem, sendReply } from '@evertoken/core/http';
import type { Logger } from '@nestjs/common';
import type { HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { ACCOUNT_PARAMETER } from './callback.constants.js';
import { bodyReadBefore } from './callback.messages.js';
import type { AnswerCallback, CallbackAccounts } from './callback-accounts.js';
import { type CallbackBodies, TOO_LARGE } from './callback-bodies.js';
import type { CallbackHandlers } from './callback-handlers.js';
import type { CallbackRoute, CallbackSettings } from './read-callback-options.js';

/** What a registration works with, made once for each application. */
export interface CallbackParts {
  readonly settings: CallbackSettings;
  readonly accounts: CallbackAccounts;
  readonly handlers: CallbackHandlers;
  readonly bodies: CallbackBodies;
  readonly adapterHost: HttpAdapterHost;
  readonly moduleRef: ModuleRef;
  readonly logger: Logger;
}

/** What is used of a request, Express's or Fastify's. */
interface FrameworkRequest {
  readonly method: string;
  readonly params?: Readonly<Record<string, string | undefined>>;
  /** Fastify's. */
  readonly raw?: IncomingMessage;
}

/** Cannot be taken now: the platform sends it again. */
const AGAIN: CallbackReply = { status: 503, body: '' };
const NOT_FOUND: CallbackReply = { status: 404, body: '' };
const WITHOUT_BODY: Readonly<Record<BodyProblem, CallbackReply>> = {
  tooLarge: TOO_LARGE,
  // To nobody.
  brokenOff: { status: 400, body: '' },
  readBefore: { status: 500, body: '' },
};

/** Answers the requests of all routes: reads, asks the account or the handler, and sends what it says as it says it. */
export class CallbackResponder {
  readonly #parts: CallbackParts;
  /** Routes whose missing bodies have been told of. */
  readonly #told = new Set<CallbackRoute>();

  constructor(parts: CallbackParts) {
    this.#parts = parts;
  }

  get settings(): CallbackSettings {
    return this.#parts.settings;
  }

  async answer(route: CallbackRoute, request: unknown, response: unknown): Promise<void> {
    this.#send(response, await this.#reply(route, request as FrameworkRequest, response));
  }

  async #reply(route: CallbackRoute, request: FrameworkRequest, response: unknown): Promise<CallbackReply> {
    if (!route.methods.includes(request.method)) {
      return { status: 405, headers: { allow: route.methods.join(', ') }, body: '' };
    }
    const message = request.raw ?? (request as unknown as IncomingMessage);
    const received = await this.#parts.bodies.read(message, route);
    if (received.problem) return this.#withoutBody(route, received.problem);
    try {
      if (route.target.kind === 'handler') {
        return await this.#parts.handlers.answer(route, received.request, { request, response });
      }
      return await this.#askAccount(route, received.request, request.params?.[ACCOUNT_PARAMETER]);
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      this.#log(route, error);
      return AGAIN;
    }
  }

  async #askAccount(route: CallbackRoute, request: CallbackRequest, name: string | undefined): Promise<CallbackReply> {
    const callback = this.#callbackFor(route, name);
    if (!callback) return NOT_FOUND;
    const reply = await callback(request);
    if (reply.status < 400 || reply.status >= 500) return reply;
    this.#parts.logger.debug(`a request to '${route.path}' was refused with ${reply.status}`);
    // What is said to a caller who may be guessing must not tell him that he has guessed right.
    return route.target.kind === 'accounts' ? NOT_FOUND : reply;
  }

  #callbackFor(route: CallbackRoute, name: string | undefined): AnswerCallback | undefined {
    try {
      return this.#parts.accounts.callbackFor(route, name);
    } catch (error) {
      if (route.target.kind !== 'accounts' || !(error instanceof TokenError)) throw error;
      this.#log(route, error);
      return undefined;
    }
  }

  #log({ path }: CallbackRoute, { code, message, retryable }: TokenError): void {
    const level = retryable || code === 'ERR_TOKEN_CLOSED' ? 'warn' : 'error';
    this.#parts.logger[level](`a request to '${path}' could not be answered, code ${code}: ${message}`);
  }

  #withoutBody(route: CallbackRoute, problem: BodyProblem): CallbackReply {
    if (problem === 'readBefore' && !this.#told.has(route)) {
      this.#told.add(route);
      this.#parts.logger.error(bodyReadBefore(route.path));
    }
    return WITHOUT_BODY[problem];
  }

  #send(response: unknown, reply: CallbackReply): void {
    const adapter = this.#parts.adapterHost.httpAdapter;
    // An interceptor with a time limit was faster.
    if (adapter.isHeadersSent(response)) return;
    // Not Express's own `send`, which adds a type and an ETag, and answers 304 by itself.
    if (adapter.getType() === 'express') {
      sendReply(response as ServerResponse, reply);
      return;
    }
    for (const [name, value] of Object.entries(reply.headers ?? {})) {
      adapter.setHeader(response, name, (typeof value === 'string' ? value : [...value]) as string);
    }
    adapter.reply(response, reply.body === '' ? undefined : reply.body, reply.status);
  }
}
