import { isUtf8 } from 'node:buffer';

/** What stands in a decrypted push or reply. */
export interface CallbackContent {
  /** JSON; of a reply usually `success`. */
  readonly message: string;
  /** For whom it is: a suite key, an app key, a corp id. */
  readonly ownerKey: string;
}

/** What a push is signed with besides its ciphertext: as it stands in the query, URL-decoded. */
export interface SignedValues {
  /** The console's token. */
  readonly token: string;
  readonly timestamp: string;
  readonly nonce: string;
}

/** Padding goes up to this; the cipher's own block is half of it, which is why its automatic padding does not fit. */
const PAD_BLOCK = 32;
const CIPHER_BLOCK = 16;
/** Random bytes and the length, in front of the message. */
const HEAD = 20;
/** What bytes that are no text become. */
const REPLACEMENT = '\ufffd';
const SIGNATURE = /^[0-9a-f]{40}$/;

/**
 * Opens an encrypted message (page `callback-event-message-body-encryption-and-decryption`): AES-256-CBC, PKCS#7 to 32 bytes; 16
 * random bytes, length in bytes, message, owner key. Undefined where anything is not exactly so. Does not judge the owner key.
 *
 * @param aesKey 32 bytes, of `aesKeyOf`
 */
export function decryptContent(encrypt: string, aesKey: Uint8Array): CallbackContent | undefined {
  const ciphertext = Buffer.from(encrypt, 'base64');
  if (ciphertext.length < HEAD || ciphertext.length % CIPHER_BLOCK !== 0) return undefined;
  // The decoder skips what it does not know; the platform has one way to write a ciphertext.
  if (ciphertext.toString('base64') !== encrypt) return undefined;
  const decipher = crypto().createDecipheriv('aes-256-cbc', aesKey, aesKey.subarray(0, CIPHER_BLOCK));
  decipher.setAutoPadding(false);
  // Without padding of its own the cipher holds nothing back; `final` would only be asked for zero bytes.
  const block = decipher.update(ciphertext);
  const end = block.length - padLength(block);
  // A length beyond 2^31 is a large number here, not a negative one.
  const messageEnd = end < HEAD ? Number.NaN : HEAD + block.readUInt32BE(CIPHER_BLOCK);
  if (!(messageEnd <= end)) return undefined;
  const message = utf8(block, HEAD, messageEnd);
  const ownerKey = utf8(block, messageEnd, end);
  return message === undefined || ownerKey === undefined ? undefined : { message, ownerKey };
}

/**
 * Encrypts a message as the platform does, for a reply.
 *
 * @param aesKey 32 bytes, of `aesKeyOf`
 * @param random the 16 bytes in front
 * @returns base64
 */
export function encryptContent({ message, ownerKey }: CallbackContent, aesKey: Uint8Array, random: Uint8Array): string {
  if (random.length !== CIPHER_BLOCK) throw new TypeError('"random" must be 16 bytes');
  const text = Buffer.from(message);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const plain = [random, length, text, Buffer.from(ownerKey)];
  const pad = PAD_BLOCK - (plain.reduce((sum, part) => sum + part.length, 0) % PAD_BLOCK);
  const cipher = crypto().createCipheriv('aes-256-cbc', aesKey, aesKey.subarray(0, CIPHER_BLOCK));
  cipher.setAutoPadding(false);
  return cipher.update(Buffer.concat([...plain, Buffer.alloc(pad, pad)])).toString('base64');
}

/** Lower-case hex SHA-1 of the four values, sorted by their code units and joined; `encrypt` as it was sent. */
export function callbackSignature({ token, timestamp, nonce }: SignedValues, encrypt: string): string {
  // In one call: half the time of a hash object, and nothing to collect.
  return crypto().hash('sha1', [token, timestamp, nonce, encrypt].sort(byCodeUnits).join(''), 'hex');
}

/** Compares two signatures in a time that does not depend on where they differ. False for anything that is no signature. */
export function sameSignature(given: unknown, expected: string): boolean {
  if (typeof given !== 'string' || !SIGNATURE.test(given)) return false;
  return crypto().timingSafeEqual(Buffer.from(given, 'latin1'), Buffer.from(expected, 'latin1'));
}

/**
 * How many bytes of padding; NaN where it is none. The vendor's code takes a value out of range for "no padding" and lets the owner
 * key fail; whoever has the key pads rightly.
 */
function padLength(block: Buffer): number {
  const pad = block[block.length - 1] ?? 0;
  if (pad < 1 || pad > PAD_BLOCK || pad > block.length) return Number.NaN;
  for (let at = block.length - pad; at < block.length; at++) if (block[at] !== pad) return Number.NaN;
  return pad;
}

function utf8(bytes: Buffer, start: number, end: number): string | undefined {
  const text = bytes.toString('utf8', start, end);
  // Somebody may well write this character.
  return text.includes(REPLACEMENT) && !isUtf8(bytes.subarray(start, end)) ? undefined : text;
}

/** Never by a locale's alphabet, in which capital letters and digits lie elsewhere. */
function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function crypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}
