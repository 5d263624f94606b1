import { assertCount, assertKnownKeys, assertOneOf, assertRecord, assertText } from '../check.js';
import { COMMON_SWITCHES, checkCommonSwitches, overlaid, type WeChatSwitches } from './switches.js';

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
}

/** One official account or mini program. */
export interface WeChatAccount extends WeChatAccountSwitches {
  readonly appId: string;
  readonly secret: string;
}

/** An account with nothing left open. */
export type WeChatSettings = Required<WeChatAccount>;

const DEFAULTS: Omit<WeChatSettings, 'appId' | 'secret'> = Object.freeze({
  ...COMMON_SWITCHES,
  kind: 'officialAccount',
  dailyTokenQuota: 2000,
  dailyStableQuota: 500_000,
  minuteStableQuota: 10_000,
  dailyForcedQuota: 20,
  forcedIntervalMs: 30_000,
  forcedEnds: 'overlap',
  ticketExpiresIn: 'constant',
});

const SWITCH_NAMES = Object.keys(DEFAULTS);

/** Throws a `TypeError` that names the wrong member. */
export function weChatSettings(account: WeChatAccount): WeChatSettings {
  assertKnownKeys('a WeChat account', assertRecord('wechat', account), ['appId', 'secret', ...SWITCH_NAMES]);
  const settings: WeChatSettings = { ...DEFAULTS, ...account };
  assertText('appId', settings.appId);
  assertText('secret', settings.secret);
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
  return settings;
}
