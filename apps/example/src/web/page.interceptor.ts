import {
  applyDecorators,
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  SetMetadata,
  UseInterceptors,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { map, type Observable } from 'rxjs';
import { html } from './html.js';
import { describeData, layout } from './layout.js';

const TITLE = 'page:title';

/** Whether a browser asks for a page; programs, `fetch` included, get JSON. */
export function wantsPage(request: Request): boolean {
  return request.accepts(['json', 'html']) === 'html';
}

/** Shows what a handler returns: to programs as JSON, to people as a page with this title. */
export function Page(title: string): MethodDecorator {
  return applyDecorators(SetMetadata(TITLE, title), UseInterceptors(PageInterceptor));
}

@Injectable()
export class PageInterceptor implements NestInterceptor {
  constructor(@Inject(Reflector) private readonly reflector: Reflector) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<Request>();
    if (!wantsPage(request)) return next.handle();
    const title = this.reflector.get<string>(TITLE, context.getHandler());
    return next.handle().pipe(map((data) => answerPage(title, data)));
  }
}

function answerPage(title: string, data: unknown): string {
  return layout(
    title,
    html`<main class="narrow"><p><a href="/">← All tokens</a></p><h1>${title}</h1>${describeData(data)}</main>`,
  );
}
