import { TokenHealthModule } from '@evertoken/nestjs/health';
import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';

/** `/health`. */
@Module({
  // The answer says what is the matter; the log need not say it with every probe.
  imports: [TerminusModule.forRoot({ logger: false }), TokenHealthModule],
  controllers: [HealthController],
})
export class HealthModule {}
