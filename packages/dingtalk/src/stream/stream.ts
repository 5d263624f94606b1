import { type Clock, optionProblems, type Random, TokenError } from '@evertoken/core';
import type { EgressOptions } from '../egress.js';
import { commonProblems, commonSettingsOf, type DingTalkBaseUrls, textOf } from '../options.js';
import { StreamConnection, streamOf } from './connection.js';
import type { DingTalkStreamEvent } from './frame.js';
import { openGateway, type StreamSettings } from './gateway.js';
import { loadVendor, type VendorClient } from './vendor.js';

/** How events are had by the stream. */
export interface StreamOptions extends EgressOptions {
  /** The console's Client ID: an internal app's AppKey, a suite's SuiteKey. */
  readonly clientId: string | undefined;
  /** The console's Client Secret: AppSecret, SuiteSecret. */
  readonly clientSecret: string | undefined;
  /**
   * Stores what an event brings. The event is acknowledged once this has resolved; where it rejects, or takes longer than 30 s, the
   * platform is asked to send the event again, perhaps to another process. Events may come twice, and overtake each other.
   */
  readonly onEvent: (event: DingTalkStreamEvent) => unknown;
  /** What messages call it. Default: the client id. */
  readonly name?: string | undefined;
  /** Another address of the platform; `api` is asked for connections. */
  readonly baseUrls?: DingTalkBaseUrls | undefined;
  /**
   * Told what went wrong and is tried again: a lost connection, an event that was not taken. Default: a process warning of type
   * `DingTalkStream`.
   */
  readonly onProblem?: ((error: Error) => void) | undefined;
  /** For tests. Default: the machine's clocks. */
  readonly clock?: Clock | undefined;
  /** Jitter of repetitions, for tests. Default: the machine's. */
  readonly random?: Random | undefined;
}

/** A running stream. */
export interface DingTalkStream {
  /** Whether a connection stands at this moment. */
  readonly connected: boolean;
  /**
   * Takes no more events, lets those at work be answered, and ends the connection; after 10 s at the latest. Nothing is left that keeps
   * the process alive. Never rejects.
   */
  close(): Promise<void>;
}

/** 1 s, doubling up to a minute, with as much jitter as half of it: between attempts to connect. */
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;
/** 5 min where the platform refuses the app: a person is at its settings, or has forgotten it. */
const REFUSED_DELAY_MS = 5 * 60_000;
/** A minute: what lasts longer has been a connection, and its end is no failure. */
const LASTED_MS = 60_000;

const OPTIONS = {
  required: ['clientId', 'clientSecret'],
  optional: ['onEvent', 'name', 'baseUrls', 'fetch', 'dispatcher', 'onProblem', 'clock', 'random'],
};

/**
 * Has the platform send an app's events through a WebSocket that this process opens: no public address is needed. Through DingTalk's own
 * client, `dingtalk-stream`, an optional peer. Connects anew whenever the connection is lost. Of several processes with one client id
 * each event goes to one.
 *
 * Resolves once the first connection stands, or has failed in a way that passes by itself. Rejects with `TokenError`:
 * `ERR_TOKEN_CONFIGURATION` for wrong options and where `dingtalk-stream` is missing, `ERR_TOKEN_REFUSED` where the platform refuses
 * the app.
 */
export async function startStream(options: StreamOptions): Promise<DingTalkStream> {
  const settings = settingsOf(options);
  const { newClient } = await loadVendor(settings);
  const stream = new Stream(settings, newClient, options);
  await stream.started;
  return stream;
}

class Stream implements DingTalkStream {
  /** Resolves or rejects by the first attempt. */
  readonly started: Promise<void>;
  readonly #settings: StreamSettings;
  readonly #newClient: () => VendorClient;
  readonly #onEvent: StreamOptions['onEvent'];
  readonly #problem: (error: Error) => void;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #connection: StreamConnection | undefined;
  #failures = 0;

  constructor(settings: StreamSettings, newClient: () => VendorClient, { onEvent, onProblem }: StreamOptions) {
    this.#settings = settings;
    this.#newClient = newClient;
    this.#onEvent = onEvent;
    this.#problem = onProblem ?? warn;
    const first = this.#attempt();
    this.started = first.then((error) => {
      if (isRefusal(error)) throw error;
    });
    this.#ended = first.then((error) => (isRefusal(error) ? undefined : this.#run(error)));
  }

