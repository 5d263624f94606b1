import { assertBoolean, assertCount, assertKnownKeys, assertRecord, assertText, assertUnique } from '../check.js';
import { callbackUrl, pushKeys } from './account.js';
import type { DingTalkSuiteTicket } from './controls.js';
import {
  type DingTalkSuiteSwitches,
  type DingTalkSuiteSwitchSettings,
  SUITE_SWITCHES,
  suiteSwitched,
  switchesOf,
} from './switches.js';
import { type DingTalkUser, type DingTalkUserSettings, dingTalkUsers } from './users.js';

/** One suite of an ISV (a custom app's key does as well), with the switches of its simulator. */
export interface DingTalkSuiteAccount extends DingTalkSuiteSwitches {
  /** Also the owner key of its pushes, and the client id of the login page and of Stream. */
  readonly suiteKey: string;
  /** SuiteSecret. */
  readonly suiteSecret: string;
  /** Signs pushes. */
  readonly token: string;
  /** Encrypts pushes: 43 letters and digits. */
  readonly encodingAESKey: string;
  /** The ticket that was pushed before the sandbox starts. Default: none was. */
  readonly ticket?: DingTalkSuiteTicket;
  /** Where pushes go; without it, over Stream. */
  readonly callbackUrl?: string;
  /** The ISV's own organisation, with the secret of its SSO. */
  readonly corpId?: string;
  /** Secret for signing in administrators. */
  readonly ssoSecret?: string;
  /** Organisations that are known from the start. */
  readonly corps?: readonly DingTalkCorp[];
  /** Who can sign in. Default: two people. */
  readonly users?: readonly DingTalkUser[];
}

/** An organisation that may enable a suite. */
export interface DingTalkCorp {
  /** The organisation. */
  readonly corpId: string;
  /** Default: the corp id. */
  readonly name?: string;
  /** Whether it enabled the suite long before. Default: true. */
  readonly authorized?: boolean;
  /** Default: random. */
  readonly permanentCode?: string;
}

/** A suite with nothing left open but its callback URL and the ISV's own organisation. */
export interface DingTalkSuiteSettings
  extends Pick<DingTalkSuiteAccount, 'ticket' | 'callbackUrl' | 'corpId' | 'ssoSecret' | 'token' | 'encodingAESKey'> {
  readonly suiteKey: string;
  readonly suiteSecret: string;
  readonly corps: readonly DingTalkCorp[];
  readonly users: readonly DingTalkUserSettings[];
  readonly switches: DingTalkSuiteSwitchSettings;
}

const KEYS = [
  ...['suiteKey', 'suiteSecret', 'token', 'encodingAESKey', 'ticket', 'callbackUrl'],
  ...['corpId', 'ssoSecret', 'corps', 'users'],
];

export function dingTalkSuiteSettings(account: DingTalkSuiteAccount): DingTalkSuiteSettings {
  assertKnownKeys('a DingTalk suite', assertRecord('dingtalkSuites', account), [...KEYS, ...SUITE_SWITCHES]);
  const { suiteKey, suiteSecret, token, encodingAESKey, ticket } = account;
  const { callbackUrl: url, corpId, ssoSecret, corps = [] } = account;
  assertText('suiteKey', suiteKey);
  assertText('suiteSecret', suiteSecret);
  pushKeys({ token, encodingAESKey });
  if (url !== undefined) callbackUrl('callbackUrl', url);
  if (corpId !== undefined) assertText('corpId', corpId);
  if (ssoSecret !== undefined) assertText('ssoSecret', ssoSecret);
  if (!Array.isArray(corps)) throw new TypeError('"corps" must be an array of organisations');
  const checked = (corps as readonly DingTalkCorp[]).map(dingTalkCorp);
  assertUnique(
    'corps',
    checked.map((corp) => corp.corpId),
  );
  return {
    ...{ suiteKey, suiteSecret, token, encodingAESKey },
    ...(ticket !== undefined && { ticket: suiteTicket(ticket) }),
    ...(url !== undefined && { callbackUrl: url }),
    ...(corpId !== undefined && { corpId }),
    ...(ssoSecret !== undefined && { ssoSecret }),
    corps: checked,
    users: dingTalkUsers(account.users),
    switches: suiteSwitched(switchesOf(account, SUITE_SWITCHES)),
  };
}

function suiteTicket(ticket: DingTalkSuiteTicket): DingTalkSuiteTicket {
  assertKnownKeys('a suite ticket', assertRecord('ticket', ticket), ['ticket', 'at']);
  assertText('ticket.ticket', ticket.ticket);
  assertCount('ticket.at', ticket.at, 0);
  return { ...ticket };
}

export function dingTalkCorp(corp: DingTalkCorp): DingTalkCorp {
  assertKnownKeys('an organisation', assertRecord('corp', corp), ['corpId', 'name', 'authorized', 'permanentCode']);
  assertText('corpId', corp.corpId);
  if (corp.name !== undefined) assertText('name', corp.name);
  if (corp.authorized !== undefined) assertBoolean('authorized', corp.authorized);
  if (corp.permanentCode !== undefined) assertText('permanentCode', corp.permanentCode);
  return corp;
}
