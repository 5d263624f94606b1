import { Controller, Get, Header, Inject, type MessageEvent, Req, Sse } from '@nestjs/common';
import type { Request } from 'express';
import { map, type Observable } from 'rxjs';
import { PLATFORMS, type Platforms } from '../platforms.js';
import { fragmentsOf, statusPage } from './status.page.js';
import { type Status, StatusService } from './status.service.js';

/** The page that shows every account, and what keeps it up to date. */
@Controller()
export class StatusController {
  constructor(
    @Inject(StatusService) private readonly status: StatusService,
    @Inject(PLATFORMS) private readonly platforms: Platforms,
  ) {}

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  async index(@Req() request: Request): Promise<string> {
    const { shop, oa, erp } = this.platforms.accounts;
    return statusPage(await this.status.read(), {
      uid: request.session.uid,
      pageUrl: `${request.protocol}://${request.get('host')}/`,
      wechat: shop !== undefined,
      dingtalk: oa !== undefined,
      nextengine: erp !== undefined,
    });
  }

  /** The same for programs. */
  @Get('api/status')
  read(): Promise<Status> {
    return this.status.read();
  }

  /** Server-sent events: the parts of the page, drawn anew, and the clock they belong to. */
  @Sse('api/events')
  events(): Observable<MessageEvent> {
    return this.status.stream.pipe(
      map((status) => {
        const fragments = Object.entries(fragmentsOf(status)).map(([id, { markup }]) => [id, markup]);
        return { type: 'status', data: { now: status.now, fragments: Object.fromEntries(fragments) } };
      }),
    );
  }
}
