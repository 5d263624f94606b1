import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { MetricsService } from './metrics.service.js';

/** What Prometheus scrapes. No token, no secret and nobody's id is in it. */
@Controller('metrics')
export class MetricsController {
  constructor(@Inject(MetricsService) private readonly metrics: MetricsService) {}

  @Get()
  read(@Req() request: Request, @Res() response: Response): void {
    this.metrics.answer(request, response);
  }
}
