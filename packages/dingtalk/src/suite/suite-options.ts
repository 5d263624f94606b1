import { type EpochMs, optionProblems } from '@evertoken/core';
import { type CallbackKeys, callbackKeyProblems } from '../callback/callback-keys.js';
import type { DingTalkEvent } from '../callback/event-fields.js';
import type { DingTalkSuiteEvent } from '../callback/suite-events.js';
import {
  COMMON_OPTIONS,
  type CommonSettings,
  commonProblems,
  commonSettingsOf,
  type DingTalkCommonOptions,
  type DingTalkTokenApi,
  textOf,
} from '../options.js';
import { RefusedTicket } from './refused-ticket.js';

/** What the console has under "event subscription" of the suite. */
export interface DingTalkSuitePush {
  /** Signs pushes. */
  readonly token: string | undefined;
  /** Encrypts them: 43 letters and digits. */
  readonly encodingAESKey: string | undefined;
}

/** Keys of the push address, and for whom a push may be. */
export interface DingTalkSuitePushOptions extends DingTalkSuitePush {
  /** The keys before these, while they are being changed: tried second. */
  readonly previous?: DingTalkSuitePush | undefined;
  /** For whom a push may be besides the suite key: a test suite whose address is the same, say. Default: none. */
  readonly ownerKeys?: readonly string[] | undefined;
  /** How far a push's time may be from ours, both ways, ms. Default 1 h; `Infinity` switches the check off. */
  readonly replayWindowMs?: number | undefined;
}

/** What `dingTalkSuite` takes. Missing values are reported by the manager's constructor, not here. */
export interface DingTalkSuiteOptions extends DingTalkCommonOptions {
  /** The console's SuiteKey, today also called Client ID; of a custom app its CustomKey. */
  readonly suiteKey: string | undefined;
  /** The console's SuiteSecret, or CustomSecret. */
  readonly suiteSecret: string | undefined;
  /**
   * What pushes by HTTP are opened with. Leave it out where they come over Stream, or another process takes them and shares its
   * store.
   */
  readonly push?: DingTalkSuitePushOptions | undefined;
  /**
   * Who is asked for corps' tokens: `'v1'` asks `api.dingtalk.com`, `'legacy'` signs requests to `oapi.dingtalk.com`, `'unified'` asks
   * the former's newest endpoint, which needs no ticket. Default `'v1'`.
   */
  readonly api?: DingTalkTokenApi | undefined;
  /** Keeps the tokens of users who sign in with the suite's key, as grants. Default false. */
  readonly userTokens?: boolean | undefined;
  /** A custom ("定制") app, for which any text is a ticket: it waits for no push. Default false. */
  readonly custom?: boolean | undefined;
  /**
   * Told of what came to the push address, tickets and checks excepted, once the tokens have been seen to. The platform waits for it,
   * 1.5 s at most: where it rejects or takes longer, the push comes again.
   */
  readonly onEvent?: ((event: DingTalkEvent, events: readonly DingTalkSuiteEvent[]) => unknown) | undefined;
}

/** What a custom app sends where a ticket is due: any text will do (page `obtain-isvapp-token`). */
const CUSTOM_TICKET = 'custom';

/** A suite's options, read once. Holds secrets: never part of an account. */
export interface Suite extends CommonSettings {
  readonly suiteKey: string;
  readonly suiteSecret: string;
  readonly api: DingTalkTokenApi;
  readonly userTokens: boolean;
  /** Sent instead of a pushed ticket; of custom apps. */
  readonly fixedTicket?: string;
  readonly keys: readonly CallbackKeys[];
  readonly ownerKeys: readonly string[];
  readonly replayWindowMs?: number;
  readonly onEvent?: NonNullable<DingTalkSuiteOptions['onEvent']>;
  readonly skew: Skew;
  readonly refused: RefusedTicket;
}

/** How far the platform's clock is ahead of ours, as far as it has complained; in memory only. */
export class Skew {
  #ms = 0;

  /** The platform's time, as far as we know. */
  at(now: EpochMs): EpochMs {
    return now + this.#ms;
  }

