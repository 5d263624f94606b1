import { TokenError } from './errors.js';
import { idsOf, subjectOf } from './provider/send.js';
import type { TokenSource } from './source.js';

/** `ERR_TOKEN_CLOSED` */
export function closed(source?: TokenSource): TokenError {
  const which = source ? `${subjectOf(source)}: ` : '';
  return new TokenError(
    'ERR_TOKEN_CLOSED',
    `${which}the token manager is drained or closed`,
    source ? idsOf(source) : {},
  );
}
