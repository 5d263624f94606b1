import {
  type CallbackReply,
  type CallbackRequest,
  fingerprint,
  optionProblems,
  type SourceKind,
  type TokenQuota,
  type TokenSource,
  type Tokens,
} from '@evertoken/core';
import type { PushHandler, PushHandling } from '../push/push-handler.js';
import type { CorpCallback, WeComPushContext } from './corp-callback.js';
import { WeComAgentClient } from './we-com-client.js';
import {
  handlerProblems,
  type Place,
  pushProblems,
  secretProblems,
  ticketProblems,
  ticketsOf,
  type WeComPushKeys,
} from './wecom-options.js';
import { weComSource } from './wecom-source.js';
import { agentTicketRequest, corpTokenRequest } from './wecom-wire.js';

/** Tickets asked for with an agent's token. */
export type WeComTicketKind = 'jsapi_ticket' | 'agent_jsapi_ticket';

/** One secret of a corp: of a self-built app, or of contacts, customer contact, customer service and the like. */
export interface WeComAgentOptions {
  /** Secret of the app's page in the console, or of the tool's. */
  readonly secret: string | undefined;
  /**
   * AgentId of the app. Tools such as contacts have none. With it the app's tokens are found again under whatever name another
   * program gives it; without it the secret is part of where they are stored.
   */
  readonly agentId?: number | string | undefined;
  /**
   * Which tickets are kept fresh from the start, by their kinds; `true`: both. The others are asked for when somebody wants them.
   * Default: none.
   */
  readonly tickets?: boolean | readonly WeComTicketKind[] | undefined;
  /** Token and EncodingAESKey of the app's own "receive messages" page. Default: the corp's `push`. */
  readonly push?: WeComPushKeys | undefined;
  /** Told of the agent's messages and events, once genuine. Default: the corp's `onPush`. */
  readonly onPush?: PushHandler<WeComPushContext> | undefined;
}

/** One of a corp's agents: its tokens, and calls with them. */
export interface WeComAgent {
  /** What the account calls the app. */
  readonly name: string;
  /** As text; absent where the options name none. */
  readonly agentId: string | undefined;
  /** Kind `access_token`. Good for this agent's calls and no other's. */
  readonly accessToken: TokenSource;
  /**
   * Kind `jsapi_ticket`: the corp's ticket for `wx.config`, the same for all its agents. At most 400 calls an hour for the corp
   * and 100 for the agent it is asked for with.
   */
  readonly jsapiTicket: TokenSource;
  /** Kind `agent_jsapi_ticket`: this agent's ticket for `wx.agentConfig`. */
  readonly agentJsapiTicket: TokenSource;
  /** Calls as this agent. */
  client(tokens: Tokens): WeComAgentClient;
  /**
   * Answers requests to this agent's own "receive messages" address; what is for another agent of the corp is refused. `onPush` is told: that
   * of `handling`, else the agent's, else the corp's.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` where neither the agent nor the corp has `push`; the answering itself never rejects.
   */
  callback(
    tokens: Tokens,
    handling?: PushHandling<WeComPushContext>,
  ): (request: CallbackRequest) => Promise<CallbackReply>;
}

export const ACCESS_TOKEN = {
  kind: 'access_token',
  issuance: 'idempotent',
  keep: 'obtainable',
  /** What a corp may call any one API (sheet §3.1). */
  quota: { calls: 150_000, period: 'hour', scope: 'account' },
} as const satisfies SourceKind;
/** Tickets a corp, and each of its agents, may ask for in an hour (sheet §3.2). */
export const CORP_TICKETS_PER_HOUR = 400;
export const AGENT_TICKET_QUOTA = { calls: 100, period: 'hour', scope: 'subject' } as const satisfies TokenQuota;
export const AGENT_TICKET = {
  kind: 'agent_jsapi_ticket',
  issuance: 'idempotent',
  keep: 'obtainable',
  quota: AGENT_TICKET_QUOTA,
} as const satisfies SourceKind;
export const CORP_TICKET = {
  kind: 'jsapi_ticket',
  issuance: 'idempotent',
  keep: 'obtainable',
  quota: { calls: CORP_TICKETS_PER_HOUR, period: 'hour', scope: 'account' },
} as const satisfies SourceKind;

/** All tickets an agent can have. */
export const TICKET_KINDS = [CORP_TICKET.kind, AGENT_TICKET.kind] as const;

/** Codes that say the access token presented is dead. `40001` on a ticket's endpoint is about the token, too. */
const DEAD_ACCESS_TOKEN: readonly number[] = [40001, 40014, 42001];

/** On an endpoint that takes an access token: the place of the dead parent. */
export function deadAccessToken(errcode: number): number | undefined {
  return DEAD_ACCESS_TOKEN.includes(errcode) ? 0 : undefined;
}

