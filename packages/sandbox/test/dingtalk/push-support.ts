import { encryptPush, pushSignature } from '../../src/push-crypto.js';
import { type Keys, type Received, type ReceiverAnswer, startReceiver } from '../receiver.js';
import { open } from './open-push.js';
import { SUITE } from './suite-support.js';

export const SUITE_KEYS: Keys = { token: SUITE.token, encodingAESKey: SUITE.encodingAESKey, receiveId: SUITE.suiteKey };

/** A decrypted push. */
export type Message = Readonly<Record<string, unknown>>;

/** The encrypted reply that DingTalk wants. */
export function encryptedReply(keys: Keys, text = 'success'): string {
  const encrypt = encryptPush(keys, text);
  const [timeStamp, nonce] = ['1700000000000', 'replyNonce'];
  return JSON.stringify({
    msg_signature: pushSignature(keys.token, timeStamp, nonce, encrypt),
    timeStamp,
    nonce,
    encrypt,
  });
}

/** An application that opens pushes, and acknowledges them unless told otherwise. Closed when the test ends. */
export async function startApp(
  keys: Keys = SUITE_KEYS,
  answer: (message: Message, count: number) => ReceiverAnswer = () => ({ body: encryptedReply(keys) }),
) {
  const messages: Message[] = [];
  const receiver = await startReceiver((push: Received) => {
    const text = open(push, keys);
    if (text === undefined) return { status: 403 };
    messages.push(JSON.parse(text) as Message);
    return answer(messages.at(-1) ?? {}, messages.length);
  });
  return { url: receiver.url, received: receiver.received, messages };
}

/** The entries of a SyncHTTP push, their inner data read. */
export function entries(message: Message | undefined): Message[] {
  return ((message?.['bizData'] ?? []) as Message[]).map((entry) => {
    const data = entry['biz_data'];
    return { ...entry, biz_data: typeof data === 'string' ? (JSON.parse(data) as unknown) : data };
  });
}
