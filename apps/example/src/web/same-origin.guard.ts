import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { Request } from 'express';

/** Keeps other sites' pages from sending our forms: the browser says where a request comes from. */
@Injectable()
export class SameOriginGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const site = context.switchToHttp().getRequest<Request>().get('Sec-Fetch-Site');
    return site === undefined || site === 'same-origin' || site === 'none';
  }
}