/** An agent as it is kept: its options can be replaced while handles of it are about. */
export interface AgentEntry {
  readonly handle: WeComAgent;
  /** Whose token it is, in keys. */
  readonly subject: string;
  readonly tickets: readonly WeComTicketKind[];
  readonly push: WeComPushKeys | undefined;
  /** Whether `push` is its own, and not the corp's. */
  readonly hasOwnPush: boolean;
  /** Its own. */
  readonly onPush: PushHandler<WeComPushContext> | undefined;
  /** Takes over new options of the same agent: handles that were given out follow. */
  update(options: WeComAgentOptions): void;
}

/** What an agent needs of its corp. */
export interface AgentOwner {
  readonly place: Place;
  readonly jsapiTicket: TokenSource;
  readonly push: WeComPushKeys | undefined;
  readonly callback: CorpCallback;
}

/** Makes an agent's handle and what stands behind it. */
export function agentEntry(owner: AgentOwner, name: string, options: WeComAgentOptions): AgentEntry {
  const { place } = owner;
  let current = options;
  const subject = agentSubject(name, options);
  const secret = () => (typeof current?.secret === 'string' ? current.secret : '');
  const accessToken = weComSource(place, {
    facts: ACCESS_TOKEN,
    subject,
    credentials: () => fingerprint(secret()),
    field: 'access_token',
    secrets: () => [secret()],
    request: () => corpTokenRequest(place.baseUrl, { corpId: place.id, secret: secret() }),
  });
  const agentJsapiTicket = weComSource(place, {
    facts: AGENT_TICKET,
    subject,
    parents: () => [accessToken],
    field: 'ticket',
    request: ([token = '']) => agentTicketRequest(place.baseUrl, token),
    deadParent: deadAccessToken,
  });
  const handle: WeComAgent = Object.freeze({
    name,
    agentId: agentIdOf(options),
    accessToken,
    jsapiTicket: owner.jsapiTicket,
    agentJsapiTicket,
    client: (tokens: Tokens) =>
      new WeComAgentClient({ place, agent: handle, push: () => current.push ?? owner.push }, tokens),
    callback: (tokens: Tokens, handling?: PushHandling<WeComPushContext>) =>
      owner.callback(tokens, { ...handling, alone: entry }),
  });
  const entry: AgentEntry = {
    handle,
    subject,
    get tickets() {
      return ticketsOf(current?.tickets, TICKET_KINDS);
    },
    get push() {
      return current?.push ?? owner.push;
    },
    get hasOwnPush() {
      return current?.push !== undefined;
    },
    get onPush() {
      return current?.onPush;
    },
    update(next) {
      current = next;
    },
  };
  return entry;
}

/**
 * What tells an agent's tokens from those of all other agents of the corp: its number, or, where it has none, its name together
 * with the secret's fingerprint. Two programs that call different secrets "app" must not be given each other's token.
 */
export function agentSubject(name: string, options: WeComAgentOptions | undefined): string {
  const agentId = agentIdOf(options);
  if (agentId !== undefined) return agentId;
  const secret = typeof options?.secret === 'string' ? options.secret : '';
  return `${keyable(name)}~${fingerprint(secret)}`;
}

/** What is wrong with an agent's options, as sentences that begin with the quoted option. */
export function agentProblems(name: string, options: WeComAgentOptions | undefined): string[] {
  if (typeof options !== 'object' || options === null) {
    return [`"agents" must give agent "${shown(name)}" an object with its "secret"`];
  }
  const problems = optionProblems(options, {
    required: ['secret'],
    optional: ['agentId', 'tickets', 'push', 'onPush'],
  });
  const { agentId, secret, tickets, push, onPush } = options;
  if (typeof secret === 'string' && secret.trim() !== '') problems.push(...secretProblems('secret', secret));
  if (agentId !== undefined && agentIdOf(options) === undefined) {
    problems.push('"agentId" must be the number that the console shows, 1 or more');
  }
  problems.push(...ticketProblems(tickets, TICKET_KINDS), ...pushProblems(push), ...handlerProblems(onPush));
  const all = problems.map((problem) => problem.replace(/^("[^"]*")/, `$1 of agent "${shown(name)}"`));
  if (name.trim() === '' || keyable(name) !== name) {
    all.push('"agents" must have names of 1 to 64 well-formed characters');
  }
  return all;
}

/** As text; undefined for what no console shows. */
function agentIdOf(options: WeComAgentOptions | undefined): string | undefined {
  const agentId = String(options?.agentId ?? '');
  return /^[1-9]\d{0,18}$/.test(agentId) ? agentId : undefined;
}

/** A name that a key can hold, whatever it is. */
function keyable(name: string): string {
  const plain = name.isWellFormed() && name.length <= 64 && encodeURIComponent(name).length <= 300;
  return plain ? name : `?${fingerprint(name.toWellFormed())}`;
}

function shown(name: string): string {
  return name.toWellFormed().slice(0, 64);
}
