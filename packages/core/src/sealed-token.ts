import type { TokenKey } from './key.js';
import { Sealer, unopenable } from './sealing.js';
import { markOf, type TokenPart } from './store/record.js';
import type { TokenExtra } from './token.js';

/** The parts of a token that are sealed, each on its own. */
type SealedField = 'value' | 'refreshToken' | 'extra';

/**
 * Stands before a sealed refresh token and a sealed extra. Whether a *value* is sealed is told by the mark beside it; these two
 * need a sign of their own, because an equal value committed over a record in clear is merged into it part by part, and a
 * platform may hand out any text, one that begins with `sealed1.` too. What it cannot hand out is a control character: tokens
 * are printable ASCII (RFC 6749, appendix A), and no header or form would carry one unharmed.
 */
const SIGN = '\u0001';

/** A token as it is stored: value, refresh token and extra sealed with the active key, all else in clear. */
export function sealToken(sealer: Sealer, key: TokenKey, token: TokenPart): TokenPart {
  const { value, mark: _mark, refreshToken, extra, ...clear } = token;
  const seal = (text: string, field: SealedField) => sealer.seal(text, contextOf(key, field));
  return {
    ...clear,
    value: seal(value, 'value'),
    mark: sealer.marks(value)[0] as string,
    // An empty one means "unchanged" to a merge, and must go on doing so.
    ...(refreshToken !== undefined && { refreshToken: refreshToken && SIGN + seal(refreshToken, 'refreshToken') }),
    // An object as any extra, with a text in it that no platform can have sent.
    ...(extra !== undefined && { extra: extra && { sealed: SIGN + seal(JSON.stringify(extra), 'extra') } }),
  };
}

/**
 * The token in what is stored, its mark taken away. Parts in clear, written before there was encryption, are taken as they are.
 *
 * @throws TokenError `ERR_TOKEN_STORE` where a part cannot be opened; says why, and nothing of its content.
 */
export function openToken(sealer: Sealer, key: TokenKey, stored: TokenPart): TokenPart {
  const { value, mark, refreshToken, extra, ...clear } = stored;
  // Whoever seals a value seals all: a part in clear beside it was put there by somebody else.
  if (mark !== undefined && hasClearPart(stored)) throw unopenable('a part of it is not sealed');
  const open = (text: string, field: SealedField) => sealer.open(text, contextOf(key, field));
  const sealedRefreshToken = signed(refreshToken);
  const sealedExtra = signed(textIn(extra));
  return {
    ...clear,
    value: mark === undefined ? value : open(value, 'value'),
    ...(refreshToken !== undefined && {
      refreshToken: sealedRefreshToken === undefined ? refreshToken : open(sealedRefreshToken, 'refreshToken'),
    }),
    ...(extra !== undefined && {
      extra: sealedExtra === undefined ? extra : (JSON.parse(open(sealedExtra, 'extra')) as TokenExtra),
    }),
  };
}

/** Whether some part of a stored token stands in clear. */
export function isPlain(stored: TokenPart): boolean {
  return stored.mark === undefined || hasClearPart(stored);
}

/** Whether some part of a stored token stands in clear, or is sealed with another key than this one. */
export function isStale(stored: TokenPart, activeKeyId: string): boolean {
  const texts = [stored.value, signed(stored.refreshToken), signed(textIn(stored.extra))];
  return isPlain(stored) || texts.some((text) => text !== undefined && Sealer.keyIdOf(text) !== activeKeyId);
}

/** Every mark under which a value may be stored: by each key, and in clear. */
export function marksOf(sealer: Sealer, value: string): string[] {
  return [...sealer.marks(value), markOf({ value })];
}

/**
 * What a text is bound to besides its key's id: moved to another token or another field, it does not open. The record's own
 * format is no part of it, because a record is raised to a newer one without its token being written anew.
 */
function contextOf(key: TokenKey, field: SealedField): string {
  return `token 1\n${key}\n${field}`;
}

function hasClearPart({ refreshToken, extra }: TokenPart): boolean {
  return (
    (Boolean(refreshToken) && signed(refreshToken) === undefined) ||
    (Boolean(extra) && signed(textIn(extra)) === undefined)
  );
}

/** The sealed text behind the sign; undefined where there is none. */
function signed(text: string | undefined): string | undefined {
  return text?.startsWith(SIGN) ? text.slice(SIGN.length) : undefined;
}

/** The text in an extra of the sealed shape. */
function textIn(extra: TokenExtra | undefined): string | undefined {
  const { sealed, ...others } = extra ?? {};
  return typeof sealed === 'string' && Object.keys(others).length === 0 ? sealed : undefined;
}
