import { InjectAccount, InjectClient } from '@evertoken/nestjs';
import type { WeCom, WeComClient } from '@evertoken/wechat';
import { BadRequestException, Body, Controller, Get, Post, Query, UseGuards } from '@nestjs/common';
import { CORP } from '../accounts.js';
import { Page } from '../web/page.interceptor.js';
import { SameOriginGuard } from '../web/same-origin.guard.js';

/** What is shown of a member. */
interface Member {
  readonly userid: string;
  readonly name: string;
}

/** A corp's own agents: each has its secret and its token, and one account keeps them all. */
@Controller('wecom')
export class WeComController {
  constructor(
    @InjectAccount(CORP) private readonly account: WeCom,
    @InjectClient(CORP) private readonly corp: WeComClient,
  ) {}

  /** Looks a member up, as the agent `crm`. */
  @Get('user')
  @Page('WeCom member')
  async user(@Query('userid') userid: unknown): Promise<Member> {
    const { name } = await this.corp
      .agent('crm')
      .get<Member>('/cgi-bin/user/get', { userid: textOf('userid', userid) });
    return { userid: textOf('userid', userid), name };
  }

  /** Sends a text message as the agent `crm`. */
  @Post('message')
  @UseGuards(SameOriginGuard)
  @Page('WeCom message')
  async message(@Body('touser') touser: unknown, @Body('text') text: unknown): Promise<{ msgid: string }> {
    const { msgid } = await this.corp.agent('crm').post<{ msgid: string }>('/cgi-bin/message/send', {
      touser: textOf('touser', touser),
      msgtype: 'text',
      agentid: this.account.agent('crm').agentId,
      text: { content: textOf('text', text) },
    });
    return { msgid };
  }
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new BadRequestException(`"${name}" is missing`);
}
