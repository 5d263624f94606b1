import {
  type EpochMs,
  memoryStore,
  type StoreTraits,
  TokenError,
  type TokenKey,
  type TokenStore,
} from '../../src/index.js';
import type { TokenRecord } from '../../src/store/record.js';
import type { Chance } from './chance.js';
import type { VirtualProcess } from './process-model.js';
import type { World } from './world.js';

/** What becomes of one call: it may never arrive, or its answer may never come back. */
export type Fate = 'well' | 'lostBefore' | 'lostAfter' | 'silentBefore' | 'silentAfter';

/** Told of each write that took place, with the record before and after it. */
export type WriteObserver = (write: {
  readonly operation: string;
  readonly by: VirtualProcess;
  readonly input: readonly unknown[];
  readonly answer: unknown;
  readonly before: TokenRecord | undefined;
  readonly after: TokenRecord | undefined;
}) => void;

/** From here on the two ways of a call together may exceed its time limit. */
const SLOW_MS = 950;

/** One store server: the reference store, with a clock of its own, behind a network. */
export class StoreModel {
  /** Its clock against the true time, ms. */
  skewMs = 0;
  /** Nothing gets through: at once, or after a silence. */
  outage: 'none' | 'refusing' | 'silent' = 'none';
  /** When a call last went wrong, true time. */
  troubleAt = Number.NEGATIVE_INFINITY;
  emptiedAt = Number.NEGATIVE_INFINITY;
  readonly world: World;
  readonly #fate: (operation: string) => Fate;
  readonly #latency: () => number;
  readonly #watchers = new Set<{ readonly process: VirtualProcess; readonly listener: (key: TokenKey) => void }>();
  readonly watched: boolean;
  observe: WriteObserver = () => {};
  #inner: TokenStore;

  constructor(
    world: World,
    { fate, latency, watched = false }: { fate: (operation: string) => Fate; latency: () => number; watched?: boolean },
  ) {
    this.world = world;
    this.#fate = fate;
    this.#latency = () => {
      const ms = latency();
      // Beyond its time limit a slow call is a failed one.
      if (ms > SLOW_MS) this.troubleAt = world.now + ms;
      return ms;
    };
    this.watched = watched;
    this.#inner = this.#made();
  }

  now(): EpochMs {
    return this.world.now + this.skewMs;
  }

  record(key: TokenKey): TokenRecord | undefined {
    return this.#inner.peek?.(key);
  }

  /** A key that is due, put there by nobody of the play. */
  async plant(key: TokenKey): Promise<void> {
    const at = this.now();
    const lineage = { cause: 'issue', actor: 'nobody', at, durationMs: 0 } as const;
    await this.#inner.commit(
      key,
      { value: 'old', issuedAt: at, firstSeenAt: at, seen: [], lineage },
      { predecessor: 0, refreshAt: at },
    );
  }

  /** Everything is gone, tombstones included. */
  empty(): void {
    this.#inner = this.#made();
    this.emptiedAt = this.world.now;
    this.troubleAt = this.world.now;
    this.world.say('store', () => 'is emptied');
  }

  watch(process: VirtualProcess, listener: (key: TokenKey) => void): () => void {
    const watcher = { process, listener };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** A call of a process, over the network and back. */
  call<Answer>(
    process: VirtualProcess,
    operation: string,
    key: TokenKey | undefined,
    input: readonly unknown[],
    perform: (store: TokenStore) => Promise<Answer>,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (process.reaches(`${operation} leaves`)) return;
      const { world } = this;
      const fate =
        this.outage === 'none' ? this.#fate(operation) : this.outage === 'silent' ? 'silentBefore' : 'lostBefore';
      const back = (what: string, run: () => void, content?: unknown) =>
        world.after(this.#latency(), `${process.name} ${operation} ${what}`, run, {
          actor: process,
          kind: 'answer',
          ...(world.detailed && { content: JSON.stringify(content) ?? '' }),
        });
      const fail = () =>
        back('fails', () => {
          world.say(process.name, () => `${operation}: connection lost`);
          reject(new TokenError('ERR_TOKEN_STORE', 'the model store is away'));
        });
      const troubled = fate !== 'well';
      if (troubled) this.troubleAt = Math.max(this.troubleAt, world.now);
      world.after(
        this.#latency(),
        `${process.name} ${operation} arrives`,
        async () => {
          if (fate === 'silentBefore') return;
          if (fate === 'lostBefore') return void fail();
          const before = key === undefined ? undefined : this.record(key);
          const answer = await perform(this.#inner);
          const after = key === undefined ? undefined : this.record(key);
          world.say(
            'store',
            () => `${process.name} ${operation}${troubled ? ' (answer lost)' : ''}: ${shown(input, answer, after)}`,
          );
          if (after !== before) {
            this.observe({ operation, by: process, input, answer, before, after });
            for (const { process: to, listener } of this.#watchers)
              if (key !== undefined)
                world.after(this.#latency(), `${to.name} told of ${operation}`, () => listener(key), { actor: to });
          }
          if (process.reaches(`${operation} done`)) return;
          if (fate === 'silentAfter') return;
          if (fate === 'lostAfter') return void fail();
          back('answered', () => resolve(answer), answer);
        },
        { kind: 'call', ...(world.detailed && { content: `${fate} ${JSON.stringify(input)}` }) },
      );
    });
  }

  #made(): TokenStore {
    return memoryStore({ clock: { now: () => this.now() } });
  }
}

