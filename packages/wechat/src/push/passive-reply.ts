import type { CallbackReply } from '@evertoken/core';
import type { ReceivedPush } from './open-push.js';
import type { PushReplyFields, PushReplyValue, PushResult } from './push-handler.js';
import { type PushMessage, type PushValue, textOf } from './push-message.js';

/** How "received" is said: WeChat takes `success` and nothing alike, WeCom's documents ask for nothing. */
export type Acknowledgement = 'success' | '';

/**
 * The answer to a push that a handler's result stands for.
 *
 * @param now Unix ms
 * @throws TypeError for fields that cannot be written
 */
export function passiveReply(
  push: ReceivedPush,
  result: PushResult,
  { now, received }: { readonly now: number; readonly received: Acknowledgement },
): CallbackReply {
  const fields = fieldsOf(push.message, result, now);
  if (fields === undefined) return push.reply(received);
  return push.reply(push.format === 'json' ? JSON.stringify(fields) : (asText(fields) as PushMessage));
}

function fieldsOf(message: PushMessage, result: unknown, now: number): PushReplyFields | undefined {
  if (typeof result === 'string') {
    if (result === '' || result === 'success') return undefined;
    return { ...addresses(message, now), MsgType: 'text', Content: result };
  }
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return undefined;
  const fields = result as PushReplyFields;
  return Object.hasOwn(fields, 'MsgType') ? { ...addresses(message, now), ...fields } : fields;
}

/** Back to whom it came from. */
function addresses(message: PushMessage, now: number): PushReplyFields {
  return {
    ToUserName: textOf(message, 'FromUserName') ?? '',
    FromUserName: textOf(message, 'ToUserName') ?? '',
    CreateTime: Math.floor(now / 1000),
  };
}

/** In XML all is text. */
function asText(value: PushReplyValue): PushValue {
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.map((each: PushReplyValue) => asText(each));
  if (typeof value !== 'object' || value === null) return value as string;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, asText(each)]));
}
