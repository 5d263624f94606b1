import { setTimeout as sleep } from 'node:timers/promises';
import type { SandboxState } from '@evertoken/sandbox';
import { SandboxControl } from './sandbox-control.js';
import type { SandboxPlace } from './sandbox-place.js';

interface ClockState {
  readonly offsetMs: number;
}

/** A clock that nobody moves is asked about again after this, ms. */
const WAIT_MS = 20_000;
/** Between tries while the sandbox does not answer, ms. */
const PAUSE_MS = 250;

/**
 * A sandbox that runs elsewhere, so that several instances can share it. Its clock is the system's plus an offset: the offset
 * is asked for, and the answer comes when somebody has moved it.
 */
export class RemoteSandbox implements SandboxPlace {
  readonly url: string;
  readonly isNew: boolean;
  readonly #control: SandboxControl;
  readonly #closing = new AbortController();
  readonly #listeners = new Set<() => void>();
  #offsetMs: number;

  private constructor(control: SandboxControl, { offsetMs, isNew }: { offsetMs: number; isNew: boolean }) {
    this.url = control.url;
    this.isNew = isNew;
    this.#control = control;
    this.#offsetMs = offsetMs;
    void this.#follow();
  }

  /** Rejects with a `SandboxError` where no sandbox answers at `url`. */
  static async open(url: string): Promise<RemoteSandbox> {
    const control = new SandboxControl(url);
    const { offsetMs, openPlatforms } = await control.get<SandboxState>('state');
    // The first instance is sent the first ticket.
    const isNew = openPlatforms.every(({ verifyTickets }) => verifyTickets.issued === 0);
    return new RemoteSandbox(control, { offsetMs, isNew });
  }

  get offsetMs(): number {
    return this.#offsetMs;
  }

  now(): number {
    return Date.now() + this.#offsetMs;
  }

  learn(offsetMs: number): void {
    if (offsetMs === this.#offsetMs) return;
    this.#offsetMs = offsetMs;
    for (const listener of this.#listeners) listener();
  }

  onMove(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** It stays up while the application restarts. */
  remember(): void {}

  /** Leaves the sandbox to the other instances. */
  async close(): Promise<void> {
    this.#closing.abort();
  }

  /** Never rejects: a sandbox that is away for a while is followed again when it is back. */
  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        const path = `clock?unlessOffsetMs=${this.#offsetMs}&waitMs=${WAIT_MS}`;
        const { offsetMs } = await this.#control.get<ClockState>(path, signal);
        this.learn(offsetMs);
      } catch {
        await sleep(PAUSE_MS, undefined, { signal }).catch(() => {});
      }
    }
  }
}
