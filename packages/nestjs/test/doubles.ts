import { EventEmitter } from 'node:events';
import { Keyv } from 'keyv';

/** A store as network adapters are: a failure is an event, and a miss to whoever asked. */
export class Adapter extends EventEmitter {
  readonly entries = new Map<string, unknown>();
  readonly ttls: (number | undefined)[] = [];
  reads = 0;
  writes = 0;
  /** How the server fails, if it does: by event and miss, by throwing, or not at all but late. */
  failing: 'event' | 'throw' | undefined;
  waits: Promise<void> | undefined;
  disconnected = false;

  async get(key: string): Promise<unknown> {
    this.reads++;
    await this.waits;
    return this.#fail() ? undefined : this.entries.get(key);
  }

  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    this.writes++;
    this.ttls.push(ttl);
    await this.waits;
    if (this.#fail()) return true;
    this.entries.set(key, value);
    return true;
  }

  async delete(key: string): Promise<boolean> {
    return this.entries.delete(key);
  }

  async clear(): Promise<void> {
    this.entries.clear();
  }

  async disconnect(): Promise<void> {
    this.disconnected = true;
  }

  #fail(): boolean {
    if (!this.failing) return false;
    const error = Object.assign(new Error('connect ECONNREFUSED redis://user:hidden@host'), { code: 'ECONNREFUSED' });
    if (this.failing === 'throw') throw error;
    this.emit('error', error);
    return true;
  }
}

/** A Keyv over such an adapter. */
export function keyvOver(adapter: Adapter, options: { emitErrors?: boolean } = {}): Keyv {
  return new Keyv({ store: adapter, namespace: 'app', ...options });
}