  get connected(): boolean {
    return this.#connection !== undefined;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#connection?.finish();
    await this.#ended;
  }

  /** One connection after the other. */
  async #run(firstError: TokenError | undefined): Promise<void> {
    let error = firstError;
    while (!this.#stop.signal.aborted) {
      if (error === undefined) await this.#live();
      else {
        this.#tell(error);
        await this.#wait(this.#delayAfter(error));
      }
      if (this.#stop.signal.aborted) break;
      error = await this.#attempt();
    }
    await this.#connection?.finish();
  }

  /** To the end of the present connection. */
  async #live(): Promise<void> {
    const { clock, name } = this.#settings;
    const since = clock.monotonic();
    const end = await this.#connection?.ended;
    this.#connection = undefined;
    const lasted = clock.monotonic() - since;
    if (lasted >= LASTED_MS) this.#failures = 0;
    if (this.#stop.signal.aborted || (end === 'asked' && lasted >= FIRST_DELAY_MS)) return;
    if (end === 'lost') this.#tell(new Error(`${streamOf(name)}: the connection was lost`));
    await this.#wait(this.#nextDelay());
  }

  /** Undefined where a connection stands. */
  async #attempt(): Promise<TokenError | undefined> {
    const { signal } = this.#stop;
    const { name, clock } = this.#settings;
    try {
      const address = await openGateway(this.#settings, signal);
      const parts = { name, clock, client: this.#newClient(), address, onEvent: this.#onEvent };
      this.#connection = await StreamConnection.open({ ...parts, problem: (error) => this.#tell(error) }, signal);
      return undefined;
    } catch (error) {
      if (error instanceof TokenError) return error;
      const text = `${streamOf(name)}: no connection with the platform`;
      return new TokenError('ERR_TOKEN_TRANSPORT', text, { account: name, cause: error });
    }
  }

  #delayAfter(error: TokenError): number {
    const told = error.retryAt === undefined ? 0 : error.retryAt - this.#settings.clock.now();
    return Math.max(told, isRefusal(error) ? REFUSED_DELAY_MS : 0, this.#nextDelay());
  }

  #nextDelay(): number {
    const delay = Math.min(FIRST_DELAY_MS * 2 ** this.#failures, LONGEST_DELAY_MS);
    this.#failures = Math.min(this.#failures + 1, 10);
    return Math.round((delay * (1 + this.#settings.random())) / 2);
  }

  /** The process stays: somebody waits for events. */
  #wait(ms: number): Promise<void> {
    const { signal } = this.#stop;
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        cancel();
        resolve();
      };
      const cancel = this.#settings.clock.after(ms, done, true);
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }

  /** What the listener throws must end neither the stream nor the process. */
  #tell(error: Error): void {
    try {
      this.#problem(error);
    } catch (thrown) {
      warn(thrown instanceof Error ? thrown : new Error('onProblem failed'));
    }
  }
}

function settingsOf(options: StreamOptions): StreamSettings {
  const { clientId, clientSecret, onEvent, onProblem } = options;
  const name = options.name ?? textOf(clientId);
  const problems = [...optionProblems(options, OPTIONS), ...commonProblems({ ...options, name })];
  if (typeof onEvent !== 'function') problems.push('"onEvent" must be a function');
  if (onProblem !== undefined && typeof onProblem !== 'function') problems.push('"onProblem" must be a function');
  if (problems.length > 0) {
    const text = `the stream of account "${name}" cannot be started: ${problems.join('; ')}`;
    throw new TokenError('ERR_TOKEN_CONFIGURATION', text, { account: name });
  }
  const common = commonSettingsOf({ ...options, name });
  return { ...common, clientId: textOf(clientId), clientSecret: textOf(clientSecret) };
}

function isRefusal(error: TokenError | undefined): boolean {
  return error?.code === 'ERR_TOKEN_REFUSED';
}

function warn(error: Error): void {
  process.emitWarning(error.message, { type: 'DingTalkStream' });
}
