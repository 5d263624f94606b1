import { TokenError } from './errors.js';
import { idsOf, labelOf } from './platform-request.js';
import type { TokenSource } from './source.js';

/** `ERR_TOKEN_CLOSED` */
export function closed(source?: TokenSource): TokenError {
  const which = source ? `${labelOf(source)}: ` : '';
  return new TokenError(
    'ERR_TOKEN_CLOSED',
    `${which}the token manager is drained or closed`,
    source ? idsOf(source) : {},
  );
}
