import type { Account, Clock, IssueEvent, TokenQuota } from '@evertoken/core';
import type { Attributes, BatchObservableCallback, Meter } from '@opentelemetry/api';
import { ATTRIBUTES, keyAttributes } from './attributes.js';
import type { Inspection } from './inspection.js';
import type { ObservedManager } from './observe-tokens.js';
import { periodOf } from './quota-period.js';

/** Allowances by account name and kind: over those of the platform's documents, or where these name none. */
export type TokenQuotas = Readonly<Record<string, Readonly<Record<string, TokenQuota>>>>;

/** Subjects whose calls are told apart at a time, for each kind: more than any platform that counts by subject has agents. */
const MOST_SUBJECTS = 10_000;

/** Shows what a platform allows and how much of it is used. The returned function ends that. */
export function showQuotas(
  manager: ObservedManager,
  meter: Meter,
  {
    common,
    clock,
    quotas,
    inspection,
  }: {
    readonly common: Attributes;
    readonly clock: Pick<Clock, 'now'>;
    readonly quotas: TokenQuotas;
    readonly inspection: Inspection | undefined;
  },
): () => void {
  const limit = meter.createObservableGauge('evertoken.platform.quota', {
    unit: '{call}',
    description: 'Calls the platform answers in a period',
  });
  const used = meter.createObservableGauge('evertoken.platform.quota_utilization', {
    unit: '1',
    description:
      'Calls in the running period, of those the platform answers: by this process, or by all where they keep a count',
  });
  const calls = new Calls();
  const quotaOf = (account: Account, kind: string) =>
    quotas[account.name]?.[kind] ?? account.kinds.find((facts) => facts.kind === kind)?.quota;
  const accounts = () => manager.accounts?.() ?? [];
  const stopCounting = manager.on('issue', (event) => {
    if (event.requests === 0) return;
    const account = accounts().find(({ name }) => name === event.account);
    const quota = account && quotaOf(account, event.kind);
    const period = quota && !quota.countedIn && periodOf(quota, clock.now());
    if (period) calls.add(event, quota, period);
  });
  const callback: BatchObservableCallback = async (result) => {
    const now = clock.now();
    const summary = accounts().length > 0 ? await inspection?.summary() : undefined;
    for (const account of accounts()) {
      const kinds = new Set([...account.kinds.map(({ kind }) => kind), ...Object.keys(quotas[account.name] ?? {})]);
      for (const kind of kinds) {
        const quota = quotaOf(account, kind);
        if (!quota) continue;
        const names = { account: account.name, platform: account.platform, kind };
        const attributes = {
          ...keyAttributes(common, names),
          [ATTRIBUTES.period]: quota.period,
          [ATTRIBUTES.scope]: quota.scope,
        };
        result.observe(limit, quota.calls, attributes);
        const period = periodOf(quota, now);
        if (period === undefined) continue;
        const counted = summary?.kinds.find(
          (at) => at.account === account.name && at.kind === quota.countedIn,
        )?.counted;
        if (quota.countedIn === undefined)
          result.observe(used, calls.most(names, period) / quota.calls, {
            ...attributes,
            [ATTRIBUTES.countedBy]: 'process',
          });
        else if (counted)
          result.observe(used, (counted.month === period ? counted.calls : 0) / quota.calls, {
            ...attributes,
            [ATTRIBUTES.countedBy]: 'record',
          });
      }
    }
  };
  meter.addBatchObservableCallback(callback, [limit, used]);
  return () => {
    stopCounting();
    meter.removeBatchObservableCallback(callback, [limit, used]);
  };
}

/** Calls of this process in the running period of each kind. */
class Calls {
  readonly #kinds = new Map<string, { period: string; readonly bySubject: Map<string, number> }>();

  add({ account, kind, subject = '', requests }: IssueEvent, { scope }: TokenQuota, period: string): void {
    const id = `${account}\n${kind}`;
    let counts = this.#kinds.get(id);
    if (counts?.period !== period) {
      counts = { period, bySubject: new Map() };
      this.#kinds.set(id, counts);
    }
    const whose = scope === 'account' ? '' : subject;
    if (!counts.bySubject.has(whose) && counts.bySubject.size >= MOST_SUBJECTS) return;
    counts.bySubject.set(whose, (counts.bySubject.get(whose) ?? 0) + requests);
  }

  /** Of the account, or of the subject that has made most. */
  most({ account, kind }: { readonly account: string; readonly kind: string }, period: string): number {
    const counts = this.#kinds.get(`${account}\n${kind}`);
    if (counts?.period !== period) return 0;
    let most = 0;
    for (const count of counts.bySubject.values()) most = Math.max(most, count);
    return most;
  }
}
