import type { TokenKey } from './key.js';
import { Sealer, unopenable } from './sealing.js';
import { markOf, type TokenPart } from './store/record.js';
import type { TokenExtra } from './token.js';

/** The parts of a token that are sealed, each on its own. */
type SealedField = 'value' | 'refreshToken' | 'extra';

/**
 * Stands before a sealed part. A platform may hand out any text, one that begins with `sealed1.` too, and parts in clear and
 * sealed ones may stand side by side: an equal value committed over a record in clear is merged into it part by part. So each
 * part says by itself which of the two it is, by what no platform can hand out: tokens are printable ASCII (RFC 6749,
 * appendix A), and no header or form would carry a control character unharmed.
 */
const SIGN = '\u0001';

/** A token as it is stored: value, refresh token and extra sealed with the active key, all else in clear. */
export function sealToken(sealer: Sealer, key: TokenKey, token: TokenPart): TokenPart {
  const { value, mark: _mark, refreshToken, extra, ...clear } = token;
  const seal = (text: string, field: SealedField) => SIGN + sealer.seal(text, contextOf(key, field));
  return {
    ...clear,
    value: seal(value, 'value'),
    mark: sealer.marks(value)[0] as string,
    // An empty one means "unchanged" to a merge, and must go on doing so.
    ...(refreshToken !== undefined && { refreshToken: refreshToken && seal(refreshToken, 'refreshToken') }),
    // An object as any extra, with a text in it that no platform can have sent.
    ...(extra !== undefined && { extra: extra && { sealed: seal(JSON.stringify(extra), 'extra') } }),
  };
}

/**
 * The token in what is stored, its mark taken away. Parts in clear, written before there was encryption, are taken as they are.
 *
 * @throws TokenError `ERR_TOKEN_STORE` where a part cannot be opened; says why, and nothing of its content.
 */
export function openToken(sealer: Sealer, key: TokenKey, stored: TokenPart): TokenPart {
  const { value, mark, refreshToken, extra, ...clear } = stored;
  // Whoever seals a value seals all: a part in clear beside its mark was damaged, or put there by somebody else.
  if (mark !== undefined && isPlain(stored)) throw unopenable('a part of it is not sealed');
  const open = (text: string, field: SealedField) => {
    const sealed = sealedIn(text);
    return sealed === undefined ? undefined : sealer.open(sealed, contextOf(key, field));
  };
  return {
    ...clear,
    value: open(value, 'value') ?? value,
    ...(refreshToken !== undefined && { refreshToken: open(refreshToken, 'refreshToken') ?? refreshToken }),
    ...(extra !== undefined && { extra: openedExtra(open(textIn(extra), 'extra')) ?? extra }),
  };
}

/** Whether some part of a stored token stands in clear. */
export function isPlain(stored: TokenPart): boolean {
  return stored.mark === undefined || sealedParts(stored).some((sealed) => sealed === undefined);
}

/** Whether some part of a stored token stands in clear, or is sealed with another key than this one. */
export function isStale(stored: TokenPart, activeKeyId: string): boolean {
  const others = (sealed: string | undefined) => sealed !== undefined && Sealer.keyIdOf(sealed) !== activeKeyId;
  return isPlain(stored) || sealedParts(stored).some(others);
}

/** Every mark under which a value may be stored: by each key, and in clear. */
export function marksOf(sealer: Sealer, value: string): string[] {
  return [...sealer.marks(value), markOf({ value })];
}

/**
 * What a text is bound to besides its key's id and the format of sealing: moved to another token or another field, it does not
 * open. The record's own format is no part of it, because a record may be raised to a newer one while its token stays.
 */
function contextOf(key: TokenKey, field: SealedField): string {
  return `token\n${key}\n${field}`;
}

/** The sealed texts of the parts that are there; undefined for one in clear. An empty refresh token has nothing to seal. */
function sealedParts({ value, refreshToken, extra }: TokenPart): (string | undefined)[] {
  return [
    sealedIn(value),
    ...(refreshToken ? [sealedIn(refreshToken)] : []),
    ...(extra ? [sealedIn(textIn(extra))] : []),
  ];
}

/** The sealed text behind the sign; undefined where there is none. */
function sealedIn(text: string): string | undefined {
  return text.startsWith(SIGN) ? text.slice(SIGN.length) : undefined;
}

/** The text in an extra of the sealed shape; empty for any other. */
function textIn(extra: TokenExtra): string {
  const { sealed, ...others } = extra;
  return typeof sealed === 'string' && Object.keys(others).length === 0 ? sealed : '';
}

function openedExtra(json: string | undefined): TokenExtra | undefined {
  return json === undefined ? undefined : (JSON.parse(json) as TokenExtra);
}
