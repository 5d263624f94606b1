import type { Account } from '@evertoken/core';
import { ConfigurableModuleBuilder, type DynamicModule } from '@nestjs/common';
import { featureProblem } from './read-module-options.js';
import { TOKEN_MODULE_OPTIONS } from './token.constants.js';
import { accountTokens } from './token.providers.js';
import { featureProviders } from './token-feature.providers.js';

/** What a feature says besides its accounts. */
export interface TokenFeatureExtras {
  readonly managerName?: string | undefined;
  readonly accountNames?: readonly string[] | undefined;
}

/** The asynchronous form; the other one takes its accounts as they are. */
export const { ConfigurableModuleClass: ConfigurableFeatureClass } = new ConfigurableModuleBuilder<Iterable<Account>>({
  optionsInjectionToken: TOKEN_MODULE_OPTIONS,
})
  .setClassMethodName('forFeature')
  .setFactoryMethodName('createTokenAccounts')
  .setExtras<TokenFeatureExtras>({ managerName: undefined, accountNames: undefined }, (definition, extras) => {
    const { managerName, accountNames = [] } = extras;
    const problem = featureProblem(extras, 'forFeatureAsync');
    return featureModule(definition, accountNames, { managerName, problem, promised: accountNames });
  })
  .build();

/** Makes a feature of a module that provides accounts. */
export function featureModule(
  definition: DynamicModule,
  names: readonly string[],
  feature: Parameters<typeof featureProviders>[1],
): DynamicModule {
  return {
    ...definition,
    providers: [...(definition.providers ?? []), ...featureProviders(names, feature)],
    exports: accountTokens(names, feature.managerName),
  };
}
