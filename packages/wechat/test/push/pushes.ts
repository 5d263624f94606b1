import type { CallbackRequest } from '@evertoken/core';
import {
  aesKeyOf,
  encryptMessage,
  messageSignature,
  type Push,
  type PushKeys,
  type PushSettings,
  plainSignature,
  type ReceivedPush,
} from '../../src/push.js';

/** 2026-11-20 16:00:00 in China. */
export const NOON = Date.UTC(2026, 10, 20, 8, 0, 0);
export const KEYS: PushKeys = { token: 'console0token', encodingAESKey: 'jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C' };
export const OTHER_KEYS: PushKeys = {
  token: 'next0token',
  encodingAESKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG',
};
export const COMPONENT = 'wxba5fad812f8e6fb9';
export const NONCE = '415670741';

export const SETTINGS: PushSettings = { keys: [KEYS], receiveIds: [COMPONENT], now: () => NOON };

export const TICKET_XML = `<xml><AppId><![CDATA[${COMPONENT}]]></AppId>
<CreateTime>1413192605</CreateTime>
<InfoType><![CDATA[component_verify_ticket]]></InfoType>
<ComponentVerifyTicket><![CDATA[ticket@@@l7vOqR5VZ4F7nlUr2xkLTsvDTvLVSl]]></ComponentVerifyTicket>
</xml>`;
export const TICKET = {
  AppId: COMPONENT,
  CreateTime: '1413192605',
  InfoType: 'component_verify_ticket',
  ComponentVerifyTicket: 'ticket@@@l7vOqR5VZ4F7nlUr2xkLTsvDTvLVSl',
};

/** How a test push differs from a good one. */
export interface PushParts {
  readonly message?: string;
  readonly receiveId?: string;
  readonly keys?: PushKeys;
  /** Unix ms. */
  readonly at?: number;
  readonly nonce?: string;
  readonly json?: boolean;
  readonly random?: Uint8Array;
  /** The ciphertext itself, instead of `message`. */
  readonly encrypt?: string;
  /** The body itself, instead of the envelope around the ciphertext. */
  readonly body?: string | Uint8Array;
}

/** The query the platform sends with an encrypted push. */
export function queryOf(encrypt: string, { keys = KEYS, at = NOON, nonce = NONCE }: PushParts = {}) {
  const signed = { token: keys.token, timestamp: String(Math.floor(at / 1000)), nonce };
  return {
    signature: plainSignature(signed),
    timestamp: signed.timestamp,
    nonce,
    encrypt_type: 'aes',
    msg_signature: messageSignature(signed, encrypt),
  };
}

export function encryptOf(parts: PushParts = {}): string {
  const { message = TICKET_XML, receiveId = COMPONENT, keys = KEYS, random, encrypt } = parts;
  return encrypt ?? encryptMessage({ message, receiveId }, aesKeyOf(keys.encodingAESKey), random ? { random } : {});
}

/** An encrypted push as the platform sends it. */
export function pushOf(parts: PushParts = {}): CallbackRequest {
  const encrypt = encryptOf(parts);
  const envelope = parts.json
    ? JSON.stringify({ ToUserName: 'gh_97417a04a28d', Encrypt: encrypt })
    : `<xml>\n    <AppId><![CDATA[${COMPONENT}]]></AppId>\n    <Encrypt><![CDATA[${encrypt}]]></Encrypt>\n</xml>`;
  return {
    method: 'POST',
    query: queryOf(encrypt, parts),
    headers: { 'content-type': parts.json ? 'application/json' : 'text/xml' },
    body: Buffer.from(parts.body ?? envelope),
  };
}

/** A push in plain mode: the signature covers no body. */
export function plainPushOf(body: string, { keys = KEYS, at = NOON, nonce = NONCE }: PushParts = {}): CallbackRequest {
  const signed = { token: keys.token, timestamp: String(Math.floor(at / 1000)), nonce };
  return {
    method: 'POST',
    query: { signature: plainSignature(signed), timestamp: signed.timestamp, nonce },
    headers: { 'content-type': 'text/xml' },
    body: Buffer.from(body),
  };
}

export function messageIn(push: Push): ReceivedPush {
  if (push.kind !== 'message') throw new Error(`the push is a ${push.kind}`);
  return push;
}
