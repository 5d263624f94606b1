import { sleep } from './clock.js';
import type { Copy } from './copies.js';
import { type Engine, keyEvent } from './engine.js';
import { fingerprint, firstGeneration } from './key.js';
import { localToken } from './local-token.js';
import { lifetimeOf, nextRefreshAt, timesOf, windowsFor } from './policy.js';
import type { TokenSource } from './source.js';
import { inTime, type Spooled, spooled } from './spool.js';
import {
  emptyRecord,
  isAbsent,
  type Lineage,
  seenWith,
  type TokenPart,
  type TokenRecord,
  type TokenState,
} from './store/record.js';
import type { AttemptChange, CommitOptions, Lease } from './store/store.js';
import type { EpochMs, IssuedToken } from './token.js';

/** Distances of the retries of a commit that was not acknowledged, ms. */
export const FIRST_RETRY_MS = 250;
export const LAST_RETRY_MS = 5_000;

/** An answer of the platform, to be stored. */
export interface Issued {
  readonly source: TokenSource;
  readonly lease: Lease;
  /** The record as it stood before the claim; its token is the predecessor. */
  readonly record: TokenRecord;
  readonly issued: IssuedToken;
  /** Start of the request, store time. */
  readonly startedAt: EpochMs;
  readonly forced: boolean;
  readonly cause?: Lineage['cause'];
}

/** How a commit ended. `lost`: another token stands, and the copy is of that one. */
export interface Committed {
  readonly copy: Copy | undefined;
  readonly outcome: 'renewed' | 'unchanged';
  readonly lost: boolean;
}

/** Stores what the platform issued, before anything else is done with it, and serves it. */
export async function commitIssued(engine: Engine, input: Issued): Promise<Committed> {
  const { source, lease, record, issued, startedAt } = input;
  const { settings } = engine;
  const link = engine.linkOf(source);
  const unchanged = record.token?.value === issued.value;
  const token = tokenPart(engine, { source, record, issued, startedAt, cause: input.cause ?? 'issue' });
  const refreshAt = dueAt(engine, source, token, unchanged);
  const attempt = forcedChange(input, unchanged);
  const options: CommitOptions = {
    predecessor: record.generation,
    lease,
    release: true,
    fenced: source.issuance === 'superseding',
    // A tombstone of something that can be had again is no reason not to have it; under the lease this is no late answer.
    ...(record.goneAt !== undefined && source.keep === 'obtainable' && { revive: true, fenced: true }),
    ...(refreshAt !== undefined && { refreshAt }),
    ...(attempt && { attempt }),
  };
  const next = accepted(record, token, options, link.now());
  const outcome = unchanged ? 'unchanged' : 'renewed';
  const entry = spooled(engine, { source, token, options });
  if (link.durable === 'relaxed') await entry?.write();
  const committing = link.call('commit', (store) => store.commit(source.key, token, options));
  const answer = await inTime(
    engine,
    committing.catch(() => undefined),
    entry && settings.journalAfterMs,
  );
  if (answer === undefined) {
    // The platform has done its part: once the answer is safe here the token is served, and the commit goes on.
    await entry?.write();
    const copy = engine.memory.hold(source, next);
    engine.own(
      commitLater(engine, { committing, entry, source, token, options, next, predecessor: record, attempt }),
      source,
    );
    return { copy, outcome, lost: false };
  }
  if (entry) engine.own(entry.settle(answer));
  const lost = answer !== 'accepted';
  if (lost) await release(engine, source, lease);
  return { copy: settle(engine, source, { answer, next, token, predecessor: record, attempt }), outcome, lost };
}

/** A commit that lost ends no lease; it is of no more use to us, and others wait for it. */
async function release(engine: Engine, source: TokenSource, lease: Lease): Promise<void> {
  await engine
    .linkOf(source)
    .call('note', (store) => store.note(lease, { intent: null }, { release: true }))
    .catch(() => {});
}

