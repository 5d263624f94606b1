import {
  assertBoolean,
  assertCount,
  assertKnownKeys,
  assertOneOf,
  assertRecord,
  assertText,
  assertUnique,
} from '../../check.js';
import { isEncodingAESKey } from '../../push-crypto.js';
import {
  assertList,
  assertUrl,
  COMMON_SWITCHES,
  checkCommonSwitches,
  overlaid,
  type WeChatSwitches,
} from '../switches.js';

/** An account that can authorize a component. */
export interface OpenPlatformAuthorizer {
  /** May be that of an account of `wechat`: then it is the same account. */
  readonly appId: string;
  /** Default: `officialAccount`. */
  readonly kind?: 'officialAccount' | 'miniProgram';
  /** Whether it has authorized the component, and its code was exchanged, before the sandbox starts. Default: false. */
  readonly authorized?: boolean;
  /** The refresh token that exchange brought; with `authorized` only. Default: made up. */
  readonly refreshToken?: string;
  /** Ids of the permission sets it grants; with none, exchanges bring no tokens. Default: 1, 2, 3, 4. */
  readonly permissions?: readonly number[];
  /** Default: the app id. */
  readonly name?: string;
}

/** The switches of one third-party platform. */
export interface OpenPlatformSwitches extends WeChatSwitches {
  /** Where verify tickets and authorization events are pushed to. Default: nowhere. */
  readonly callbackUrl?: string | undefined;
  /** Where messages of authorizers are pushed to; `$APPID$` in it becomes the authorizer's app id. Default: nowhere. */
  readonly messageUrl?: string | undefined;
  /** How often a verify ticket is pushed, in sandbox time; 0 for never by itself. Default: 600 000. */
  readonly ticketEveryMs?: number;
  /** No ticket is pushed by itself until `api_start_push_ticket` is called. Default: false. */
  readonly ticketsStopped?: boolean;
  /** How long a verify ticket can be used. Default: 43 200 000 (12 h). */
  readonly ticketLifeMs?: number;
  /** What a repeated call of `api_component_token` brings while the last token lives. Default: `new`. */
  readonly componentTokens?: 'new' | 'same';
  /** Likewise for `api_authorizer_token`. Default: `new`. */
  readonly authorizerTokens?: 'new' | 'same';
  /** What an expired component token is answered with. Default: 42001. */
  readonly expiredCode?: 42001 | 42006;
  /** Lifetime of a pre-auth code: the documents say both 600 and 1800. Default: 600. */
  readonly preAuthCodeSeconds?: number;
  /** Lifetime of an authorization code. Default: 3600. */
  readonly authorizationCodeSeconds?: number;
  /** What the second exchange of a code gets: 61009, or the first answer again. Default: `refused`. */
  readonly codeReuse?: 'refused' | 'sameAnswer';
  /** `api_authorizer_token` replaces the refresh token, as a few reports say. Default: false. */
  readonly rotateRefreshToken?: boolean;
  /** Successful `api_authorizer_token` answers lack the refresh token, or have an empty one. Default: `present`. */
  readonly refreshTokenField?: 'present' | 'empty' | 'missing';
  /** Paths that authorizers' tokens get 61007 for: the component was not granted them. Default: none. */
  readonly notGranted?: readonly string[];
  /** When `updateauthorized` is pushed: always, or only when the permissions changed, as the documents say. Default: `always`. */
  readonly updateEvents?: 'always' | 'onChange';
  /** The clear field beside `Encrypt` that names the component. Default: `AppId`. */
  readonly envelopeField?: 'AppId' | 'ToUserName';
}

/** One third-party platform ("component") and the accounts that can authorize it. */
export interface OpenPlatformAccount extends OpenPlatformSwitches {
  /** AppID of the component. */
  readonly appId: string;
  /** AppSecret of the component. */
  readonly secret: string;
  /** Signs pushes. */
  readonly token: string;
  /** Encrypts pushes: 43 letters and digits. */
  readonly encodingAESKey: string;
  /** A verify ticket that was pushed before the sandbox starts. Default: none was. */
  readonly verifyTicket?: OpenPlatformTicket;
  /** Default: none; more can be added while the sandbox runs. */
  readonly authorizers?: readonly OpenPlatformAuthorizer[];
}

/** A `component_verify_ticket`. Told in process and by pushes only. */
export interface OpenPlatformTicket {
  /** The ticket. */
  readonly ticket: string;
  /** `CreateTime` of its push, Unix seconds. */
  readonly createTime: number;
}

type Open = 'callbackUrl' | 'messageUrl' | 'verifyTicket';

/** A platform with nothing left open but its URLs and what it has pushed. */
export type OpenPlatformSettings = Required<Omit<OpenPlatformAccount, Open>> & {
  readonly [Name in Open]: OpenPlatformAccount[Name] | undefined;
};

/** An authorizer with nothing left open but its refresh token. */
export type OpenPlatformAuthorizerSettings = Required<Omit<OpenPlatformAuthorizer, 'refreshToken'>> &
  Pick<OpenPlatformAuthorizer, 'refreshToken'>;

const SWITCHES: Omit<
  OpenPlatformSettings,
  'appId' | 'secret' | 'token' | 'encodingAESKey' | 'authorizers' | 'verifyTicket'
