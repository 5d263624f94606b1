import type { Request } from 'express';

/** The address of one of our paths, as the visitor's browser knows us. */
export function ownUrl(request: Request, path: string): string {
  return new URL(path, `${request.protocol}://${request.get('host')}`).href;
}
