import type { TokenKey } from '@evertoken/core';
import type { Client, ClientConfig } from 'pg';
import { messageOf } from './dialect.js';

type Heard = (key: TokenKey, generation?: number) => void;

/** Distances of the attempts to listen again, ms; each is shortened by up to a half. */
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 10_000;
/** How long a server may take to see off its client, ms. */
const GOODBYE_MS = 500;

/** Listens on a connection of its own, from the first listener on, and connects again whenever it is lost. */
export class Listener {
  readonly #channel: string;
  readonly #config: () => ClientConfig;
  readonly #listeners = new Set<Heard>();
  #client: Client | undefined;
  #retry: NodeJS.Timeout | undefined;
  #delayMs = FIRST_RETRY_MS;
  #listening = false;

  constructor(channel: string, config: () => ClientConfig) {
    this.#channel = channel;
    this.#config = config;
  }

  listen(heard: Heard): () => void {
    // A wrapper of its own, so that one function may listen twice and stop once.
    const listener: Heard = (key, generation) => heard(key, generation);
    this.#listeners.add(listener);
    if (!this.#listening) {
      this.#listening = true;
      this.#connect();
    }
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#listening = false;
    this.#listeners.clear();
    clearTimeout(this.#retry);
    const client = this.#client;
    this.#client = undefined;
    if (!client) return;
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, GOODBYE_MS);
    });
    await Promise.race([client.end().catch(() => {}), enough]);
    clearTimeout(timer);
  }

  async #connect(): Promise<void> {
    let client: Client | undefined;
    try {
      const { default: pg } = await import('pg');
      if (!this.#listening) return;
      client = new pg.Client(this.#config());
      this.#client = client;
      client.on('error', () => this.#lost(client));
      client.on('end', () => this.#lost(client));
      client.on('notification', ({ payload }) => this.#hear(payload ?? ''));
      await client.connect();
      // Nobody's program should go on because it listens.
      (client as unknown as { unref(): void }).unref();
      await client.query(`listen ${client.escapeIdentifier(this.#channel)}`);
      this.#delayMs = FIRST_RETRY_MS;
    } catch {
      this.#lost(client);
    }
  }

  #hear(payload: string): void {
    const { key, generation } = messageOf(payload);
    for (const listener of this.#listeners) listener(key as TokenKey, generation);
  }

  #lost(client: Client | undefined): void {
    if (client !== this.#client) return;
    this.#client = undefined;
    client?.end().catch(() => {});
    if (!this.#listening) return;
    const delayMs = this.#delayMs * (0.5 + Math.random() / 2);
    this.#delayMs = Math.min(LAST_RETRY_MS, this.#delayMs * 2);
    this.#retry = setTimeout(() => this.#connect(), delayMs);
    this.#retry.unref();
  }
}