> = Object.freeze({
  ...COMMON_SWITCHES,
  callbackUrl: undefined,
  messageUrl: undefined,
  ticketEveryMs: 600_000,
  ticketsStopped: false,
  ticketLifeMs: 43_200_000,
  componentTokens: 'new',
  authorizerTokens: 'new',
  expiredCode: 42001,
  preAuthCodeSeconds: 600,
  authorizationCodeSeconds: 3600,
  codeReuse: 'refused',
  rotateRefreshToken: false,
  refreshTokenField: 'present',
  notGranted: [],
  updateEvents: 'always',
  envelopeField: 'AppId',
});

const SWITCH_NAMES = Object.keys(SWITCHES);
const ACCOUNT_KEYS = ['appId', 'secret', 'token', 'encodingAESKey', 'authorizers', 'verifyTicket', ...SWITCH_NAMES];
const DEFAULT_PERMISSIONS = [1, 2, 3, 4];

/** Throws a `TypeError` that names the wrong member. */
export function openPlatformSettings(account: OpenPlatformAccount): OpenPlatformSettings {
  assertKnownKeys('an Open Platform', assertRecord('openPlatforms', account), ACCOUNT_KEYS);
  const settings: OpenPlatformSettings = { ...SWITCHES, authorizers: [], verifyTicket: undefined, ...account };
  assertText('appId', settings.appId);
  assertText('secret', settings.secret);
  assertText('token', settings.token);
  assertEncodingAESKey(settings.encodingAESKey);
  if (settings.verifyTicket !== undefined) checkTicket(settings.verifyTicket);
  for (const authorizer of assertList('authorizers', settings.authorizers))
    authorizerSettings(authorizer as OpenPlatformAuthorizer);
  assertUnique(
    'appId',
    settings.authorizers.map(({ appId }) => appId),
  );
  return checked(settings);
}

/** Throws a `TypeError` that names the wrong member. */
export function authorizerSettings(authorizer: OpenPlatformAuthorizer): OpenPlatformAuthorizerSettings {
  const known = ['appId', 'kind', 'authorized', 'refreshToken', 'permissions', 'name'];
  assertKnownKeys('an authorizer', assertRecord('authorizers', authorizer), known);
  const { appId, kind = 'officialAccount', authorized = false, permissions = DEFAULT_PERMISSIONS } = authorizer;
  assertText('appId', appId);
  assertOneOf('kind', kind, ['officialAccount', 'miniProgram']);
  assertBoolean('authorized', authorized);
  const { refreshToken } = authorizer;
  if (refreshToken !== undefined) {
    assertText('refreshToken', refreshToken);
    if (!authorized) throw new TypeError('"refreshToken" needs "authorized"');
  }
  return {
    appId,
    kind,
    authorized,
    ...(refreshToken !== undefined && { refreshToken }),
    permissions: checkPermissions(permissions),
    name: assertText('name', authorizer.name ?? appId),
  };
}

function checkTicket(ticket: OpenPlatformTicket): void {
  assertKnownKeys('a verify ticket', assertRecord('verifyTicket', ticket), ['ticket', 'createTime']);
  assertText('verifyTicket.ticket', ticket.ticket);
  assertCount('verifyTicket.createTime', ticket.createTime, 0);
}

export function assertEncodingAESKey(value: unknown): void {
  if (!isEncodingAESKey(value)) throw new TypeError('"encodingAESKey" must be 43 letters and digits');
}

export function checkPermissions(permissions: readonly number[]): readonly number[] {
  for (const id of assertList('permissions', permissions)) assertCount('permissions', id, 1);
  return permissions;
}

/** Puts some switches over those that stand. Throws a `TypeError` for one that does not exist or cannot be. */
export function openPlatformSwitched(
  standing: OpenPlatformSettings,
  change: OpenPlatformSwitches,
): OpenPlatformSettings {
  return checked(overlaid('the Open Platform switches', standing, change, SWITCH_NAMES));
}

function checked(settings: OpenPlatformSettings): OpenPlatformSettings {
  checkCommonSwitches(settings);
  for (const name of ['callbackUrl', 'messageUrl'] as const)
    if (settings[name] !== undefined) assertUrl(name, settings[name]);
  assertCount('ticketEveryMs', settings.ticketEveryMs, 0);
  for (const name of ['ticketLifeMs', 'preAuthCodeSeconds', 'authorizationCodeSeconds'] as const)
    assertCount(name, settings[name], 1);
  for (const name of ['ticketsStopped', 'rotateRefreshToken'] as const) assertBoolean(name, settings[name]);
  for (const name of ['componentTokens', 'authorizerTokens'] as const)
    assertOneOf(name, settings[name], ['new', 'same']);
  assertOneOf('expiredCode', settings.expiredCode, [42001, 42006]);
  assertOneOf('codeReuse', settings.codeReuse, ['refused', 'sameAnswer']);
  assertOneOf('refreshTokenField', settings.refreshTokenField, ['present', 'empty', 'missing']);
  assertOneOf('updateEvents', settings.updateEvents, ['always', 'onChange']);
  assertOneOf('envelopeField', settings.envelopeField, ['AppId', 'ToUserName']);
  for (const path of assertList('notGranted', settings.notGranted)) assertText('notGranted', path);
  return settings;
}
