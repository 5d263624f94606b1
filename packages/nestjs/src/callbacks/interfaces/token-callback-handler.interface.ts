import type { CallbackReply, CallbackRequest } from '@evertoken/core';

/** The framework's own objects: an Express or a Fastify request and response, for a session or a route's parameters. */
export interface TokenCallbackHttp {
  /** Express's `Request`, or Fastify's `FastifyRequest`. */
  readonly request: unknown;
  /** Express's `Response`, or Fastify's `FastifyReply`. Not to be sent by the handler: what it returns is. */
  readonly response: unknown;
}

/**
 * What a provider implements to answer callbacks on a route of its own.
 *
 * @example
 * handle(request: CallbackRequest) { return this.tokens.callback(request); }
 */
export interface TokenCallbackHandler {
  /**
   * Answers a push or callback. What it throws goes to the application's exception filters, a `TokenError` excepted: that is
   * answered with 503, so that the platform sends the push again.
   */
  handle(request: CallbackRequest, http: TokenCallbackHttp): CallbackReply | Promise<CallbackReply>;
}
