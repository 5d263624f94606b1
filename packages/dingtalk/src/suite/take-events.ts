import type { TokenSource, Tokens } from '@evertoken/core';
import type { DingTalkAuthorization, DingTalkCorpChange, DingTalkSuiteEvent } from '../callback/suite-events.js';
import { extraOf, markOf, standingAfter, standingIn } from './corp-standing.js';
import { activate, exchangeTmpAuthCode } from './permanent-code.js';
import { endTokens, inBackground, obtain, type SuiteContext, stored } from './suite-context.js';

/** 10: corps at a time, as the manager's own limit is. */
const AT_A_TIME = 10;

/**
 * Takes what a suite is told, in that order, whichever way it came. Resolves once what must not be lost is stored; what follows from it
 * (a corp's first token, tokens that waited for a ticket) is done behind that. What was taken before does no harm.
 *
 * Rejects where something could not be stored, once the rest is: to be told again.
 */
export async function takeEvents(
  context: SuiteContext,
  tokens: Tokens,
  events: readonly DingTalkSuiteEvent[],
): Promise<void> {
  const failures: unknown[] = [];
  for (const event of events) await take(context, tokens, event).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

async function take(context: SuiteContext, tokens: Tokens, event: DingTalkSuiteEvent): Promise<void> {
  switch (event.type) {
    case 'suite_ticket':
      return takeTicket(context, tokens, event);
    case 'check':
    case 'other':
      return;
    default:
      return takeChange(context, tokens, event);
  }
}

/** Of two tickets the one made later stands, whatever order they come in. */
async function takeTicket(
  { suite, own, source }: SuiteContext,
  tokens: Tokens,
  { ticket: value, at }: Extract<DingTalkSuiteEvent, { type: 'suite_ticket' }>,
): Promise<void> {
  const { ticket } = own;
  const before = tokens.peek(ticket)?.value;
  // Of what has no time the latest to come counts.
  await tokens.adopt(ticket, { value }, { order: at || suite.clock.now() });
  suite.refused.forget();
  if (tokens.peek(ticket)?.value !== before) inBackground(endWait({ suite, source }, tokens));
}

/** What had to wait for a ticket goes on at once, not with the next sweep. */
async function endWait({ suite, source }: Pick<SuiteContext, 'suite' | 'source'>, tokens: Tokens): Promise<void> {
  const waiting: TokenSource[] = [];
  for await (const { kind, subject } of tokens.inspect({ accounts: [suite.name], states: ['waiting'] })) {
    const one = source(kind, subject);
    if (one && one.issuance !== 'pushed') waiting.push(one);
  }
  const left = waiting.values();
  const work = async () => {
    for (const one of left) await tokens.refresh(one);
  };
  await Promise.all(Array.from({ length: Math.min(AT_A_TIME, waiting.length) }, work));
}

/** What a corp did with the suite. Events older than what stands of it are ignored. */
async function takeChange(
  context: SuiteContext,
  tokens: Tokens,
  event: DingTalkAuthorization | DingTalkCorpChange,
): Promise<void> {
  const { suite } = context;
  const { type, corpId } = event;
  const at = event.at || suite.clock.now();
  const { authorization } = context.corp(corpId);
  const before = standingIn((await stored(tokens, authorization))?.extra);
  const standing = standingAfter({ type, at }, before);
  const value = markOf({ type, at });
  await tokens.adopt(authorization, { value, extra: extraOf(standing) }, { order: at });
  const stands = await tokens.get(authorization);
  if (stands.value !== value) return;
  if (standing.status !== 'authorized') {
    await endTokens(context, tokens, corpId);
    if (type === 'cancelled') await tokens.revoke(context.corp(corpId).permanentCode, { order: at });
    return;
  }
  if (event.type === 'authorized') await takeCodes(context, tokens, { ...event, at });
  if (type !== 'changed') inBackground(renewTokens(context, tokens, corpId, at));
}

/** Codes that came with an authorization: that of old is exchanged, since it is good for one exchange. */
async function takeCodes(
  context: SuiteContext,
  tokens: Tokens,
  { corpId, at, permanentCode: code, tmpAuthCode }: DingTalkAuthorization,
): Promise<void> {
  const { permanentCode } = context.corp(corpId);
  if (code !== undefined) await tokens.adopt(permanentCode, { value: code, extra: { at } }, { order: at });
  if (tmpAuthCode === undefined) return;
  await exchangeTmpAuthCode(context, tokens, { corpId, tmpAuthCode, at });
  inBackground(activate(context, tokens, corpId));
}

/** Tokens of an earlier authorization died with it. */
async function renewTokens(context: SuiteContext, tokens: Tokens, corpId: string, at: number): Promise<void> {
  const { accessToken } = context.corp(corpId);
  const { issuedAt } = (await stored(tokens, accessToken)) ?? {};
  if (issuedAt !== undefined && issuedAt < at) await endTokens(context, tokens, corpId);
  await obtain(tokens, accessToken);
}
