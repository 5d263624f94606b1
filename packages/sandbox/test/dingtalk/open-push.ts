import { decryptReply, pushSignature } from '../../src/push-crypto.js';
import type { Keys, Received } from '../receiver.js';

/** The decrypted text of a push of DingTalk, its signature checked; undefined for a push that is not what it should be. */
export function open({ query, body, method, headers }: Received, keys: Keys): string | undefined {
  if (method !== 'POST' || headers['content-type'] !== 'application/json') return undefined;
  const { encrypt, ...rest } = JSON.parse(body) as { encrypt: string };
  const [timestamp, nonce] = [query.get('timestamp') ?? '', query.get('nonce') ?? ''];
  const signature = query.get('signature') ?? query.get('msg_signature');
  const genuine = signature === pushSignature(keys.token, timestamp, nonce, encrypt);
  if (!genuine || !/^\d{13}$/.test(timestamp) || Object.keys(rest).length > 0) return undefined;
  return decryptReply(keys, encrypt);
}
