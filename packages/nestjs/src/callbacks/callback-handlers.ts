import type { CallbackReply, CallbackRequest } from '@evertoken/core';
import { type InjectionToken, Scope, type Type } from '@nestjs/common';
import { ContextIdFactory, type ModuleRef } from '@nestjs/core';
import { configurationError } from '../token.messages.js';
import { noSuchHandler, notAHandler, notAReply } from './callback.messages.js';
import type { TokenCallbackHandler, TokenCallbackHttp } from './interfaces/token-callback-handler.interface.js';
import type { CallbackRoute } from './read-callback-options.js';

type HandlerToken = InjectionToken<TokenCallbackHandler>;
type Resolve = (request: object) => Promise<TokenCallbackHandler>;

/** Finds the providers that answer routes: once, or for each request where they are made for each. */
export class CallbackHandlers {
  readonly #moduleRef: ModuleRef;
  readonly #resolvers = new Map<CallbackRoute, Resolve>();

  constructor(moduleRef: ModuleRef) {
    this.#moduleRef = moduleRef;
  }

  /**
   * Whether every handler is a provider.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION`; its message begins with the quoted option.
   */
  check(routes: readonly CallbackRoute[]): void {
    for (const route of routes) {
      if (route.target.kind === 'handler') this.#resolvers.set(route, this.#resolver(route, route.target.token));
    }
  }

  async answer(route: CallbackRoute, request: CallbackRequest, http: TokenCallbackHttp): Promise<CallbackReply> {
    const handler = await this.#resolvers.get(route)?.(http.request as object);
    const reply: Partial<CallbackReply> | undefined = await handler?.handle(request, http);
    if (typeof reply?.status !== 'number' || typeof reply.body !== 'string') throw new TypeError(notAReply(route.path));
    return reply as CallbackReply;
  }

  #resolver({ option }: CallbackRoute, token: HandlerToken): Resolve {
    const path = `${option}.handler`;
    const name = typeof token === 'function' ? token.name : String(token);
    if (this.#scopeOf(token, path, name) === Scope.DEFAULT) {
      const handler = this.#moduleRef.get<TokenCallbackHandler>(token, { strict: false });
      if (typeof handler?.handle !== 'function') throw configurationError(notAHandler(path, name));
      return () => Promise.resolve(handler);
    }
    return (request) => {
      const contextId = ContextIdFactory.getByRequest(request);
      this.#moduleRef.registerRequestByContextId(request, contextId);
      return this.#moduleRef.resolve<TokenCallbackHandler>(token, contextId, { strict: false });
    };
  }

  #scopeOf(token: HandlerToken, path: string, name: string): Scope {
    try {
      return this.#moduleRef.introspect(token as Type<TokenCallbackHandler>).scope;
    } catch {
      throw configurationError(noSuchHandler(path, name));
    }
  }
}
