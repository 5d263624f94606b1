import { type Clock, TokenError } from '@evertoken/core';
import { type DingTalkStreamEvent, messageIdIn, streamEventIn } from './frame.js';
import { connectVendor, type VendorClient, type VendorSocket } from './vendor.js';

/** What a connection works with. */
export interface ConnectionParts {
  /** What messages call it. */
  readonly name: string;
  readonly client: VendorClient;
  /** With the ticket. */
  readonly address: URL;
  readonly clock: Clock;
  /** Stores what an event brings; what it rejects with is told to `problem`. */
  readonly onEvent: (event: DingTalkStreamEvent) => unknown;
  readonly problem: (error: Error) => void;
}

/** Why a connection ended. `asked`: the platform wants a new one. `lost`: anything else. */
export type ConnectionEnd = 'asked' | 'lost';

/** 10 s without anything from the other side: it is asked; 20 s: the connection is given up. Nobody else notices that it is dead. */
const BEAT_MS = 10_000;
/** 30 s for an event's work; the platform sends again what was not answered within a minute. */
const WORK_MS = 30_000;
/** 8 s: the platform closes 10 s after it has asked for a new connection; and `close()` waits for work no longer. */
const FINISH_MS = 8_000;
/** 2 s for the other side to say goodbye as well. */
const GOODBYE_MS = 2_000;
const OPEN = 1;

/** One connection, from its opening to its end. Made anew for each: a ticket is good for one. */
export class StreamConnection {
  /** Resolves with why it ended, once it has ended. */
  readonly ended: Promise<ConnectionEnd>;
  readonly #parts: ConnectionParts;
  readonly #socket: VendorSocket;
  /** Handlers at work. */
  readonly #work = new Set<Promise<void>>();
  #heard = true;
  #asked = false;
  #cancelBeat = (): void => {};
  #finishing: Promise<void> | undefined;

  private constructor(parts: ConnectionParts) {
    const { client, address, name, problem } = parts;
    this.#parts = parts;
    client.onSystem = this.#system(client.onSystem);
    client.onEvent = (frame) => this.#event(frame);
    // Nothing was subscribed that would come here.
    client.onCallback = () => {};
    this.#socket = connectVendor(client, address, () => problem(new Error(`${streamOf(name)}: a frame is unreadable`)));
    for (const event of ['pong', 'message'] as const) this.#socket.on(event, () => this.#hear());
    this.ended = new Promise((resolve) => {
      this.#socket.on('close', () => resolve(this.#asked ? 'asked' : 'lost'));
    });
  }

  /** Resolves once the connection stands. Rejects with `ERR_TOKEN_TRANSPORT`. */
  static async open(parts: ConnectionParts, stop: AbortSignal): Promise<StreamConnection> {
    const connection = new StreamConnection(parts);
    await connection.#opened(stop);
    connection.#beat();
    void connection.ended.then(() => connection.#cancelBeat());
    return connection;
  }

  /** Takes no more events, lets those at work finish and be answered, and ends. */
  finish(): Promise<void> {
    this.#finishing ??= this.#finish();
    return this.#finishing;
  }

  #opened(stop: AbortSignal): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      const end = () => socket.terminate();
      let cause: unknown;
      stop.addEventListener('abort', end, { once: true });
      socket.on('open', () => {
        stop.removeEventListener('abort', end);
        resolve();
      });
      // `close` comes after it, in every case.
      socket.on('error', (error) => {
        cause = error;
      });
      socket.on('close', () => {
        stop.removeEventListener('abort', end);
        reject(lostError(this.#parts.name, cause));
      });
      if (stop.aborted) end();
    });
  }

  /** The vendor's own does the rest: it answers pings. */
  #system(own: (frame: unknown) => void): (frame: unknown) => void {
    return (frame) => {
      if (isTopic(frame, 'disconnect')) {
        this.#asked = true;
        void this.finish();
        return;
      }
      if (this.#socket.readyState === OPEN) own.call(this.#parts.client, frame);
    };
  }

  #event(frame: unknown): void {
    const messageId = messageIdIn(frame);
    // What is not answered comes again, here or to another process.
    if (messageId === undefined || this.#finishing !== undefined) return;
    const work = this.#answer(messageId, frame).finally(() => this.#work.delete(work));
    this.#work.add(work);
  }

  /** SUCCESS means stored; LATER has the platform send the event again. */
  async #answer(messageId: string, frame: unknown): Promise<void> {
    const { client, name, problem } = this.#parts;
    const event = streamEventIn(frame);
    let status = 'SUCCESS';
    if (event === undefined) problem(new Error(`${streamOf(name)}: an event is unreadable`));
    else {
      try {
        await this.#withinTime(this.#parts.onEvent, event);
      } catch (error) {
        status = 'LATER';
        problem(failedError(name, event, error));
      }
    }
    if (this.#socket.readyState === OPEN) client.send(messageId, { status });
  }

  async #withinTime(handle: ConnectionParts['onEvent'], event: DingTalkStreamEvent): Promise<void> {
    let cancel = (): void => {};
    const late = new Promise<never>((_, reject) => {
      cancel = this.#parts.clock.after(WORK_MS, () => reject(new Error(`not done within ${WORK_MS / 1000} s`)));
    });
    // In a turn of its own: what it throws at once is a failure like any other.
    await Promise.race([Promise.resolve(event).then(handle), late]).finally(cancel);
  }

  #beat(): void {
    this.#cancelBeat = this.#parts.clock.after(BEAT_MS, () => {
      if (this.#heard) {
        this.#heard = false;
        if (this.#socket.readyState === OPEN) this.#socket.ping();
        this.#beat();
      } else this.#socket.terminate();
    });
  }

  #hear(): void {
    this.#heard = true;
  }

  async #finish(): Promise<void> {
    await this.#atMost(FINISH_MS, Promise.all(this.#work));
    this.#socket.close();
    await this.#atMost(GOODBYE_MS, this.ended);
    this.#socket.terminate();
    await this.ended;
  }

  async #atMost(ms: number, work: Promise<unknown>): Promise<void> {
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.#parts.clock.after(ms, resolve, true);
    });
    await Promise.race([work, late]).finally(cancel);
  }
}

/** How messages begin. */
export function streamOf(name: string): string {
  return `account "${name}", stream`;
}

function isTopic(frame: unknown, topic: string): boolean {
  const { headers } = frame as { readonly headers?: { readonly topic?: unknown } };
  return headers?.topic === topic;
}

function lostError(account: string, cause: unknown): TokenError {
  const { code } = (cause ?? {}) as { readonly code?: unknown };
  const how = typeof code === 'string' ? ` (${code})` : '';
  const text = `${streamOf(account)}: no connection with the platform${how}`;
  return new TokenError('ERR_TOKEN_TRANSPORT', text, { account, reason: 'network', cause });
}

function failedError(name: string, { eventType }: DingTalkStreamEvent, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : 'unknown';
  return new Error(`${streamOf(name)}: the event "${eventType}" was not taken, and comes again: ${why}`, { cause });
}
