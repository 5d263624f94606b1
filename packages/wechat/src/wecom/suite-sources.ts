import { fingerprint, idsOf, labelOf, type SourceKind, TokenError, type TokenSource } from '@evertoken/core';
import { failureIn } from '../wechat-wire.js';
import { AGENT_TICKET_QUOTA, CORP_TICKETS_PER_HOUR, deadAccessToken } from './wecom-agent.js';
import { WECOM_ERRORS } from './wecom-errors.js';
import type { Place } from './wecom-options.js';
import { askWeCom, keyOf, type Recipe, refusal, sourceIds, weComSource } from './wecom-source.js';
import {
  agentTicketRequest,
  authorizedCorpTokenRequest,
  corpTicketRequest,
  corpTokenRequest,
  suiteTokenRequest,
} from './wecom-wire.js';

const obtainable = { issuance: 'idempotent', keep: 'obtainable' } as const;

export const SUITE_TICKET = { kind: 'suite_ticket', issuance: 'pushed', keep: 'grant' } as const satisfies SourceKind;
export const SUITE_TOKEN = { kind: 'suite_access_token', ...obtainable } as const satisfies SourceKind;
/** Not `pushed`: asking means having the platform judge the code, which is how a cancelled authorization is found out. */
export const PERMANENT_CODE = {
  kind: 'permanent_code',
  issuance: 'idempotent',
  keep: 'grant',
} as const satisfies SourceKind;
export const CORP_TOKEN = { kind: 'corp_access_token', ...obtainable } as const satisfies SourceKind;
export const CORP_JSAPI_TICKET = {
  kind: 'corp_jsapi_ticket',
  ...obtainable,
  quota: { calls: CORP_TICKETS_PER_HOUR, period: 'hour', scope: 'subject' },
} as const satisfies SourceKind;
export const CORP_AGENT_TICKET = {
  kind: 'corp_agent_jsapi_ticket',
  ...obtainable,
  quota: AGENT_TICKET_QUOTA,
} as const satisfies SourceKind;

export const SUITE_KINDS = [
  SUITE_TICKET,
  SUITE_TOKEN,
  PERMANENT_CODE,
  CORP_TOKEN,
  CORP_JSAPI_TICKET,
  CORP_AGENT_TICKET,
] as const;

/** Tickets of a corp that installed the app. */
export const CORP_TICKET_KINDS = [CORP_JSAPI_TICKET.kind, CORP_AGENT_TICKET.kind] as const;

/** 30 min: three pushes, of which two may be lost (path/90628). */
export const SUITE_TICKET_LIFETIME_MS = 30 * 60_000;

/** A suite's options, read once. Holds the secret: never part of an account. */
export interface Suite extends Place {
  readonly secret: string;
  /** Built for single corps: the permanent code is the secret of `gettoken`. */
  readonly providerBuilt: boolean;
  /** Host of the installation page, without a slash at its end. */
  readonly pageUrl: string;
}

/** The sources of a suite itself. */
export interface SuiteSources {
  readonly ticket: TokenSource;
  readonly accessToken: TokenSource;
}

/** The sources of a corp that installed the app. */
export interface SuiteCorpSources {
  readonly permanentCode: TokenSource;
  readonly accessToken: TokenSource;
  readonly jsapiTicket: TokenSource;
  readonly agentJsapiTicket: TokenSource;
}

/** Ticket and access token. The ticket cannot be asked for: no endpoint has the platform push one. */
export function suiteSources(suite: Suite): SuiteSources {
  const ids = sourceIds(suite, SUITE_TICKET, undefined);
  const ticket: TokenSource = {
    key: keyOf(suite, SUITE_TICKET, undefined),
    ...ids,
    ...SUITE_TICKET,
    lifetime: 'remaining',
    async issue() {
      throw new TokenError('ERR_TOKEN_WAITING', `${labelOf(ids)}: waiting for the platform's push`, idsOf(ids));
    },
  };
  const accessToken = weComSource(suite, {
    facts: SUITE_TOKEN,
    credentials: () => fingerprint(suite.secret),
    parents: () => [ticket],
    field: 'suite_access_token',
    secrets: () => [suite.secret],
    request: ([value = '']) =>
      suiteTokenRequest(suite.baseUrl, { suiteId: suite.id, secret: suite.secret, ticket: value }),
    deadParent: (errcode) => (errcode === 40085 ? 0 : undefined),
  });
  return { ticket, accessToken };
}

