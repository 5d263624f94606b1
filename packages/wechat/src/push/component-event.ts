import { type PushMessage, textOf } from './push-message.js';
import { momentOf } from './push-moment.js';

/** A new ticket of the Open Platform: comes about every 10 minutes, lives 12 hours. */
export interface ComponentVerifyTicket {
  /** Tells this event from the others. */
  readonly type: 'component_verify_ticket';
  /** The component's app id. */
  readonly appId: string;
  /** When the platform made it, Unix ms: of two tickets the one with the later time counts. */
  readonly createTime: number;
  /** The ticket. */
  readonly ticket: string;
}

/** An account was authorized, or authorized anew with other permissions: the code stands for both its tokens, once. */
export interface ComponentAuthorization {
  /** `authorized`, or `updateauthorized` where it stood already. */
  readonly type: 'authorized' | 'updateauthorized';
  /** AppID of the component. */
  readonly appId: string;
  /** Unix ms. */
  readonly createTime: number;
  /** AppID of the authorizer. */
  readonly authorizerAppid: string;
  /** What is exchanged, once. */
  readonly authorizationCode: string;
  /** Unix ms; undefined where the push says nothing that makes sense. Ends about an hour after the push. */
  readonly authorizationCodeExpiresAt: number | undefined;
  /** The pre-auth code the authorization began with, where there was one. */
  readonly preAuthCode: string | undefined;
}

/** An account took its authorization back: all its tokens are dead. */
export interface ComponentRevocation {
  /** Tells this event from the others. */
  readonly type: 'unauthorized';
  /** AppID of the component. */
  readonly appId: string;
  /** Unix ms. */
  readonly createTime: number;
  /** AppID of the authorizer. */
  readonly authorizerAppid: string;
}

/** Any other push to the address: to be answered `success`. */
export interface OtherEvent {
  /** Tells this event from the others. */
  readonly type: 'other';
  /** What the push calls itself, where it does. */
  readonly infoType: string | undefined;
}

/** What comes to the authorization-event address of an Open Platform component. */
export type ComponentEvent = ComponentVerifyTicket | ComponentAuthorization | ComponentRevocation | OtherEvent;

/**
 * Reads the message of a push to the authorization-event address. One that lacks what its kind must have is `other`.
 * https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/component_verify_ticket.html ,
 * https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/authorize_event.html
 */
export function componentEvent(message: PushMessage): ComponentEvent {
  const infoType = textOf(message, 'InfoType');
  const appId = textOf(message, 'AppId');
  const createTime = momentOf(textOf(message, 'CreateTime'));
  if (!appId || createTime === undefined) return { type: 'other', infoType };
  return eventOf(message, infoType, appId, createTime) ?? { type: 'other', infoType };
}

function eventOf(
  message: PushMessage,
  infoType: string | undefined,
  appId: string,
  createTime: number,
): ComponentEvent | undefined {
  if (infoType === 'component_verify_ticket') {
    const ticket = textOf(message, 'ComponentVerifyTicket');
    return ticket ? { type: infoType, appId, createTime, ticket } : undefined;
  }
  const authorizerAppid = textOf(message, 'AuthorizerAppid');
  if (!authorizerAppid) return undefined;
  if (infoType === 'unauthorized') return { type: infoType, appId, createTime, authorizerAppid };
  if (infoType !== 'authorized' && infoType !== 'updateauthorized') return undefined;
  const authorizationCode = textOf(message, 'AuthorizationCode');
  if (!authorizationCode) return undefined;
  // The documents call it "seconds"; it is a point in time. What lies before the push itself is neither.
  const end = momentOf(textOf(message, 'AuthorizationCodeExpiredTime'));
  return {
    type: infoType,
    appId,
    createTime,
    authorizerAppid,
    authorizationCode,
    authorizationCodeExpiresAt: end !== undefined && end > createTime ? end : undefined,
    preAuthCode: textOf(message, 'PreAuthCode') || undefined,
  };
}
