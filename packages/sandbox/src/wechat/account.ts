import { assertBoolean, assertCount, assertKnownKeys, assertOneOf, assertRecord, assertText } from '../check.js';

/** One official account or mini program, with the switches of its simulator. */
export interface WeChatAccount {
  readonly appId: string;
  readonly secret: string;
  /** A mini program has no tickets. Default: `officialAccount`. */
  readonly kind?: 'officialAccount' | 'miniProgram';
  /** Calls of `/cgi-bin/token` per natural day in China. Default: 2000. */
  readonly dailyTokenQuota?: number;
  /** Calls of `/cgi-bin/stable_token` per natural day in China. Default: 500 000. */
  readonly dailyStableQuota?: number;
  /** Calls of `/cgi-bin/stable_token` per minute. Default: 10 000. */
  readonly minuteStableQuota?: number;
  /** Calls of any other counted endpoint per natural day in China. The platform tells no number. Default: 100 000. */
  readonly dailyCallQuota?: number;
  /** Forced refreshes per natural day in China. Default: 20. */
  readonly dailyForcedQuota?: number;
  /** A forced refresh sooner than this after the last one changes nothing. Default: 30 000. */
  readonly forcedIntervalMs?: number;
  /** Lifetime of a token or ticket, in seconds. Default: 7200. */
  readonly expiresIn?: number;
  /** How long a token works next to its successor, and how early `stable_token` makes one. Default: 300 000. */
  readonly overlapMs?: number;
  /** What a repeated ticket call says in `expires_in`. Default: `constant`, as the platform does. */
  readonly ticketExpiresIn?: 'constant' | 'remaining';
  /** Fields that successful answers lack, as seen behind proxies. Default: none. */
  readonly omit?: readonly ('errcode' | 'expires_in')[];
  /** Send JSON as `text/plain`. Default: false. */
  readonly textPlain?: boolean;
  /** End every `errmsg` with a request id. Default: true. */
  readonly rid?: boolean;
  /** Addresses that may ask for tokens; others get 40164. Default: everybody. */
  readonly ipAllowList?: readonly string[];
}

/** An account with nothing left open. */
export type WeChatSettings = Required<WeChatAccount>;

const DEFAULTS: Omit<WeChatSettings, 'appId' | 'secret'> = {
  kind: 'officialAccount',
  dailyTokenQuota: 2000,
  dailyStableQuota: 500_000,
  minuteStableQuota: 10_000,
  dailyCallQuota: 100_000,
  dailyForcedQuota: 20,
  forcedIntervalMs: 30_000,
  expiresIn: 7200,
  overlapMs: 300_000,
  ticketExpiresIn: 'constant',
  omit: [],
  textPlain: false,
  rid: true,
  ipAllowList: [],
};

export function weChatSettings(account: WeChatAccount): WeChatSettings {
  assertKnownKeys('a WeChat account', assertRecord('wechat', account), ['appId', 'secret', ...Object.keys(DEFAULTS)]);
  const settings: WeChatSettings = { ...DEFAULTS, ...account };
  assertText('appId', settings.appId);
  assertText('secret', settings.secret);
  assertOneOf('kind', settings.kind, ['officialAccount', 'miniProgram']);
  assertOneOf('ticketExpiresIn', settings.ticketExpiresIn, ['constant', 'remaining']);
  for (const key of ['dailyTokenQuota', 'dailyStableQuota', 'minuteStableQuota', 'dailyCallQuota'] as const) {
    assertCount(key, settings[key], 0);
  }
  for (const key of ['dailyForcedQuota', 'forcedIntervalMs', 'overlapMs'] as const) assertCount(key, settings[key], 0);
  assertCount('expiresIn', settings.expiresIn, 1);
  assertBoolean('textPlain', settings.textPlain);
  assertBoolean('rid', settings.rid);
  return settings;
}
