import type { Account, CallbackReply, CallbackRequest, TokenSource, Tokens } from '@evertoken/core';
import { pushKeyProblems } from '../push/push-keys.js';
import type { WeComSuiteEvent } from './suite-callback.js';
import { type SuiteClientInput, WeComSuiteClient, WeComSuiteCorpClient } from './suite-client.js';
import { SuiteInstallations } from './suite-installations.js';
import {
  CORP_AGENT_TICKET,
  CORP_JSAPI_TICKET,
  CORP_TICKET_KINDS,
  CORP_TOKEN,
  PERMANENT_CODE,
  SUITE_KINDS,
  type Suite,
  suiteCorpSources,
  suiteSources,
} from './suite-sources.js';
import {
  isBaseUrl,
  isId,
  placeFacts,
  placeProblems,
  pushKeysOf,
  pushProblems,
  readPlace,
  secretProblems,
  ticketProblems,
  ticketsOf,
  type WeComAccountOptions,
  type WeComPushKeys,
} from './wecom-options.js';
import { PLATFORM } from './wecom-source.js';
import { WECOM_PAGES } from './wecom-wire.js';

/** Tickets of a corp that has installed the app. */
export type WeComCorpTicketKind = 'corp_jsapi_ticket' | 'corp_agent_jsapi_ticket';

/** What `weComSuite` takes. Missing values are reported by the manager's constructor, not here. */
export interface WeComSuiteOptions extends WeComAccountOptions {
  /** SuiteID of the provider's console; of a provider-built app the template's id. */
  readonly suiteId: string | undefined;
  /** Suite secret. */
  readonly secret: string | undefined;
  /** Token and EncodingAESKey of the app's callbacks. */
  readonly push: WeComPushKeys | undefined;
  /** The provider's own CorpID: what verifications of the addresses are for. Without it: the suite id alone. */
  readonly corpId?: string | undefined;
  /** Built for single corps ("代开发"): their permanent codes are secrets, and tokens do without the suite's. Default: false. */
  readonly providerBuilt?: boolean | undefined;
  /** Another address than `https://open.work.weixin.qq.com` for the installation page: a sandbox. */
  readonly pageUrl?: string | undefined;
  /** Which tickets of each corp are kept fresh from its installation on, by their kinds; `true`: both. Default: none, they are asked for when somebody wants them. */
  readonly tickets?: boolean | readonly WeComCorpTicketKind[] | undefined;
  /**
   * Told of installations, changes and whatever else comes to the command address, tickets excepted, once the tokens have been seen
   * to. The platform waits for it: where it rejects, the push comes again.
   */
  readonly onEvent?: ((event: WeComSuiteEvent) => unknown) | undefined;
}

/** A corp that has installed the app, or has not: a handle says nothing of it. Costs a few key builds; handles of a corp mean the same keys. */
export interface WeComSuiteCorp {
  /** CorpID of the customer. */
  readonly corpId: string;
  /** Kind `permanent_code`: the installation, a grant without end. Its value is a secret. */
  readonly permanentCode: TokenSource;
  /** Kind `corp_access_token`. */
  readonly accessToken: TokenSource;
  /** Kind `corp_jsapi_ticket`, for `wx.config`. */
  readonly jsapiTicket: TokenSource;
  /** Kind `corp_agent_jsapi_ticket`, for `wx.agentConfig`. */
  readonly agentJsapiTicket: TokenSource;
  /** Calls as the app in this corp. */
  client(tokens: Tokens): WeComSuiteCorpClient;
}

/** A third-party or provider-built app, and the corps that install it. */
export interface WeComSuite extends Account<WeComSuiteClient> {
  readonly platform: 'wecom';
  /** The suite id. */
  readonly id: string;
  /** Where its requests go, without a slash at the end. */
  readonly baseUrl: string;
  /** Kind `suite_ticket`: pushed about every 10 minutes, good for 30. Of two the later one counts. */
  readonly ticket: TokenSource;
  /** Kind `suite_access_token`: asked for with the ticket; the same for two hours. */
  readonly accessToken: TokenSource;
  /** A corp's handle. */
  corp(corpId: string): WeComSuiteCorp;
  /** Answers requests to the command address: tickets, and corps that install the app, change it or take it out. Answers once what they brought is stored. */
  callback(tokens: Tokens): (request: CallbackRequest) => Promise<CallbackReply>;
  /** A corp's token goes with its permanent code, and the tickets that `tickets` names with both. */
  companions(source: TokenSource): Iterable<TokenSource>;
}

