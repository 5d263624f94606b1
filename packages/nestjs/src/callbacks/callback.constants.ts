/** What the options factory of `forRoot` and `forRootAsync` resolved with, as the user wrote it. */
export const CALLBACK_OPTIONS = Symbol('evertoken:callback-options');
/** The routes, checked, with every default filled in. */
export const CALLBACK_ROUTES = Symbol('evertoken:callback-routes');
/** What the providers of one registration share. */
export const CALLBACK_PARTS = Symbol('evertoken:callback-parts');
/** On a route's handler, in its metadata and in Fastify's configuration of it: the route's settings. */
export const CALLBACK_ROUTE = Symbol('evertoken:callback-route');

/** Where @nestjs/platform-fastify looks for a route's configuration; the package itself may not be installed. */
export const FASTIFY_ROUTE_CONFIG = '__fastify_route_config__';

/** Where Nest keeps what decorators bind to a method and providers are made for. */
export const ENHANCER_METADATA = {
  guards: '__guards__',
  interceptors: '__interceptors__',
  filters: '__exceptionFilters__',
  pipes: '__pipes__',
} as const;

/** 1 MiB: many times what any platform pushes. */
export const DEFAULT_MAX_BYTES = 1024 * 1024;
export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export const DEFAULT_METHODS = ['GET', 'POST'] as const;
/** The parameter that stands for an account's name. */
export const ACCOUNT_PARAMETER = 'account';
