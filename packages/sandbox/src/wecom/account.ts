import {
  assertBoolean,
  assertCount,
  assertKnownKeys,
  assertOneOf,
  assertRecord,
  assertText,
  assertUnique,
} from '../check.js';
import { isEncodingAESKey } from '../push-crypto.js';
import {
  DEFAULT_SUITE_SWITCHES,
  DEFAULT_SWITCHES,
  SUITE_SWITCH_NAMES,
  SWITCH_NAMES,
  suiteSwitched,
  switched,
  type WeComSuiteSwitches,
  type WeComSuiteSwitchSettings,
  type WeComSwitches,
  type WeComSwitchSettings,
} from './switches.js';

/** One secret of a company: that of a self-built app, or of contacts, customer contact and the like. */
export interface WeComAgent {
  /** The app's number, or a text such as `contacts` for a secret that belongs to no app. */
  readonly agentId: number | string;
  /** Secret of the app. */
  readonly secret: string;
  /** Default: `Agent <agentId>`. */
  readonly name?: string;
}

/** Where a company gets its own messages. */
export interface WeComCallback {
  /** What signatures are made with. */
  readonly token: string;
  /** What bodies are encrypted with: 43 characters. */
  readonly encodingAESKey: string;
  /** Nothing is pushed as long as there is none. */
  readonly url?: string;
  /** The id at the end of the encrypted text. Default: the corp id; an individual developer's is empty. */
  readonly receiveId?: string;
  /** Default: `xml`. */
  readonly format?: 'xml' | 'json';
}

/** A company that may install a suite. */
export interface WeComCustomer {
  /** CorpID of the customer. */
  readonly corpId: string;
  /** Default: `Corp <corpId>`. */
  readonly name?: string;
  /** Number of the suite's app in this company. Default: counted from 1000100 in each company. */
  readonly agentId?: number;
  /** The suite is installed from the start, and this code has been handed out. */
  readonly permanentCode?: string;
}

/** A third-party or provider-built app. */
export interface WeComSuite extends WeComSuiteSwitches {
  /** SuiteID. */
  readonly suiteId: string;
  /** Secret of the suite. */
  readonly secret: string;
  /** Token and key of its callbacks. */
  readonly token: string;
  /** What bodies are encrypted with: 43 characters. */
  readonly encodingAESKey: string;
  /** A ticket that was pushed before the sandbox starts. Default: none was. */
  readonly ticket?: WeComTicket;
  /** Where tickets and installations are pushed to. Nothing is pushed as long as there is none. */
  readonly callbackUrl?: string;
  /** Where messages of the companies that have installed it are pushed to. */
  readonly dataCallbackUrl?: string;
  /** Built for single companies: the permanent code is a secret for `gettoken`. Default: false. */
  readonly providerBuilt?: boolean;
  /** Who can be chosen on the install page, besides the sandbox's own companies. */
  readonly corps?: readonly WeComCustomer[];
}

/** A `suite_ticket`. Told in process, by the control API and by pushes only. */
export interface WeComTicket {
  /** The ticket. */
  readonly ticket: string;
  /** Unix seconds, as in the push. */
  readonly timestamp: number;
}

/** One company, with its secrets and, for a provider, its suites. */
export interface WeComAccount extends WeComSwitches {
  /** CorpID. */
  readonly corpId: string;
  /** Default: `Corp <corpId>`. */
  readonly name?: string;
  /** Its self-built apps. */
  readonly agents: readonly WeComAgent[];
  /** Makes the company a provider. */
  readonly providerSecret?: string;
  /** Where its pushes go. */
  readonly callback?: WeComCallback;
  /** Suites this corp provides. */
  readonly suites?: readonly WeComSuite[];
}

/** A suite with nothing left open. */
export interface WeComSuiteSettings {
  readonly suiteId: string;
  readonly secret: string;
  readonly token: string;
  readonly encodingAESKey: string;
  readonly ticket: WeComTicket | undefined;
  readonly callbackUrl: string | undefined;
  readonly dataCallbackUrl: string | undefined;
  readonly providerBuilt: boolean;
  readonly corps: readonly WeComCustomer[];
  readonly switches: WeComSuiteSwitchSettings;
}

/** A company with nothing left open. */
export interface WeComSettings {
  readonly corpId: string;
  readonly name: string;
  readonly agents: readonly WeComAgent[];
  readonly providerSecret: string | undefined;
  readonly callback: WeComCallback | undefined;
  readonly suites: readonly WeComSuiteSettings[];
  readonly switches: WeComSwitchSettings;
}

/** What calls with the provider's token are listed under; no agent can have this id. */
export const PROVIDER_SUBJECT = 'provider';

/** Checks a company and fills in the defaults. Throws a `TypeError` that begins with the wrong member. */
export function weComSettings(account: WeComAccount): WeComSettings {
  const { corpId, name, agents, providerSecret, callback, suites, ...switches } = assertRecord(
    'wecom',
    account,
  ) as unknown as WeComAccount;
  assertKnownKeys('a WeCom company', switches, [...OWN_MEMBERS, ...SWITCH_NAMES]);
  const settings: WeComSettings = {
    corpId: assertText('corpId', corpId),
    name: assertText('name', name ?? `Corp ${corpId}`),
    agents: list('agents', agents).map(weComAgent),
    providerSecret: optionalText('providerSecret', providerSecret),
    callback: callback === undefined ? undefined : weComCallback(callback),
    suites: list('suites', suites ?? []).map(weComSuite),
    switches: switched(DEFAULT_SWITCHES, switches),
  };
  assertUnique(
    'agentId',
    settings.agents.map(({ agentId }) => String(agentId)),
  );
  assertUnique('secret', [...settings.agents.map(({ secret }) => secret), ...(providerSecret ? [providerSecret] : [])]);
  return settings;
}

