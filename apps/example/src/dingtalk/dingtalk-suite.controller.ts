import type { DingTalkCorpAuthorization, DingTalkSuiteClient } from '@evertoken/dingtalk';
import { InjectClient } from '@evertoken/nestjs';
import { Controller, Get, Param, Query } from '@nestjs/common';
import { ISV } from '../accounts.js';
import { Page } from '../web/page.interceptor.js';
import { type Employee, employeeOf, userIdOf } from './employee.js';

/** An ISV's app in the corps that have enabled it. Corps enable it in DingTalk; the pushes say which. */
@Controller('dingtalk-suite')
export class DingTalkSuiteController {
  constructor(@InjectClient(ISV) private readonly suite: DingTalkSuiteClient) {}

  /** The corps that are known, out of the store: no call. */
  @Get('corps')
  @Page('Corps with the DingTalk suite')
  async corps(): Promise<{ corps: DingTalkCorpAuthorization[] }> {
    const corps: DingTalkCorpAuthorization[] = [];
    for await (const corp of this.suite.corps()) corps.push(corp);
    return { corps };
  }

  /** Looks an employee of one corp up. */
  @Get('corps/:corpId/user')
  @Page('DingTalk user')
  async user(@Param('corpId') corpId: string, @Query('userid') userid: unknown): Promise<Employee> {
    return employeeOf(this.suite.corp(corpId).oapi, userIdOf(userid));
  }
}
