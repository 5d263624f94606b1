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
