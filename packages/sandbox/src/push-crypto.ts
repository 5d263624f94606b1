import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const BLOCK = 32;
const RANDOM_BYTES = 16;

/** Key and receiver of an encrypted message. */
export interface PushCipher {
  /** 43 characters, as shown in the platform's console. */
  readonly encodingAESKey: string;
  /** What stands behind the message: an app id, a component's, a corp's, a suite's, or nothing. */
  readonly receiveId: string;
}

/** 43 letters and digits; the last one may carry bits that a strict base64 decoder refuses. */
export function isEncodingAESKey(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9]{43}$/.test(value);
}

/** `signature` of token, timestamp and nonce; with the ciphertext behind them it is `msg_signature`. */
export function pushSignature(...values: readonly string[]): string {
  return createHash('sha1')
    .update([...values].sort().join(''))
    .digest('hex');
}

/** Random bytes, length, message and receive id, padded to blocks of 32 bytes, AES-256-CBC, base64. */
export function encryptPush({ encodingAESKey, receiveId }: PushCipher, text: string, random = randomBytes(16)): string {
  const message = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  const plain = Buffer.concat([random, length, message, Buffer.from(receiveId)]);
  const pad = BLOCK - (plain.length % BLOCK);
  const key = keyOf(encodingAESKey);
  const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([cipher.update(plain), cipher.update(Buffer.alloc(pad, pad)), cipher.final()]).toString(
    'base64',
  );
}

/** The message of an encrypted reply; undefined where it cannot be opened or is meant for somebody else. */
export function decryptReply({ encodingAESKey, receiveId }: PushCipher, encrypted: string): string | undefined {
  const bytes = Buffer.from(encrypted, 'base64');
  if (bytes.length === 0 || bytes.length % 16 !== 0) return undefined;
  const key = keyOf(encodingAESKey);
  const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(bytes), decipher.final()]);
  const pad = padded.at(-1) ?? 0;
  if (pad < 1 || pad > BLOCK || pad > padded.length || padded.length % BLOCK !== 0) return undefined;
  if (padded.subarray(padded.length - pad).some((byte) => byte !== pad)) return undefined;
  const plain = padded.subarray(RANDOM_BYTES, padded.length - pad);
  if (plain.length < 4) return undefined;
  const end = 4 + plain.readUInt32BE(0);
  if (end > plain.length || plain.subarray(end).toString() !== receiveId) return undefined;
  return plain.subarray(4, end).toString();
}

// Node's decoder is lenient, which three of the five public test keys need.
function keyOf(encodingAESKey: string): Buffer {
  return Buffer.from(`${encodingAESKey}=`, 'base64');
}
