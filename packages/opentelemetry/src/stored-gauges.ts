import type { Clock, TokenStatus } from '@evertoken/core';
import type { Attributes, BatchObservableCallback, Meter, ObservableGauge } from '@opentelemetry/api';
import { ATTRIBUTES } from './attributes.js';
import type { Inspection } from './inspection.js';
import type { Labels } from './labels.js';

/** A kind that has been shown: an SDK repeats the last value of a series for ever, so that each has to be ended. */
interface Shown {
  readonly key: Attributes;
  readonly states: Set<TokenStatus['state']>;
  readonly ends: Set<ObservableGauge>;
}

/** Shows what is stored, at each collection. The returned function ends that. */
export function showStored(
  meter: Meter,
  inspection: Inspection,
  { labels, clock }: { readonly labels: Labels; readonly clock: Pick<Clock, 'now'> },
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
  const shown = new Map<string, Shown>();
  const callback: BatchObservableCallback = async (result) => {
    const summary = await inspection.summary();
    if (!summary) return;
    const now = clock.now();
    const current = new Map(summary.kinds.map((kind) => [`${kind.account}\n${kind.platform}\n${kind.kind}`, kind]));
    for (const [id, kind] of current) {
      if (!shown.has(id)) shown.set(id, { key: labels.key(kind), states: new Set(['active']), ends: new Set() });
    }
    for (const [id, { key, states, ends }] of shown) {
      const kind = current.get(id);
      for (const state of kind?.states.keys() ?? []) states.add(state);
      for (const state of states)
        result.observe(keys, kind?.states.get(state) ?? 0, { ...key, [ATTRIBUTES.state]: state });
      for (const [end, at] of [
        [timeToExpiry, kind?.endsAt],
        [timeToEnd, kind?.grantEndsAt],
      ] as const) {
        if (at !== undefined) ends.add(end);
        // No comparison with NaN is true: no alert rests on a token that is no more.
        if (ends.has(end)) result.observe(end, at === undefined ? Number.NaN : (at - now) / 1000, key);
      }
    }
    result.observe(age, inspection.ageMs(summary) / 1000, labels.common);
    result.observe(took, summary.tookMs / 1000, labels.common);
  };
  meter.addBatchObservableCallback(callback, observables);
  return () => meter.removeBatchObservableCallback(callback, observables);
}
