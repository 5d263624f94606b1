import { ConfigurableModuleBuilder, type DynamicModule, Logger, type Provider, type Type } from '@nestjs/common';
import { HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { CALLBACK_OPTIONS, CALLBACK_PARTS, CALLBACK_ROUTES } from './callback.constants.js';
import { callbackController } from './callback.controller.js';
import { CallbackLifecycle } from './callback.lifecycle.js';
import { CallbackAccounts } from './callback-accounts.js';
import { CallbackBodies } from './callback-bodies.js';
import { CallbackHandlers } from './callback-handlers.js';
import { type CallbackParts, CallbackResponder } from './callback-responder.js';
import type {
  TokenCallbackFactoryOptions,
  TokenCallbackStaticOptions,
} from './interfaces/token-callback-options.interface.js';
import { type CallbackSettings, readCallbackOptions, readEnhancers } from './read-callback-options.js';

/** What a registration says besides what a factory may say. */
export interface TokenCallbackExtras extends TokenCallbackStaticOptions {
  /** Those of a `forRoot`, which are known before any provider exists. */
  readonly registered?: TokenCallbackFactoryOptions | undefined;
}

export const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<TokenCallbackFactoryOptions>({
  optionsInjectionToken: CALLBACK_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createTokenCallbackOptions')
  .setExtras<TokenCallbackExtras>({ guards: undefined, decorators: undefined, registered: undefined }, callbackModule)
  .build();

function callbackModule(
  definition: DynamicModule,
  { guards, decorators, registered }: TokenCallbackExtras,
): DynamicModule {
  const { controllers, read } = registration({ guards, decorators }, registered);
  const settings: Provider = { provide: CALLBACK_ROUTES, inject: [CALLBACK_OPTIONS], useFactory: read };
  return { ...definition, controllers, providers: [...(definition.providers ?? []), settings, ...PROVIDERS] };
}

interface Registration {
  readonly controllers: Type[];
  readonly read: (options: TokenCallbackFactoryOptions) => CallbackSettings;
}

/** What is wrong is said when the application starts: a decorator's argument must not throw. */
function registration(
  enhancers: TokenCallbackStaticOptions,
  registered: TokenCallbackFactoryOptions | undefined,
): Registration {
  try {
    const { guards, decorators } = readEnhancers({ ...enhancers }, '');
    const settings = registered && readCallbackOptions(registered, false);
    const bound = { guards, decorators: decorators as readonly unknown[] as readonly ClassDecorator[] };
    const controllers = [callbackController(bound, settings?.routes)];
    return { controllers, read: (options) => settings ?? readCallbackOptions(options, true) };
  } catch (error) {
    const read = () => {
      throw error;
    };
    return { controllers: [], read };
  }
}

const PROVIDERS: readonly Provider[] = [
  {
    provide: CALLBACK_PARTS,
    inject: [CALLBACK_ROUTES, ModuleRef, HttpAdapterHost],
    useFactory: (settings: CallbackSettings, moduleRef: ModuleRef, adapterHost: HttpAdapterHost): CallbackParts => ({
      settings,
      accounts: new CallbackAccounts(moduleRef, settings),
      handlers: new CallbackHandlers(moduleRef),
      bodies: new CallbackBodies(),
      adapterHost,
      moduleRef,
      logger: new Logger('EvertokenCallbacks'),
    }),
  },
  {
    provide: CallbackResponder,
    inject: [CALLBACK_PARTS],
    useFactory: (parts: CallbackParts) => new CallbackResponder(parts),
  },
  {
    provide: CallbackLifecycle,
    inject: [CALLBACK_PARTS, CallbackResponder],
    useFactory: (parts: CallbackParts, responder: CallbackResponder) => new CallbackLifecycle(parts, responder),
  },
];
