import { InjectClient } from '@evertoken/nestjs';
import type { WeComInstallation, WeComSuiteClient } from '@evertoken/wechat';
import { Controller, Get, Param, Query, Redirect, Req } from '@nestjs/common';
import type { Request } from 'express';
import { SUITE } from '../accounts.js';
import { beginAgain } from '../web/begin-again.js';
import { ownUrl } from '../web/own-url.js';
import { Page } from '../web/page.interceptor.js';

const INSTALL = '/wecom-suite/install';

/** What is shown of a department. */
interface Department {
  readonly id: number;
  readonly name: string;
}

/** An app that other corps install. */
@Controller('wecom-suite')
export class WeComSuiteController {
  constructor(@InjectClient(SUITE) private readonly suite: WeComSuiteClient) {}

  /** Sends a corp's administrator to the page where they install the app. */
  @Get('install')
  @Redirect()
  async install(@Req() request: Request): Promise<{ url: string }> {
    const { url, binding } = await this.suite.installUrl({ redirectUri: ownUrl(request, '/wecom-suite/installed') });
    request.session.installation = binding;
    return { url };
  }

  /** The administrator is back. */
  @Get('installed')
  @Redirect('/wecom-suite/corps')
  async installed(@Query() query: Record<string, unknown>, @Req() { session }: Request): Promise<void> {
    const { installation } = session;
    // Good for one callback.
    delete session.installation;
    try {
      await this.suite.handleCallback(query, installation);
    } catch (error) {
      throw beginAgain(error, INSTALL);
    }
  }

  /** The corps that have installed it, out of the store: no call. */
  @Get('corps')
  @Page('Corps with the WeCom suite')
  async corps(): Promise<{ corps: Pick<WeComInstallation, 'corpId' | 'corpName' | 'agentId'>[] }> {
    const corps: Pick<WeComInstallation, 'corpId' | 'corpName' | 'agentId'>[] = [];
    for await (const { state: _, ...corp } of this.suite.corps()) corps.push(corp);
    return { corps };
  }

  /** A call as the app in one corp. */
  @Get('corps/:corpId/departments')
  @Page('Departments of a corp')
  async departments(@Param('corpId') corpId: string): Promise<{ corpId: string; departments: Department[] }> {
    const { department } = await this.suite
      .corp(corpId)
      .get<{ department: readonly Department[] }>('/cgi-bin/department/list');
    return { corpId, departments: department.map(({ id, name }) => ({ id, name })) };
  }
}
