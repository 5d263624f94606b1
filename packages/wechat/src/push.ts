export { type CallbackRequestOptions, callbackRequest, sendReply } from '@evertoken/core/http';
export { buildPushXml } from './push/build-push-xml.js';
export {
  type ComponentAuthorization,
  type ComponentEvent,
  type ComponentRevocation,
  type ComponentVerifyTicket,
  componentEvent,
  type OtherEvent,
} from './push/component-event.js';
export { openPush, type Push, type PushSettings, type ReceivedPush } from './push/open-push.js';
export { type DecryptedMessage, decryptMessage, type EncryptOptions, encryptMessage } from './push/push-crypto.js';
export { parsePushJson } from './push/push-json.js';
export { aesKeyOf, type PushKeys, pushKeyProblems } from './push/push-keys.js';
export { PushMemory, type PushMemoryOptions } from './push/push-memory.js';
export type { PushFormat, PushMessage, PushValue } from './push/push-message.js';
export { messageSignature, plainSignature, type SignedValues, sameSignature } from './push/push-signature.js';
export { parsePushXml } from './push/push-xml.js';
export {
  type SuiteChange,
  type SuiteEvent,
  type SuiteInstallation,
  type SuiteTicket,
  suiteEvent,
} from './push/suite-event.js';
