import type { CallbackRequest } from '@evertoken/core';
import type { Sandbox } from '@evertoken/sandbox';
import { aesKeyOf, buildPushXml, encryptMessage, messageSignature } from '../../src/push.js';
import { APP_ID, PUSH } from './world.js';

/** How a push of ours differs from the platform's. */
interface Parts {
  readonly token?: string;
  readonly receiveId?: string;
}

type Fields = Readonly<Record<string, string | number>>;

/** The sandbox's time as pushes tell it. */
export function seconds(sandbox: Sandbox): number {
  return Math.floor(sandbox.now() / 1000);
}

/** A push that the sandbox cannot be made to send: one that comes late, or is none. */
export function pushRequest(sandbox: Sandbox, fields: Fields, { token = PUSH.token, receiveId = APP_ID }: Parts = {}) {
  const texts = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
  const encrypt = encryptMessage({ message: buildPushXml(texts), receiveId }, aesKeyOf(PUSH.encodingAESKey));
  const signed = { token, timestamp: String(seconds(sandbox)), nonce: '1234567' };
  const query = {
    timestamp: signed.timestamp,
    nonce: signed.nonce,
    encrypt_type: 'aes',
    msg_signature: messageSignature(signed, encrypt),
  };
  const body = Buffer.from(buildPushXml({ AppId: APP_ID, Encrypt: encrypt }));
  return { method: 'POST', query, headers: { 'content-type': 'text/xml' }, body } satisfies CallbackRequest;
}

/** Sends it to a program's address. */
export async function push(sandbox: Sandbox, url: string, fields: Fields, parts?: Parts): Promise<void> {
  const { query, body } = pushRequest(sandbox, { AppId: APP_ID, ...fields }, parts);
  const answer = await fetch(`${url}?${new URLSearchParams(query)}`, { method: 'POST', body });
  await answer.text();
}

/** The push that goes with an authorization which was made without one. */
export function pushAuthorized(sandbox: Sandbox, url: string, appId: string, code: string): Promise<void> {
  return push(sandbox, url, {
    InfoType: 'authorized',
    CreateTime: seconds(sandbox),
    AuthorizerAppid: appId,
    AuthorizationCode: code,
    AuthorizationCodeExpiredTime: seconds(sandbox) + 3600,
  });
}
