import { type Clock, systemClock, type TokenManager } from '@evertoken/core';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import { SchedulerRegistry } from '@nestjs/schedule';
import { ModuleTokenManager } from '../module-token-manager.js';
import type { ModuleSettings } from '../read-module-options.js';
import { RefreshRunner } from '../refresh-runner.js';
import { TOKEN_MODULE_SETTINGS } from '../token.constants.js';
import { configurationError } from '../token.messages.js';
import { getTokenManagerToken } from '../utils/get-token-manager-token.util.js';
import { sweepWatch } from './sweep-watch.js';
import type { TokenHealthReason } from './token-health-report.js';

/** A manager, and what its module knows of it. */
export interface ManagerParts {
  readonly manager: TokenManager;
  readonly clock: Clock;
  /** What is the matter with its refresh job. */
  readonly job: () => readonly TokenHealthReason[];
}

type InstanceWrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** Finds managers by their names, with the clock and the job of the `TokenModule` that made them. */
@Injectable()
export class HealthParts implements OnApplicationBootstrap {
  readonly #discovery: DiscoveryService;
  readonly #moduleRef: ModuleRef;
  readonly #found = new Map<string | undefined, ManagerParts>();

  constructor(@Inject(DiscoveryService) discovery: DiscoveryService, @Inject(ModuleRef) moduleRef: ModuleRef) {
    this.#discovery = discovery;
    this.#moduleRef = moduleRef;
  }

  /** Jobs are watched from the start, whenever the first probe comes. */
  onApplicationBootstrap(): void {
    for (const { host } of this.#discovery.getProviders()) {
      const settings = host?.providers.get(TOKEN_MODULE_SETTINGS)?.instance as ModuleSettings | undefined;
      if (settings && !this.#found.has(settings.managerName)) this.of(settings.managerName);
    }
  }

  /**
   * The parts of the manager with this name, or of the one without.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` where there is none.
   */
  of(managerName: string | undefined): ManagerParts {
    const known = this.#found.get(managerName);
    if (known) return known;
    const token = getTokenManagerToken(managerName);
    const providers = this.#discovery.getProviders().filter((each) => each.token === token && each.instance);
    const provider = providers.find(({ host }) => host?.providers.has(TOKEN_MODULE_SETTINGS)) ?? providers[0];
    if (!provider) {
      throw configurationError(
        managerName === undefined
          ? '"managerName" is not given, and the application has no manager without a name: import TokenModule, or name one'
          : `"managerName" must be that of a TokenModule: there is none called "${managerName}"`,
      );
    }
    const parts = this.#partsOf(provider);
    this.#found.set(managerName, parts);
    return parts;
  }

  #partsOf({ instance, host }: InstanceWrapper): ManagerParts {
    const settings = host?.providers.get(TOKEN_MODULE_SETTINGS)?.instance as ModuleSettings | undefined;
    const runner = host?.providers.get(RefreshRunner)?.instance as RefreshRunner | undefined;
    const registry = this.#registry();
    const manager = instance as TokenManager;
    const started = () => settings?.startOn !== 'signal' || !(manager instanceof ModuleTokenManager) || manager.started;
    return {
      manager,
      clock: settings?.clock ?? systemClock,
      job:
        settings?.job && runner && 'lastSweep' in runner && registry
          ? sweepWatch({ job: settings.job, runner, registry, started })
          : () => [],
    };
  }

  #registry(): SchedulerRegistry | undefined {
    try {
      return this.#moduleRef.get(SchedulerRegistry, { strict: false });
    } catch {
      // Nest's way of saying that there is none.
      return undefined;
    }
  }
}
