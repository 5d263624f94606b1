import { TokenError } from './errors.js';
import { idsOf, labelOf } from './platform-request.js';
import type { TokenSource } from './source.js';
import type { EpochMs } from './token.js';

/** `ERR_TOKEN_REJECTED_AGAIN`: nothing better is to be had, so nobody replays. */
export function rejectedAgain(
  source: TokenSource,
  retryAt: EpochMs | undefined,
  reason: 'contested' | 'repeated',
): TokenError {
  const why =
    reason === 'contested'
      ? 'fresh tokens keep being refused: another system may use this app'
      : 'the platform hands out the refused token again';
  return new TokenError('ERR_TOKEN_REJECTED_AGAIN', `${labelOf(source)}: ${why}; do not replay`, {
    ...idsOf(source),
    reason,
    ...(retryAt !== undefined && { retryAt }),
  });
}
