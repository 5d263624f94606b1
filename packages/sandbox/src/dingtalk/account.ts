import { assertKnownKeys, assertOneOf, assertRecord, assertText } from '../check.js';
import { isEncodingAESKey } from '../push-crypto.js';
import {
  APP_SWITCHES,
  appSwitched,
  type DingTalkSwitches,
  type DingTalkSwitchSettings,
  switchesOf,
} from './switches.js';
import { type DingTalkUser, type DingTalkUserSettings, dingTalkUsers } from './users.js';

/** One internal app of an organisation, with the switches of its simulator. */
export interface DingTalkAccount extends DingTalkSwitches {
  /** Also the app id of `/sns/...` and the client id of the login page and of Stream. */
  readonly appKey: string;
  /** AppSecret, also called client secret. */
  readonly appSecret: string;
  /** The organisation: for the oldest form of `/gettoken`, for `/v1.0/oauth2/{corpId}/token`, for SSO. */
  readonly corpId?: string;
  /** Makes the oldest form of `/gettoken` work. */
  readonly corpSecret?: string;
  /** Makes the SSO tokens of the admin console work, with `corpId`. */
  readonly ssoSecret?: string;
  /** Who can sign in. Default: two people. */
  readonly users?: readonly DingTalkUser[];
  /** Where events go; without it, over Stream. */
  readonly callback?: DingTalkCallback;
}

/** An encrypted HTTP callback of an internal app. */
export interface DingTalkCallback {
  /** Where pushes go. */
  readonly url: string;
  /** What signatures are made with. */
  readonly token: string;
  /** What bodies are encrypted with: 43 characters. */
  readonly encodingAESKey: string;
  /** What stands behind the message: the app key (set in the console) or the corp id (old register call). Default: `appKey`. */
  readonly ownerKey?: 'appKey' | 'corpId';
}

/** An account with nothing left open but the organisation, its secrets, and the callback. */
export interface DingTalkSettings extends Pick<DingTalkAccount, 'corpId' | 'corpSecret' | 'ssoSecret' | 'callback'> {
  readonly appKey: string;
  readonly appSecret: string;
  readonly users: readonly DingTalkUserSettings[];
  readonly switches: DingTalkSwitchSettings;
}

const KEYS = ['appKey', 'appSecret', 'corpId', 'corpSecret', 'ssoSecret', 'users', 'callback'];

export function dingTalkSettings(account: DingTalkAccount): DingTalkSettings {
  assertKnownKeys('a DingTalk account', assertRecord('dingtalk', account), [...KEYS, ...APP_SWITCHES]);
  const { appKey, appSecret, corpId, corpSecret, ssoSecret, callback } = account;
  assertText('appKey', appKey);
  assertText('appSecret', appSecret);
  for (const [name, value] of Object.entries({ corpId, corpSecret, ssoSecret })) {
    if (value !== undefined) assertText(name, value);
  }
  return {
    ...{ appKey, appSecret },
    ...(corpId !== undefined && { corpId }),
    ...(corpSecret !== undefined && { corpSecret }),
    ...(ssoSecret !== undefined && { ssoSecret }),
    ...(callback !== undefined && { callback: dingTalkCallback(callback) }),
    users: dingTalkUsers(account.users),
    switches: appSwitched(switchesOf(account, APP_SWITCHES)),
  };
}

export function dingTalkCallback(callback: DingTalkCallback): DingTalkCallback {
  assertKnownKeys('a callback', assertRecord('callback', callback), ['url', 'token', 'encodingAESKey', 'ownerKey']);
  callbackUrl('url', callback.url);
  pushKeys(callback);
  assertOneOf('ownerKey', callback.ownerKey ?? 'appKey', ['appKey', 'corpId']);
  return callback;
}

export function callbackUrl(name: string, url: unknown): void {
  if (!URL.canParse(assertText(name, url))) throw new TypeError(`"${name}" must be a URL`);
}

export function pushKeys({ token, encodingAESKey }: { token: string; encodingAESKey: string }): void {
  assertText('token', token);
  if (!isEncodingAESKey(encodingAESKey)) throw new TypeError('"encodingAESKey" must be 43 letters and digits');
}
