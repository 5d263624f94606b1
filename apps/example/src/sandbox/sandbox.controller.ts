import { TokenManager } from '@evertoken/core';
import { BadRequestException, Body, Controller, Inject, Post, Redirect, UseGuards } from '@nestjs/common';
import { StatusService } from '../status/status.service.js';
import { SameOriginGuard } from '../web/same-origin.guard.js';
import { LocalSandbox } from './local-sandbox.js';

/** An hour: what real time brings between two sweeps is far less, but no token of the sandbox lives shorter. */
const MAX_MINUTES = 60;

/** What one cannot do to a real platform. Registered in sandbox mode only. */
@Controller('sandbox')
@UseGuards(SameOriginGuard)
export class SandboxController {
  constructor(
    @Inject(LocalSandbox) private readonly sandbox: LocalSandbox,
    @Inject(TokenManager) private readonly tokens: TokenManager,
    @Inject(StatusService) private readonly status: StatusService,
  ) {}

  /** Lets time pass, then refreshes what that has made due. */
  @Post('advance')
  @Redirect('/', 303)
  async advance(@Body('minutes') text: unknown): Promise<void> {
    const minutes = Number(text);
    if (!Number.isInteger(minutes) || minutes < 1 || minutes > MAX_MINUTES) {
      throw new BadRequestException(`"minutes" must be a whole number from 1 to ${MAX_MINUTES}`);
    }
    this.sandbox.handle.advance(minutes * 60_000);
    this.sandbox.save();
    await this.tokens.refreshDue();
    this.status.changed();
  }

  /** Ends the platform's current token. Nobody is told: the next call finds out. */
  @Post('kill')
  @Redirect('/', 303)
  kill(@Body('platform') platform: unknown): void {
    if (platform !== 'wechat' && platform !== 'dingtalk') {
      throw new BadRequestException('"platform" must be "wechat" or "dingtalk"');
    }
    this.sandbox.kill(platform);
    this.status.changed();
  }
}
