import { InjectTokenHttp } from '@evertoken/nestjs/http';
import type { HttpService } from '@nestjs/axios';
import { BadGatewayException, Injectable } from '@nestjs/common';
import { firstValueFrom } from 'rxjs';

/** Name of the HTTP client that carries the shop's token. */
export const WECHAT_HTTP = 'wechat';

/** What WeChat answers with, mistakes included: its errors are HTTP 200, too. */
interface AddressesAnswer {
  readonly ip_list?: readonly string[];
  readonly errcode?: number;
}

/** Calls WeChat with Nest's own HTTP client, as code does that had one before: the token is put in, and a dead one replaced. */
@Injectable()
export class WeChatAddressesService {
  constructor(@InjectTokenHttp(WECHAT_HTTP) private readonly http: HttpService) {}

  /** Where WeChat's pushes come from: what a firewall in front of the callbacks lets in. */
  async callbackAddresses(): Promise<readonly string[]> {
    const { data } = await firstValueFrom(this.http.get<AddressesAnswer>('/cgi-bin/getcallbackip'));
    if (!data.ip_list) throw new BadGatewayException(`WeChat answered with errcode ${data.errcode}`);
    return data.ip_list;
  }
}
