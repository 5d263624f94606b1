import type { TokenStatus } from '@evertoken/core';
import type { HealthSettings } from './token-health-options.js';
import type { TokenHealthReasonName } from './token-health-report.js';

/** What is the matter with one key. */
export interface Verdict {
  readonly state: 'degraded' | 'down';
  readonly reason: TokenHealthReasonName;
}

/** Whether a key has a token that has not ended. */
export function lives({ issuedAt, expiresAt, state }: TokenStatus, now: number): boolean {
  return issuedAt !== undefined && state !== 'gone' && (expiresAt === undefined || now < expiresAt);
}

/**
 * What a key's state means for the application; undefined where all is well. `essential`: one of the account's own tokens, that
 * can be asked for: without it nothing of the account works, so that its end means `down`. What waits for a person or a push
 * never does: both come in over HTTP, and a server that is taken out for its health cannot take them.
 */
export function judge(
  status: TokenStatus,
  { essential, now, settings }: { essential: boolean; now: number; settings: HealthSettings },
): Verdict | undefined {
  const living = lives(status, now);
  const worst = essential && !living ? 'down' : 'degraded';
  switch (status.state) {
    case 'reauthorize':
    case 'waiting':
    case 'contested':
    case 'repeated':
    case 'doubtful':
      return { state: 'degraded', reason: status.state };
    case 'suspended':
      return { state: worst, reason: 'suspended' };
    case 'retrying':
      if (!living) return { state: worst, reason: essential ? 'unobtainable' : 'failing' };
      if (status.failures >= settings.failuresInARow) return { state: 'degraded', reason: 'failing' };
      return ending(status, { now, settings });
    case 'active':
      return ending(status, { now, settings });
    case 'absent':
    case 'gone':
      return undefined;
  }
}

function ending(
  { refreshTokenExpiresAt }: TokenStatus,
  { now, settings }: { now: number; settings: HealthSettings },
): Verdict | undefined {
  if (refreshTokenExpiresAt === undefined || refreshTokenExpiresAt - now >= settings.grantEndingMs) return undefined;
  return { state: 'degraded', reason: 'grantEnding' };
}
