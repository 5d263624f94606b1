import type { SourceKind, TokenSource } from '@evertoken/core';
import type { AccessTokenEndpoint, App } from './app.js';
import { PROBE, probeSource } from './probe.js';
import { accessTokenKind, accessTokenSource } from './sources.js';

/** What every app has: its access tokens and the probe, one object each, made when they are first wanted. */
export interface AppSources {
  /** @throws TypeError for an endpoint that the options do not name. */
  readonly from: (endpoint: AccessTokenEndpoint) => TokenSource;
  readonly all: () => readonly TokenSource[];
  readonly kinds: readonly SourceKind[];
}

export function appSources(app: App): AppSources {
  const made = new Map<AccessTokenEndpoint, TokenSource>();
  let probe: TokenSource | undefined;
  const from = (endpoint: AccessTokenEndpoint): TokenSource => {
    if (!app.endpoints.includes(endpoint)) {
      throw new TypeError(`"endpoint" of account "${app.account}" does not name ${JSON.stringify(endpoint)}`);
    }
    const source = made.get(endpoint) ?? accessTokenSource(app, endpoint);
    made.set(endpoint, source);
    return source;
  };
  return {
    from,
    all() {
      const tokens = app.endpoints.map(from);
      if (app.probeMs === undefined) return tokens;
      probe ??= probeSource(app, app.probeMs, from(app.endpoints[0]));
      return [...tokens, probe];
    },
    kinds: [...app.endpoints.map(accessTokenKind), ...(app.probeMs === undefined ? [] : [PROBE])],
  };
}
