import type { Account, Clock, IssueEvent, TokenQuota } from '@evertoken/core';
import type { Attributes, BatchObservableCallback, Meter } from '@opentelemetry/api';
import { ATTRIBUTES } from './attributes.js';
import type { Inspection } from './inspection.js';
import type { Labels } from './labels.js';
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
    labels,
    clock,
    quotas,
    inspection,
  }: {
    readonly labels: Labels;
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
  const quotasOf = ({ name, kinds }: Account): ReadonlyMap<string, TokenQuota> =>
    new Map([
      ...kinds.flatMap(({ kind, quota }) => (quota ? ([[kind, quota]] as const) : [])),
      ...Object.entries(quotas[name] ?? {}),
    ]);
  const accounts = () => manager.accounts?.() ?? [];
  const stopCounting = manager.on('issue', (event) => {
    if (event.requests === 0) return;
    const account = accounts().find(({ name }) => name === event.account);
    const quota = account && quotasOf(account).get(event.kind);
    const period = quota && !quota.countedIn && periodOf(quota, clock.now());
    if (period) calls.add(event, quota, period);
  });
  const callback: BatchObservableCallback = async (result) => {
    const now = clock.now();
    const all = accounts();
    const counts = all.length > 0 ? (await inspection?.summary())?.counts : undefined;
    // Of accounts that go by one name: the smallest allowance, and the largest part that is used.
    const limits = new Extremes(Math.min);
    const shares = new Extremes(Math.max);
    for (const account of all) {
      for (const [kind, quota] of quotasOf(account)) {
        const names = { account: account.name, platform: account.platform, kind };
        const attributes = {
          ...labels.key(names),
          [ATTRIBUTES.period]: quota.period,
          [ATTRIBUTES.scope]: quota.scope,
        };
        limits.add(attributes, quota.calls);
        const period = periodOf(quota, now);
        if (period === undefined) continue;
        const counted = counts?.get(`${account.name}\n${quota.countedIn}`);
        if (quota.countedIn === undefined)
          shares.add({ ...attributes, [ATTRIBUTES.countedBy]: 'process' }, calls.most(names, period) / quota.calls);
        else if (counted)
          shares.add(
            { ...attributes, [ATTRIBUTES.countedBy]: 'record' },
            (counted.month === period ? counted.calls : 0) / quota.calls,
          );
      }
    }
    for (const { attributes, value } of limits.all()) result.observe(limit, value, attributes);
    for (const { attributes, value } of shares.all()) result.observe(used, value, attributes);
  };
  meter.addBatchObservableCallback(callback, [limit, used]);
  return () => {
    stopCounting();
    meter.removeBatchObservableCallback(callback, [limit, used]);
  };
}

/** One value for each set of attributes. */
class Extremes {
  readonly #choose: (one: number, other: number) => number;
  readonly #values = new Map<string, { readonly attributes: Attributes; readonly value: number }>();

  constructor(choose: (one: number, other: number) => number) {
    this.#choose = choose;
  }

  add(attributes: Attributes, value: number): void {
    const id = JSON.stringify(attributes);
    const before = this.#values.get(id)?.value ?? value;
    this.#values.set(id, { attributes, value: this.#choose(before, value) });
  }

  all() {
    return this.#values.values();
  }
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
