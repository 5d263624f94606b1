import { InjectClient } from '@evertoken/nestjs';
import type { JsSdkConfig, OfficialAccountClient } from '@evertoken/wechat';
import { BadRequestException, Controller, Get, Inject, Query } from '@nestjs/common';
import { SHOP } from '../accounts.js';
import { Page } from '../web/page.interceptor.js';
import { WeChatAddressesService } from './wechat-addresses.service.js';

/** What an official account's pages and services need. */
@Controller('wechat')
export class WeChatController {
  constructor(
    @InjectClient(SHOP) private readonly wechat: OfficialAccountClient,
    @Inject(WeChatAddressesService) private readonly addresses: WeChatAddressesService,
  ) {}

  /** The argument of `wx.config` for a page. An application of your own would sign the pages of its own hosts only. */
  @Get('js-sdk')
  @Page('WeChat JS-SDK configuration')
  jsSdk(@Query('url') url: unknown): Promise<JsSdkConfig> {
    if (typeof url !== 'string' || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw new BadRequestException('"url" must be the http or https URL of the page, as the browser shows it');
    }
    return this.wechat.jsSdkConfig(url, { jsApiList: ['scanQRCode', 'updateAppMessageShareData'] });
  }

  /** A call as any other: the client puts the token in, and heals a dead one. */
  @Get('followers')
  @Page('WeChat followers')
  async followers(): Promise<{ total: number }> {
    const { total } = await this.wechat.get<{ total: number }>('/cgi-bin/user/get');
    return { total };
  }

  /** Where pushes come from, asked with Nest's `HttpService`. */
  @Get('callback-addresses')
  @Page('Addresses of WeChat')
  async callbackAddresses(): Promise<{ addresses: readonly string[] }> {
    return { addresses: await this.addresses.callbackAddresses() };
  }
}
