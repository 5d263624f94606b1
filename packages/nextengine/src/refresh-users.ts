import { type RefreshResult, TokenError, type TokenErrorCode, type Tokens } from '@evertoken/core';
import type { AppContext } from './app-context.js';
import { nobodySignedIn, UserTokenSource } from './user-token-source.js';

/** How users are refreshed. */
export interface RefreshUsersOptions {
  /** This user alone. */
  readonly uid?: string;
  /** Users at a time. Default and most: the manager's `concurrencyPerAccount` (10). */
  readonly concurrency?: number;
  /** Called after each user. */
  readonly onProgress?: (result: UserRefreshResult) => void;
  /** Takes no more users; what is in flight is finished. */
  readonly signal?: AbortSignal;
}

/**
 * What became of a user's pair.
 * - `renewed`: a new pair is stored.
 * - `notYetRenewable`: the access token has not ended; or the platform was asked and echoed the pair, which it says still lives.
 * - `waiting`: nothing is wrong with the pair, and it is tried again by itself: NextEngine is busy, in maintenance, or has the
 *   company suspended; or another process is at it.
 * - `failed`: anything else that trying again may cure.
 * - `needsSignIn`: the pair is lost.
 */
export type UserRefreshOutcome = 'renewed' | 'notYetRenewable' | 'waiting' | 'failed' | 'needsSignIn';

/** One user's line of a report. */
export interface UserRefreshResult {
  /** The user's id. */
  readonly uid: string;
  /** What became of the pair. */
  readonly outcome: UserRefreshOutcome;
  /** Why, where there is an error. */
  readonly code?: TokenErrorCode;
  /** `cancelled`, `refused`, `indeterminate`, `timeout` … */
  readonly reason?: string;
  /** NextEngine's six digits. */
  readonly platformCode?: string;
  /** When it is tried again by itself, Unix ms; absent where it is not. */
  readonly retryAt?: number;
}

/** What a batch did: how many users ended how, and each of them. */
export interface UserRefreshReport extends Readonly<Record<UserRefreshOutcome, number>> {
  /** One line for each user. */
  readonly results: readonly UserRefreshResult[];
}

/** See `NextEngineClient.refreshUsers`. */
export async function refreshUsers(
  context: AppContext,
  tokens: Tokens,
  { uid, onProgress, ...how }: RefreshUsersOptions,
): Promise<UserRefreshReport> {
  const results: UserRefreshResult[] = [];
  const tell = (result: RefreshResult) => {
    const line = resultOf(result);
    results.push(line);
    onProgress?.(line);
  };
  if (uid === undefined) {
    const filter = { accounts: [context.settings.name], kinds: ['access_token'] };
    // By the report and not by progress: it holds those too of whom nobody was told.
    const { results: all } = await tokens.refreshAll(filter, { ...how, ...(onProgress && { onProgress: tell }) });
    results.splice(0, results.length, ...all.map(resultOf));
  } else if (!how.signal?.aborted) {
    tell(await refreshOne(context, tokens, uid));
  }
  await context.usage.keep();
  const counts = { renewed: 0, notYetRenewable: 0, waiting: 0, failed: 0, needsSignIn: 0 };
  for (const { outcome } of results) counts[outcome]++;
  return { ...counts, results };
}

/** One user, by one look-up. Rejects with `ERR_TOKEN_REAUTHORIZATION_REQUIRED` where nothing is stored of this user. */
async function refreshOne(context: AppContext, tokens: Tokens, uid: string): Promise<RefreshResult> {
  const source = new UserTokenSource(context, uid);
  const result = await tokens.refresh(source);
  const { reason } = (result.error ?? {}) as { reason?: unknown };
  if (reason === 'absent' || reason === 'gone') {
    const ids = { account: source.account, kind: source.kind, subject: uid };
    throw nobodySignedIn(ids, reason === 'gone' ? 'this user was forgotten' : 'no sign-in of this user is stored');
  }
  return result;
}

/** Codes after which the platform wants us to come later. */
const LATER: ReadonlySet<string> = new Set<TokenErrorCode>([
  'ERR_TOKEN_BUSY',
  'ERR_TOKEN_MAINTENANCE',
  'ERR_TOKEN_SUSPENDED',
  'ERR_TOKEN_WAITING',
  'ERR_TOKEN_QUOTA',
]);

function resultOf({ subject = '', outcome, error }: RefreshResult): UserRefreshResult {
  const failure = error instanceof TokenError ? error : undefined;
  const { code, reason, platformCode, retryAt } = failure ?? {};
  return {
    uid: subject,
    outcome: outcomeOf(outcome, code),
    ...(code !== undefined && { code }),
    ...(reason !== undefined && { reason }),
    ...(platformCode !== undefined && { platformCode }),
    ...(retryAt !== undefined && Number.isFinite(retryAt) && { retryAt }),
  };
}

function outcomeOf(outcome: RefreshResult['outcome'], code: TokenErrorCode | undefined): UserRefreshOutcome {
  switch (outcome) {
    case 'renewed':
      return 'renewed';
    case 'notYetRenewable':
    case 'unchanged':
      return 'notYetRenewable';
    case 'reauthorize':
      return 'needsSignIn';
    case 'held':
    case 'resting':
    case 'waiting':
      return 'waiting';
    case 'failed':
      return code !== undefined && LATER.has(code) ? 'waiting' : 'failed';
  }
}
