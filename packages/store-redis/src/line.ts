import { TokenError } from '@evertoken/core';
import { storeError } from './failure.js';
import { NoAnswer, within } from './limit.js';
import type { Script } from './scripts.js';

/** A connection to a server, or one to every primary of a cluster. Once lost it stays lost: the line dials anew. */
export interface Dialled {
  /** Sends to the server that holds `key`; to any where there is none. Nothing is sent once the signal is aborted. */
  send(key: string | undefined, args: readonly string[], signal: AbortSignal): Promise<unknown>;
  /** One sender for each server that takes writes. */
  readonly primaries: readonly Send[];
  /** A call had no answer. */
  stalled(): void;
  /** Ends it at once, calls in flight included. */
  end(): void;
}

/** Sends a command to one server. */
export type Send = (args: readonly string[], signal: AbortSignal) => Promise<unknown>;

/** Connects within a limit or rejects; `lost` is told when the connection breaks. */
export type Dial = (limitMs: number, lost: () => void) => Promise<Dialled>;

/** First and longest pause between two attempts to connect, ms; half of each is random. */
const PAUSE_MS = { first: 50, longest: 2000 } as const;

/**
 * A connection that mends itself as long as it is open. A call is sent once, at once or never, and is answered within the limit:
 * there is no queue for a server that is away, and nothing is sent again whose outcome is unknown. While it waits for an
 * answer it keeps the process alive, otherwise it does not.
 */
export class Line {
  readonly #dial: Dial;
  readonly #limitMs: number;
  readonly #onStall: () => void;
  /** Counts openings and closings: what was begun before one does not come up after it. */
  #session = 0;
  #open = false;
  #current: Dialled | undefined;
  #broken = false;
  #dialling: Promise<void> | undefined;
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #replaced = new Set<Dialled>();
  readonly #inFlight = new Set<Promise<unknown>>();

  /** `onStall` is told when a call had no answer within the limit. */
  constructor(dial: Dial, limitMs: number, onStall: () => void = () => {}) {
    this.#dial = dial;
    this.#limitMs = limitMs;
    this.#onStall = onStall;
  }

  /** Connects, or rejects within the limit; mends itself from then on. */
  async open(): Promise<void> {
    if (!this.#current || this.#broken) await this.#replace();
    this.#open = true;
    if (this.#broken) this.#mendLater();
  }

  /** Connects when it can. */
  start(): void {
    if (this.#open) return;
    this.#open = true;
    this.#replace().catch(() => {});
  }

  /** Gives the connection up and makes another. */
  renew(): void {
    this.#current?.end();
    this.#mend(this.#current);
  }

  /** Runs a script: by its digest, in full where the server does not have it. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    return this.#call(async (dialled, signal) => {
      try {
        return await dialled.send(keys[0], ['EVALSHA', script.sha, ...rest], signal);
      } catch (error) {
        // The one refusal that says that nothing was done.
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
        return dialled.send(keys[0], ['EVAL', script.text, ...rest], signal);
      }
    });
  }

  /** Asks every primary; the answers, or errors, in their order. */
  ask(args: readonly string[]): Promise<PromiseSettledResult<unknown>[]> {
    return this.#call((dialled, signal) => Promise.allSettled(dialled.primaries.map((send) => send(args, signal))));
  }

  /** Ends the connection once the calls in flight have had their answers. */
  async close(): Promise<void> {
    this.#session++;
    this.#open = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#dialling = undefined;
    const ending = this.#current;
    this.#current = undefined;
    await Promise.allSettled(this.#inFlight);
    ending?.end();
    for (const replaced of this.#replaced) replaced.end();
    this.#replaced.clear();
  }

  async #call<Answer>(send: (dialled: Dialled, signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    const dialled = this.#current;
    if (!dialled) throw new TokenError('ERR_TOKEN_STORE', 'redisStore: not open');
    const call = within(this.#limitMs, (signal) => send(dialled, signal));
    this.#inFlight.add(call);
    try {
      return await call;
    } catch (error) {
      if (error instanceof NoAnswer && dialled === this.#current) {
        dialled.stalled();
        this.#mend(dialled);
        this.#onStall();
      }
      throw error;
    } finally {
      this.#inFlight.delete(call);
    }
  }

  #replace(): Promise<void> {
    if (this.#dialling) return this.#dialling;
    const dialling = this.#dialAnew().finally(() => {
      if (this.#dialling === dialling) this.#dialling = undefined;
    });
    dialling.then(
      () => this.#broken && this.#mendLater(),
      () => this.#mendLater(),
    );
    this.#dialling = dialling;
    return dialling;
  }

  async #dialAnew(): Promise<void> {
    const session = this.#session;
    const made: { dialled?: Dialled; lost?: true } = {};
    const next = await this.#dial(this.#limitMs, () => {
      made.lost = true;
      if (made.dialled) this.#mend(made.dialled);
    });
    made.dialled = next;
    if (session !== this.#session) {
      next.end();
      throw storeError('connecting', new Error('closed meanwhile'));
    }
    this.#retire(this.#current);
    this.#current = next;
    this.#broken = made.lost === true;
    this.#attempts = 0;
  }

  /** Lets calls that are under way on it have their answers first. */
  #retire(dialled: Dialled | undefined): void {
    if (!dialled) return;
    this.#replaced.add(dialled);
    setTimeout(() => {
      if (this.#replaced.delete(dialled)) dialled.end();
    }, this.#limitMs).unref();
  }

  #mend(dialled: Dialled | undefined): void {
    if (!this.#open || dialled !== this.#current) return;
    this.#broken = true;
    this.#mendLater();
  }

  #mendLater(): void {
    if (!this.#open || this.#timer || this.#dialling) return;
    const pause = Math.min(PAUSE_MS.longest, PAUSE_MS.first * 2 ** Math.min(this.#attempts++, 10));
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#replace().catch(() => {});
      },
      pause * (0.5 + Math.random() / 2),
    ).unref();
  }
}
