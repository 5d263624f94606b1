import {
  fingerprint,
  type IssuedToken,
  idsOf,
  labelOf,
  malformedAnswer,
  TokenError,
  type TokenExtra,
  type Tokens,
} from '@evertoken/core';
import { pause } from '../pause.js';
import type { WireIds } from '../wechat-wire.js';
import type { Authorizer } from './authorizer.js';
import { type AuthorizerFacts, authorizerExtraIn, extraWith, factsIn } from './authorizer-facts.js';
import { authorizerIds, findAuthorizer } from './authorizer-token.js';
import { type ComponentRequest, callComponent, callError, withComponentToken } from './component-call.js';
import { authorizationIn, PATHS, queryAuthBody, type WireAuthorization } from './component-wire.js';
import { type OpenPlatformContext, storedAuthorizer } from './context.js';
import { AUTHORIZER_TOKEN } from './kinds.js';

/** What an authorization brought. */
export interface Authorization extends AuthorizerFacts {
  /** App id of the account that authorized. */
  readonly appId: string;
  /** Whether it granted permissions that come with tokens. Without any there is nothing to call it with, and nothing is stored. */
  readonly granted: boolean;
}

/** A code, and when it was given. */
export interface GivenCode {
  readonly code: string;
  /** Of the push, Unix ms of the platform. Default: when its exchange was answered. */
  readonly givenAt?: number;
}

/** 61009: the code is invalid, or was used. */
const USED = '61009';
/** 61010: it has expired. */
const DEAD_CODES: ReadonlySet<string | undefined> = new Set([USED, '61010']);
/** 2 s, in steps of 250 ms: who used the code before us stores what it brought at once. */
const LOOKS = 8;
const LOOK_EVERY_MS = 250;
const FACTS_TIMEOUT_MS = 3_000;

/** Nothing is to be stored: what stands is what this code brought. */
const KNOWN = new Error('the code has been exchanged already');
/** Nothing can be stored: the account granted no API permission. */
class NotGranted extends Error {
  readonly permissions: readonly number[];

  constructor(permissions: readonly number[]) {
    super('the account granted no API permission');
    this.permissions = permissions;
  }
}

/**
 * The exchange of a code whose account nobody has named yet (a redirect). What it brings replaces what stood. A code that a push
 * has brought before is no error: the account it belongs to is found among those stored.
 */
export async function exchangeCode(
  context: OpenPlatformContext,
  tokens: Tokens,
  { code }: GivenCode,
): Promise<Authorization> {
  const { component } = context;
  const ids = { account: component.account, kind: AUTHORIZER_TOKEN.kind };
  const startedAt = component.clock.now();
  try {
    const authorization = await withComponentToken(tokens, context.accessToken, async () => {
      const parents = [await tokens.get(context.accessToken)];
      return queryAuth(context, { ...outsideOfLease(context), parents }, { code }, ids);
    });
    const { appId, issued, permissions } = authorization;
    if (!issued) return { appId, granted: false, permissions };
    const authorizer = context.authorizer(appId);
    const latest = await issuedLast(context, tokens, authorizer, { issued, startedAt });
    // A single use: stored before anything else is done, whatever else we would like to know.
    await tokens.adopt(authorizer.accessToken, latest, { grant: true });
    return await completed(context, tokens, authorizer, latest);
  } catch (error) {
    if (!isDeadCode(error)) throw error;
    const before = await exchangedBefore(context, tokens, code, looksAfter(error));
    if (!before) throw codeError(error, ids);
    return before;
  }
}

/**
 * The exchange of a code whose account the push has named, under that account's lease: refreshes and other exchanges of it wait.
 * Resolves with undefined where the code is dead and nobody has stored what it brought.
 */
export async function exchangePushedCode(
  context: OpenPlatformContext,
  tokens: Tokens,
  { appId, ...given }: GivenCode & { readonly appId: string },
): Promise<Authorization | undefined> {
  const authorizer = context.authorizer(appId);
  const ids = authorizerIds(context.component, appId);
  let brought: IssuedToken | undefined;
  try {
    await withComponentToken(tokens, context.accessToken, () =>
      tokens.authorize(authorizer.accessToken, async (request) => {
        if (isFrom(given.code, request.current?.extra)) throw KNOWN;
        const authorization = await queryAuth(context, request, given, ids);
        if (authorization.appId !== appId) throw malformedAnswer(ids, 'it is about another account than the push');
        if (!authorization.issued) throw new NotGranted(authorization.permissions);
        brought = authorization.issued;
        return brought;
      }),
    );
  } catch (error) {
    if (error instanceof NotGranted) return { appId, granted: false, permissions: error.permissions };
    if (error !== KNOWN && !isDeadCode(error)) throw error;
    return storedWith(context, tokens, { appId, code: given.code }, looksAfter(error));
  }
  return brought && completed(context, tokens, authorizer, brought);
}

async function queryAuth(
  { component }: OpenPlatformContext,
  request: ComponentRequest & { readonly current?: { readonly extra?: TokenExtra } },
  { code, givenAt }: GivenCode,
  ids: WireIds,
): Promise<WireAuthorization> {
  const body = queryAuthBody(component.id, code);
  const { answer, failure } = await callComponent(component, request, { path: PATHS.queryAuth, body, ids });
  if (failure) throw callError(failure, ids, request, { grant: false, secrets: [code] });
  const authorization = authorizationIn(answer, ids);
  const { issued, refreshToken, permissions } = authorization;
  if (!issued) return authorization;
  const authorizedAt = givenAt ?? answer.answeredAt ?? request.now();
  const { kind, name } = authorizerExtraIn(request.current?.extra);
  const known = { ...(kind && { kind }), ...(name !== undefined && { name }) };
  return {
    ...authorization,
    issued: { ...issued, extra: extraWith(known, { permissions, authorizedAt, code, refreshToken }) },
  };
}