/**
 * A suite of WeCom: an app that other corps install. Its grants (ticket and permanent codes) want a durable store. Touches nothing
 * and never throws for a missing value: the manager's constructor reports it.
 *
 * @example
 * export const suite = weComSuite({
 *   name: 'suite',
 *   suiteId: process.env['WECOM_SUITE_ID'],
 *   secret: process.env['WECOM_SUITE_SECRET'],
 *   push: { token: process.env['WECOM_TOKEN'], encodingAESKey: process.env['WECOM_AES_KEY'] },
 *   corpId: process.env['WECOM_PROVIDER_CORPID'],
 * });
 */
export function weComSuite(options: WeComSuiteOptions): WeComSuite {
  const suite: Suite = {
    ...readPlace(options, options.suiteId),
    secret: typeof options.secret === 'string' ? options.secret : '',
    providerBuilt: options.providerBuilt === true,
    pageUrl: typeof options.pageUrl === 'string' ? options.pageUrl.replace(/\/+$/, '') : WECOM_PAGES,
  };
  const own = suiteSources(suite);
  const tickets = ticketsOf(options.tickets, CORP_TICKET_KINDS);
  const corpId = isId(options.corpId) ? options.corpId : undefined;
  const keys = () => pushKeysOf(options.push);
  const installations = new SuiteInstallations(suite, own, (id) => corp(id));
  const input: SuiteClientInput = { suite, sources: own, corp: (id) => corp(id), installations, keys, corpId };

  function corp(id: string): WeComSuiteCorp {
    const sources = suiteCorpSources(suite, own.accessToken, keyableCorp(id));
    const handle: WeComSuiteCorp = Object.freeze({
      corpId: id,
      ...sources,
      client: (tokens: Tokens) => new WeComSuiteCorpClient(suite, handle, tokens),
    });
    return handle;
  }

  function sourceOfCorp(kind: string, id: string): TokenSource | undefined {
    const { permanentCode, accessToken, jsapiTicket, agentJsapiTicket } = corp(id);
    return [permanentCode, accessToken, jsapiTicket, agentJsapiTicket].find((source) => source.kind === kind);
  }

  return Object.freeze({
    platform: PLATFORM,
    ...placeFacts(suite, options, SUITE_KINDS),
    ticket: own.ticket,
    accessToken: own.accessToken,
    problems: () => [
      ...placeProblems(options, {
        required: ['suiteId', 'secret'],
        optional: ['push', 'corpId', 'providerBuilt', 'pageUrl', 'tickets', 'onEvent'],
        id: ['suiteId', 'corpId'],
        kinds: SUITE_KINDS,
      }),
      ...(isFilled(options.secret) ? secretProblems('secret', options.secret) : []),
      ...(options.push === undefined ? pushKeyProblems(undefined, 'push') : pushProblems(options.push)),
      ...ticketProblems(options.tickets, CORP_TICKET_KINDS),
      ...typeProblems(options),
    ],
    sources: () => [own.ticket, own.accessToken],
    *companions(source: TokenSource) {
      const { kind, subject } = source;
      if (subject === undefined || (kind !== PERMANENT_CODE.kind && kind !== CORP_TOKEN.kind)) return;
      const handle = corp(subject);
      if (kind === PERMANENT_CODE.kind) yield handle.accessToken;
      if (tickets.includes(CORP_JSAPI_TICKET.kind)) yield handle.jsapiTicket;
      if (tickets.includes(CORP_AGENT_TICKET.kind)) yield handle.agentJsapiTicket;
    },
    source(kind: string, subject?: string) {
      if (subject !== undefined) return isId(subject) ? sourceOfCorp(kind, subject) : undefined;
      return [own.ticket, own.accessToken].find((source) => source.kind === kind);
    },
    client: (tokens: Tokens) => new WeComSuiteClient(input, tokens),
    callback: (tokens: Tokens) => async (request: CallbackRequest) => {
      const { answerSuitePush } = await import('./suite-callback.js');
      return answerSuitePush(
        { suite, sources: own, installations, keys, corpId, onEvent: options.onEvent },
        tokens,
        request,
      );
    },
    corp,
  });
}

/** A handle of a corp that cannot be is asked for in vain, and must not throw before. */
function keyableCorp(corpId: unknown): string {
  return isId(corpId) ? corpId : `?${String(corpId).slice(0, 32).toWellFormed()}`;
}

function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}

function typeProblems({ providerBuilt, pageUrl, onEvent }: WeComSuiteOptions): string[] {
  const problems: string[] = [];
  if (pageUrl !== undefined && !isBaseUrl(pageUrl)) {
    problems.push('"pageUrl" must be an http or https URL without credentials, query and fragment');
  }
  if (providerBuilt !== undefined && typeof providerBuilt !== 'boolean') {
    problems.push('"providerBuilt" must be true or false');
  }
  if (onEvent !== undefined && typeof onEvent !== 'function') {
    problems.push(`"onEvent" must be a function, got ${typeof onEvent}`);
  }
  return problems;
}
