import { everySoOften } from './beat.js';
import { checkIssued } from './check-issued.js';
import { commitIssued } from './commit.js';
import type { Copy } from './copies.js';
import type { Engine } from './engine.js';
import { ParentRejected, TokenError } from './errors.js';
import { counting, type Sent, tellIssue } from './issue-event.js';
import { presentedToken } from './local-token.js';
import { idsOf, labelOf } from './platform-request.js';
import type { TakeSlot } from './slots.js';
import type { IssueRequest, TokenSource } from './source.js';
import type { TokenRecord } from './store/record.js';
import type { Lease } from './store/store.js';
import type { EpochMs, IssuedToken, Token } from './token.js';
import { announce, type Verdict, verdictOn } from './verdict.js';
import { absentGrant, noPush } from './want.js';

/** What an attempt is made with. */
export interface AttemptInput {
  readonly source: TokenSource;
  readonly lease: Lease;
  /** The record as it stood before the claim. */
  readonly record: TokenRecord;
  readonly parents: readonly Token[];
  /** When the claim was sent, store time: the lease runs from there at the latest. */
  readonly claimedAt: EpochMs;
  readonly forced: boolean;
  /** The parent was refused before and renewed since: another refusal is a failure of this key. */
  readonly parentRefused: boolean;
  /** What the request waits for, once all else is ready. */
  readonly slot?: TakeSlot | undefined;
}

/** How it ended, unless it failed. `again`: nothing was sent, or another token stands; the record is to be looked at once more. */
export type Attempted =
  | { readonly kind: 'landed'; readonly copy: Copy | undefined; readonly outcome: 'renewed' | 'unchanged' }
  | {
      readonly kind: 'parentRejected';
      readonly parent: TokenSource;
      readonly value: string;
    }
  | { readonly kind: 'again'; readonly lost: boolean };

/** One request to the platform under a lease, and what becomes of its answer. */
export async function attempt(engine: Engine, input: AttemptInput): Promise<Attempted> {
  const { source, lease, record } = input;
  const { clock } = engine;
  const link = engine.linkOf(source);
  const startedAt = clock.now();
  const sent: Sent = { requests: 0 };
  let issued: IssuedToken;
  try {
    issued = await request(engine, input, sent);
    checkIssued(source, issued);
  } catch (thrown) {
    if (thrown === LEASE_TOO_SHORT) {
      await release(engine, input);
      return { kind: 'again', lost: false };
    }
    if (thrown instanceof ParentRejected) return parentRejected(engine, input, { refusal: thrown, startedAt, sent });
    return fail(engine, input, { error: asTokenError(source, thrown), startedAt, sent });
  }
  const { copy, outcome, lost } = await commitIssued(engine, {
    source,
    lease,
    record,
    issued,
    startedAt: link.toStore(startedAt),
    forced: input.forced,
    ...(isLost(source, record) && { cause: 'recover' }),
  });
  tellIssue(engine, input, { outcome, startedAt, sent });
  // Forgotten or replaced while we asked: the record says what that means.
  return lost || !copy ? { kind: 'again', lost } : { kind: 'landed', copy, outcome };
}

/** What the lease guard throws instead of sending; never leaves this file. */
const LEASE_TOO_SHORT = new TokenError('ERR_TOKEN_STORE', 'the lease is too short to send a request under it', {
  uncertain: false,
});

