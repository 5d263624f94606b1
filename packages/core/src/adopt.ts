import { checkIssued } from './check-issued.js';
import { sleep } from './clock.js';
import { dueAt, FIRST_RETRY_MS, LAST_RETRY_MS, tokenPart } from './commit.js';
import { type Engine, keyEvent } from './engine.js';
import { TokenError } from './errors.js';
import { isLease } from './flights.js';
import { fingerprint, type TokenKey } from './key.js';
import { idsOf, labelOf } from './platform-request.js';
import { isSignedInLater, isSignedInSince } from './sign-in.js';
import type { AdoptBasis, IssueRequest, TokenSource } from './source.js';
import { inTime, journalReady, type Spooled, spooled } from './spool.js';
import { emptyRecord, type Lineage, type TokenPart, type TokenRecord } from './store/record.js';
import type { CommitOptions, Lease } from './store/store.js';
import type { EpochMs, IssuedToken, Token } from './token.js';

/** Rounds of the compare-and-commit loop: each lost one means that somebody else stored something. */
const MAX_ROUNDS = 50;

/** `Tokens.adopt`: compare and commit, without lease, until it is stored or found to be no news. */
export async function adopt(
  engine: Engine,
  source: TokenSource,
  issued: IssuedToken,
  basis: AdoptBasis,
): Promise<void> {
  checkIssued(source, issued);
  // An echo is no news, whatever the store holds, and whether or not it can be asked.
  if ('presented' in basis && issued.value === basis.presented) return;
  const adoption: Adoption = {
    issued,
    startedAt: engine.clock.now(),
    ...('grant' in basis && { signedInAt: signInTime(engine, source) }),
    plan: (record) => plan(record, issued, basis),
    ...('presented' in basis && { base: presentedBase(engine, source, basis.presented) }),
  };
  // A push is sent again when we fail; a pair learned from an answer, or brought by a sign-in, is not to be had twice.
  if ('order' in basis) await commitOver(engine, source, adoption);
  else await commitOrHold(engine, source, adoption);
}

/** `Tokens.authorize`: a single-use exchange under the key's lease, committed as a new grant. */
export async function authorize(
  engine: Engine,
  source: TokenSource,
  exchange: (request: IssueRequest) => Promise<IssuedToken>,
): Promise<Token> {
  const { settings, registry, clock } = engine;
  const link = engine.linkOf(source);
  const parents = await Promise.all((source.dependsOn ?? []).map((parent) => engine.tokens.get(parent)));
  const giveBack = await (await engine.flights()).limiterOf(source.account).acquire();
  try {
    const lease = await leaseFor(engine, source);
    const startedAt = clock.now();
    let issued: IssuedToken;
    try {
      issued = await exchange({
        parents,
        fetch: registry.get(source.account)?.account.fetch ?? settings.fetch,
        // Single use: once its bytes may have left, its answer is worth any wait.
        signal: new AbortController().signal,
        now: () => clock.now(),
        random: settings.random,
      });
      checkIssued(source, issued);
    } catch (error) {
      if (lease) await link.call('note', (store) => store.note(lease, {}, { release: true })).catch(() => {});
      throw error;
    }
    await commitOrHold(engine, source, {
      issued,
      startedAt,
      signedInAt: signInTime(engine, source),
      ...(lease && { lease }),
      plan: (record) => plan(record, issued, { grant: true }),
    });
  } finally {
    giveBack();
  }
  return engine.tokens.get(source);
}

/** `Tokens.revoke` and `Tokens.forget`: a tombstone. `order` lets an older event lose against a newer push. */
export async function entomb(engine: Engine, source: TokenSource, order: number | undefined): Promise<void> {
  const link = engine.linkOf(source);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { record } = await link.read(source.key);
    if (!record?.token || (order !== undefined && record.token.order !== undefined && order < record.token.order))
      break;
    if (!(await link.call('remove', (store) => store.remove(source.key, record.generation)))) continue;
    const event = keyEvent(engine, source);
    engine.events.emit('state', { ...event, from: record.attempt.state, to: 'gone' });
    if (order !== undefined && source.keep === 'grant') engine.events.emit('reauthorize', { ...event, cause: 'gone' });
    break;
  }
  engine.memory.changed(source.key);
  await engine.memory.read(source);
}

/** What to do with a value given the record: nothing, or a commit over this predecessor. */
type Plan = Pick<CommitOptions, 'predecessor' | 'revive'> & {
  readonly cause: Lineage['cause'];
  readonly order?: number;
};

function plan(record: TokenRecord, issued: IssuedToken, basis: AdoptBasis): Plan | 'ignore' | 'conflict' {
  const { token, generation } = record;
  if ('grant' in basis) return { predecessor: generation, revive: true, cause: 'grant' };
  const seen = token?.seen.includes(fingerprint(issued.value)) ?? false;
  if ('order' in basis) {
    const older = token?.order !== undefined && basis.order < token.order;
    // The same value again is a duplicate push: it may move the order on, never bring an older value back.
    if (older || (seen && token?.value !== issued.value)) return 'ignore';
    return { predecessor: generation, revive: true, cause: 'push', order: basis.order };
  }
  // A late echo of anything stored before is no rotation.
  if (seen) return 'ignore';
  return token?.value === basis.presented ? { predecessor: generation, cause: 'adopt' } : 'conflict';
}

