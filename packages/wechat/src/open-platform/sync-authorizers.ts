import { fingerprint, TokenError, type Tokens } from '@evertoken/core';
import type { WeChatApi } from '../client.js';
import { authorizerExtraIn } from './authorizer-facts.js';
import { restoreAuthorizer } from './authorizer-restore.js';
import { authorizerListBody, authorizerPageIn, type ListedAuthorizer, PATHS } from './component-wire.js';
import type { OpenPlatformContext } from './context.js';
import { AUTHORIZER_TOKEN, COMPONENT_TOKEN } from './kinds.js';

/** How `syncAuthorizers` is done. */
export interface SyncAuthorizersOptions {
  /** Ends it: what is in flight is finished. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each authorizer. */
  readonly onProgress?: ((result: AuthorizerSyncResult) => void) | undefined;
  /** Authorizers at a time; the manager's `concurrencyPerAccount` bounds it too. Default 10. */
  readonly concurrency?: number | undefined;
}

/**
 * What became of one authorizer.
 * - `added`: nothing was stored here; its tokens are now.
 * - `known`: what is stored is what the platform has for us.
 * - `changed`: it has authorized anew without our knowledge; its new tokens are stored.
 * - `neverExchanged`: authorized, but nobody exchanged its code: it has to authorize again.
 * - `gone`: stored here and not listed there. Left alone: a push, or its next renewal, tells.
 * - `failed`: see `error`; the next run tries again.
 */
export type AuthorizerSyncOutcome = 'added' | 'known' | 'changed' | 'neverExchanged' | 'gone' | 'failed';

/** One authorizer's line of a report. */
export interface AuthorizerSyncResult {
  /** AppID of the authorizer. */
  readonly appId: string;
  /** What became of it. */
  readonly outcome: AuthorizerSyncOutcome;
  /** Why, where it failed. */
  readonly error?: Error;
}

/** What a run did. */
export interface AuthorizerSyncReport {
  /** One line for each authorizer. */
  readonly results: readonly AuthorizerSyncResult[];
  /** Results by outcome; all outcomes are there. */
  readonly counts: Readonly<Record<AuthorizerSyncOutcome, number>>;
}

/** 500: the most a page may have (sheet §2.7). */
const PAGE = 500;

/** Compares what is stored with the platform's list; see `OpenPlatformClient.syncAuthorizers`. */
export async function syncAuthorizers(
  context: OpenPlatformContext,
  tokens: Tokens,
  api: WeChatApi,
  { signal, onProgress, concurrency = 10 }: SyncAuthorizersOptions,
): Promise<AuthorizerSyncReport> {
  const results: AuthorizerSyncResult[] = [];
  const tell = (result: AuthorizerSyncResult) => {
    results.push(result);
    onProgress?.(result);
  };
  const stored = await storedGrants(context, tokens);
  const listed = await listAuthorizers(context, api, signal);
  const waiting = listed.values();
  const work = async () => {
    for (const line of waiting) {
      if (signal?.aborted) return;
      tell(await syncOne(context, tokens, line, stored));
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.floor(concurrency)) }, work));
  for (const [appId, { living }] of stored) {
    if (living && !listed.has(appId)) tell({ appId, outcome: 'gone' });
  }
  const counts = { added: 0, known: 0, changed: 0, neverExchanged: 0, gone: 0, failed: 0 };
  for (const { outcome } of results) counts[outcome]++;
  return { results, counts };
}

/** What is stored of an authorizer, as far as comparing needs it. */
interface StoredGrant {
  readonly refreshTokenFingerprint: string | undefined;
  /** Whether there is a token. */
  readonly living: boolean;
  /** Whether the platform has not refused it. */
  readonly sound: boolean;
}

async function storedGrants({ component }: OpenPlatformContext, tokens: Tokens): Promise<Map<string, StoredGrant>> {
  const stored = new Map<string, StoredGrant>();
  const filter = { accounts: [component.account], kinds: [AUTHORIZER_TOKEN.kind] };
  for await (const { subject, state, extra, issuedAt } of tokens.inspect(filter)) {
    if (subject === undefined) continue;
    const { refreshTokenFingerprint } = authorizerExtraIn(extra);
    const living = issuedAt !== undefined && state !== 'gone';
    stored.set(subject, { refreshTokenFingerprint, living, sound: living && state !== 'reauthorize' });
  }
  return stored;
}

/** All of the list, by app id: an account that is added or leaves meanwhile moves the pages, and may show up twice. */
async function listAuthorizers(
  { component }: OpenPlatformContext,
  api: WeChatApi,
  signal: AbortSignal | undefined,
): Promise<Map<string, ListedAuthorizer>> {
  const ids = { account: component.account, kind: COMPONENT_TOKEN.kind };
  const listed = new Map<string, ListedAuthorizer>();
  for (let offset = 0; ; offset += PAGE) {
    const body = authorizerListBody(component.id, offset, PAGE);
    const { total, list } = authorizerPageIn(await api.post(PATHS.authorizerList, body, { signal }), ids);
    for (const line of list) listed.set(line.appId, line);
    if (list.length === 0 || offset + list.length >= total) return listed;
  }
}

async function syncOne(
  context: OpenPlatformContext,
  tokens: Tokens,
  line: ListedAuthorizer,
  stored: ReadonlyMap<string, StoredGrant>,
): Promise<AuthorizerSyncResult> {
  const { appId, refreshToken } = line;
  const grant = stored.get(appId);
  if (!refreshToken) return { appId, outcome: 'neverExchanged' };
  if (grant?.sound && grant.refreshTokenFingerprint === fingerprint(refreshToken)) return { appId, outcome: 'known' };
  try {
    const outcome = await restoreAuthorizer(context, tokens, appId, {
      listed: line,
      refused: grant?.living === true && !grant.sound,
    });
    return { appId, outcome: outcome === 'known' ? 'known' : grant?.living ? 'changed' : 'added' };
  } catch (error) {
    if (error instanceof TokenError && error.reason === 'neverExchanged') return { appId, outcome: 'neverExchanged' };
    return { appId, outcome: 'failed', error: error as Error };
  }
}
