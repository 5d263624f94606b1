import type { TokenEvents } from '@evertoken/core';
import type { Meter } from '@opentelemetry/api';
import { ATTRIBUTES } from './attributes.js';
import type { Labels } from './labels.js';
import type { ObservedManager } from './observe-tokens.js';

/** From the fastest platform to a rotating request that was waited for; seconds. */
const DURATION_BUCKETS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 600];

/** Counts what a manager's events tell. The returned function ends that. */
export function countEvents(manager: ObservedManager, meter: Meter, labels: Labels): () => void {
  const counter = (name: string, unit: string, description: string) =>
    meter.createCounter(name, { unit: `{${unit}}`, description });
  const duration = meter.createHistogram('evertoken.issue.duration', {
    unit: 's',
    description: 'From before the first request until the answer was stored, or the failure noted',
    advice: { explicitBucketBoundaries: DURATION_BUCKETS },
  });
  const issues = counter('evertoken.issues', 'issue', 'Attempts to obtain a token from its platform');
  const calls = counter('evertoken.platform.calls', 'call', 'Requests for tokens that were sent to the platform');
  const failures = counter('evertoken.failures', 'failure', 'Attempts that failed, and answers a journal did not take');
  const rejections = counter('evertoken.rejections', 'rejection', 'Reports that the platform refused a token');
  const commits = counter('evertoken.commits', 'commit', 'Tokens stored by this process');
  const conflicts = counter(
    'evertoken.conflicts',
    'conflict',
    'Tokens of this process that were not stored, because a newer one stood',
  );
  const reauthorizations = counter(
    'evertoken.reauthorizations',
    'reauthorization',
    'Grants that were lost: a person has to sign in again',
  );
  const changes = counter('evertoken.state_changes', 'change', 'Keys that came into a state');
  const endings = counter(
    'evertoken.grants.ending',
    'warning',
    'Warnings that a grant ends soon and has not been renewed: one for each sweep that found it so',
  );
  const stops = [
    on(manager, 'issue', (event) => {
      const key = labels.key(event);
      const outcome = {
        ...key,
        [ATTRIBUTES.outcome]: event.outcome,
        ...labels.error({ account: event.account, ...only(event.code) }),
      };
      issues.add(1, { ...outcome, [ATTRIBUTES.forced]: event.forced });
      duration.record(Math.max(0, event.durationMs) / 1000, outcome);
      if (event.requests > 0) calls.add(event.requests, key);
    }),
    on(manager, 'failure', (event) => failures.add(1, { ...labels.key(event), ...labels.error(event) })),
    on(manager, 'reject', (event) => rejections.add(1, { ...labels.key(event), [ATTRIBUTES.outcome]: event.outcome })),
    on(manager, 'commit', (event) => commits.add(1, { ...labels.key(event), [ATTRIBUTES.cause]: event.cause })),
    on(manager, 'conflict', (event) => conflicts.add(1, labels.key(event))),
    on(manager, 'reauthorize', (event) =>
      reauthorizations.add(1, { ...labels.key(event), [ATTRIBUTES.cause]: event.cause }),
    ),
    on(manager, 'state', (event) => changes.add(1, { ...labels.key(event), [ATTRIBUTES.state]: event.to })),
    on(manager, 'grantEnding', (event) => endings.add(1, labels.key(event))),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function on<Name extends keyof TokenEvents>(
  manager: ObservedManager,
  name: Name,
  listener: (event: TokenEvents[Name]) => void,
): () => void {
  return manager.on(name, listener);
}

function only(code: string | undefined): { readonly code?: string } {
  return code === undefined ? {} : { code };
}