/** What a corp's installation brings, and what is asked for with it. */
export function suiteCorpSources(suite: Suite, suiteToken: TokenSource, corpId: string): SuiteCorpSources {
  const permanentCode = permanentCodeSource(suite, suiteToken, corpId);
  const { providerBuilt } = suite;
  const accessToken = weComSource(suite, {
    facts: CORP_TOKEN,
    subject: corpId,
    parents: () => (providerBuilt ? [permanentCode] : [suiteToken, permanentCode]),
    field: 'access_token',
    request: (parents) => corpToken(suite, corpId, parents.at(-1) ?? '', parents[0] ?? ''),
    deadParent: providerBuilt
      ? (errcode) => (isDeadCode(suite, errcode) ? 0 : undefined)
      : (errcode) => (isDeadSuiteToken(errcode) ? 0 : isDeadCode(suite, errcode) ? 1 : undefined),
  });
  const ticket = (facts: SourceKind, request: typeof corpTicketRequest) =>
    weComSource(suite, {
      facts,
      subject: corpId,
      parents: () => [accessToken],
      field: 'ticket',
      request: ([token = '']) => request(suite.baseUrl, token),
      deadParent: deadAccessToken,
    });
  return {
    permanentCode,
    accessToken,
    jsapiTicket: ticket(CORP_JSAPI_TICKET, corpTicketRequest),
    agentJsapiTicket: ticket(CORP_AGENT_TICKET, agentTicketRequest),
  };
}

/**
 * The code that stands for an installation. It has no end; asking for it has the platform judge it, by asking for the corp's token,
 * which is the same for two hours: right → the same code, cancelled or replaced → a person must install the app again.
 */
function permanentCodeSource(suite: Suite, suiteToken: TokenSource, corpId: string): TokenSource {
  const ids = sourceIds(suite, PERMANENT_CODE, corpId);
  const parents = suite.providerBuilt ? [] : [suiteToken];
  return {
    key: keyOf(suite, PERMANENT_CODE, corpId),
    ...ids,
    ...PERMANENT_CODE,
    lifetime: 'constant',
    dependsOn: parents,
    async issue(request) {
      const { current } = request;
      if (!current) {
        const message = `${labelOf(ids)}: the corp has not installed the app`;
        throw new TokenError('ERR_TOKEN_REAUTHORIZATION_REQUIRED', message, idsOf(ids));
      }
      const recipe: Recipe = {
        facts: PERMANENT_CODE,
        parents: () => parents,
        field: 'access_token',
        secrets: () => [current.value],
        request: ([token = '']) => corpToken(suite, corpId, current.value, token),
        deadParent: (errcode) => (!suite.providerBuilt && isDeadSuiteToken(errcode) ? 0 : undefined),
      };
      const { answer, values } = await askWeCom(request, recipe, ids);
      const failure = failureIn(answer, ids);
      if (failure && isDeadCode(suite, failure.errcode)) {
        const { meaning = '' } = WECOM_ERRORS[failure.errcode] ?? {};
        const message = `${labelOf(ids)}: WeCom answered ${failure.errcode}, ${meaning}; the corp must install the app again`;
        throw new TokenError('ERR_TOKEN_REAUTHORIZATION_REQUIRED', message, {
          ...idsOf(ids),
          platformCode: String(failure.errcode),
          ...(failure.requestId !== undefined && { requestId: failure.requestId }),
        });
      }
      if (failure) throw refusal(failure, { request, recipe, ids, values });
      return { value: current.value, ...(current.extra && { extra: current.extra }) };
    },
  };
}

function corpToken(suite: Suite, corpId: string, permanentCode: string, suiteToken: string) {
  return suite.providerBuilt
    ? corpTokenRequest(suite.baseUrl, { corpId, secret: permanentCode })
    : authorizedCorpTokenRequest(suite.baseUrl, { suiteToken, corpId, permanentCode });
}

/** For a corp's token alone; it stays what it is, the suite's is renewed. */
function isDeadSuiteToken(errcode: number): boolean {
  return errcode === 40082 || errcode === 42009;
}

/** Where the code is the secret, a wrong secret is a code that was replaced. */
function isDeadCode({ providerBuilt }: Suite, errcode: number): boolean {
  return errcode === 40084 || errcode === 48004 || (providerBuilt && errcode === 40001);
}
