import type { TokenManager } from '@evertoken/core';
import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { configurationError, wrongOption } from '../token.messages.js';
import { HealthParts, type ManagerParts } from './health-parts.js';
import { TokenHealth } from './token-health.js';
import { TOKEN_HEALTH_OPTIONS } from './token-health.module-definition.js';
import { known, type TokenHealthFilter, type TokenHealthOptions } from './token-health-options.js';
import type { TokenHealthReport, TokenHealthState } from './token-health-report.js';

/** What is checked, and how it is told. */
export interface TokenHealthCheckOptions extends TokenHealthFilter {
  /** The manager that is meant. Default: the one without a name. */
  readonly managerName?: string | undefined;
  /** What `degraded` is told as. Default `degraded`, which terminus answers 200; with `down` it answers 503. */
  readonly degradedAs?: TokenHealthState | undefined;
  /** What `down` is told as. Default `down`, which terminus answers 503; with `degraded` it answers 200. */
  readonly downAs?: TokenHealthState | undefined;
}

/** What terminus shows under the key: the report, and `status`, which is the report's `state` unless an option says otherwise. */
export type TokenHealthResult<Key extends string = string> = HealthIndicatorResult<
  Key,
  TokenHealthState,
  { readonly [Name in keyof TokenHealthReport]: TokenHealthReport[Name] }
>;

const CHECK_OPTIONS = ['accounts', 'kinds', 'ignore', 'managerName', 'degradedAs', 'downAs'];
const STATES: readonly unknown[] = ['up', 'degraded', 'down'];

/**
 * A health indicator for terminus: whether tokens are to be had, and what is the matter where they are not. Asks stores, never a
 * platform, and at most as often as `maxAgeMs` says, however many probes there are.
 *
 * @example
 * health.check([() => tokens.check('tokens'), () => tokens.check('partners', { managerName: 'partners', downAs: 'degraded' })]);
 */
@Injectable()
export class TokenHealthIndicator {
  readonly #results: HealthIndicatorService;
  readonly #options: TokenHealthOptions;
  readonly #parts: HealthParts;
  readonly #healths = new Map<TokenManager, TokenHealth>();

  constructor(
    @Inject(HealthIndicatorService) results: HealthIndicatorService,
    @Inject(TOKEN_HEALTH_OPTIONS) options: TokenHealthOptions,
    @Inject(HealthParts) parts: HealthParts,
  ) {
    this.#results = results;
    this.#options = options;
    this.#parts = parts;
  }

  /**
   * How a manager's tokens are, under `key`, for `HealthCheckService.check`.
   *
   * Rejects with `ERR_TOKEN_CONFIGURATION` for a wrong option, and never for what it finds.
   */
  async check<const Key extends string>(
    key: Key,
    options: TokenHealthCheckOptions = {},
  ): Promise<TokenHealthResult<Key>> {
    known(options, CHECK_OPTIONS, 'check');
    const { managerName, degradedAs = 'degraded', downAs = 'down', ...filter } = options;
    for (const [name, value] of Object.entries({ degradedAs, downAs })) {
      if (!STATES.includes(value)) throw configurationError(wrongOption(name, "'up', 'degraded' or 'down'"));
    }
    const parts = this.#parts.of(managerName);
    const report = await this.#health(parts).report(filter, parts.job());
    const told = { up: 'up', degraded: degradedAs, down: downAs } as const;
    const data = { ...report };
    const session = this.#results.check(key);
    switch (told[report.state]) {
      case 'up':
        return session.up(data);
      case 'degraded':
        return session.degraded(data);
      case 'down':
        return session.down(data);
    }
  }

  #health({ manager, clock }: ManagerParts): TokenHealth {
    const health = this.#healths.get(manager) ?? new TokenHealth(manager, { clock, ...this.#options });
    this.#healths.set(manager, health);
    return health;
  }
}
