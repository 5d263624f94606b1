import type { TokenKey } from '@evertoken/core';
import type { Subscription } from './dial.js';
import type { Line } from './line.js';

type Listener = (key: TokenKey, generation?: number) => void;

/**
 * Tells listeners of changes, over a connection of its own: there while the store is open and somebody listens. After a loss
 * it subscribes anew; what was published in between is missed.
 */
export class Watch {
  readonly #line: Line;
  readonly #listeners = new Set<Listener>();
  #open = false;

  constructor(newLine: (subscription: Subscription) => Line, channel: string) {
    this.#line = newLine({ channel, listener: (message) => this.#tell(message) });
  }

  add(listener: Listener): () => void {
    // One object each time, so that a listener added twice is taken away once.
    const own: Listener = (...change) => listener(...change);
    this.#listeners.add(own);
    if (this.#open) this.#line.start();
    return () => {
      this.#listeners.delete(own);
      if (this.#listeners.size === 0) void this.#line.close();
    };
  }

  open(): void {
    this.#open = true;
    if (this.#listeners.size > 0) this.#line.start();
  }

  renew(): void {
    this.#line.renew();
  }

  async close(): Promise<void> {
    this.#open = false;
    await this.#line.close();
  }

  /** `<generation of a new token, or nothing> <key>`; the trial on opening publishes an empty text. */
  #tell(message: string): void {
    const space = message.indexOf(' ');
    const key = message.slice(space + 1) as TokenKey;
    if (key === '') return;
    const change: Parameters<Listener> = space > 0 ? [key, Number(message.slice(0, space))] : [key];
    for (const listener of this.#listeners) listener(...change);
  }
}
