import type { Copy } from './copies.js';
import type { Engine } from './engine.js';
import { TokenError } from './errors.js';
import { askingHarms, canBringMore, forcedNotBefore, lifetimeOf, windowsFor } from './policy.js';
import { idsOf, subjectOf } from './provider/send.js';
import { rejectedAgain } from './rejected-again.js';
import type { TokenSource } from './source.js';
import { RECORD_VERSION, type TokenRecord } from './store/record.js';
import type { EpochMs, Token } from './token.js';
import { recordedError } from './verdict.js';

/**
 * Why a flight is wanted.
 * - `need`: a caller waits for a token that lives, by `minValidityMs` at least.
 * - `soon`: the token is due; nobody waits.
 * - `forced`: the platform refused this value.
 * - `ask`: somebody wants the platform asked now.
 */
export type Want =
  | { readonly mode: 'need'; readonly minValidityMs: number; readonly seen?: TokenRecord }
  | { readonly mode: 'soon'; readonly seen?: TokenRecord }
  | { readonly mode: 'forced'; readonly refused: string; readonly seen?: TokenRecord }
  | { readonly mode: 'ask'; readonly seen?: TokenRecord };

/** Whether what is known is what the flight was wanted for. */
export function satisfied(engine: Engine, source: TokenSource, copy: Copy, want: Want): boolean {
  const now = engine.clock.now();
  switch (want.mode) {
    case 'need':
      return (
        now < copy.mustAt &&
        (want.minValidityMs === 0 ||
          now + want.minValidityMs <= copy.endsAt ||
          !canBringMore(copy, source, { now, minValidityMs: want.minValidityMs }))
      );
    case 'soon':
      return now < copy.soonAt && now < copy.mustAt;
    case 'forced':
      return copy.value !== want.refused && now < copy.mustAt;
    case 'ask':
      return false;
  }
}

/** Why no attempt is made now. */
export function refusalOf(
  engine: Engine,
  source: TokenSource,
  record: TokenRecord,
  want: Want,
): TokenError | 'notYetRenewable' | undefined {
  const link = engine.linkOf(source);
  const { attempt, token } = record;
  const ids = idsOf(source);
  if (record.v > RECORD_VERSION) {
    return new TokenError(
      'ERR_TOKEN_STORE',
      `${subjectOf(source)}: the stored record has format ${record.v}, written by a newer version; this one knows ${RECORD_VERSION} and leaves it alone`,
      ids,
    );
  }
  if (source.issuance === 'pushed')
    return new TokenError('ERR_TOKEN_WAITING', `${subjectOf(source)}: waiting for the platform's push`, ids);
  if (source.keep === 'grant' && !token) {
    const reason = record.goneAt === undefined ? 'absent' : 'gone';
    const why = reason === 'absent' ? 'nobody has signed in yet' : 'the grant was revoked or forgotten';
    return new TokenError('ERR_TOKEN_REAUTHORIZATION_REQUIRED', `${subjectOf(source)}: ${why}; a person must sign in`, {
      ...ids,
      reason,
    });
  }
  if (attempt.state === 'reauthorize') return recordedError(source, record, link);
  const foreign = attempt.failure?.credentials !== undefined && source.credentials?.() !== attempt.failure.credentials;
  const resting = attempt.retryAt !== undefined && link.now() < attempt.retryAt && !foreign;
  if (want.mode === 'forced') {
    if (resting && (attempt.forced?.count ?? 0) > 0) return recordedError(source, record, link);
    const notBefore = earliestForced(engine, source, record);
    if (notBefore !== undefined)
      return rejectedAgain(source, link.toLocal(notBefore), attempt.state === 'contested' ? 'contested' : 'repeated');
    return undefined;
  }
  if (want.mode === 'ask') {
    const notBefore = earliestForced(engine, source, record);
    if (notBefore !== undefined && (attempt.state === 'contested' || attempt.state === 'repeated')) {
      return rejectedAgain(source, link.toLocal(notBefore), attempt.state);
    }
    const from =
      token && askingHarms(source.issuance)
        ? source.renewableFrom?.(localView(record, link.toLocal.bind(link)))
        : undefined;
    return from !== undefined && engine.clock.now() < from ? 'notYetRenewable' : undefined;
  }
  return resting ? recordedError(source, record, link) : undefined;
}

function earliestForced(engine: Engine, source: TokenSource, { attempt, token }: TokenRecord): EpochMs | undefined {
  if (!token) return undefined;
  const link = engine.linkOf(source);
  const refresh = engine.registry.get(source.account)?.refresh ?? {};
  const { rejectMemoryMs } = windowsFor(engine.settings, refresh, lifetimeOf(token));
  return forcedNotBefore(attempt.forced, { issuedAt: token.issuedAt, now: link.now(), rejectMemoryMs });
}

function localView({ token }: TokenRecord, toLocal: (at: EpochMs) => EpochMs): Token {
  if (!token) return { value: '', issuedAt: 0 };
  return {
    value: token.value,
    issuedAt: toLocal(token.issuedAt),
    ...(token.expiresAt !== undefined && { expiresAt: toLocal(token.expiresAt) }),
    ...(token.extra && { extra: token.extra }),
  };
}
