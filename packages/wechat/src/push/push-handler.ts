import type { ReceivedPush } from './open-push.js';

/** What a field of a reply may hold. Numbers stay numbers in JSON. */
export type PushReplyValue = string | number | PushReplyFields | readonly PushReplyValue[];

/** Fields of a reply, by the platform's own names. */
export interface PushReplyFields {
  readonly [field: string]: PushReplyValue;
}

/**
 * What a handler makes of a push: a text is answered as a text message to whom it is from; fields with a `MsgType` are a message, in which
 * `ToUserName`, `FromUserName` and `CreateTime` are filled in; other fields are answered as they are; nothing, an empty text and
 * `success` say "received".
 */
export type PushResult = string | PushReplyFields | undefined;

/** What a handler is given beside the push. */
export interface PushContext<Client> {
  /** The API of the account that the push is for. */
  readonly client: Client;
}

/** Who is told of pushes. */
export interface PushHandling<Context> {
  /** Told of each push, once genuine: messages and events. Default: they are answered, and nobody is told. */
  readonly onPush?: PushHandler<Context> | undefined;
}

/**
 * Told of each push, once; a repetition is answered as the push was. Where it takes longer than 4 s the platform is told "received", and the
 * result is for nobody: send it through the API. Where it throws in that time, the platform sends the push again, three times in all.
 */
export type PushHandler<Context> = (
  push: ReceivedPush,
  context: Context,
) => PushResult | void | Promise<PushResult> | Promise<void>;
