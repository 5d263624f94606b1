import { assertBoolean, assertKnownKeys, assertOneOf, assertRecord, assertText } from '../check.js';
import type { PushFields } from '../push-message.js';
import type { PushRecord } from '../push-sender.js';
import type { WeChatAccountSwitches } from './account.js';
import type { AccountPushes } from './account-pushes.js';
import type { TicketType, WeChatApp } from './app.js';
import type { WeChatTokenKind } from './token-line.js';
import type { WeChatUserSettings } from './users.js';

/** Which code a user hands out. */
export interface OAuthCodeOrder {
  /** Default: the first user. */
  readonly openid?: string;
  /** Default: `snsapi_userinfo`. */
  readonly scope?: string;
  /** The component the user signs in through. Default: none. */
  readonly componentAppId?: string;
}

/**
 * Steers the simulated official accounts and mini programs, those included that are only known as authorizers. Each
 * throws a `TypeError` for an account or a user that is not there.
 */
export interface WeChatControls {
  /** Changes switches; those that are left out stay. Throws a `TypeError` for what is no switch or cannot be. */
  configure(appId: string, switches: WeChatAccountSwitches): void;
  /** Ends the current token before its time; without `kind` that of both kinds. */
  revoke(appId: string, kind?: WeChatTokenKind): void;
  /** Ends the current token and those that work next to it; without `kind` of both kinds. */
  killToken(appId: string, kind?: WeChatTokenKind): void;
  /** The next call gets another ticket. No server is told that the old one is dead. */
  endTicket(appId: string, type: TicketType): void;
  /** The account gets another secret. Its tokens live on unless `endTokens` is true: the documents do not say. */
  resetSecret(appId: string, secret: string, options?: { readonly endTokens?: boolean }): void;
  /** Token calls from this address get 40164. */
  blockIp(appId: string, ip: string): void;
  /** Lets an address in again. */
  unblockIp(appId: string, ip: string): void;
  /** The administrator's answer to what `riskConfirmation` has asked. Throws a `TypeError` where nothing was asked. */
  answerRisk(appId: string, answer: 'confirmed' | 'refused'): void;
  /** The calls of a path are used up for the day. */
  exhaustQuota(appId: string, path: string): void;
  /** What the page of web OAuth would redirect with. */
  oauthCode(appId: string, order?: OAuthCodeOrder): string;
  /** What a mini program gets from `wx.login`; with `componentAppId` for the component's `jscode2session`. */
  loginCode(appId: string, order?: Omit<OAuthCodeOrder, 'scope'>): string;
  /** A user changed the password: web OAuth's tokens get 42007. Returns how many grants there were. */
  changePassword(appId: string, openid: string): number;
  /** Pushes a message to the account's own URL. Resolves when it was answered. */
  push(appId: string, message: PushFields): Promise<PushRecord>;
  /** Asks the account's own URL for its echo. Resolves when it was answered. */
  verifyUrl(appId: string): Promise<PushRecord>;
}

const KINDS = ['legacy', 'stable'] as const;

/** The controls over accounts that `find` looks up by app id. */
export function weChatControls(find: (appId: string) => WeChatApp, pushes: AccountPushes): WeChatControls {
  const lines = (appId: string, kind: WeChatTokenKind | undefined) => {
    const app = find(appId);
    return (kind === undefined ? KINDS : [assertOneOf('kind', kind, KINDS)]).map((each) => app.lines[each]);
  };
  return {
    configure: (appId, switches) => find(appId).configure(switches),
    revoke(appId, kind) {
      for (const line of lines(appId, kind)) line.revoke();
    },
    killToken(appId, kind) {
      for (const line of lines(appId, kind)) line.revokeAll();
    },
    endTicket: (appId, type) => find(appId).endTicket(assertOneOf('type', type, ['jsapi', 'wx_card'])),
    resetSecret(appId, secret, options = {}) {
      assertKnownKeys('a secret reset', options, ['endTokens']);
      find(appId).resetSecret(assertText('secret', secret), assertBoolean('endTokens', options.endTokens ?? false));
    },
    blockIp: (appId, ip) => find(appId).addresses.block(assertText('ip', ip)),
    unblockIp: (appId, ip) => find(appId).addresses.unblock(assertText('ip', ip)),
    answerRisk(appId, answer) {
      const app = find(appId);
      app.risk.answer(assertOneOf('answer', answer, ['confirmed', 'refused']), app.now());
    },
    exhaustQuota(appId, path) {
      const app = find(appId);
      app.quotas.exhaust(assertText('path', path), app.now());
    },
    oauthCode: (appId, { scope = 'snsapi_userinfo', ...order } = {}) => code(find(appId), 'oauth', scope, order),
    loginCode: (appId, order = {}) => code(find(appId), 'login', '', order),
    changePassword(appId, openid) {
      const app = find(appId);
      return app.users.changePassword(userOf(app, openid).openid);
    },
    push: async (appId, message) => pushes.send(find(appId), assertRecord('message', message) as PushFields),
    verifyUrl: async (appId) => pushes.verify(find(appId)),
  };
}

function code(app: WeChatApp, purpose: 'oauth' | 'login', scope: string, order: Omit<OAuthCodeOrder, 'scope'>): string {
  assertKnownKeys('a code', order, ['openid', 'scope', 'componentAppId']);
  const user = userOf(app, order.openid);
  return app.users.code(user, app.now(), { purpose, scope, component: order.componentAppId });
}

function userOf(app: WeChatApp, openid: string | undefined): WeChatUserSettings {
  const user = openid === undefined ? app.users.users[0] : app.users.user(openid);
  if (user === undefined) throw new TypeError('"openid" is not a user of this account');
  return user;
}