/** A token as it goes into a record. */
export function tokenPart(
  engine: Engine,
  {
    source,
    record,
    issued,
    startedAt,
    cause,
    order,
    signedInAt,
  }: {
    source: TokenSource;
    record: TokenRecord;
    issued: IssuedToken;
    startedAt: EpochMs;
    cause: Lineage['cause'];
    order?: number;
    /** Of a sign-in, store time. */
    signedInAt?: EpochMs;
  },
): TokenPart {
  const { settings, registry } = engine;
  const link = engine.linkOf(source);
  const stored = record.token;
  const refresh = registry.get(source.account)?.refresh ?? {};
  const grace = (lifetimeMs: number) => windowsFor(settings, refresh, lifetimeMs).repeatGraceMs;
  const fresh = cause === 'grant' ? undefined : stored;
  const value = fingerprint(issued.value);
  const grant = signedInAt === undefined ? fresh?.grant : { at: signedInAt, first: value };
  // Absent where the platform's refresh token is reusable means unchanged (S7); a new grant brings its own or has none.
  const refreshToken = issued.refreshToken || fresh?.refreshToken;
  const extra = issued.extra ?? (stored?.value === issued.value ? stored.extra : undefined);
  return {
    value: issued.value,
    ...(refreshToken && { refreshToken }),
    ...(extra && { extra }),
    ...(stored?.refreshTokenExpiresAt !== undefined &&
      !issued.refreshToken && { refreshTokenExpiresAt: stored.refreshTokenExpiresAt }),
    ...timesOf(issued, source, { stored, startedAt, grace }),
    ...((order ?? stored?.order) !== undefined && { order: order ?? (stored?.order as number) }),
    ...(grant && { grant }),
    seen: seenWith(value, stored?.seen),
    ...(source.credentials && { credentials: source.credentials() }),
    lineage: {
      cause,
      actor: settings.name,
      at: link.now(),
      durationMs: Math.max(0, link.now() - startedAt),
      ...(stored && { predecessor: fingerprint(stored.value) }),
    },
  };
}

/** When a stored token is due, store time; undefined for a kind that is not kept fresh. */
export function dueAt(engine: Engine, source: TokenSource, token: TokenPart, unchanged: boolean): EpochMs | undefined {
  const { settings, registry } = engine;
  const link = engine.linkOf(source);
  const refresh = registry.get(source.account)?.refresh ?? {};
  const kinds = refresh.kinds ?? settings.refresh.kinds;
  if (kinds && !kinds.includes(source.kind)) return undefined;
  const view = localToken(token, link);
  const windows = windowsFor(settings, refresh, lifetimeOf(view));
  const at = nextRefreshAt(view, source, { windows, now: engine.clock.now(), unchanged, random: settings.random });
  return at === undefined ? undefined : link.toStore(at);
}

/** What a commit's answer means, for memory and for the world. */
function settle(
  engine: Engine,
  source: TokenSource,
  {
    answer,
    next,
    token,
    predecessor,
    attempt,
  }: {
    answer: 'accepted' | TokenRecord;
    next: TokenRecord;
    token: TokenPart;
    predecessor: TokenRecord;
    attempt: AttemptChange | undefined;
  },
): Copy | undefined {
  const event = keyEvent(engine, source);
  if (answer === 'accepted') {
    const stored = engine.linkOf(source).store.peek?.(source.key) ?? next;
    const copy = engine.memory.take(source, stored);
    engine.events.emit('commit', {
      ...event,
      generation: stored.generation,
      ...(copy?.expiresAt !== undefined && { expiresAt: copy.expiresAt }),
      cause: token.lineage.cause,
    });
    const to: TokenState = attempt?.state ?? next.attempt.state;
    if (predecessor.attempt.state !== to)
      engine.events.emit('state', { ...event, from: predecessor.attempt.state, to });
    return copy;
  }
  engine.events.emit('conflict', { ...event, predecessor: predecessor.generation, stored: answer.generation });
  const copy = engine.memory.take(source, answer);
  if (source.issuance !== 'idempotent' && answer.token && isAdopted(answer.token)) askOnceMore(engine, source);
  // Of two answers to the same question the one that lives longer is as good as any; the others were superseded (S3). After a sign-in
  // it is another question.
  const ours = token.expiresAt ?? 0;
  const same = answer.token && answer.token.grant?.first === token.grant?.first;
  if (source.issuance === 'idempotent' && same && ours > (answer.token.expiresAt ?? Number.POSITIVE_INFINITY)) {
    const refreshAt = dueAt(engine, source, token, false);
    engine.own(
      engine
        .linkOf(source)
        .call('commit', (store) =>
          store.commit(source.key, token, {
            predecessor: answer.generation,
            ...(refreshAt !== undefined && { refreshAt }),
          }),
        )
        .then(
          () => engine.memory.changed(source.key),
          () => {},
        ),
    );
  }
  return copy;
}

