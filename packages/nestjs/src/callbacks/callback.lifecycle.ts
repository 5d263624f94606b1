import type { OnApplicationBootstrap, OnModuleInit } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { configurationError } from '../token.messages.js';
import { CALLBACK_ROUTES } from './callback.constants.js';
import { hasRoutes } from './callback.controller.js';
import { pathOfAnother, requestScoped } from './callback.messages.js';
import type { CallbackParts, CallbackResponder } from './callback-responder.js';
import { readFirstOnExpress } from './express-bodies.js';
import { readFirstOnFastify } from './fastify-bodies.js';
import { type CallbackSettings, comparablePath } from './read-callback-options.js';

/** Checks what only a whole application can tell, and has bodies read first. */
export class CallbackLifecycle implements OnModuleInit, OnApplicationBootstrap {
  readonly #parts: CallbackParts;
  readonly #responder: CallbackResponder;

  constructor(parts: CallbackParts, responder: CallbackResponder) {
    this.#parts = parts;
    this.#responder = responder;
  }

  /** By now Nest has registered its routes, and they cannot be called yet. */
  onModuleInit(): void {
    this.#checkApart();
    const { settings, adapterHost, bodies } = this.#parts;
    const adapter: AbstractHttpAdapter | undefined = adapterHost.httpAdapter;
    // None in an application without a server: a worker that has the same modules.
    if (!adapter) return;
    if (settings.ofFactory && !hasRoutes(this.#responder)) throw configurationError(requestScoped);
    if (adapter.getType() === 'express') readFirstOnExpress(adapter.getInstance(), settings.routes, bodies);
    if (adapter.getType() === 'fastify') readFirstOnFastify(adapter.getInstance(), settings.routes, bodies);
  }

  /** Of two routes with one path, Express would serve the first and never say so. */
  #checkApart(): void {
    const { settings, moduleRef } = this.#parts;
    const all: CallbackSettings[] = moduleRef.get(CALLBACK_ROUTES, { strict: false, each: true });
    const others = all.filter((other) => other !== settings).flatMap(({ routes }) => routes);
    for (const route of settings.routes) {
      if (others.some((other) => comparablePath(other) === comparablePath(route)))
        throw configurationError(pathOfAnother(`${route.option}.path`, route.path));
    }
  }

  /** Later than what other modules add accounts in. */
  onApplicationBootstrap(): void {
    const { settings, accounts, handlers } = this.#parts;
    handlers.check(settings.routes);
    accounts.check();
  }
}