  /** What the platform's time was as ours was `now`. */
  learn(platform: EpochMs, now: EpochMs): void {
    this.#ms = platform - now;
  }
}

const REQUIRED = ['name', 'suiteKey', 'suiteSecret'];
const OPTIONAL = ['push', 'api', 'userTokens', 'custom', 'onEvent', ...COMMON_OPTIONS];
const PUSH_OPTIONS = ['token', 'encodingAESKey', 'previous', 'ownerKeys', 'replayWindowMs'];

/** Reads the options; never throws. */
export function suiteOf(options: DingTalkSuiteOptions): Suite {
  const { api = 'v1', custom, push, onEvent } = options;
  const suiteKey = textOf(options.suiteKey);
  const keys = [push, push?.previous].filter(
    (each) => each !== undefined && callbackKeyProblems(keysIn(each), '').length === 0,
  );
  const common = commonSettingsOf(options);
  return {
    ...common,
    suiteKey,
    suiteSecret: textOf(options.suiteSecret),
    api,
    userTokens: options.userTokens === true,
    ...(custom === true && { fixedTicket: CUSTOM_TICKET }),
    keys: keys.map((each) => keysIn(each as DingTalkSuitePush) as CallbackKeys),
    ownerKeys: [suiteKey, ...(Array.isArray(push?.ownerKeys) ? push.ownerKeys : [])],
    ...(push?.replayWindowMs !== undefined && { replayWindowMs: push.replayWindowMs }),
    ...(onEvent && { onEvent }),
    skew: new Skew(),
    refused: new RefusedTicket(common.clock),
  };
}

/** Sentences that begin with the quoted option; none shows a value. */
export function suiteProblems(options: DingTalkSuiteOptions): string[] {
  const problems = optionProblems(options, { required: REQUIRED, optional: OPTIONAL });
  const { api, custom, onEvent, push } = options;
  if (api !== undefined && api !== 'v1' && api !== 'legacy' && api !== 'unified') {
    problems.push('"api" must be "v1", "legacy" or "unified"');
  }
  if (custom !== undefined && typeof custom !== 'boolean') {
    problems.push(`"custom" must be true or false, got ${typeof custom}`);
  }
  const { userTokens } = options;
  if (userTokens !== undefined && typeof userTokens !== 'boolean') {
    problems.push(`"userTokens" must be true or false, got ${typeof userTokens}`);
  }
  if (onEvent !== undefined && typeof onEvent !== 'function') {
    problems.push(`"onEvent" must be a function, got ${typeof onEvent}`);
  }
  if (push !== undefined) problems.push(...pushProblems(push));
  return [...problems, ...commonProblems(options)];
}

function pushProblems(push: DingTalkSuitePushOptions): string[] {
  if (typeof push !== 'object' || push === null || Array.isArray(push))
    return callbackKeyProblems(push, 'push').slice(0, 1);
  const problems = callbackKeyProblems(keysIn(push), 'push');
  const { previous, ownerKeys, replayWindowMs } = push;
  if (previous !== undefined) problems.push(...callbackKeyProblems(previous, 'push.previous'));
  if (ownerKeys !== undefined && !(Array.isArray(ownerKeys) && ownerKeys.every((key) => textOf(key) !== ''))) {
    problems.push('"push.ownerKeys" must be a list of non-empty strings');
  }
  if (replayWindowMs !== undefined && !(typeof replayWindowMs === 'number' && replayWindowMs > 0)) {
    problems.push('"push.replayWindowMs" must be a positive number of ms, or Infinity');
  }
  for (const name of Object.keys(push)) {
    if (PUSH_OPTIONS.includes(name)) continue;
    problems.push(`"push.${name}" is no option; expected ${PUSH_OPTIONS.map((each) => `"${each}"`).join(', ')}`);
  }
  return problems;
}

function keysIn(push: DingTalkSuitePush): { readonly token: unknown; readonly encodingAESKey: unknown } {
  return { token: push?.token, encodingAESKey: push?.encodingAESKey };
}
