import { rejectedByCode, TokenHttpModule } from '@evertoken/nestjs/http';
import type { OfficialAccount } from '@evertoken/wechat';
import { type DynamicModule, Module } from '@nestjs/common';
import { ShopMessagesHandler } from './shop-messages.handler.js';
import { WeChatController } from './wechat.controller.js';
import { WECHAT_HTTP, WeChatAddressesService } from './wechat-addresses.service.js';

/** What WeChat says of an access token that is dead. */
const DEAD_TOKEN = [40001, 40014, 42001];

@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a class is what Nest knows a module by.
export class WeChatModule {
  /** The routes of an official account, and an HTTP client with its token. */
  static on(shop: OfficialAccount): DynamicModule {
    return {
      module: WeChatModule,
      imports: [
        TokenHttpModule.register({
          name: WECHAT_HTTP,
          baseURL: shop.baseUrl,
          timeout: 10_000,
          token: {
            source: shop.accessToken,
            place: { query: 'access_token' },
            isRejected: rejectedByCode('errcode', DEAD_TOKEN),
          },
        }),
      ],
      controllers: [WeChatController],
      providers: [WeChatAddressesService, ShopMessagesHandler],
    };
  }
}
