import {
  type Account,
  type CallbackReply,
  type CallbackRequest,
  fingerprint,
  type SourceKind,
  TokenError,
  type TokenSource,
  type Tokens,
} from '@evertoken/core';
import type { PushHandler, PushHandling } from '../push/push-handler.js';
import { corpCallback, type WeComPushContext } from './corp-callback.js';
import { WeComClient, WeComProviderClient } from './we-com-client.js';
import {
  ACCESS_TOKEN,
  AGENT_TICKET,
  type AgentEntry,
  agentEntry,
  agentProblems,
  agentSubject,
  CORP_TICKET,
  deadAccessToken,
  type WeComAgent,
  type WeComAgentOptions,
} from './wecom-agent.js';
import {
  handlerProblems,
  placeFacts,
  placeProblems,
  pushProblems,
  quoted,
  readPlace,
  secretProblems,
  type WeComAccountOptions,
  type WeComPushKeys,
} from './wecom-options.js';
import { PLATFORM, weComSource } from './wecom-source.js';
import { corpTicketRequest, providerTokenRequest } from './wecom-wire.js';

/** What `weCom` takes. Missing values are reported by the manager's constructor, not here. */
export interface WeComOptions extends WeComAccountOptions {
  /** CorpID of the console ("my company"). */
  readonly corpId: string | undefined;
  /** The corp's secrets by names of your choice. More can be added at run time with `addAgent`. Default: none. */
  readonly agents?: Readonly<Record<string, WeComAgentOptions>> | undefined;
  /** ProviderSecret of a service provider's console. */
  readonly providerSecret?: string | undefined;
  /** Token and EncodingAESKey of "receive messages", for agents that have none of their own. */
  readonly push?: WeComPushKeys | undefined;
  /**
   * Told of messages and events, once genuine, of agents that have no `onPush` of their own and of those that are not among `agents`. Served by
   * `callback`. Default: they are answered, and nobody is told.
   */
  readonly onPush?: PushHandler<WeComPushContext> | undefined;
}

/** The tokens of a service provider. */
export interface WeComProvider {
  /** Kind `provider_access_token`. */
  readonly accessToken: TokenSource;
  /** Calls with it. */
  client(tokens: Tokens): WeComProviderClient;
}

/** A corp with its own agents (self-built apps, and tools such as contacts): one secret and one access token each. */
export interface WeCom extends Account<WeComClient> {
  readonly platform: 'wecom';
  /** The corp id. */
  readonly id: string;
  /** Where its requests go, without a slash at the end. */
  readonly baseUrl: string;
  /** Kind `jsapi_ticket`: the corp's ticket for `wx.config`. */
  readonly jsapiTicket: TokenSource;
  /** Of a corp that is a service provider. */
  readonly provider: WeComProvider;
  /**
   * An agent's handle. Throws `ERR_TOKEN_CONFIGURATION` for a name that is not among `agents`.
   */
  agent(name: string): WeComAgent;
  /**
   * Adds an agent at run time; a manager that has the account keeps its token fresh from the next sweep on. A known name gets
   * the new options: handles of the same agent follow, with a reset secret say.
   *
   * Throws `ERR_TOKEN_CONFIGURATION` for options that are wrong.
   */
  addAgent(name: string, options: WeComAgentOptions): WeComAgent;
  /**
   * Answers requests to "receive messages" addresses of the corp's agents, all of them: keys and `AgentID` say whose a message is. Keys of one
   * agent open nothing of another's. `onPush` is told: that of `handling`, else the agent's, else the corp's.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` where neither the corp nor an agent has `push`; the answering itself never rejects.
   */
  callback(
    tokens: Tokens,
    handling?: PushHandling<WeComPushContext>,
  ): (request: CallbackRequest) => Promise<CallbackReply>;
  /** Takes an agent away again; deletes nothing stored. Whether there was one of that name. */
  removeAgent(name: string): boolean;
  /** The agents, in the order they were added. */
  agents(): readonly WeComAgent[];
}

const PROVIDER_TOKEN = {
  kind: 'provider_access_token',
  issuance: 'idempotent',
  keep: 'obtainable',
} as const satisfies SourceKind;

const KINDS = [ACCESS_TOKEN, CORP_TICKET, AGENT_TICKET, PROVIDER_TOKEN] as const;

/**
 * A corp of WeCom (企业微信). Touches nothing and never throws for a missing value: the manager's constructor reports it.
 *
 * @example
 * export const corp = weCom({
 *   name: 'corp',
 *   corpId: process.env['WECOM_CORPID'],
 *   agents: { crm: { agentId: 1000002, secret: process.env['CRM_SECRET'] }, contacts: { secret: process.env['CONTACTS_SECRET'] } },
 * });
 */
