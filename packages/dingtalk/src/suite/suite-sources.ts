import { idsOf, labelOf, type SourceKind, type Token, TokenError, type TokenSource, tokenKeyOf } from '@evertoken/core';
import { ask } from '../ask.js';
import { issuedIn, jsapiTicketRequest } from '../dingtalk-wire.js';
import { credentialsOf, keyIdOf } from '../options.js';
import { PLATFORM, parentOf, unifiedTokenSource } from '../token-sources.js';
import { askWithTicket } from './ask-with-ticket.js';
import {
  AUTHORIZATION,
  CORP_JSAPI_TICKET,
  CORP_TOKEN,
  PERMANENT_CODE,
  SUITE_TICKET,
  SUITE_TOKEN,
} from './suite-kinds.js';
import type { Suite } from './suite-options.js';
import { corpTokenRequest, suiteTokenRequest } from './suite-wire.js';

/** 60 s: a token as young as this is not asked for again: that would only take the one away that others were just given. */
const YOUNG_MS = 60_000;
/** 24 h: however often it is renewed, a JSAPI ticket ends this long after it was made (page `jsapi-authentication`). */
const TICKET_MAX_LIFETIME_MS = 24 * 60 * 60_000;

/** The sources of a suite itself. */
export interface SuiteSources {
  readonly ticket: TokenSource;
  readonly accessToken: TokenSource;
}

/** The sources of one corp. */
export interface SuiteCorpSources {
  readonly authorization: TokenSource;
  readonly permanentCode: TokenSource;
  readonly accessToken: TokenSource;
  readonly jsapiTicket: TokenSource;
}

/** Ticket and token of the suite. */
export function suiteSources(suite: Suite): SuiteSources {
  const ticket = pushedSource(suite, SUITE_TICKET);
  return { ticket, accessToken: suiteTokenSource(suite, ticket) };
}

/** What is held of a corp. */
export function suiteCorpSources(suite: Suite, own: SuiteSources, corpId: string): SuiteCorpSources {
  const accessToken =
    suite.api === 'unified' ? unifiedSource(suite, corpId) : corpTokenSource(suite, own.ticket, corpId);
  return {
    authorization: pushedSource(suite, AUTHORIZATION, { corpId }),
    permanentCode: pushedSource(suite, PERMANENT_CODE, { corpId, parents: [own.accessToken] }),
    accessToken,
    jsapiTicket: corpTicketSource(suite, accessToken, corpId),
  };
}

/** What comes by push and has no end. */
function pushedSource(
  suite: Suite,
  facts: SourceKind,
  { corpId, parents }: { readonly corpId?: string; readonly parents?: readonly TokenSource[] } = {},
): TokenSource {
  const about = aboutOf(suite, facts, corpId);
  return Object.freeze<TokenSource>({
    ...about,
    ...facts,
    key: keyOf(suite, facts, corpId),
    lifetime: 'constant',
    ...(parents && { dependsOn: Object.freeze(parents) }),
    issue: async () => {
      throw new TokenError('ERR_TOKEN_WAITING', `${labelOf(about)}: it comes by push`, idsOf(about));
    },
  });
}

function suiteTokenSource(suite: Suite, pushed: TokenSource): TokenSource {
  const about = aboutOf(suite, SUITE_TOKEN);
  return Object.freeze<TokenSource>({
    ...about,
    ...SUITE_TOKEN,
    key: keyOf(suite, SUITE_TOKEN),
    lifetime: 'remaining',
    ...dependingOn(suite, pushed),
    credentials: credentialsOf(suite.suiteSecret),
    renewableFrom: ({ issuedAt }) => issuedAt + YOUNG_MS,
    issue: async (request) => {
      const ticket = ticketOf(suite, request.parents, about);
      return askWithTicket(suite, request, {
        about,
        ticket,
        wireAt: () => suiteTokenRequest(suite, ticket),
        read: (json) => issuedIn(json, 'suiteToken'),
        expected: 'suite token',
      });
    },
  });
}

function corpTokenSource(suite: Suite, pushed: TokenSource, corpId: string): TokenSource {
  const about = aboutOf(suite, CORP_TOKEN, corpId);
  return Object.freeze<TokenSource>({
    ...about,
    ...CORP_TOKEN,
    key: keyOf(suite, CORP_TOKEN, corpId),
    lifetime: 'remaining',
    ...dependingOn(suite, pushed),
    credentials: credentialsOf(suite.suiteSecret),
    renewableFrom: ({ issuedAt }) => issuedAt + YOUNG_MS,
    issue: async (request) => {
      const ticket = ticketOf(suite, request.parents, about);
      return askWithTicket(suite, request, {
        about,
        ticket,
        wireAt: (at) => corpTokenRequest(suite, { corpId, suiteTicket: ticket, at }),
        read: (json) => issuedIn(json, 'token'),
        expected: 'token',
      });
    },
  });
}

function unifiedSource(suite: Suite, corpId: string): TokenSource {
  const { name, baseUrls, circuit, suiteKey: clientId, suiteSecret: clientSecret } = suite;
  return unifiedTokenSource({ name, baseUrls, circuit, clientId, clientSecret }, corpId);
}

function corpTicketSource(suite: Suite, accessToken: TokenSource, corpId: string): TokenSource {
  const about = aboutOf(suite, CORP_JSAPI_TICKET, corpId);
  return Object.freeze<TokenSource>({
    ...about,
    ...CORP_JSAPI_TICKET,
    key: keyOf(suite, CORP_JSAPI_TICKET, corpId),
    lifetime: 'extended',
    maxLifetimeMs: TICKET_MAX_LIFETIME_MS,
    dependsOn: Object.freeze([accessToken]),
    credentials: credentialsOf(suite.suiteSecret),
    async issue(request) {
      const token = parentOf(request.parents, 0, about);
      return ask(request, {
        about,
        circuit: suite.circuit,
        wire: jsapiTicketRequest(suite, token),
        blames: { token },
        read: (json) => issuedIn(json, 'ticket'),
        expected: 'ticket',
      });
    },
  });
}

/** The ticket to be sent: the pushed one, of custom apps any. */
export function ticketOf(
  { fixedTicket }: Suite,
  parents: readonly Token[],
  about: { readonly account: string; readonly kind: string },
): string {
  return fixedTicket ?? parentOf(parents, 0, about);
}

function dependingOn({ fixedTicket }: Suite, ticket: TokenSource): Pick<TokenSource, 'dependsOn'> {
  return fixedTicket === undefined ? { dependsOn: Object.freeze([ticket]) } : {};
}

/** Whose token it is, for keys and errors. */
export function aboutOf({ name: account }: Suite, { kind }: SourceKind, corpId?: string) {
  return { account, kind, ...(corpId !== undefined && { subject: corpId }) };
}

function keyOf({ suiteKey, name }: Suite, { kind }: SourceKind, corpId?: string) {
  const id = keyIdOf(suiteKey, name);
  return tokenKeyOf({ platform: PLATFORM, id, kind, ...(corpId !== undefined && { subject: [corpId] }) });
}
