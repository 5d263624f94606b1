import type { KeyObject } from 'node:crypto';
import { TokenError } from './errors.js';

/** Keys of `encrypted` and `fileJournal`. */
export interface SealingOptions {
  /** Keys by id; each 32 bytes in base64, such as `openssl rand -base64 32` prints. Old ones stay until `rotateKeys` is done. */
  readonly keys: Readonly<Record<string, string | undefined>>;
  /** Which of them seals; the others only open. */
  readonly activeKeyId: string | undefined;
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/;
/** Of sealed texts: format 1, AES-256-GCM. */
const PREFIX = 'sealed1.';
/** What a sealed text begins with. */
const HEAD = /^sealed1\.([A-Za-z0-9_-]{1,64})\./;

/** What is wrong with the options; each begins with the quoted option, none shows a key. */
export function sealingProblems(options: SealingOptions): string[] {
  const { keys, activeKeyId } = (options ?? {}) as Partial<SealingOptions>;
  if (typeof keys !== 'object' || keys === null) return ['"keys" must be an object of key ids and keys'];
  const problems: string[] = [];
  for (const [id, key] of Object.entries(keys)) {
    if (!KEY_ID.test(id) || decoded(id) !== undefined) {
      // Not shown: somebody may have mixed up ids and keys.
      problems.push('"keys" must have ids of 1 to 64 letters, digits, "_" or "-", and no key in the place of an id');
      continue;
    }
    const name = `"keys.${id}"`;
    if (key === undefined || key === '') problems.push(`${name} must be 32 bytes in base64, it is missing`);
    else if (decoded(key) === undefined)
      problems.push(`${name} must be 32 bytes in base64 (openssl rand -base64 32), got something else`);
  }
  if (typeof activeKeyId !== 'string' || !Object.hasOwn(keys, activeKeyId)) {
    problems.push(
      `"activeKeyId" must be one of the ids in "keys"${activeKeyId === undefined ? ', it is missing' : ''}`,
    );
  }
  return problems;
}

/**
 * Seals texts with AES-256-GCM (NIST SP 800-38D) under one of several keys: `sealed1.<key id>.<nonce, ciphertext, tag>`, the
 * last part in base64url. A text opens only in the context it was sealed for. Nonces are random, so one key is good for 2^32
 * texts (§8.3 there).
 */
export class Sealer {
  readonly activeKeyId: string;
  readonly #keys = new Map<string, { readonly seal: KeyObject; readonly mark: KeyObject }>();

  /** Options without `sealingProblems`. */
  constructor({ keys, activeKeyId }: SealingOptions) {
    const { createSecretKey, hkdfSync } = node();
    this.activeKeyId = activeKeyId as string;
    for (const [id, key] of Object.entries(keys)) {
      const bytes = decoded(key as string) as Buffer;
      // One key, one use: what encrypts must not also be what fingerprints.
      const derived = hkdfSync('sha256', bytes, '', 'evertoken mark', KEY_BYTES);
      this.#keys.set(id, { seal: createSecretKey(bytes), mark: createSecretKey(Buffer.from(derived)) });
    }
  }

  /** Id of the key a text is sealed with; undefined for one that stands in clear. */
  static keyIdOf(text: string): string | undefined {
    return HEAD.exec(text)?.[1];
  }

  seal(text: string, context: string): string {
    const { createCipheriv, randomBytes } = node();
    const id = this.activeKeyId;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key(id).seal, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(`${PREFIX}${id}\n${context}`));
    const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${PREFIX}${id}.${sealed.toString('base64url')}`;
  }

  /** @throws TokenError `ERR_TOKEN_STORE` where the key is missing, or text or context are not what was sealed. */
  open(sealed: string, context: string): string {
    const { createDecipheriv } = node();
    const id = Sealer.keyIdOf(sealed);
    if (id === undefined) throw unopenable('it is not sealed');
    const body = sealed.slice(PREFIX.length + id.length + 1);
    const bytes = Buffer.from(body, 'base64url');
    if (bytes.length < NONCE_BYTES + TAG_BYTES) throw unopenable('it is cut short');
    // The decoder skips what it does not know, so that several texts would open as one.
    if (bytes.toString('base64url') !== body) throw unopenable('it was changed');
    const { seal } = this.#key(id);
    try {
      const decipher = createDecipheriv('aes-256-gcm', seal, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(`${PREFIX}${id}\n${context}`));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      throw unopenable(`it was changed, moved from elsewhere, or key "${id}" is another one by now`);
    }
  }

  /** Keyed fingerprints of a value (HMAC-SHA-256), the active key's first: equal values are recognised, none is shown. */
  marks(value: string): string[] {
    const { createHmac } = node();
    const ids = [this.activeKeyId, ...[...this.#keys.keys()].filter((id) => id !== this.activeKeyId)];
    return ids.map((id) => createHmac('sha256', this.#key(id).mark).update(value).digest('base64url'));
  }

  #key(id: string) {
    const key = this.#keys.get(id);
    if (!key) throw unopenable(`key "${id}" is not among "keys"`);
    return key;
  }
}

function decoded(key: string): Buffer | undefined {
  if (typeof key !== 'string' || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(key)) return undefined;
  const bytes = Buffer.from(key, 'base64');
  return bytes.length === KEY_BYTES ? bytes : undefined;
}

/** `ERR_TOKEN_STORE`: what was sealed cannot be read. Trying again does not help before somebody mends it. */
export function unopenable(why: string): TokenError {
  return new TokenError('ERR_TOKEN_STORE', `a sealed text cannot be opened: ${why}`, {
    retryable: false,
    reason: 'sealed',
  });
}

/** Loaded with the first use: most programs that import core seal nothing. */
function node(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}
