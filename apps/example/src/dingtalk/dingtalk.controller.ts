import type { DingTalkAppClient } from '@evertoken/dingtalk';
import { InjectClient } from '@evertoken/nestjs';
import { Controller, Get, Query } from '@nestjs/common';
import { OA } from '../accounts.js';
import { Page } from '../web/page.interceptor.js';
import { type Employee, employeeOf, userIdOf } from './employee.js';

/** An internal app's view of its organisation. */
@Controller('dingtalk')
export class DingTalkController {
  constructor(@InjectClient(OA) private readonly dingtalk: DingTalkAppClient) {}

  /** Looks an employee up. */
  @Get('user')
  @Page('DingTalk user')
  user(@Query('userid') userid: unknown): Promise<Employee> {
    return employeeOf(this.dingtalk.oapi, userIdOf(userid));
  }
}