/** Throws a `TypeError` where two companies, or two suites of whichever company, have one id. */
export function assertDistinct(accounts: readonly WeComSettings[]): void {
  assertUnique('corpId', [...accounts.map(({ corpId }) => corpId)]);
  const suites = accounts.flatMap((account) => account.suites.map(({ suiteId }) => suiteId));
  assertUnique('suiteId', [...suites, ...accounts.map(({ corpId }) => corpId)]);
}

export function weComAgent(agent: WeComAgent): WeComAgent {
  assertKnownKeys('a WeCom agent', assertRecord('agents', agent), ['agentId', 'secret', 'name']);
  if (typeof agent.agentId === 'number') assertCount('agentId', agent.agentId, 1);
  else assertText('agentId', agent.agentId);
  if (agent.agentId === PROVIDER_SUBJECT) throw new TypeError(`"agentId" must not be "${PROVIDER_SUBJECT}"`);
  assertText('secret', agent.secret);
  optionalText('name', agent.name);
  return { ...agent };
}

export function weComCustomer(customer: WeComCustomer): WeComCustomer {
  assertKnownKeys('a WeCom customer', assertRecord('corp', customer), ['corpId', 'name', 'agentId', 'permanentCode']);
  assertText('corpId', customer.corpId);
  optionalText('name', customer.name);
  if (customer.agentId !== undefined) assertCount('agentId', customer.agentId, 1);
  optionalText('permanentCode', customer.permanentCode);
  return { ...customer };
}

/** An http or https URL, or undefined. Throws a `TypeError` for anything else. */
export function optionalUrl(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const url = assertText(name, value);
  if (!URL.canParse(url) || !['http:', 'https:'].includes(new URL(url).protocol)) {
    throw new TypeError(`"${name}" must be an http or https URL`);
  }
  return url;
}

const OWN_MEMBERS = ['corpId', 'name', 'agents', 'providerSecret', 'callback', 'suites'];
const SUITE_MEMBERS = [
  'suiteId',
  'secret',
  'token',
  'encodingAESKey',
  'ticket',
  'callbackUrl',
  'dataCallbackUrl',
  'providerBuilt',
  'corps',
];

function weComSuite(suite: WeComSuite): WeComSuiteSettings {
  const { suiteId, secret, token, encodingAESKey, ticket, ...rest } = assertRecord(
    'suites',
    suite,
  ) as unknown as WeComSuite;
  const { callbackUrl, dataCallbackUrl, providerBuilt, corps, ...switches } = rest;
  assertKnownKeys('a WeCom suite', switches, [...SUITE_MEMBERS, ...SUITE_SWITCH_NAMES]);
  const customers = list('corps', corps ?? []).map(weComCustomer);
  assertUnique(
    'corpId',
    customers.map((customer) => customer.corpId),
  );
  return {
    suiteId: assertText('suiteId', suiteId),
    secret: assertText('secret', secret),
    token: assertText('token', token),
    encodingAESKey: assertEncodingKey(encodingAESKey),
    ticket: ticket === undefined ? undefined : weComTicket(ticket),
    callbackUrl: optionalUrl('callbackUrl', callbackUrl),
    dataCallbackUrl: optionalUrl('dataCallbackUrl', dataCallbackUrl),
    providerBuilt: assertBoolean('providerBuilt', providerBuilt ?? false),
    corps: customers,
    switches: suiteSwitched(DEFAULT_SUITE_SWITCHES, switches),
  };
}

function weComTicket(ticket: WeComTicket): WeComTicket {
  assertKnownKeys('a suite ticket', assertRecord('ticket', ticket), ['ticket', 'timestamp']);
  assertText('ticket.ticket', ticket.ticket);
  assertCount('ticket.timestamp', ticket.timestamp, 0);
  return { ...ticket };
}

function weComCallback(callback: WeComCallback): WeComCallback {
  const { token, encodingAESKey, url, receiveId, format, ...rest } = assertRecord(
    'callback',
    callback,
  ) as unknown as WeComCallback;
  assertKnownKeys('a WeCom callback', rest, ['token', 'encodingAESKey', 'url', 'receiveId', 'format']);
  assertText('token', token);
  assertEncodingKey(encodingAESKey);
  optionalUrl('url', url);
  if (receiveId !== undefined && typeof receiveId !== 'string') throw new TypeError('"receiveId" must be a string');
  if (format !== undefined) assertOneOf('format', format, ['xml', 'json']);
  return { ...callback };
}

export function assertEncodingKey(value: unknown): string {
  if (!isEncodingAESKey(value)) throw new TypeError('"encodingAESKey" must be 43 letters and digits');
  return value;
}

function optionalText(name: string, value: unknown): string | undefined {
  return value === undefined ? undefined : assertText(name, value);
}

function list<T>(name: string, value: readonly T[]): readonly T[] {
  if (!Array.isArray(value)) throw new TypeError(`"${name}" must be an array`);
  return value;
}
