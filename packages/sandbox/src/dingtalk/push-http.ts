import { hexValue } from '../opaque.js';
import { decryptReply, encryptPush, pushSignature } from '../push-crypto.js';
import type { PushRecord } from '../push-sender.js';
import { jsonObject, textField } from '../request.js';

/** An encrypted HTTP callback. */
export interface HttpChannel {
  readonly url: string;
  readonly token: string;
  readonly encodingAESKey: string;
  /** What stands behind the message. */
  readonly ownerKey: string;
  readonly signatureParameter: 'signature' | 'msg_signature' | 'both';
}

/** What came of one try. */
export type Verdict = Pick<PushRecord, 'outcome' | 'status' | 'reply'>;

/** One try to push a message: signed and encrypted anew. Never rejects. */
export async function pushOverHttp(
  channel: HttpChannel,
  message: Readonly<Record<string, unknown>>,
  options: {
    readonly now: number;
    readonly timeoutMs: number;
    readonly stop: AbortSignal;
    /** The decrypted reply that the platform wants. */
    readonly wanted: string;
  },
): Promise<Verdict> {
  const [timestamp, nonce] = [String(options.now), hexValue(12)];
  const encrypt = encryptPush(cipherOf(channel), JSON.stringify(message));
  const signature = pushSignature(channel.token, timestamp, nonce, encrypt);
  const url = new URL(channel.url);
  if (channel.signatureParameter !== 'msg_signature') url.searchParams.set('signature', signature);
  if (channel.signatureParameter !== 'signature') url.searchParams.set('msg_signature', signature);
  url.searchParams.set('timestamp', timestamp);
  url.searchParams.set('nonce', nonce);
  const timeout = AbortSignal.timeout(options.timeoutMs);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ encrypt }),
      redirect: 'manual',
      signal: AbortSignal.any([timeout, options.stop]),
    });
    const body = await response.text();
    if (response.status !== 200) return { outcome: 'status', status: response.status };
    return { outcome: replyOf(channel, body) === options.wanted ? 'success' : 'invalid', status: 200 };
  } catch {
    return { outcome: timeout.aborted ? 'timeout' : 'network' };
  }
}

/** The decrypted reply, its signature checked; undefined for what is none. */
function replyOf(channel: HttpChannel, body: string): string | undefined {
  const fields = jsonObject(body);
  const encrypted = textField(fields, 'encrypt') ?? '';
  const timestamp = fields?.['timeStamp'] ?? fields?.['timestamp'] ?? '';
  const signature = pushSignature(channel.token, String(timestamp), textField(fields, 'nonce') ?? '', encrypted);
  if (encrypted === '' || textField(fields, 'msg_signature') !== signature) return undefined;
  return decryptReply(cipherOf(channel), encrypted);
}

function cipherOf({ encodingAESKey, ownerKey }: HttpChannel) {
  return { encodingAESKey, receiveId: ownerKey };
}
