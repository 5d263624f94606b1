import { TOKEN_EVENTS, type TokenEvents, type TokenManager } from '@evertoken/core';
import type { Logger, OnModuleInit } from '@nestjs/common';
import type { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { type TokenEventSubscription, tokenEventsOf } from './decorators/on-token-event.decorator.js';
import { configurationError, noSuchEvent, noSuchManager, severalInstances } from './token.messages.js';
import { getTokenManagerToken } from './utils/get-token-manager-token.util.js';

type InstanceWrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** What the explorer works with. */
export interface ExplorerParts {
  readonly manager: TokenManager;
  readonly managerName: string | undefined;
  readonly discovery: DiscoveryService;
  readonly scanner: MetadataScanner;
  readonly logger: Logger;
}

/** Finds the `@OnTokenEvent` methods of the application and subscribes those that mean this module's manager. */
export class TokenEventExplorer implements OnModuleInit {
  readonly #parts: ExplorerParts;

  constructor(parts: ExplorerParts) {
    this.#parts = parts;
  }

  onModuleInit(): void {
    const { discovery } = this.#parts;
    // An alias (`useExisting`) shows the same instance again.
    const seen = new Set<object>();
    for (const wrapper of [...discovery.getControllers(), ...discovery.getProviders()]) {
      const instance: unknown = wrapper.instance;
      if (typeof instance !== 'object' || instance === null || seen.has(instance)) continue;
      seen.add(instance);
      this.#explore(wrapper, instance as Record<string, unknown>);
    }
  }

  #explore(wrapper: InstanceWrapper, instance: Record<string, unknown>): void {
    const prototype: object | null = Object.getPrototypeOf(instance);
    if (prototype === null) return;
    for (const name of this.#parts.scanner.getAllMethodNames(prototype)) {
      const method = instance[name];
      if (typeof method !== 'function') continue;
      const where = `${prototype.constructor.name}.${name}`;
      for (const subscription of tokenEventsOf(method)) {
        this.#check(where, subscription, wrapper);
        if (subscription.managerName === this.#parts.managerName) {
          this.#subscribe(subscription.event, where, (event) => method.call(instance, event));
        }
      }
    }
  }

  /** A subscription that nothing would ever call is a mistake that nobody would notice. */
  #check(where: string, { event, managerName }: TokenEventSubscription, wrapper: InstanceWrapper): void {
    if (!TOKEN_EVENTS.includes(event)) throw configurationError(noSuchEvent(where, event, TOKEN_EVENTS));
    if (wrapper.isTransient || !wrapper.isDependencyTreeStatic()) throw configurationError(severalInstances(where));
    const token = getTokenManagerToken(managerName);
    if (!this.#parts.discovery.getProviders().some((provider) => provider.token === token)) {
      throw configurationError(noSuchManager(where, managerName));
    }
  }

  #subscribe(event: keyof TokenEvents, where: string, handler: (event: unknown) => unknown): void {
    const { manager, logger } = this.#parts;
    const failed = (error: unknown) =>
      logger.error(`${where} failed on "${event}"`, error instanceof Error ? error.stack : String(error));
    manager.on(event, (payload) => {
      // Called at once, in the order of events; a handler may be asynchronous, and then its failure comes later.
      try {
        Promise.resolve(handler(payload)).catch(failed);
      } catch (error) {
        failed(error);
      }
    });
  }
}