/** A process's way to the store. */
export function portOf(model: StoreModel, process: VirtualProcess): TokenStore {
  const traits: StoreTraits = { durable: 'synced', scope: 'fleet' };
  const port: TokenStore = {
    name: 'modelStore',
    open: async () => traits,
    read: (key) => model.call(process, 'read', key, [], (store) => store.read(key)),
    claim: (...input) => model.call(process, 'claim', input[0].key, input, (store) => store.claim(...input)),
    renew: (...input) => model.call(process, 'renew', input[0].key, input, (store) => store.renew(...input)),
    commit: (...input) => model.call(process, 'commit', input[0], input, (store) => store.commit(...input)),
    note: (...input) => model.call(process, 'note', input[0].key, input, (store) => store.note(...input)),
    due: (query) => model.call(process, 'due', undefined, [], (store) => store.due(query)),
    list: (...input) => model.call(process, 'list', undefined, [], (store) => store.list(...input)),
    remove: (...input) => model.call(process, 'remove', input[0], input, (store) => store.remove(...input)),
    park: (...input) => model.call(process, 'park', input[0].key, input, (store) => store.park(...input)),
    close: async () => {},
  };
  return model.watched ? { ...port, watch: (listener) => model.watch(process, listener) } : port;
}

/** A random fate: mostly well. */
export function fates(chance: Chance, rate: () => number): () => Fate {
  return () =>
    chance.happens(rate()) ? chance.one(['lostBefore', 'lostAfter', 'silentBefore', 'silentAfter'] as const) : 'well';
}

function shown(input: readonly unknown[], answer: unknown, after: TokenRecord | undefined): string {
  const said =
    typeof answer === 'object' && answer !== null && 'kind' in answer
      ? 'lease'
      : typeof answer === 'object'
        ? 'record'
        : String(answer);
  const asked = input.flatMap((part) => (typeof part === 'object' && part !== null ? [brief(part)] : []));
  return `${asked.join(' ')} → ${said}${after ? `; stands ${brief(after)}` : ''}`;
}

function brief(part: object): string {
  return JSON.stringify(part, (name, value: unknown) =>
    ['v', 'key', 'kind', 'seen', 'lineage', 'message', 'at'].includes(name) ? undefined : value,
  )
    .replaceAll('"', '')
    .replace(/\b(\d{13})(\.\d+)?\b/g, (time) => `t${((Number(time) - Date.UTC(2026, 0, 1)) / 1000).toFixed(1)}`);
}
