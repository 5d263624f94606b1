import type { DingTalkAppClient } from '@evertoken/dingtalk';
import { InjectClient } from '@evertoken/nestjs';
import { BadRequestException, Controller, Get, Query } from '@nestjs/common';
import { OA } from '../accounts.js';
import { Page } from '../web/page.interceptor.js';

/** What is shown of an employee. */
interface Employee {
  readonly userid: string;
  readonly unionid: string;
  readonly name: string;
}

/** An internal app's view of its organisation. */
@Controller('dingtalk')
export class DingTalkController {
  constructor(@InjectClient(OA) private readonly dingtalk: DingTalkAppClient) {}

  /** Looks an employee up by user id; on a real account the app needs the permission to read contacts. */
  @Get('user')
  @Page('DingTalk user')
  async user(@Query('userid') userid: unknown): Promise<Employee> {
    if (typeof userid !== 'string' || userid === '') throw new BadRequestException('"userid" is missing');
    const { result } = await this.dingtalk.oapi.post<{ result: Employee }>('/topapi/v2/user/get', { userid });
    return { userid: result.userid, unionid: result.unionid, name: result.name };
  }
}
