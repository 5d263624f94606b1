import {
  type IssueRequest,
  idsOf,
  labelOf,
  parentRejected,
  type SourceKind,
  TokenError,
  type TokenSource,
  tokenKeyOf,
} from '@evertoken/core';
import { type App, PLATFORM } from './app.js';
import { ask } from './sources.js';
import { isDeadToken, issueError } from './wechat-errors.js';
import { failureIn, quotaRequest } from './wechat-wire.js';

/** Facts of the probe, which is kept like a token: so that it is due by the sweeps, and asked by one process of all. */
export const PROBE = Object.freeze({
  kind: 'token_probe',
  issuance: 'idempotent',
  keep: 'obtainable',
} as const satisfies SourceKind);

/** What any token may ask about. */
export const PROBED_PATH = '/cgi-bin/get_api_domain_ip';

/**
 * Asks every so often whether the access token still works: it may die before its time. Where the platform says that it is dead,
 * its parent is refused, and renewed, like any other's. Its own value says nothing.
 */
export function probeSource(app: App, everyMs: number, accessToken: TokenSource): TokenSource {
  const ids = { account: app.account, kind: PROBE.kind };
  return {
    ...PROBE,
    ...ids,
    key: tokenKeyOf({ platform: PLATFORM, id: app.keyId, kind: PROBE.kind }),
    lifetime: 'remaining',
    dependsOn: [accessToken],
    renewableFrom: ({ expiresAt, issuedAt }) => expiresAt ?? issuedAt,
    async issue(request: IssueRequest) {
      const [parent] = request.parents;
      if (!parent) {
        throw new TokenError('ERR_TOKEN_WAITING', `${labelOf(ids)}: its access token has to come first`, idsOf(ids));
      }
      const answer = await ask(
        quotaRequest(app.baseUrl, { accessToken: parent.value, path: PROBED_PATH }),
        request,
        ids,
      );
      const failure = failureIn(answer, ids);
      if (failure && isDeadToken(failure.errcode)) throw parentRejected(parent.value, String(failure.errcode));
      if (failure) throw issueError(failure, ids, { now: request.now(), secrets: [parent.value] });
      return { value: 'alive', lifetimeMs: everyMs };
    },
  };
}
