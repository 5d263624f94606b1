import { TokenHealthIndicator, type TokenHealthResult } from '@evertoken/nestjs/health';
import { Controller, Get, Inject, UseFilters } from '@nestjs/common';
import { HealthCheck, type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import { HealthFilter } from './health.filter.js';

/** For load balancers and probes: 200 while there are tokens, if only from memory; 503 where an account has none. Asks no platform. */
@Controller('health')
@UseFilters(HealthFilter)
export class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(TokenHealthIndicator) private readonly tokens: TokenHealthIndicator,
  ) {}

  @Get()
  @HealthCheck()
  read(): Promise<HealthCheckResult<TokenHealthResult<'tokens'>>> {
    return this.health.check([() => this.tokens.check('tokens')]);
  }
}