async function request(
  engine: Engine,
  { source, lease, record, parents, claimedAt, slot }: AttemptInput,
  sent: Sent,
): Promise<IssuedToken> {
  const { settings, clock, registry } = engine;
  const link = engine.linkOf(source);
  const rotating = source.issuance === 'rotating';
  const stop = new AbortController();
  const send = counting(registry.get(source.account)?.account.fetch ?? settings.fetch, sent);
  let until = Math.min(lease.until, claimedAt + settings.leaseTtlMs);
  const guarded: typeof fetch = (input, init) => {
    // Judged here and not when the lease was given: the process may have been asleep in between (S2).
    if (until - link.now() < settings.requestTimeoutMs + settings.settleMs) return Promise.reject(LEASE_TOO_SHORT);
    return send(input, init);
  };
  const keepLease = everySoOften(clock, settings.leaseTtlMs / 3, async () => {
    const sentAt = link.now();
    const renewed = await link.call('renew', (store) => store.renew(lease, settings.leaseTtlMs)).catch(() => undefined);
    if (renewed) until = Math.min(renewed.until, sentAt + settings.leaseTtlMs);
  });
  const current = presentedToken(record, link);
  const issueRequest: IssueRequest = {
    ...(current && { current }),
    parents,
    fetch: guarded,
    signal: stop.signal,
    now: () => clock.now(),
    random: settings.random,
  };
  const limitMs = rotating ? settings.rotatingTimeoutMs : settings.requestTimeoutMs;
  // Before the time limit begins: a request that was never sent must not count as one that was given up.
  const giveBack = await slot?.();
  // A platform that does not answer must not keep the slots of those that do.
  const overdue = giveBack && clock.after(settings.leaseTtlMs, giveBack);
  // A source that throws instead of rejecting must not get past what ends the renewals below.
  const issuing = (async () =>
    isLost(source, record) ? findLost(source, issueRequest) : source.issue(issueRequest))();
  try {
    return await new Promise<IssuedToken>((resolve, reject) => {
      const cancel = clock.after(limitMs, () => {
        const timeout = noAnswer(source, limitMs);
        // A rotating request is never aborted: that would throw away a pair the platform has already issued (S2).
        if (!rotating) stop.abort(timeout);
        else engine.own(commitLate(engine, { source, lease, record, issuing, startedAt: claimedAt }));
        reject(timeout);
      });
      issuing.then(resolve, reject).finally(cancel);
    });
  } finally {
    overdue?.();
    giveBack?.();
    keepLease.stop();
  }
}

/** Whether there is nothing to present, or nobody to present it to. */
function isLost({ issuance, keep }: TokenSource, { token }: TokenRecord): boolean {
  return issuance === 'pushed' || (keep === 'grant' && !token);
}

async function findLost(source: TokenSource, issueRequest: IssueRequest): Promise<IssuedToken> {
  const issued = await source.recover?.(issueRequest);
  if (!issued) throw source.issuance === 'pushed' ? noPush(source) : absentGrant(source);
  return issued;
}

function noAnswer(source: TokenSource, limitMs: number): TokenError {
  const message = `${labelOf(source)}: no answer from the platform within ${limitMs} ms`;
  return new TokenError('ERR_TOKEN_TRANSPORT', message, { ...idsOf(source), reason: 'timeout' });
}

/** The answer of a rotating request that came after we stopped waiting: its predecessor decides, whatever the attempt part says (S3). */
async function commitLate(
  engine: Engine,
  {
    source,
    lease,
    record,
    issuing,
    startedAt,
  }: { source: TokenSource; lease: Lease; record: TokenRecord; issuing: Promise<IssuedToken>; startedAt: EpochMs },
): Promise<void> {
  try {
    const issued = await issuing;
    checkIssued(source, issued);
    await commitIssued(engine, { source, lease, record, issued, startedAt, forced: false });
  } catch {
    // The attempt has been noted as one of unknown outcome already; a late failure tells nothing more.
  }
}

async function parentRejected(
  engine: Engine,
  input: AttemptInput,
  { refusal, startedAt, sent }: { refusal: ParentRejected; startedAt: EpochMs; sent: Sent },
): Promise<Attempted> {
  const { source, parents } = input;
  const parent = source.dependsOn?.[parents.findIndex((token) => token.value === refusal.value)];
  const { platformCode } = refusal;
  const told = platformCode !== undefined && { platformCode };
  if (parent && !input.parentRefused) {
    await release(engine, input);
    tellIssue(engine, input, { outcome: 'failed', startedAt, sent, error: { code: 'ERR_TOKEN_WAITING', ...told } });
    return { kind: 'parentRejected', parent, value: refusal.value };
  }
  const message = `${labelOf(source)}: the platform refuses the ${parent?.kind ?? 'parent'} it is asked for with`;
  const error = new TokenError('ERR_TOKEN_REJECTED_AGAIN', message, { ...idsOf(source), ...told });
  return fail(engine, input, { error, startedAt, sent });
}

