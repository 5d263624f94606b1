export type { InspectionOptions } from './inspection.js';
export { INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION } from './instrumentation-scope.js';
export {
  type ObservedManager,
  type ObserveTokensOptions,
  observeTokens,
  type TokenObservation,
} from './observe-tokens.js';
export type { TokenQuotas } from './quota-metrics.js';