/** The value in hand, and what to do with it given a record. */
interface Adoption {
  readonly issued: IssuedToken;
  /** By the manager's clock: what the store's says is known for certain once it has answered. */
  readonly startedAt: EpochMs;
  /** Of a sign-in: when its answer was there, by the manager's clock. Of two the later one stands, whatever order they are stored in. */
  readonly signedInAt?: EpochMs;
  /** It has waited to be stored: by now somebody may have signed in anew, renewed what it brought, or forgotten it. */
  readonly late?: boolean;
  readonly lease?: Lease;
  /** The record it follows, where that is known without asking the store again. */
  readonly base?: TokenRecord | undefined;
  readonly plan: (record: TokenRecord) => Plan | 'ignore' | 'conflict';
}

/** When a sign-in that has just been answered took place: no two of a key at the same instant, so that of several in one outage the last is known. */
function signInTime(engine: Engine, { key }: TokenSource): EpochMs {
  const latest = waiting.get(engine)?.get(key) ?? Number.NEGATIVE_INFINITY;
  return Math.max(engine.clock.now(), latest + 1);
}

/** The latest value of each key that waits to be stored, by its time: what an older one's end must not take out of memory. */
const waiting = new WeakMap<Engine, Map<TokenKey, EpochMs>>();

/** Commits; where the store does not acknowledge, journals and serves the token and goes on trying for as long as this process lives. */
async function commitOrHold(engine: Engine, source: TokenSource, adoption: Adoption): Promise<void> {
  const link = engine.linkOf(source);
  const entry = entryOf(engine, source, adoption);
  if (link.durable === 'relaxed') await entry?.write();
  const committing = commitOver(engine, source, adoption);
  try {
    const answer = await inTime(engine, committing, entry && engine.settings.journalAfterMs);
    if (answer !== undefined) {
      // What the store promises is known by now, where it was not open before.
      if (answer === 'accepted' && link.durable === 'relaxed') await entry?.write();
      if (entry) engine.own(entry.settle(answer));
      return;
    }
  } catch (error) {
    if (!(error instanceof TokenError) || error.code !== 'ERR_TOKEN_STORE') throw error;
  }
  await entry?.write();
  const record = adoption.base ?? emptyRecord(source.key);
  const token = tokenFor(engine, source, adoption, { record, cause: 'grant' });
  const held = waiting.get(engine) ?? new Map<TokenKey, EpochMs>();
  waiting.set(engine, held.set(source.key, timeOf(adoption)));
  engine.memory.hold(source, { ...record, generation: record.generation || 1, token });
  engine.own(commitLater(engine, source, { adoption, committing, entry }), source);
}

/** By what a waiting value is told from later ones of its key. */
function timeOf({ startedAt, signedInAt }: Adoption): EpochMs {
  return signedInAt ?? startedAt;
}

async function commitLater(
  engine: Engine,
  source: TokenSource,
  {
    adoption,
    committing,
    entry,
  }: { adoption: Adoption; committing: Promise<'accepted' | TokenRecord>; entry: Spooled | undefined },
): Promise<void> {
  let answer = await committing.catch(() => undefined);
  for (let delay = FIRST_RETRY_MS; answer === undefined; delay = Math.min(LAST_RETRY_MS, delay * 2)) {
    // What can be had again by asking is no reason to keep a process alive.
    await sleep(engine.clock, delay * (0.5 + engine.settings.random() / 2), { keepAlive: source.keep === 'grant' });
    // Not acknowledged yet; an equal value is accepted again.
    answer = await commitOver(engine, source, { ...adoption, late: true }).catch(() => undefined);
  }
  const held = waiting.get(engine);
  if (held?.get(source.key) === timeOf(adoption)) {
    held.delete(source.key);
    engine.memory.unhold(source.key);
  }
  await entry?.settle(answer);
}

/** Whether a sign-in that is to be stored comes after a later one. */
function isOutdated(
  engine: Engine,
  source: TokenSource,
  { adoption, record }: { adoption: Adoption; record: TokenRecord },
): boolean {
  const { issued, signedInAt, late } = adoption;
  if (signedInAt === undefined || record.token?.value === issued.value) return false;
  const link = engine.linkOf(source);
  const news = { value: issued.value, at: link.toStore(signedInAt), now: link.now() };
  return late ? isSignedInSince(record, news) : isSignedInLater(record, news);
}

