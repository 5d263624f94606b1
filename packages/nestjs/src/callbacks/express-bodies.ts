import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendReply } from '@evertoken/core/http';
import { CALLBACK_ROUTE } from './callback.constants.js';
import { type CallbackBodies, TOO_LARGE } from './callback-bodies.js';
import type { CallbackRoute } from './read-callback-options.js';

type Handler = (request: IncomingMessage & { body?: unknown }, response: ServerResponse, next: () => void) => void;

/** What is used of an Express application: its router's list of layers, gone through from the first to the last. */
interface ExpressApplication {
  readonly router?: { readonly stack?: Layer[] };
  all(path: unknown, handler: Handler): unknown;
}

interface Layer {
  readonly route?: { readonly path: unknown; readonly stack: readonly { readonly handle: object }[] };
}

/**
 * Puts a reader of bytes before everything else on the paths of these routes, as `express.raw()` would stand there if it were the
 * first line of the application. Parsers that follow find the body read and let it be; other paths have none of this.
 *
 * Called once Nest has registered its routes, which it does after the parsers: the paths are taken from there, with prefix and all.
 */
export function readFirstOnExpress(instance: unknown, routes: readonly CallbackRoute[], bodies: CallbackBodies): void {
  const application = instance as ExpressApplication;
  const stack = application.router?.stack;
  if (!Array.isArray(stack)) return;
  const readers: Layer[] = [];
  for (const { route: registered } of [...stack]) {
    const route = registered && routes.find((ours) => registered.stack.some(({ handle }) => serves(handle, ours)));
    if (!route) continue;
    const before = stack.length;
    application.all(registered.path, readerOf(route, bodies));
    readers.push(...stack.splice(before));
  }
  stack.unshift(...readers);
}

/** Nest copies what is known of a controller's method to the function it registers. */
function serves(handle: object, route: CallbackRoute): boolean {
  return Reflect.getMetadata(CALLBACK_ROUTE, handle) === route;
}

function readerOf(route: CallbackRoute, bodies: CallbackBodies): Handler {
  return (request, response, next) => {
    bodies.read(request, route).then(({ request: { body }, problem }) => {
      // The client is gone.
      if (problem === 'brokenOff') return;
      if (problem === 'tooLarge') {
        // At once: a parser would wait for what is still to come, and miss what has been.
        sendReply(response, TOO_LARGE);
        return;
      }
      // For guards and middleware that look at it.
      if (body.length > 0) request.body = body;
      next();
    });
  };
}
