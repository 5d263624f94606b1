import type { IncomingMessage } from 'node:http';
import { CALLBACK_ROUTE } from './callback.constants.js';
import type { CallbackBodies } from './callback-bodies.js';
import type { CallbackRoute } from './read-callback-options.js';

/** What is used of a Fastify application. */
interface FastifyApplication {
  addHook(
    name: 'preParsing',
    hook: (
      request: FastifyRequest,
      reply: unknown,
      payload: unknown,
      done: (error: null, payload: unknown) => void,
    ) => void,
  ): unknown;
  addHook(name: 'preValidation', hook: (request: FastifyRequest, reply: unknown, done: () => void) => void): unknown;
}

interface FastifyRequest {
  readonly raw: IncomingMessage;
  readonly routeOptions: { readonly config?: { readonly [CALLBACK_ROUTE]?: CallbackRoute } };
  body: unknown;
}

/** What tells Fastify that there is a body, and how to parse it. */
const BODY_HEADERS = ['content-type', 'content-length', 'transfer-encoding'];

/**
 * Reads the bodies of these routes before Fastify looks for a parser, which would refuse XML and requests without a type
 * (415), and use up JSON. It is shown a request without a body meanwhile; guards and whatever comes next see the headers as they came.
 * The application's parsers, and other routes, have none of this.
 */
export function readFirstOnFastify(instance: unknown, routes: readonly CallbackRoute[], bodies: CallbackBodies): void {
  const application = instance as FastifyApplication;
  const hidden = new WeakMap<
    IncomingMessage,
    { readonly body: Uint8Array; readonly headers: IncomingMessage['headers'] }
  >();
  application.addHook('preParsing', ({ raw, routeOptions }, _reply, payload, done) => {
    const route = routeOptions.config?.[CALLBACK_ROUTE];
    // Another hook's payload, unpacked or deciphered, is that hook's affair.
    if (!route || !routes.includes(route) || payload !== raw) return done(null, payload);
    bodies.read(raw, route).then(({ request: { body } }) => {
      const headers: IncomingMessage['headers'] = {};
      for (const name of BODY_HEADERS) {
        if (raw.headers[name] === undefined) continue;
        headers[name] = raw.headers[name];
        delete raw.headers[name];
      }
      hidden.set(raw, { body, headers });
      done(null, payload);
    });
  });
  application.addHook('preValidation', (request, _reply, done) => {
    const found = hidden.get(request.raw);
    if (found) {
      Object.assign(request.raw.headers, found.headers);
      if (found.body.length > 0) request.body = found.body;
    }
    done();
  });
}
