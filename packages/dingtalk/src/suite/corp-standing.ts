import type { EpochMs, TokenExtra } from '@evertoken/core';
import type { DingTalkAuthorization, DingTalkCorpChange } from '../callback/suite-events.js';

/**
 * Where a corp stands. `authorized`: its tokens can be had. `stopped`: it switched the app off, `removed`: it took it off its list,
 * and the authorization stays. `cancelled`: it took its authorization back.
 */
export type DingTalkCorpStatus = 'authorized' | 'stopped' | 'removed' | 'cancelled';

/** A corp that has enabled the suite, as it is stored: no token, no secret. */
export interface DingTalkCorpAuthorization {
  /** The organisation. */
  readonly corpId: string;
  /** Where it stands. */
  readonly status: DingTalkCorpStatus;
  /** When it came to stand there, by the platform's clock, Unix ms. */
  readonly since: EpochMs;
  /** Its name, once `syncCorp` or an exchange has brought it. */
  readonly corpName?: string;
  /** The suite's apps in that corp (AgentIds), once `syncCorp` has brought them. */
  readonly agentIds?: readonly string[];
}

/** What is stored of a corp, besides its id. */
export type CorpStanding = Omit<DingTalkCorpAuthorization, 'corpId'>;

type Change = DingTalkAuthorization['type'] | DingTalkCorpChange['type'];

const STATUSES: readonly string[] = ['authorized', 'stopped', 'removed', 'cancelled'] satisfies DingTalkCorpStatus[];

/** What an event makes of a corp's standing. */
export function standingAfter(
  { type, at }: { readonly type: Change; readonly at: EpochMs },
  before: CorpStanding | undefined,
): CorpStanding {
  const status = statusAfter(type, before?.status);
  return { ...before, status, since: status === before?.status ? before.since : at };
}

/** An event's mark: what the record holds for a value. Unlike any other event's, so that the same one is known again. */
export function markOf({ type, at }: { readonly type: Change; readonly at: EpochMs }): string {
  return `${type}@${at}`;
}

/** When that was: what orders events. */
export function orderOf(mark: string): EpochMs {
  return Number(mark.slice(mark.lastIndexOf('@') + 1));
}

/** What stands in a record's `extra`; undefined for what is no standing. */
export function standingIn(extra: TokenExtra | undefined): CorpStanding | undefined {
  const { status, since, corpName, agentIds } = extra ?? {};
  if (typeof status !== 'string' || !STATUSES.includes(status) || typeof since !== 'number') return undefined;
  return {
    status: status as DingTalkCorpStatus,
    since,
    ...(typeof corpName === 'string' && { corpName }),
    ...(Array.isArray(agentIds) && { agentIds: agentIds.filter((id) => typeof id === 'string') }),
  };
}

/** As a record's `extra` has it. */
export function extraOf(standing: CorpStanding): TokenExtra {
  return { ...standing };
}

function statusAfter(type: Change, before: DingTalkCorpStatus | undefined): DingTalkCorpStatus {
  switch (type) {
    case 'cancelled':
    case 'stopped':
    case 'removed':
      return type;
    case 'authorized':
    case 'restored':
      return 'authorized';
    case 'changed':
      // What it may do has changed; an app that is switched off stays so.
      return before === 'stopped' || before === 'removed' ? before : 'authorized';
  }
}
