import {
  type IssuedToken,
  type IssueRequest,
  malformedAnswer,
  type PlatformAnswer,
  type PlatformRequest,
  parentRejected,
  sendToPlatform,
} from '@evertoken/core';
import { bannedError, type Circuit } from './circuit.js';
import { type DingTalkMeaning, meaningOf, tokenErrorOf } from './dingtalk-errors.js';
import { failureOf, type WireRequest } from './dingtalk-wire.js';

/** A request for a token. */
export interface Asked {
  /** The account, the kind, the subject: for errors. */
  readonly about: Pick<PlatformRequest, 'account' | 'kind' | 'subject'>;
  readonly wire: WireRequest;
  /** The account's. */
  readonly circuit: Circuit;
  /** Parents' tokens that the request carries, each by the meaning of a refusal that blames it. */
  readonly blames?: Partial<Readonly<Record<DingTalkMeaning, string>>>;
  /** The request presents the stored grant itself. Default false. */
  readonly grant?: boolean;
  /** What a success brings; undefined where it lacks that. */
  readonly read: (json: unknown, answer: PlatformAnswer) => IssuedToken | undefined;
  /** What it should have brought, for the error. */
  readonly expected: string;
}

/**
 * Asks the platform for a token, once, and not while it bans our address.
 *
 * Rejects with the `TokenError` that fits, with `ParentRejected` where a parent's token is to blame.
 */
export async function ask(
  request: Pick<IssueRequest, 'fetch' | 'signal' | 'now' | 'random'>,
  { about, wire, circuit, blames = {}, grant, read, expected }: Asked,
): Promise<IssuedToken> {
  const ban = circuit.bannedAt(request.now());
  if (ban) throw bannedError(about, ban);
  const answer = await sendToPlatform({ ...wire, ...about, fetch: request.fetch, signal: request.signal });
  const failure = failureOf(answer);
  if (failure !== undefined) {
    if (failure.banned) circuit.ban(failure, request.now());
    const meaning = meaningOf(failure);
    const blamed = blames[meaning];
    if (blamed !== undefined) throw parentRejected(blamed, failure.code);
    throw tokenErrorOf(failure, meaning, about, { now: request.now, random: request.random, grant });
  }
  const issued = read(answer.json, answer);
  if (issued === undefined) throw malformedAnswer(about, `it carries no ${expected}`, { status: answer.status });
  return issued;
}
