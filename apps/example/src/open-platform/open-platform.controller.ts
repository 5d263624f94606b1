import { InjectClient } from '@evertoken/nestjs';
import type { AuthorizerStatus, OpenPlatformClient } from '@evertoken/wechat';
import { Controller, Get, Param, Query, Redirect, Req } from '@nestjs/common';
import type { Request } from 'express';
import { PLATFORM } from '../accounts.js';
import { beginAgain } from '../web/begin-again.js';
import { ownUrl } from '../web/own-url.js';
import { Page } from '../web/page.interceptor.js';

const AUTHORIZE = '/open-platform/authorize';

/** A third-party platform: other people's official accounts and mini programs authorize it, and it calls on their behalf. */
@Controller('open-platform')
export class OpenPlatformController {
  constructor(@InjectClient(PLATFORM) private readonly openPlatform: OpenPlatformClient) {}

  /** Sends an account's administrator to the page where they authorize. */
  @Get('authorize')
  @Redirect()
  async authorize(@Req() request: Request): Promise<{ url: string }> {
    const { url, binding } = await this.openPlatform.authorizationUrl({
      redirectUri: ownUrl(request, '/open-platform/authorized'),
    });
    request.session.authorization = binding;
    return { url };
  }

  /** The administrator is back. The push that tells of the same may have come before; whichever is second finds it done. */
  @Get('authorized')
  @Redirect('/open-platform/authorizers')
  async authorized(@Query() query: Record<string, unknown>, @Req() { session }: Request): Promise<void> {
    const { authorization } = session;
    // Good for one callback.
    delete session.authorization;
    try {
      await this.openPlatform.handleCallback(query, authorization);
    } catch (error) {
      throw beginAgain(error, AUTHORIZE);
    }
  }

  /** Whoever has authorized, out of the store: no call. */
  @Get('authorizers')
  @Page('WeChat authorizers')
  async authorizers(): Promise<{ authorizers: AuthorizerStatus[] }> {
    const authorizers: AuthorizerStatus[] = [];
    for await (const authorizer of this.openPlatform.authorizers()) authorizers.push(authorizer);
    return { authorizers };
  }

  /** A call on an authorizer's behalf. */
  @Get('authorizers/:appId/followers')
  @Page('Followers of an authorizer')
  async followers(@Param('appId') appId: string): Promise<{ appId: string; total: number }> {
    const { total } = await this.openPlatform.authorizer(appId).get<{ total: number }>('/cgi-bin/user/get');
    return { appId, total };
  }
}