/**
 * The exchange's token, or the one that stands, where that was issued later: a renewal that met the end of the old refresh token finds
 * the new one by itself, and may be faster than the answer that brought it here.
 */
async function issuedLast(
  context: OpenPlatformContext,
  tokens: Tokens,
  { accessToken }: Authorizer,
  { issued, startedAt }: { readonly issued: IssuedToken; readonly startedAt: number },
): Promise<IssuedToken> {
  const { refreshTokenFingerprint } = authorizerExtraIn(issued.extra);
  const stored = await storedAuthorizer(context, tokens, accessToken);
  const { refreshTokenFingerprint: standing } = authorizerExtraIn(stored?.extra);
  if (standing !== refreshTokenFingerprint || (stored?.issuedAt ?? 0) < startedAt) return issued;
  const current = await tokens.get(accessToken).catch(() => undefined);
  if (!current || current.issuedAt < startedAt) return issued;
  const left = (current.expiresAt ?? 0) - context.component.clock.now();
  return { ...issued, value: current.value, lifetimeMs: Math.max(1, left) };
}

/** What it is, official account or mini program, decides which tickets go with it; a failure to ask is made up for by the next renewal. */
async function completed(
  context: OpenPlatformContext,
  tokens: Tokens,
  authorizer: Authorizer,
  issued: IssuedToken,
): Promise<Authorization> {
  const { appId } = authorizer;
  let { extra } = issued;
  if (authorizerExtraIn(extra).kind === undefined) {
    try {
      const parents = [await tokens.get(context.accessToken)];
      const signal = AbortSignal.timeout(FACTS_TIMEOUT_MS);
      const { info } = await findAuthorizer(context.component, { ...outsideOfLease(context), signal, parents }, appId);
      extra = extraWith(authorizerExtraIn(extra), { info });
      // The same value again adds its facts; where another one stands by now it is an echo, and no news.
      await tokens.adopt(authorizer.accessToken, { ...issued, extra }, { grant: true });
    } catch {
      // The tokens are stored, and that is what counts.
    }
  }
  await reviveTickets(context, tokens, authorizer);
  return { appId, granted: true, ...factsIn(extra) };
}

/** Tickets that went with an earlier authorization come back with the new one, behind the caller; new ones the manager obtains itself. */
async function reviveTickets(context: OpenPlatformContext, tokens: Tokens, authorizer: Authorizer): Promise<void> {
  for (const ticket of [authorizer.jsapiTicket, authorizer.cardTicket]) {
    const stored = await storedAuthorizer(context, tokens, ticket);
    if (stored?.state === 'gone') tokens.get(ticket).catch(() => {});
  }
}

/** The account that this code has authorized before, among those stored. */
async function exchangedBefore(
  context: OpenPlatformContext,
  tokens: Tokens,
  code: string,
  looks: number,
): Promise<Authorization | undefined> {
  const { component } = context;
  for (let look = 0; look < looks; look++) {
    if (look > 0) await pause(component.clock, LOOK_EVERY_MS, component);
    for await (const { subject, extra } of tokens.inspect({
      accounts: [component.account],
      kinds: [AUTHORIZER_TOKEN.kind],
    })) {
      if (subject !== undefined && isFrom(code, extra)) return { appId: subject, granted: true, ...factsIn(extra) };
    }
  }
  return undefined;
}

async function storedWith(
  context: OpenPlatformContext,
  tokens: Tokens,
  { appId, code }: { appId: string; code: string },
  looks: number,
): Promise<Authorization | undefined> {
  const { component } = context;
  const { accessToken } = context.authorizer(appId);
  for (let look = 0; look < looks; look++) {
    if (look > 0) await pause(component.clock, LOOK_EVERY_MS, component);
    const stored = await storedAuthorizer(context, tokens, accessToken);
    if (stored && isFrom(code, stored.extra)) return { appId, granted: true, ...factsIn(stored.extra) };
  }
  return undefined;
}

function isFrom(code: string, extra: TokenExtra | undefined): boolean {
  return authorizerExtraIn(extra).codeFingerprint === fingerprint(code);
}

function isDeadCode(error: unknown): boolean {
  return error instanceof TokenError && DEAD_CODES.has(error.platformCode);
}

/** Somebody may be about to store what the code brought; not where it has expired. */
function looksAfter(error: unknown): number {
  return error instanceof TokenError && error.platformCode === USED ? LOOKS : 1;
}

function codeError(cause: unknown, ids: WireIds): TokenError {
  const { platformCode, requestId } = cause as TokenError;
  const message = `${labelOf(ids)}: the authorization code is used up or has expired, and nobody has stored what it brought; begin anew`;
  return new TokenError('ERR_TOKEN_REFUSED', message, {
    ...idsOf(ids),
    reason: 'code',
    ...(platformCode !== undefined && { platformCode }),
    ...(requestId !== undefined && { requestId }),
  });
}

/** A request made for a caller, not for a lease. */
function outsideOfLease({ component }: OpenPlatformContext): Omit<ComponentRequest, 'parents'> {
  return {
    fetch: component.fetch ?? globalThis.fetch,
    signal: AbortSignal.timeout(EXCHANGE_TIMEOUT_MS),
    now: () => component.clock.now(),
  };
}

/** 60 s: a code is good for one exchange, so its answer is worth a wait. */
const EXCHANGE_TIMEOUT_MS = 60_000;
