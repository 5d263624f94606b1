import { type CallbackContent, callbackSignature, encryptContent, type SignedValues } from './callback-crypto.js';

/**
 * An encrypted reply as JSON, `timeStamp` with a capital S as the vendor's libraries write it.
 *
 * @param signed the console's token, the time in Unix ms, and the push's nonce or a new one
 * @param aesKey 32 bytes
 * @param random 16 bytes
 */
export function sealedReply(
  content: CallbackContent,
  signed: SignedValues,
  aesKey: Uint8Array,
  random: Uint8Array,
): string {
  const encrypt = encryptContent(content, aesKey, random);
  const { timestamp, nonce } = signed;
  return JSON.stringify({ msg_signature: callbackSignature(signed, encrypt), timeStamp: timestamp, nonce, encrypt });
}
