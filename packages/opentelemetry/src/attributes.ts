import type { Attributes } from '@opentelemetry/api';
import { boundedCode } from './platform-codes.js';

/** Attribute names, by OpenTelemetry's naming rules: no name is also the namespace of another. */
export const ATTRIBUTES = Object.freeze({
  manager: 'evertoken.manager.name',
  account: 'evertoken.account.name',
  platform: 'evertoken.platform.name',
  kind: 'evertoken.token.kind',
  state: 'evertoken.token.state',
  outcome: 'evertoken.outcome',
  cause: 'evertoken.cause',
  forced: 'evertoken.forced',
  requests: 'evertoken.requests',
  /** The general convention's name; holds a `TokenErrorCode`. */
  errorType: 'error.type',
  platformCode: 'evertoken.platform.error_code',
  requestId: 'evertoken.platform.request_id',
  period: 'evertoken.quota.period',
  scope: 'evertoken.quota.scope',
  countedBy: 'evertoken.quota.counted_by',
});

/** Which key something is about, as far as telemetry may say so. */
export interface KeyNames {
  readonly account: string;
  readonly platform: string;
  readonly kind: string;
}

/** Account, platform and kind: never the subject, which is personal data and has as many values as there are users. */
export function keyAttributes(common: Attributes, { account, platform, kind }: KeyNames): Attributes {
  return {
    ...common,
    [ATTRIBUTES.account]: account,
    [ATTRIBUTES.platform]: platform,
    [ATTRIBUTES.kind]: kind,
  };
}

/** What an error says of itself; nothing where there is none. */
export function errorAttributes(
  codes: Map<string, Set<string>>,
  { account, code, platformCode }: { readonly account: string; readonly code?: string; readonly platformCode?: string },
): Attributes {
  return {
    ...(code !== undefined && { [ATTRIBUTES.errorType]: code }),
    ...(platformCode !== undefined && { [ATTRIBUTES.platformCode]: boundedCode(codes, account, platformCode) }),
  };
}
