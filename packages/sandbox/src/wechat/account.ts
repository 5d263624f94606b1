import { assertBoolean, assertCount, assertKnownKeys, assertOneOf, assertRecord, assertText } from '../check.js';
import { isEncodingAESKey } from '../push-crypto.js';
import type { WeChatPush } from './account-pushes.js';
import { assertUrl, COMMON_SWITCHES, checkCommonSwitches, overlaid, type WeChatSwitches } from './switches.js';
import { checkUsers, type WeChatUser } from './users.js';

/** The switches of one official account or mini program. */
export interface WeChatAccountSwitches extends WeChatSwitches {
  /** A mini program has no tickets. Default: `officialAccount`. */
  readonly kind?: 'officialAccount' | 'miniProgram';
  /** Calls of `/cgi-bin/token` per natural day in China. Default: 2000. */
  readonly dailyTokenQuota?: number;
  /** Calls of `/cgi-bin/stable_token` per natural day in China. Default: 500 000. */
  readonly dailyStableQuota?: number;
  /** Calls of `/cgi-bin/stable_token` per minute. Default: 10 000. */
  readonly minuteStableQuota?: number;
  /** Forced refreshes per natural day in China. Default: 20. */
  readonly dailyForcedQuota?: number;
  /** A forced refresh sooner than this after the last one changes nothing. Default: 30 000. */
  readonly forcedIntervalMs?: number;
  /** When the token before a forced one ends: after the overlap, or at once. Default: `overlap`. */
  readonly forcedEnds?: 'overlap' | 'atOnce';
  /** What a repeated ticket call says in `expires_in`. Default: `constant`, as the platform does. */
  readonly ticketExpiresIn?: 'constant' | 'remaining';
  /** Lifetime of a code of web OAuth or of a mini program's login. Default: 300 000. */
  readonly codeLifeMs?: number;
  /** Lifetime of a user's refresh token. Default: 2 592 000 000 (30 days). */
  readonly userRefreshLifeMs?: number;
  /** Refreshing a user's living access token: the same one with a later end, or a new one. Default: `extend`. */
  readonly userTokenRefresh?: 'extend' | 'new';
  /**
   * Callers that are not on `ipAllowList` are refused until `answerRisk` confirms them: 89503 first, then 89501; 89507
   * and 89506 where the administrator refused. Default: false.
   */
  readonly riskConfirmation?: boolean;
  /** Where the account gets its own messages. Default: nowhere. */
  readonly push?: WeChatPush | undefined;
}

/** One official account or mini program. */
export interface WeChatAccount extends WeChatAccountSwitches {
  /** AppID. */
  readonly appId: string;
  /** AppSecret. */
  readonly secret: string;
  /** Who can sign in. Default: two people. */
  readonly users?: readonly WeChatUser[];
}

/** An account with nothing left open. */
export type WeChatSettings = Required<Omit<WeChatAccount, 'push'>> & { readonly push: WeChatPush | undefined };

const DEFAULTS: Omit<WeChatSettings, 'appId' | 'secret' | 'users'> = Object.freeze({
  ...COMMON_SWITCHES,
  kind: 'officialAccount',
  dailyTokenQuota: 2000,
  dailyStableQuota: 500_000,
  minuteStableQuota: 10_000,
  dailyForcedQuota: 20,
  forcedIntervalMs: 30_000,
  forcedEnds: 'overlap',
  ticketExpiresIn: 'constant',
  codeLifeMs: 300_000,
  userRefreshLifeMs: 2_592_000_000,
  userTokenRefresh: 'extend',
  riskConfirmation: false,
  push: undefined,
});

const SWITCH_NAMES = Object.keys(DEFAULTS);

/** Throws a `TypeError` that names the wrong member. */
export function weChatSettings(account: WeChatAccount): WeChatSettings {
  assertKnownKeys('a WeChat account', assertRecord('wechat', account), ['appId', 'secret', 'users', ...SWITCH_NAMES]);
  const settings: WeChatSettings = { ...DEFAULTS, users: [{}, {}], ...account };
  assertText('appId', settings.appId);
  assertText('secret', settings.secret);
  checkUsers(settings.users);
  return checked(settings);
}

/** Puts some switches over those that stand. Throws a `TypeError` for one that does not exist or cannot be. */
export function weChatSwitched(standing: WeChatSettings, change: WeChatAccountSwitches): WeChatSettings {
  return checked(overlaid('the WeChat switches', standing, change, SWITCH_NAMES));
}

function checked(settings: WeChatSettings): WeChatSettings {
  checkCommonSwitches(settings);
  assertOneOf('kind', settings.kind, ['officialAccount', 'miniProgram']);
  assertOneOf('forcedEnds', settings.forcedEnds, ['overlap', 'atOnce']);
  assertOneOf('ticketExpiresIn', settings.ticketExpiresIn, ['constant', 'remaining']);
  for (const key of ['dailyTokenQuota', 'dailyStableQuota', 'minuteStableQuota'] as const) {
    assertCount(key, settings[key], 0);
  }
  for (const key of ['dailyForcedQuota', 'forcedIntervalMs'] as const) assertCount(key, settings[key], 0);
  for (const key of ['codeLifeMs', 'userRefreshLifeMs'] as const) assertCount(key, settings[key], 1);
  assertOneOf('userTokenRefresh', settings.userTokenRefresh, ['extend', 'new']);
  assertBoolean('riskConfirmation', settings.riskConfirmation);
  if (settings.push !== undefined) checkPush(settings.push);
  return settings;
}

function checkPush(push: WeChatPush): void {
  assertKnownKeys('"push"', assertRecord('push', push), ['token', 'encodingAESKey', 'url', 'mode', 'format']);
  assertText('token', push.token);
  if (!isEncodingAESKey(push.encodingAESKey)) throw new TypeError('"encodingAESKey" must be 43 letters and digits');
  assertUrl('url', push.url);
  assertOneOf('mode', push.mode ?? 'safe', ['safe', 'plain', 'compatible']);
  assertOneOf('format', push.format ?? 'xml', ['xml', 'json']);
}
