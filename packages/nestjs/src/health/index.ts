export {
  type TokenHealthCheckOptions,
  TokenHealthIndicator,
  type TokenHealthResult,
} from './token-health.indicator.js';
export { TokenHealth } from './token-health.js';
export { TokenHealthModule, type TokenHealthModuleAsyncOptions } from './token-health.module.js';
export type { TokenHealthFilter, TokenHealthOptions } from './token-health-options.js';
export type {
  TokenHealthReason,
  TokenHealthReasonName,
  TokenHealthReport,
  TokenHealthState,
} from './token-health-report.js';
