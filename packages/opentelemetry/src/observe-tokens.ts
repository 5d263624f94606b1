import {
  type Account,
  type Clock,
  type KeyFilter,
  systemClock,
  type TokenEvents,
  type TokenStatus,
} from '@evertoken/core';
import { createNoopMeter, type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api';
import { checkManager, checkOptions, wrong } from './check-options.js';
import { countEvents } from './event-metrics.js';
import { Inspection, type InspectionOptions } from './inspection.js';
import { INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION } from './instrumentation-scope.js';
import { traceIssues } from './issue-spans.js';
import { Labels } from './labels.js';
import { showQuotas, type TokenQuotas } from './quota-metrics.js';
import { showStored } from './stored-gauges.js';

/** What can be observed: a `TokenManager`, or anything that tells the same events. */
export interface ObservedManager {
  /** Subscribes to an event; the returned function ends that. */
  on<Name extends keyof TokenEvents>(event: Name, listener: (event: TokenEvents[Name]) => void): () => void;
  /** What is stored; without it there are no gauges of it. */
  inspect?(filter?: KeyFilter): AsyncIterable<TokenStatus>;
  /** The accounts, whose kinds tell the platforms' quotas; without it there are none. */
  accounts?(): readonly Account[];
}

/** How a manager is observed. */
export interface ObserveTokensOptions {
  /** Where metrics go; `false`: none. Default: the global one, which has to be registered before. */
  readonly meterProvider?: MeterProvider | false;
  /** Where spans go; `false`: none. Default: the global one. */
  readonly tracerProvider?: TracerProvider | false;
  /** Stands in every metric and span as `evertoken.manager.name`: tells several managers of a process apart. Default: none. */
  readonly name?: string;
  /**
   * How the stores are looked through for the gauges of what is stored; `false`: not at all, for millions of keys or because
   * another instance does. Never asks a platform.
   */
  readonly inspect?: InspectionOptions | false;
  /** What platforms allow this account, where that is more or less than their documents say. By account name and kind. */
  readonly quotas?: TokenQuotas;
  /**
   * What an account is called in metrics and spans. Default: by its name, which is one series of each metric for every account and
   * kind. For thousands of them: `(name) => (name.startsWith('tenant-') ? 'tenants' : name)`.
   */
  readonly accountLabel?: (account: string) => string;
  /** The manager's clock, if it is not the system's. */
  readonly clock?: Clock;
}

/** A manager that is being observed. */
export interface TokenObservation {
  /** Ends it: no listener and no callback is left; what was counted stays with the exporter. A second call does nothing. */
  stop(): void;
}

/** Names in use, by where the metrics go. */
const observed = new WeakMap<MeterProvider, Map<string, ObservedManager>>();

/**
 * Shows a manager's life as OpenTelemetry metrics and spans. Never a token, a secret or a subject.
 *
 * @example
 * const observation = observeTokens(manager);
 * // …
 * observation.stop();
 *
 * @throws TokenError `ERR_TOKEN_CONFIGURATION` for a wrong option, and for a name that another manager has on the same meter provider.
 */
export function observeTokens(manager: ObservedManager, options: ObserveTokensOptions = {}): TokenObservation {
  checkManager(manager);
  checkOptions(options);
  const { name, clock = systemClock, inspect = {}, quotas = {} } = options;
  const labels = new Labels(name, options.accountLabel);
  const stops: (() => void)[] = [];
  if (options.meterProvider !== false) {
    const provider = options.meterProvider ?? metrics.getMeterProvider();
    const meter = provider.getMeter(INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION);
    // Where nobody listens, nobody can mix them up.
    if (meter !== createNoopMeter()) stops.push(take(provider, name, manager));
    const inspection =
      inspect !== false && manager.inspect
        ? new Inspection((filter) => (manager as Required<ObservedManager>).inspect(filter), {
            clock,
            accountOf: labels.accountOf,
            options: inspect,
          })
        : undefined;
    stops.push(countEvents(manager, meter, labels));
    if (inspection) stops.push(showStored(meter, inspection, { labels, clock }));
    stops.push(showQuotas(manager, meter, { labels, clock, quotas, inspection }));
  }
  if (options.tracerProvider !== false) {
    const provider = options.tracerProvider ?? trace.getTracerProvider();
    const tracer = provider.getTracer(INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION);
    stops.push(traceIssues(manager, tracer, { labels, clock: systemClock }));
  }
  return {
    stop: () => {
      for (const stop of stops.splice(0)) stop();
    },
  };
}

/** Two managers under one name would overwrite each other's gauges, and one observed twice would be counted twice. */
function take(provider: MeterProvider, name: string | undefined, manager: ObservedManager): () => void {
  const names = observed.get(provider) ?? new Map<string, ObservedManager>();
  observed.set(provider, names);
  const key = name ?? '';
  if ([...names.values()].includes(manager))
    throw wrong('"manager" is observed on this meter provider already: call stop() of that observation first');
  if (names.has(key)) {
    const which = name === undefined ? 'without a name' : `called "${name}"`;
    throw wrong(`"name" must tell managers apart: another one ${which} is observed on this meter provider`);
  }
  names.set(key, manager);
  return () => void names.delete(key);
}
