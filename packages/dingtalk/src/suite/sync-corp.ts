import { type IssuedToken, malformedAnswer, ParentRejected, TokenError, type Tokens } from '@evertoken/core';
import { API, callerOf } from '../calls.js';
import { DingTalkError } from '../dingtalk-errors.js';
import { askWithTicket } from './ask-with-ticket.js';
import {
  type CorpStanding,
  type DingTalkCorpAuthorization,
  extraOf,
  markOf,
  orderOf,
  standingIn,
} from './corp-standing.js';
import { endTokens, type SuiteContext, suiteCaller } from './suite-context.js';
import { AUTHORIZATION } from './suite-kinds.js';
import { aboutOf } from './suite-sources.js';
import { authInfoIn, authInfoRequest, SUITE_PATHS, type WireAuthInfo } from './suite-wire.js';

/** 10 s, as for the manager's own requests. */
const TIMEOUT_MS = 10_000;

/** The corp has not enabled the suite, or no longer. */
const NOT_AUTHORIZED: readonly string[] = [
  ...['orgNotAuthApp', 'orgNotExist', 'invalidCorpId'],
  ...['40013', '40084', '40091'],
];

/** See `DingTalkSuiteClient.syncCorp`. */
export async function syncCorp(
  context: SuiteContext,
  tokens: Tokens,
  corpId: string,
): Promise<DingTalkCorpAuthorization> {
  const { authorization } = context.corp(corpId);
  const at = context.suite.clock.now();
  const info = await authInfo(context, tokens, corpId);
  const stands = await tokens.get(authorization).catch(ignoreAbsent);
  const before = standingIn(stands?.extra);
  const standing = standingFrom(info, before, at);
  // Of a corp that nobody knows nothing is worth keeping.
  if (!info && !stands) return { corpId, ...standing };
  const same = before?.status === standing.status ? stands?.value : undefined;
  // Facts alone: the order of what stands is the platform's, and stays.
  const value = same ?? markOf({ type: info ? 'authorized' : 'cancelled', at });
  await tokens.adopt(authorization, { value, extra: extraOf(standing) }, { order: orderOf(value) });
  if (!info) await endTokens(context, tokens, corpId);
  return { corpId, ...standing };
}

function standingFrom(info: WireAuthInfo | undefined, before: CorpStanding | undefined, at: number): CorpStanding {
  // The platform says that it is authorized, and not whether it is switched off.
  const known = before?.status === 'stopped' || before?.status === 'removed' ? before.status : 'authorized';
  const status = info ? known : 'cancelled';
  return { ...before, ...info, status, since: status === before?.status ? before.since : at };
}

/** Undefined where the corp has not enabled the suite. */
async function authInfo(context: SuiteContext, tokens: Tokens, corpId: string): Promise<WireAuthInfo | undefined> {
  try {
    return await (context.suite.api === 'legacy' ? signedAuthInfo : plainAuthInfo)(context, tokens, corpId);
  } catch (error) {
    const code =
      error instanceof DingTalkError ? error.code : error instanceof TokenError ? error.platformCode : undefined;
    if (code !== undefined && NOT_AUTHORIZED.includes(code)) return undefined;
    throw error;
  }
}

async function plainAuthInfo(context: SuiteContext, tokens: Tokens, corpId: string): Promise<WireAuthInfo> {
  const call = callerOf(API, suiteCaller(context), tokens);
  const options = { query: { authCorpId: corpId } };
  const answer = await call({ method: 'GET', path: SUITE_PATHS.authInfo, options });
  const info = authInfoIn(answer, corpId);
  if (info) return info;
  throw malformedAnswer(aboutOf(context.suite, AUTHORIZATION, corpId), 'it says nothing of this corp');
}

async function signedAuthInfo(context: SuiteContext, tokens: Tokens, corpId: string): Promise<WireAuthInfo> {
  const { suite, own } = context;
  const once = async () => {
    const ticket = suite.fixedTicket ?? (await tokens.get(own.ticket)).value;
    return askSigned(context, corpId, ticket);
  };
  return once().catch(async (error: unknown) => {
    if (!(error instanceof ParentRejected)) throw error;
    await tokens.reject(own.ticket, error.value);
    return once();
  });
}

async function askSigned({ suite }: SuiteContext, corpId: string, suiteTicket: string): Promise<WireAuthInfo> {
  const { clock, random, fetch = globalThis.fetch } = suite;
  let found: WireAuthInfo | undefined;
  const read = (json: unknown): IssuedToken | undefined => {
    found = authInfoIn(json, corpId);
    return found && { value: corpId };
  };
  const request = { fetch, random, now: () => clock.now(), signal: AbortSignal.timeout(TIMEOUT_MS) };
  const about = aboutOf(suite, AUTHORIZATION, corpId);
  const wireAt = (at: number) => authInfoRequest(suite, { corpId, suiteTicket, at });
  await askWithTicket(suite, request, { about, ticket: suiteTicket, wireAt, read, expected: 'corp' });
  return found as WireAuthInfo;
}

function ignoreAbsent(error: unknown): undefined {
  const absent = error instanceof TokenError && error.code === 'ERR_TOKEN_WAITING';
  if (!absent) throw error;
}
