import type { EpochMs } from './token.js';

declare const tokenKey: unique symbol;

/** `et1/<platform>/<app id>/<kind>/<subject…>`, parts percent-encoded, at most 512 bytes, compared as bytes. */
export type TokenKey = string & { readonly [tokenKey]: true };

/** The parts of a key, decoded. */
export interface KeyParts {
  /** The platform's short name. */
  readonly platform: string;
  /** The account's id on the platform (app id, app key, client id). */
  readonly id: string;
  /** Kind of the token. */
  readonly kind: string;
  /** Whose token it is below the account; several parts where the platform needs them. */
  readonly subject?: readonly string[];
}

/** `<platform>/<app id>`, the part of a key that stores index: it survives a change of the account's `name`. */
export type AccountKey = string;

const PREFIX = 'et1/';
const MAX_BYTES = 512;
/** A part of these characters alone encodes to itself, which is nearly every part there is. */
const PLAIN = /^[A-Za-z0-9_.~-]+$/;

/**
 * Builds a key. Injective and reversible: `parseTokenKey` gives the parts back.
 *
 * @throws TypeError where a part is empty or not well-formed Unicode, or the key exceeds 512 bytes.
 */
export function tokenKeyOf({ platform, id, kind, subject = [] }: KeyParts): TokenKey {
  const key = PREFIX + [platform, id, kind, ...subject].map(encodePart).join('/');
  if (key.length > MAX_BYTES)
    throw new TypeError(`"key": at most ${MAX_BYTES} bytes, got ${key.length} (kind "${kind}")`);
  return key as TokenKey;
}

/**
 * The parts of a stored key.
 *
 * @throws TypeError where the text is no key of ours.
 */
export function parseTokenKey(key: string): KeyParts {
  const parts = key.startsWith(PREFIX) ? key.slice(PREFIX.length).split('/').map(decodePart) : [];
  const [platform, id, kind, ...subject] = parts;
  if (platform === undefined || id === undefined || kind === undefined) throw new TypeError('"key": not a token key');
  return subject.length === 0 ? { platform, id, kind } : { platform, id, kind, subject };
}

/** The account's part of a key, still encoded. */
export function accountKeyOf(account: { readonly platform: string; readonly id: string }): AccountKey {
  return `${encodePart(account.platform)}/${encodePart(account.id)}`;
}

/** The account's part of a whole key. */
export function accountKeyIn(key: TokenKey): AccountKey {
  const end = key.indexOf('/', key.indexOf('/', PREFIX.length) + 1);
  return key.slice(PREFIX.length, end);
}

/** The first 16 hex digits of SHA-256(`et1:` + value): tells values apart without showing one. */
export function fingerprint(value: string): string {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(`et1:${value}`).digest('hex').slice(0, 16);
}

/** `generation` of a key's first token: the store's time, so that a key that was lost and made anew never counts back. */
export function firstGeneration(now: EpochMs): number {
  return Math.max(1, Math.floor(now));
}

function encodePart(part: string): string {
  if (part === '') throw new TypeError('"key": a part must not be empty');
  if (PLAIN.test(part) && part !== '.' && part !== '..') return part;
  if (!part.isWellFormed()) throw new TypeError('"key": a part must be well-formed Unicode');
  // encodeURIComponent leaves these five alone; dots alone would read as a path in some tools.
  const encoded = encodeURIComponent(part).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return encoded === '.' || encoded === '..' ? encoded.replaceAll('.', '%2E') : encoded;
}

function decodePart(part: string): string {
  try {
    const decoded = decodeURIComponent(part);
    if (encodePart(decoded) === part) return decoded;
  } catch {
    // A broken escape is the same mistake as a non-canonical one.
  }
  throw new TypeError('"key": not a token key');
}
