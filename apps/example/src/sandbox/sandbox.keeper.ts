import { setTimeout as pause } from 'node:timers/promises';
import { TokenManager } from '@evertoken/core';
import { OnTokenEvent } from '@evertoken/nestjs';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { StatusService } from '../status/status.service.js';
import { ExampleSandbox } from './example-sandbox.js';

/** How long an end waits for the first pushes, ms: with a sandbox in this process they take a tenth of that. */
const CONNECT_GRACE_MS = 2_000;

/** Refreshes what the sandbox's clock has made due, keeps the platforms' memory up to date, and ends with the application. */
@Injectable()
export class SandboxKeeper implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  readonly #logger = new Logger(SandboxKeeper.name);
  #sweeping: Promise<void> = Promise.resolve();
  #sweptOffsetMs: number;
  #connecting = false;
  #isEnding = false;
  #isConnected: () => void = () => {};
  /** Resolves once the first tickets have been pushed to the application that listens, or could not be; never rejects. */
  readonly connected = new Promise<void>((resolve) => {
    this.#isConnected = resolve;
  });

  constructor(
    @Inject(ExampleSandbox) private readonly sandbox: ExampleSandbox,
    @Inject(TokenManager) private readonly tokens: TokenManager,
    @Inject(StatusService) private readonly status: StatusService,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {
    this.#sweptOffsetMs = sandbox.offsetMs;
  }

  /** The offset of the clock up to which everything due has been refreshed, ms. */
  get sweptOffsetMs(): number {
    return this.#sweptOffsetMs;
  }

  /** Pushes can come as soon as the application listens, which is later than this. */
  onApplicationBootstrap(): void {
    this.sandbox.onMove(() => void this.swept());
    const server: { once(event: 'listening', listener: () => void): unknown } = this.host.httpAdapter.getHttpServer();
    server.once('listening', () => void this.#connect());
  }

  /** Resolves once what the clock has made due so far is refreshed: one sweep for each time it was moved. */
  swept(): Promise<void> {
    this.#sweeping = this.#sweeping.then(() => this.#sweep());
    return this.#sweeping;
  }

  /** A stored token means that a platform has given one out: what it remembers has changed. */
  @OnTokenEvent('commit')
  remember(): void {
    this.sandbox.remember();
  }

  /** First pushes that are under way are still taken: the manager is drained after this, and the sandbox would try again and again. */
  async onModuleDestroy(): Promise<void> {
    this.#isEnding = true;
    if (this.#connecting) await Promise.race([this.connected, pause(CONNECT_GRACE_MS, undefined, { ref: false })]);
  }

  /** By now the manager is drained: nobody calls the platforms any more. */
  onApplicationShutdown(): Promise<void> {
    return this.sandbox.close();
  }

  async #sweep(): Promise<void> {
    const { offsetMs } = this.sandbox;
    if (offsetMs === this.#sweptOffsetMs || this.#isEnding) return;
    try {
      // Tickets that came due in the same hour would in reality have come before.
      await this.sandbox.pushed();
      await this.tokens.refreshDue();
    } catch (error) {
      this.#logger.warn(`cannot refresh what is due: ${messageOf(error)}`);
    }
    this.#sweptOffsetMs = offsetMs;
    this.status.changed();
  }

  async #connect(): Promise<void> {
    this.#connecting = true;
    try {
      await this.sandbox.connect();
    } catch (error) {
      this.#logger.warn(`the sandbox does not know where to push to: ${messageOf(error)}`);
    }
    this.#isConnected();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
