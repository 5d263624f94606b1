import { isUtf8 } from 'node:buffer';

/** What stands in a decrypted push. */
export interface DecryptedMessage {
  /** XML or JSON; for WeCom's URL verification the text to answer. */
  readonly message: string;
  /** For whom it is: an app id, a component's app id, a corp id, a suite id, or empty. */
  readonly receiveId: string;
}

/** What `encryptMessage` may be given. */
export interface EncryptOptions {
  /** The 16 bytes in front; only tests give them. Default: random ones. */
  readonly random?: Uint8Array;
}

/** Padding goes up to this; the cipher's own block is half of it, which is why its automatic padding does not fit. */
const PAD_BLOCK = 32;
const CIPHER_BLOCK = 16;
/** Random bytes and the length, in front of the message. */
const HEAD = 20;
/** What bytes that are no text become. */
const REPLACEMENT = '\ufffd';

/**
 * Opens an encrypted message: AES-256-CBC, PKCS#7 to 32 bytes, 16 random bytes, length, message, receive id. Undefined where
 * anything is not exactly so; which check failed is nobody's business. Does not judge the receive id.
 * https://developer.work.weixin.qq.com/document/path/90968
 *
 * @param aesKey 32 bytes, of `aesKeyOf`
 */
export function decryptMessage(encrypt: string, aesKey: Uint8Array): DecryptedMessage | undefined {
  const ciphertext = Buffer.from(encrypt, 'base64');
  if (ciphertext.length < HEAD || ciphertext.length % CIPHER_BLOCK !== 0) return undefined;
  // The decoder skips what it does not know; the platforms have one way to write a ciphertext.
  if (ciphertext.toString('base64') !== encrypt) return undefined;
  const decipher = crypto().createDecipheriv('aes-256-cbc', aesKey, aesKey.subarray(0, CIPHER_BLOCK));
  decipher.setAutoPadding(false);
  // Without padding of its own the cipher holds nothing back; `final` would only be asked for zero bytes.
  const block = decipher.update(ciphertext);
  const end = block.length - padLength(block);
  // A length beyond 2^31 is a large number here, not a negative one.
  const messageEnd = end < HEAD ? Number.NaN : HEAD + block.readUInt32BE(16);
  if (!(messageEnd <= end)) return undefined;
  const message = utf8(block, HEAD, messageEnd);
  const receiveId = utf8(block, messageEnd, end);
  return message === undefined || receiveId === undefined ? undefined : { message, receiveId };
}

/**
 * Encrypts a message as the platform does, for a reply.
 *
 * @param aesKey 32 bytes, of `aesKeyOf`
 * @returns base64
 * @throws TypeError where `random` is not 16 bytes
 */
export function encryptMessage(
  { message, receiveId }: DecryptedMessage,
  aesKey: Uint8Array,
  { random }: EncryptOptions = {},
): string {
  if (random !== undefined && random.length !== 16) throw new TypeError('"random" must be 16 bytes');
  const text = Buffer.from(message);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const plain = [random ?? crypto().randomBytes(16), length, text, Buffer.from(receiveId)];
  const pad = PAD_BLOCK - (plain.reduce((sum, part) => sum + part.length, 0) % PAD_BLOCK);
  const cipher = crypto().createCipheriv('aes-256-cbc', aesKey, aesKey.subarray(0, CIPHER_BLOCK));
  cipher.setAutoPadding(false);
  return cipher.update(Buffer.concat([...plain, Buffer.alloc(pad, pad)])).toString('base64');
}

/** How many bytes of padding; NaN where it is none: out of range, longer than the block, or of unequal bytes. */
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

function crypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}
