import type { IncomingMessage, ServerResponse } from 'node:http';
import { TokenManager } from '@evertoken/core';
import { observeTokens, type TokenObservation } from '@evertoken/opentelemetry';
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { PLATFORMS, type Platforms } from '../platforms.js';

/**
 * The manager's metrics for Prometheus. An application that has OpenTelemetry set up already passes no provider: then they go where
 * all its metrics go. This one has a provider of its own, so that several can run in one process.
 */
@Injectable()
export class MetricsService implements OnModuleInit, OnApplicationShutdown {
  /** Serves no port of its own: the application's routes do. */
  readonly #exporter = new PrometheusExporter({ preventServerStart: true });
  readonly #meterProvider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.name': 'evertoken-example' }),
    readers: [this.#exporter],
  });
  #observation: TokenObservation | undefined;

  constructor(
    @Inject(TokenManager) private readonly tokens: TokenManager,
    @Inject(PLATFORMS) private readonly platforms: Platforms,
  ) {}

  onModuleInit(): void {
    this.#observation = observeTokens(this.tokens, {
      meterProvider: this.#meterProvider,
      clock: this.platforms.clock,
    });
  }

  /** Answers a scrape. */
  answer(request: IncomingMessage, response: ServerResponse): void {
    this.#exporter.getMetricsRequestHandler(request, response);
  }

  async onApplicationShutdown(): Promise<void> {
    this.#observation?.stop();
    await this.#meterProvider.shutdown();
  }
}
