import type { CanActivate, ConfigurableModuleAsyncOptions, InjectionToken, ModuleMetadata, Type } from '@nestjs/common';
import type { TokenCallbackHandler } from './token-callback-handler.interface.js';

/** What a route can answer to. All others, `HEAD` included, are answered with 405. */
export type TokenCallbackMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What all routes have. */
export interface TokenCallbackRouteOptions {
  /** Where it is served: `hooks/wechat`, with or without a slash in front, below the application's global prefix. No wildcards. */
  readonly path: string;
  /** What it answers to. Default GET and POST. */
  readonly methods?: readonly TokenCallbackMethod[] | undefined;
  /**
   * Guards of this route, as for `@UseGuards`. Classes find what they inject in `imports` of the module; a route that
   * a factory makes takes instances only.
   */
  readonly guards?: readonly (Type<CanActivate> | CanActivate)[] | undefined;
  /** Decorators of this route, as they would stand on a controller's method: `Public()`, `SkipThrottle()`, `UseFilters(…)`. */
  readonly decorators?: readonly MethodDecorator[] | undefined;
  /** Largest body, bytes; a larger one is answered with 413 and not kept. Default 1 MiB, whatever the application's body parsers allow. */
  readonly maxBytes?: number | undefined;
}

/** Serves one account's callback. */
export interface TokenAccountRoute extends TokenCallbackRouteOptions {
  /** The account's name. */
  readonly account: string;
  /**
   * Whether the account may be missing when the application starts: one that is added at run time. Until then the route
   * answers 404. Default false: the start fails.
   */
  readonly optional?: boolean | undefined;
}

/**
 * Serves several accounts' callbacks, the tenants' of a platform's app, say: `path` has `:account` in it, which stands for an account's name.
 * Nobody learns names from it: an unknown one and a refused request are answered with the same 404.
 */
export interface TokenAccountsRoute extends TokenCallbackRouteOptions {
  /** Which accounts: their names, or all of a platform (`{ platform: 'dingtalk' }`), those added at run time included. */
  readonly accounts:
    | readonly string[]
    | {
        /** The short name of the platform. */
        readonly platform: string;
      };
  /** Whether accounts of the list may be missing when the application starts. Default false: the start fails. */
  readonly optional?: boolean | undefined;
}

/** Has a provider of the application answer. */
export interface TokenHandlerRoute extends TokenCallbackRouteOptions {
  /** Its injection token, in whichever module it is provided. May be request-scoped. `path` may have parameters. */
  readonly handler: InjectionToken<TokenCallbackHandler>;
}

/** One path and who answers there. */
export type TokenCallbackRoute = TokenAccountRoute | TokenAccountsRoute | TokenHandlerRoute;

/** What a factory of `forRootAsync` resolves with. */
export interface TokenCallbackFactoryOptions {
  /** What is served; no path twice in the application. */
  readonly routes: readonly TokenCallbackRoute[];
  /** Whose accounts are meant. Default: those of the manager without a name. */
  readonly managerName?: string | undefined;
}

/** What Nest has to know before any provider exists. */
export interface TokenCallbackStaticOptions extends Pick<ModuleMetadata, 'imports'> {
  /** Guards of all routes, as for `@UseGuards` on the controller. */
  readonly guards?: readonly (Type<CanActivate> | CanActivate)[] | undefined;
  /** Decorators of all routes, as they would stand on the controller. */
  readonly decorators?: readonly ClassDecorator[] | undefined;
}

/** Options of `TokenCallbackModule.forRoot`. `imports`: modules that export what guards inject. */
export interface TokenCallbackModuleOptions extends TokenCallbackFactoryOptions, TokenCallbackStaticOptions {}

/** What a class given as `useClass` or `useExisting` implements. */
export interface TokenCallbackOptionsFactory {
  /** Called once, when the application starts. */
  createTokenCallbackOptions(): TokenCallbackFactoryOptions | Promise<TokenCallbackFactoryOptions>;
}

/** Options of `TokenCallbackModule.forRootAsync`: `useFactory`, `useClass` or `useExisting`, as Nest knows them, and what is static. */
export interface TokenCallbackModuleAsyncOptions
  extends ConfigurableModuleAsyncOptions<TokenCallbackFactoryOptions, 'createTokenCallbackOptions'>,
    Omit<TokenCallbackStaticOptions, 'imports'> {}
