// A source without a platform, for measurements: what is measured is the manager.
import { tokenKeyOf } from '@evertoken/core';

/** An account whose tokens are made here. `issue` may be async and may take its time. */
export function madeUp(name, { issue, lifetimeMs = 7_200_000, ids = ['a'] } = {}) {
  let serial = 0;
  const account = {
    platform: 'bench',
    name,
    id: name,
    kinds: [{ kind: 'access_token', issuance: 'idempotent', keep: 'obtainable' }],
    problems: () => [],
    *sources() {},
    source: () => undefined,
    client: () => undefined,
  };
  const source = (subject) => ({
    key: tokenKeyOf({ platform: 'bench', id: name, kind: 'access_token', subject: [subject] }),
    account: name,
    kind: 'access_token',
    subject,
    issuance: 'idempotent',
    keep: 'obtainable',
    lifetime: 'remaining',
    issue: issue ?? (async () => ({ value: `${name}-${subject}-${++serial}`, lifetimeMs })),
  });
  return { account, source, sources: ids.map(source) };
}