/** The journal's entry, which another process can commit without asking us: of a sign-in, and of a value whose predecessor is known. */
function entryOf(engine: Engine, source: TokenSource, adoption: Adoption): Spooled | undefined {
  const { base = emptyRecord(source.key), signedInAt } = adoption;
  const planned = signedInAt !== undefined || adoption.base ? adoption.plan(base) : undefined;
  if (typeof planned !== 'object') return undefined;
  const { cause, order: _order, ...over } = planned;
  const token = tokenFor(engine, source, adoption, { record: base, cause });
  const refreshAt = dueAt(engine, source, token, false);
  const options = { ...over, ...(refreshAt !== undefined && { refreshAt }) };
  return spooled(engine, {
    source,
    token,
    options,
    ...(signedInAt !== undefined && { signedInAt, timed: engine.linkOf(source).timedOnce }),
  });
}

/** What is known here of the record whose token was presented: enough to name the predecessor while the store is away. */
function presentedBase(engine: Engine, source: TokenSource, presented: string): TokenRecord | undefined {
  const copy = engine.memory.copy(source);
  if (copy?.value !== presented || copy.generation === 0) return undefined;
  const { issuedAt } = copy;
  const lineage = { cause: 'issue', actor: engine.settings.name, at: issuedAt, durationMs: 0 } as const;
  const token = { value: presented, issuedAt, firstSeenAt: issuedAt, seen: [], lineage };
  return { ...emptyRecord(source.key), generation: copy.generation, token };
}

function tokenFor(
  engine: Engine,
  source: TokenSource,
  { issued, startedAt, signedInAt }: Adoption,
  { record, cause, order }: { record: TokenRecord; cause: Lineage['cause']; order?: number | undefined },
): TokenPart {
  const link = engine.linkOf(source);
  return tokenPart(engine, {
    source,
    record,
    issued,
    startedAt: link.toStore(startedAt),
    ...(signedInAt !== undefined && { signedInAt: link.toStore(signedInAt) }),
    cause,
    ...(order !== undefined && { order }),
  });
}

/** Commits over whatever stands; the record that stands instead where there is nothing to do, or something newer. */
async function commitOver(engine: Engine, source: TokenSource, adoption: Adoption): Promise<'accepted' | TokenRecord> {
  const { lease } = adoption;
  const link = engine.linkOf(source);
  const event = keyEvent(engine, source);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const record = (await link.read(source.key)).record ?? emptyRecord(source.key);
    const planned = isOutdated(engine, source, { adoption, record }) ? 'conflict' : adoption.plan(record);
    if (planned === 'ignore') return record;
    if (planned === 'conflict') {
      engine.events.emit('conflict', { ...event, predecessor: 0, stored: record.generation });
      return record;
    }
    const { cause, order, ...over } = planned;
    const token = tokenFor(engine, source, adoption, { record, cause, order });
    const refreshAt = dueAt(engine, source, token, false);
    const answer = await link.call('commit', (store) =>
      store.commit(source.key, token, {
        ...over,
        ...(lease && { lease, release: true }),
        ...(refreshAt !== undefined && { refreshAt }),
        ...(cause === 'grant' && { attempt: { state: 'active', cause: null, forced: null } }),
      }),
    );
    if (answer !== 'accepted') continue;
    engine.memory.changed(source.key);
    const stored = await engine.memory.read(source);
    engine.events.emit('commit', { ...event, generation: stored.generation, cause });
    if (record.attempt.state !== 'active')
      engine.events.emit('state', { ...event, from: record.attempt.state, to: stored.attempt.state });
    return 'accepted';
  }
  throw new TokenError('ERR_TOKEN_BUSY', `${labelOf(source)}: other processes kept being faster`, idsOf(source));
}

/**
 * The key's lease; none where the store is away and a journal is there to take the answer: what a person has just confirmed
 * cannot wait for a store, and of a new grant the time decides, not the lease.
 */
async function leaseFor(engine: Engine, source: TokenSource): Promise<Lease | undefined> {
  try {
    return await claimed(engine, source);
  } catch (error) {
    const away = error instanceof TokenError && error.code === 'ERR_TOKEN_STORE' && error.retryable;
    if (away && source.keep === 'grant' && (await journalReady(engine))) return undefined;
    throw error;
  }
}

async function claimed(engine: Engine, source: TokenSource): Promise<Lease> {
  const { settings, clock } = engine;
  const link = engine.linkOf(source);
  const giveUpAt = clock.now() + settings.leaseTtlMs + settings.requestTimeoutMs;
  for (let delay = 25; clock.now() < giveUpAt; delay = Math.min(1_000, delay * 2)) {
    engine.checkOpen();
    const record = (await link.read(source.key)).record ?? emptyRecord(source.key);
    const seen = { key: source.key, generation: record.generation, epoch: record.attempt.epoch };
    const answer = await link.call('claim', (store) => store.claim(seen, settings.name, settings.leaseTtlMs));
    if (isLease(answer)) return answer;
    await sleep(clock, delay);
  }
  throw new TokenError(
    'ERR_TOKEN_BUSY',
    `${labelOf(source)}: another process has been at it for too long`,
    idsOf(source),
  );
}
