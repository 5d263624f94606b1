import { Controller, Get, Header, Inject, type MessageEvent, NotFoundException, Query, Req, Sse } from '@nestjs/common';
import type { Request } from 'express';
import { defer, map, type Observable } from 'rxjs';
import { PLATFORMS, type Platforms } from '../platforms.js';
import { type Picture, Telling } from './picture.js';
import type { Status } from './status.js';
import { pictureOf, type Scene, statusPage } from './status.page.js';
import { StatusService } from './status.service.js';

/** The page that shows every account, and what keeps it up to date. */
@Controller()
export class StatusController {
  /** One picture for all who watch the same. */
  readonly #pictures = new WeakMap<Status, Map<string, Picture>>();

  constructor(
    @Inject(StatusService) private readonly status: StatusService,
    @Inject(PLATFORMS) private readonly platforms: Platforms,
  ) {}

  /** All accounts, or one alone. */
  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  async index(@Req() request: Request, @Query('account') account: unknown): Promise<string> {
    const scene = this.#scene(await this.status.read(), account);
    const accounts = new Set(scene.accounts.map(({ name }) => name));
    if (scene.only !== undefined && !accounts.has(scene.only)) throw new NotFoundException('There is no such account.');
    return statusPage(scene, {
      uid: request.session.uid,
      pageUrl: `${request.protocol}://${request.get('host')}/`,
      accounts,
      hasSandbox: this.platforms.sandbox !== undefined,
    });
  }

  /** The same for programs. */
  @Get('api/status')
  read(): Promise<Status> {
    return this.status.read();
  }

  /** Server-sent events: the parts of the page that have changed, drawn anew, and the clock they belong to. */
  @Sse('api/events')
  events(@Query('account') account: unknown): Observable<MessageEvent> {
    return defer(() => {
      const telling = new Telling();
      return this.status.stream.pipe(
        map((status) => ({
          type: 'status',
          data: { now: status.now, lists: telling.changes(this.#picture(this.#scene(status, account))) },
        })),
      );
    });
  }

  #scene(status: Status, account: unknown): Scene {
    return {
      status,
      history: this.status.history,
      accounts: this.status.accounts,
      only: typeof account === 'string' && account !== '' ? account : undefined,
    };
  }

  #picture(scene: Scene): Picture {
    const pictures = this.#pictures.get(scene.status) ?? new Map<string, Picture>();
    this.#pictures.set(scene.status, pictures);
    const name = scene.only ?? '';
    const picture = pictures.get(name) ?? pictureOf(scene);
    pictures.set(name, picture);
    return picture;
  }
}
