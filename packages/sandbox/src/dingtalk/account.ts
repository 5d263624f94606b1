import { assertCount, assertKnownKeys, assertOneOf, assertRecord, assertText } from '../check.js';

/** One internal app of an organisation, with the switches of its simulator. */
export interface DingTalkAccount {
  readonly appKey: string;
  readonly appSecret: string;
  /** The organisation: for the oldest form of `/gettoken` and for `/v1.0/oauth2/{corpId}/token`. */
  readonly corpId?: string;
  /** Makes the oldest form of `/gettoken` work. */
  readonly corpSecret?: string;
  /** Lifetime of a token or ticket since its last renewal, in seconds. Default: 7200. */
  readonly expiresIn?: number;
  /** A ticket ends this long after its creation, however often it was renewed. Default: 86 400 000 (24 h). */
  readonly ticketMaxLifeMs?: number;
  /** What a ticket call says in `expireIn` when the end of its life is nearer. Default: `constant`. */
  readonly ticketExpiresIn?: 'constant' | 'remaining';
  /** Whether `/v1.0/oauth2/{corpId}/token` has a token of its own. Not documented. Default: `own`. */
  readonly unifiedToken?: 'own' | 'shared';
  /** What the old API answers to an expired token. Default: 40014, as observed. */
  readonly expiredCode?: 40014 | 42001;
  /** The lifetime field of token answers, as seen in the wild. Default: `normal`. */
  readonly lifetimeField?: 'normal' | 'missing' | 'zero';
  /** HTTP status of `unauthorized.client`: the sources disagree. Default: 401. */
  readonly unauthorizedClientStatus?: 400 | 401;
  /** Addresses that may make business calls; others get 60020 or IpNotInWhiteList. Default: everybody. */
  readonly ipAllowList?: readonly string[];
}

/** An account with nothing left open but the organisation. */
export type DingTalkSettings = Required<Omit<DingTalkAccount, 'corpId' | 'corpSecret'>> &
  Pick<DingTalkAccount, 'corpId' | 'corpSecret'>;

const DEFAULTS: Omit<DingTalkSettings, 'appKey' | 'appSecret' | 'corpId' | 'corpSecret'> = {
  expiresIn: 7200,
  ticketMaxLifeMs: 24 * 3_600_000,
  ticketExpiresIn: 'constant',
  unifiedToken: 'own',
  expiredCode: 40014,
  lifetimeField: 'normal',
  unauthorizedClientStatus: 401,
  ipAllowList: [],
};

export function dingTalkSettings(account: DingTalkAccount): DingTalkSettings {
  const known = ['appKey', 'appSecret', 'corpId', 'corpSecret', ...Object.keys(DEFAULTS)];
  assertKnownKeys('a DingTalk account', assertRecord('dingtalk', account), known);
  const settings: DingTalkSettings = { ...DEFAULTS, ...account };
  assertText('appKey', settings.appKey);
  assertText('appSecret', settings.appSecret);
  if (settings.corpId !== undefined) assertText('corpId', settings.corpId);
  if (settings.corpSecret !== undefined) assertText('corpSecret', settings.corpSecret);
  assertCount('expiresIn', settings.expiresIn, 1);
  assertCount('ticketMaxLifeMs', settings.ticketMaxLifeMs, 1);
  assertOneOf('ticketExpiresIn', settings.ticketExpiresIn, ['constant', 'remaining']);
  assertOneOf('unifiedToken', settings.unifiedToken, ['own', 'shared']);
  assertOneOf('expiredCode', settings.expiredCode, [40014, 42001]);
  assertOneOf('lifetimeField', settings.lifetimeField, ['normal', 'missing', 'zero']);
  assertOneOf('unauthorizedClientStatus', settings.unauthorizedClientStatus, [400, 401]);
  return settings;
}
