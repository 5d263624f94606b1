import { All, Controller, Inject, Req, Res, type Type, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { configurationError } from '../token.messages.js';
import { CALLBACK_ROUTE, ENHANCER_METADATA, FASTIFY_ROUTE_CONFIG } from './callback.constants.js';
import { classOfAFactory, decoratorFailed } from './callback.messages.js';
import { CallbackResponder } from './callback-responder.js';
import type { CallbackRoute } from './read-callback-options.js';

/** What is bound to the class: its guards, and decorators as they would stand on it. */
export interface ControllerEnhancers {
  readonly guards: CallbackRoute['guards'];
  readonly decorators: readonly ClassDecorator[];
}

/**
 * A controller of its own for each registration: decorators leave their marks on classes and methods, and those of one registration
 * are none of another's. It has a method a route; where `routes` are not known yet, an instance brings those of its application.
 */
export function callbackController(enhancers: ControllerEnhancers, routes: readonly CallbackRoute[] | undefined): Type {
  class TokenCallbackController {
    readonly #responder: CallbackResponder;

    constructor(@Inject(CallbackResponder) responder: CallbackResponder) {
      this.#responder = responder;
      if (!routes) Object.setPrototypeOf(this, prototypeOf(TokenCallbackController, responder));
    }

    answer(route: CallbackRoute, request: unknown, response: unknown): Promise<void> {
      return this.#responder.answer(route, request, response);
    }
  }
  for (const [at, decorator] of enhancers.decorators.entries()) {
    applied(`decorators[${at}]`, () => decorator(TokenCallbackController));
  }
  if (enhancers.guards.length > 0) UseGuards(...enhancers.guards)(TokenCallbackController);
  // In front of the path there is no version: a platform knows one address.
  Controller({ path: '/', version: VERSION_NEUTRAL })(TokenCallbackController);
  for (const [at, route] of (routes ?? []).entries())
    defineRoute(TokenCallbackController.prototype, `callback${at}`, route);
  return TokenCallbackController;
}

/** Whether the application has a controller with the routes that its factory made: not where Nest makes a new one for each request. */
export function hasRoutes(responder: CallbackResponder): boolean {
  return prototypes.has(responder);
}

const prototypes = new WeakMap<CallbackResponder, object>();

/** Methods of one application's routes, made by its factory. Of a request-scoped controller there are many instances. */
function prototypeOf(controller: Type, responder: CallbackResponder): object {
  let prototype = prototypes.get(responder);
  if (!prototype) {
    const ofApplication = class TokenCallbackController extends controller {};
    prototype = ofApplication.prototype as object;
    for (const [at, route] of responder.settings.routes.entries()) {
      defineRoute(prototype, `callback${at}`, route);
      refuseClasses(Object.getOwnPropertyDescriptor(prototype, `callback${at}`)?.value, route);
    }
    prototypes.set(responder, prototype);
  }
  return prototype;
}

interface Answering {
  answer(route: CallbackRoute, request: unknown, response: unknown): Promise<void>;
}

function defineRoute(prototype: object, name: string, route: CallbackRoute): void {
  const value = function (this: Answering, request: unknown, response: unknown) {
    return this.answer(route, request, response);
  };
  const descriptor: PropertyDescriptor = { value, configurable: true, writable: true };
  Object.defineProperty(prototype, name, descriptor);
  Req()(prototype, name, 0);
  Res()(prototype, name, 1);
  // All methods, so that those it does not serve are answered with 405 and not 404.
  All(route.path)(prototype, name, descriptor);
  for (const [at, decorator] of route.decorators.entries()) {
    applied(`${route.option}.decorators[${at}]`, () => decorator(prototype, name, descriptor));
  }
  if (route.guards.length > 0) UseGuards(...route.guards)(prototype, name, descriptor);
  Reflect.defineMetadata(CALLBACK_ROUTE, route, value);
  const config: object = Reflect.getMetadata(FASTIFY_ROUTE_CONFIG, value) ?? {};
  Reflect.defineMetadata(FASTIFY_ROUTE_CONFIG, { ...config, [CALLBACK_ROUTE]: route }, value);
}

/** Nest makes guards and the like before factories run; of a class that it has not seen, it would make nothing, and let everybody pass. */
function refuseClasses(method: object, { option }: CallbackRoute): void {
  for (const [kind, key] of Object.entries(ENHANCER_METADATA)) {
    const bound: unknown[] = Reflect.getMetadata(key, method) ?? [];
    if (bound.some((enhancer) => typeof enhancer === 'function')) {
      throw configurationError(classOfAFactory(option, kind));
    }
  }
}

function applied(option: string, apply: () => unknown): void {
  try {
    apply();
  } catch (error) {
    throw configurationError(decoratorFailed(option, error instanceof Error ? error.message : String(error)));
  }
}
