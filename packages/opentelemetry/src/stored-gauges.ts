import type { Clock, TokenStatus } from '@evertoken/core';
import type { Attributes, BatchObservableCallback, Meter } from '@opentelemetry/api';
import { ATTRIBUTES, keyAttributes } from './attributes.js';
import type { Inspection } from './inspection.js';

/** All a key can be in; each is shown, so that a state nobody is in reads 0 and not nothing. */
const STATES = [
  'absent',
  'active',
  'retrying',
  'doubtful',
  'waiting',
  'suspended',
  'contested',
  'repeated',
  'reauthorize',
  'gone',
] as const satisfies readonly TokenStatus['state'][];

/** Shows what is stored, at each collection. The returned function ends that. */
export function showStored(
  meter: Meter,
  inspection: Inspection,
  { common, clock }: { readonly common: Attributes; readonly clock: Pick<Clock, 'now'> },
): () => void {
  const gauge = (name: string, unit: string, description: string) =>
    meter.createObservableGauge(name, { unit, description });
  const timeToExpiry = gauge(
    'evertoken.token.time_to_expiry',
    's',
    'Until the token that ends first, of all of this kind, ends; negative after that',
  );
  const timeToEnd = gauge(
    'evertoken.grant.time_to_end',
    's',
    'Until the grant that ends first, of all of this kind, can no longer be renewed; negative after that',
  );
  const keys = gauge('evertoken.keys', '{key}', 'Keys in a state, over all subjects');
  const age = gauge('evertoken.inspection.age', 's', 'Since the stores were last looked through successfully');
  const took = gauge('evertoken.inspection.duration', 's', 'How long the last look through the stores took');
  const observables = [timeToExpiry, timeToEnd, keys, age, took];
  const callback: BatchObservableCallback = async (result) => {
    const summary = await inspection.summary();
    if (!summary) return;
    const now = clock.now();
    for (const kind of summary.kinds) {
      const key = keyAttributes(common, kind);
      if (kind.endsAt !== undefined) result.observe(timeToExpiry, (kind.endsAt - now) / 1000, key);
      if (kind.grantEndsAt !== undefined) result.observe(timeToEnd, (kind.grantEndsAt - now) / 1000, key);
      for (const state of STATES)
        result.observe(keys, kind.states.get(state) ?? 0, { ...key, [ATTRIBUTES.state]: state });
    }
    result.observe(age, inspection.ageMs(summary) / 1000, common);
    result.observe(took, summary.tookMs / 1000, common);
  };
  meter.addBatchObservableCallback(callback, observables);
  return () => meter.removeBatchObservableCallback(callback, observables);
}
