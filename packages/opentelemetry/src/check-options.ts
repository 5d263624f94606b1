import { TokenError } from '@evertoken/core';
import type { ObservedManager, ObserveTokensOptions } from './observe-tokens.js';
import type { TokenQuotas } from './quota-metrics.js';

const OPTIONS: readonly string[] = [
  'meterProvider',
  'tracerProvider',
  'name',
  'inspect',
  'quotas',
  'accountLabel',
  'clock',
];
const INSPECT_OPTIONS: readonly string[] = ['maxAgeMs', 'timeoutMs', 'accounts', 'kinds'];

/** Throws for what cannot be observed. */
export function checkManager(manager: ObservedManager): void {
  if (typeof manager?.on !== 'function') throw wrong('"manager" must be a TokenManager: it has no "on"');
}

/** Throws for options that are wrong, with the option's path. */
export function checkOptions(options: ObserveTokensOptions): void {
  for (const option of Object.keys(options))
    if (!OPTIONS.includes(option)) throw wrong(`"${option}" is no option; expected one of ${OPTIONS.join(', ')}`);
  const { meterProvider, tracerProvider, name, inspect, clock } = options;
  if (meterProvider && typeof meterProvider.getMeter !== 'function')
    throw wrong('"meterProvider" must be a meter provider or false');
  if (tracerProvider && typeof tracerProvider.getTracer !== 'function')
    throw wrong('"tracerProvider" must be a tracer provider or false');
  if (name !== undefined && (typeof name !== 'string' || name === '')) throw wrong('"name" must be a non-empty string');
  if (options.accountLabel !== undefined && typeof options.accountLabel !== 'function')
    throw wrong('"accountLabel" must be a function from account name to label');
  if (clock !== undefined && !(typeof clock?.now === 'function' && typeof clock.monotonic === 'function'))
    throw wrong('"clock" must have "now" and "monotonic"');
  checkQuotas(options.quotas ?? {});
  if (!inspect) return;
  for (const [option, value] of Object.entries(inspect)) {
    if (!INSPECT_OPTIONS.includes(option))
      throw wrong(`"inspect.${option}" is no option; expected one of ${INSPECT_OPTIONS.join(', ')}`);
    if (option.endsWith('Ms') && !(typeof value === 'number' && value >= 0))
      throw wrong(`"inspect.${option}" must be a number of at least 0`);
  }
}

function checkQuotas(quotas: TokenQuotas): void {
  for (const [account, kinds] of Object.entries(quotas)) {
    for (const [kind, quota] of Object.entries(kinds ?? {})) {
      const path = `quotas.${account}.${kind}`;
      if (!(typeof quota?.calls === 'number' && quota.calls > 0))
        throw wrong(`"${path}.calls" must be a number above 0`);
      if (!['hour', 'day', 'month'].includes(quota.period))
        throw wrong(`"${path}.period" must be "hour", "day" or "month"`);
      if (!['account', 'subject'].includes(quota.scope)) throw wrong(`"${path}.scope" must be "account" or "subject"`);
      if (!['undefined', 'number'].includes(typeof quota.utcOffsetMinutes))
        throw wrong(`"${path}.utcOffsetMinutes" must be a number of minutes`);
    }
  }
}

/** An error of the configuration. */
export function wrong(message: string): TokenError {
  return new TokenError('ERR_TOKEN_CONFIGURATION', message);
}