export function weCom(options: WeComOptions): WeCom {
  const place = readPlace(options, options.corpId);
  const entries = new Map<string, AgentEntry>();
  /** As configured, for `problems`. */
  const given = new Map<string, WeComAgentOptions>();
  const providerSecret = typeof options.providerSecret === 'string' ? options.providerSecret : '';

  const jsapiTicket = weComSource(place, {
    facts: CORP_TICKET,
    parents: () => asker(entries),
    field: 'ticket',
    missing: () =>
      entries.size === 0 ? 'it is asked for with an agent’s token, and the account has no agent' : undefined,
    request: ([token = '']) => corpTicketRequest(place.baseUrl, token),
    deadParent: deadAccessToken,
  });
  const providerToken = weComSource(place, {
    facts: PROVIDER_TOKEN,
    credentials: () => fingerprint(providerSecret),
    field: 'provider_access_token',
    secrets: () => [providerSecret],
    missing: () => (providerSecret === '' ? '"providerSecret" is missing' : undefined),
    request: () => providerTokenRequest(place.baseUrl, { corpId: place.id, secret: providerSecret }),
  });

  const callback = corpCallback({ place, push: options.push, onPush: options.onPush, entries: () => entries.values() });

  function put(name: string, agent: WeComAgentOptions): WeComAgent {
    const known = entries.get(name);
    given.set(name, agent);
    if (known?.subject === agentSubject(name, agent)) {
      known.update(agent);
      return known.handle;
    }
    const entry = agentEntry({ place, jsapiTicket, push: options.push, callback }, name, agent);
    entries.set(name, entry);
    return entry.handle;
  }

  function find(subject: string | undefined): WeComAgent | undefined {
    const all = [...entries.values()];
    // Where there is one agent only, nobody need name it.
    if (subject === undefined) return all.length === 1 ? all[0]?.handle : undefined;
    return (all.find((entry) => entry.subject === subject) ?? entries.get(subject))?.handle;
  }

  const account: WeCom = Object.freeze({
    platform: PLATFORM,
    ...placeFacts(place, options, KINDS),
    jsapiTicket,
    provider: Object.freeze({
      accessToken: providerToken,
      client: (tokens: Tokens) => new WeComProviderClient({ place, accessToken: providerToken }, tokens),
    }),
    problems: () => [
      ...placeProblems(options, {
        required: ['corpId'],
        optional: ['agents', 'providerSecret', 'push', 'onPush'],
        id: ['corpId'],
        kinds: KINDS,
      }),
      ...secretProblems('providerSecret', options.providerSecret),
      ...pushProblems(options.push),
      ...handlerProblems(options.onPush),
      ...agentsProblems(options.agents),
      ...[...given].flatMap(([name, agent]) => agentProblems(name, agent)),
      ...sharedIds(given),
    ],
    *sources() {
      for (const { handle } of entries.values()) yield handle.accessToken;
      const tickets = [...entries.values()];
      if (tickets.some((entry) => entry.tickets.includes('jsapi_ticket'))) yield jsapiTicket;
      for (const entry of tickets) {
        if (entry.tickets.includes('agent_jsapi_ticket')) yield entry.handle.agentJsapiTicket;
      }
      if (providerSecret !== '') yield providerToken;
    },
    source(kind: string, subject?: string) {
      if (kind === ACCESS_TOKEN.kind) return find(subject)?.accessToken;
      if (kind === AGENT_TICKET.kind) return find(subject)?.agentJsapiTicket;
      if (subject !== undefined) return undefined;
      return [jsapiTicket, providerToken].find((source) => source.kind === kind);
    },
    client: (tokens: Tokens) => new WeComClient({ place, account, push: () => options.push }, tokens),
    callback: (tokens: Tokens, handling?: PushHandling<WeComPushContext>) => callback(tokens, handling),
    agent(name: string) {
      const entry = entries.get(name);
      if (entry) return entry.handle;
      const known = entries.size === 0 ? 'it has none' : `it has ${quoted([...entries.keys()])}`;
      throw new TokenError('ERR_TOKEN_CONFIGURATION', `account "${place.account}" has no agent "${name}"; ${known}`, {
        account: place.account,
      });
    },
    addAgent(name: string, agent: WeComAgentOptions) {
      const others = new Map([...given, [name, agent]]);
      const problems = [...agentProblems(String(name), agent), ...sharedIds(others)];
      if (problems.length > 0) {
        throw new TokenError('ERR_TOKEN_CONFIGURATION', `${problems.join('; ')} (account "${place.account}")`, {
          account: place.account,
        });
      }
      return put(name, agent);
    },
    removeAgent(name: string) {
      given.delete(name);
      return entries.delete(name);
    },
    agents: () => [...entries.values()].map(({ handle }) => handle),
  });
  for (const [name, agent] of Object.entries(objectOf(options.agents))) put(name, agent);
  return account;
}

/** With whose token the corp's ticket is asked for: one that is to keep it, one that is an app, any. */
function asker(entries: ReadonlyMap<string, AgentEntry>): readonly TokenSource[] {
  const all = [...entries.values()];
  const one =
    all.find(({ tickets }) => tickets.includes('jsapi_ticket')) ??
    all.find(({ handle }) => handle.agentId !== undefined) ??
    all[0];
  return one ? [one.handle.accessToken] : [];
}

function agentsProblems(agents: unknown): string[] {
  if (agents === undefined) return [];
  const right = typeof agents === 'object' && agents !== null && !Array.isArray(agents);
  return right ? [] : ['"agents" must be an object: names, and the agents’ options'];
}

/** Two names for one agent are two keepers of one token. */
function sharedIds(agents: ReadonlyMap<string, WeComAgentOptions>): string[] {
  const names = new Map<string, string>();
  const problems: string[] = [];
  for (const [name, agent] of agents) {
    const subject = agentSubject(name, agent);
    const other = names.get(subject);
    if (other !== undefined) problems.push(`"agentId" of agent "${name}" is that of agent "${other}", too`);
    names.set(subject, name);
  }
  return problems;
}

function objectOf(agents: unknown): Readonly<Record<string, WeComAgentOptions>> {
  const right = typeof agents === 'object' && agents !== null && !Array.isArray(agents);
  return right ? (agents as Readonly<Record<string, WeComAgentOptions>>) : {};
}