/** Notes a failure for all processes and throws it. A refused grant gets its source's other way back first (S5). */
async function fail(
  engine: Engine,
  input: AttemptInput,
  { error, startedAt, sent }: { error: TokenError; startedAt: EpochMs; sent: Sent },
): Promise<Attempted> {
  const { source, lease, record } = input;
  const link = engine.linkOf(source);
  const recovered = await recover(engine, input, error, sent);
  if (recovered) {
    tellIssue(engine, input, { outcome: recovered.outcome, startedAt, sent });
    return recovered;
  }
  const verdict = verdictOn(engine, {
    source,
    lease,
    record,
    error,
    startedAt: link.toStore(startedAt),
    forced: input.forced,
  });
  // The platform may still be at it: a request sent now could be done before it, and its token killed by it.
  const settles = source.issuance === 'superseding' && error.uncertain;
  let outdated = false;
  try {
    const noted = await link.call('note', (store) =>
      store.note(lease, verdict.change, { release: !settles, generation: record.generation }),
    );
    if (noted && settles) engine.own(settle(engine, input));
    if (noted) announce(engine, source, { error, verdict, before: record.attempt.state });
    else {
      // Another token stands by now, or another holder: the verdict was on what they have left behind.
      outdated = true;
      await link.call('note', (store) => store.note(lease, {}, { release: true }));
    }
  } catch {
    // The platform's answer is the one to tell; the lease ends by itself.
  }
  if (outdated) engine.memory.changed(source.key);
  else engine.memory.take(source, link.store.peek?.(source.key) ?? afterFailure(record, verdict));
  tellIssue(engine, input, { outcome: 'failed', startedAt, sent, error });
  throw withRetryAt(
    error,
    verdict.retryAt === undefined ? undefined : link.toLocal(verdict.retryAt),
    verdict.state === 'reauthorize' ? verdict.cause : undefined,
  );
}

/** The record as the note left it, as far as serving its token goes. */
function afterFailure(record: TokenRecord, { state, retryAt, change }: Verdict): TokenRecord {
  const { refreshAt: _due, ...rest } = record;
  const { doubtUntil } = change;
  const attempt = { ...record.attempt, state, ...(doubtUntil != null && { doubtUntil }) };
  return { ...rest, ...(retryAt !== undefined && { refreshAt: retryAt }), attempt };
}

async function recover(
  engine: Engine,
  input: AttemptInput,
  error: TokenError,
  sent: Sent,
): Promise<Extract<Attempted, { kind: 'landed' }> | undefined> {
  const { source, lease, record, parents } = input;
  if (error.code !== 'ERR_TOKEN_REAUTHORIZATION_REQUIRED' || !record.token || !source.recover) return undefined;
  const link = engine.linkOf(source);
  const startedAt = engine.clock.now();
  const current = presentedToken(record, link);
  try {
    const issued = await source.recover({
      ...(current && { current }),
      parents,
      fetch: counting(engine.registry.get(source.account)?.account.fetch ?? engine.settings.fetch, sent),
      signal: new AbortController().signal,
      now: () => engine.clock.now(),
      random: engine.settings.random,
    });
    if (!issued) return undefined;
    checkIssued(source, issued);
    const { copy, outcome } = await commitIssued(engine, {
      source,
      lease,
      record,
      issued,
      startedAt: link.toStore(startedAt),
      forced: false,
      cause: 'recover',
    });
    return { kind: 'landed', copy, outcome };
  } catch {
    return undefined;
  }
}

/** Keeps the key until the platform is done with a request we gave up, and no longer. */
async function settle(engine: Engine, { source, lease }: AttemptInput): Promise<void> {
  await engine
    .linkOf(source)
    .call('renew', (store) => store.renew(lease, engine.settings.settleMs))
    .catch(() => {});
}

async function release(engine: Engine, { source, lease, record }: AttemptInput): Promise<void> {
  // Nothing was sent, so an intent of our own goes with the lease; one that stood before stays.
  const own = record.attempt.intent === undefined;
  await engine
    .linkOf(source)
    .call('note', (store) => store.note(lease, own ? { intent: null } : {}, { release: true }))
    .catch(() => {});
}

function asTokenError(source: TokenSource, thrown: unknown): TokenError {
  if (thrown instanceof TokenError) return thrown;
  return new TokenError('ERR_TOKEN_TRANSPORT', `${labelOf(source)}: asking the platform failed unexpectedly`, {
    ...idsOf(source),
    reason: 'unexpected',
    cause: thrown,
  });
}

function withRetryAt(error: TokenError, retryAt: EpochMs | undefined, reason: string | undefined): TokenError {
  return new TokenError(error.code, error.message, {
    retryable: error.retryable,
    uncertain: error.uncertain,
    ...(error.account !== undefined && { account: error.account }),
    ...(error.kind !== undefined && { kind: error.kind }),
    ...(error.subject !== undefined && { subject: error.subject }),
    ...(error.platformCode !== undefined && { platformCode: error.platformCode }),
    ...(error.requestId !== undefined && { requestId: error.requestId }),
    ...(retryAt !== undefined && { retryAt }),
    ...((reason ?? error.reason) !== undefined && { reason: reason ?? (error.reason as string) }),
    ...(error.cause !== undefined && { cause: error.cause }),
  });
}