/** Stored by somebody who did not ask the platform for it, so that nobody knows which of the two the platform issued last. */
function isAdopted({ lineage, order }: TokenPart): boolean {
  return order === undefined && (lineage.cause === 'adopt' || lineage.cause === 'grant');
}

/** After the flight that met the conflict has landed: one refresh settles what is valid (S3). */
function askOnceMore(engine: Engine, source: TokenSource): void {
  setImmediate(() => {
    engine
      .flights()
      .then((flights) => flights.join(source, { mode: 'ask' }))
      .catch(() => {
        // Noted in the record and told as an event, as every failed attempt.
      });
  });
}

/** What a commit that was not acknowledged needs to be made again. */
interface Unacknowledged {
  readonly committing: Promise<'accepted' | TokenRecord>;
  readonly entry: Spooled | undefined;
  readonly source: TokenSource;
  readonly token: TokenPart;
  readonly options: CommitOptions;
  readonly next: TokenRecord;
  readonly predecessor: TokenRecord;
  readonly attempt: AttemptChange | undefined;
}

async function commitLater(engine: Engine, { committing, entry, ...input }: Unacknowledged): Promise<void> {
  const { source, token, options } = input;
  const link = engine.linkOf(source);
  let answer = await committing.catch(() => undefined);
  for (let delay = FIRST_RETRY_MS; answer === undefined; delay = Math.min(LAST_RETRY_MS, delay * 2)) {
    // What can be had again by asking is no reason to keep a process alive.
    await sleep(engine.clock, delay * (0.5 + engine.settings.random() / 2), { keepAlive: source.keep === 'grant' });
    // Not acknowledged: the store may or may not have it, and an equal value is accepted again.
    answer = await link.call('commit', (store) => store.commit(source.key, token, options)).catch(() => undefined);
  }
  engine.memory.unhold(source.key);
  settle(engine, source, { answer, ...input });
  await entry?.settle(answer);
}

/** The record as it will stand once the commit is accepted: saves reading back what we have just written. */
function accepted(
  record: TokenRecord,
  token: TokenPart,
  { refreshAt, attempt }: CommitOptions,
  now: EpochMs,
): TokenRecord {
  const same = record.token?.value === token.value;
  const { refreshAt: _due, goneAt: _gone, ...rest } = record;
  const sticky = record.attempt.state === 'contested' || record.attempt.state === 'repeated';
  const state = attempt?.state ?? (sticky ? record.attempt.state : 'active');
  return {
    ...(isAbsent(record) ? emptyRecord(record.key) : rest),
    generation: same ? record.generation : record.generation === 0 ? firstGeneration(now) : record.generation + 1,
    token,
    ...(refreshAt !== undefined && { refreshAt }),
    attempt: { epoch: record.attempt.epoch + 1, state: state ?? 'active', failures: 0 },
  };
}

/** Counts issues that a rejection forced, until a token has lived half its life (`core.md` §5). */
function forcedChange({ forced, record, startedAt }: Issued, unchanged: boolean): AttemptChange | undefined {
  const { attempt, token } = record;
  const livedHalf =
    token?.expiresAt !== undefined &&
    startedAt - Math.max(token.issuedAt, attempt.forced?.at ?? 0) >= (token.expiresAt - token.issuedAt) / 2;
  if (!forced) return attempt.forced && livedHalf ? { forced: null, state: 'active', cause: null } : undefined;
  const count = (livedHalf ? 0 : (attempt.forced?.count ?? 0)) + 1;
  const state = unchanged ? ('repeated' as const) : count > 1 ? ('contested' as const) : ('active' as const);
  return { forced: { count, at: startedAt }, state, cause: null };
}
