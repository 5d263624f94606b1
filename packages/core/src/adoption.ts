import { sleep } from './clock.js';
import { dueAt, FIRST_RETRY_MS, LAST_RETRY_MS, tokenPart } from './commit.js';
import { obtainCompanions } from './companions.js';
import { type Engine, keyEvent } from './engine.js';
import { TokenError } from './errors.js';
import type { TokenKey } from './key.js';
import type { Moment } from './moment.js';
import { idsOf, labelOf } from './platform-request.js';
import { isSignedInLater, isSignedInSince, lastSignIn } from './sign-in.js';
import type { TokenSource } from './source.js';
import { inTime, type Spooled, spooled } from './spool.js';
import { emptyRecord, type Lineage, type TokenPart, type TokenRecord } from './store/record.js';
import type { CommitOptions, Lease } from './store/store.js';
import type { EpochMs, IssuedToken } from './token.js';

/** Rounds of the compare-and-commit loop: each lost one means that somebody else stored something. */
const MAX_ROUNDS = 50;

/** A commit over what stands. */
type Plan = Pick<CommitOptions, 'predecessor' | 'revive'> & {
  readonly cause: Lineage['cause'];
  readonly order?: number;
};

/** What to do with a value given the record: nothing, or a commit over this predecessor. */
export type Planned = Plan | 'ignore' | 'conflict';

/** The value in hand, and what to do with it given a record. */
export interface Adoption {
  readonly issued: IssuedToken;
  /** By the manager's clock: what the store's says is known for certain once it has answered. */
  readonly startedAt: EpochMs;
  /** Of a sign-in: when its answer was there. Of two the later one stands, whatever order they are stored in. */
  readonly signedIn?: Moment;
  /** It has waited to be stored: by now somebody may have signed in anew, renewed what it brought, or forgotten it. */
  readonly late?: boolean;
  readonly lease?: Lease;
  /** The record it follows, where that is known without asking the store again. */
  readonly base?: TokenRecord | undefined;
  readonly plan: (record: TokenRecord) => Planned;
}

/** The latest value of each key that waits to be stored, by its time: what an older one's end must not take out of memory. */
const waiting = new WeakMap<Engine, Map<TokenKey, EpochMs>>();

/** Commits; where the store does not acknowledge, journals and serves the token and goes on trying for as long as this process lives. */
export async function commitOrHold(engine: Engine, source: TokenSource, adoption: Adoption): Promise<void> {
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
function timeOf({ startedAt, signedIn }: Adoption): EpochMs {
  return signedIn?.wall ?? startedAt;
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
  const { issued, signedIn, late } = adoption;
  if (!signedIn || record.token?.value === issued.value) return false;
  const last = lastSignIn(engine, source);
  if (last && signedIn.wall < last.wall) return true;
  const link = engine.linkOf(source);
  const news = { value: issued.value, at: link.storeTimeOf(signedIn), now: link.now() };
  return late ? isSignedInSince(record, news) : isSignedInLater(record, news);
}

/** The journal's entry, which another process can commit without asking us: of a sign-in, and of a value whose predecessor is known. */
function entryOf(engine: Engine, source: TokenSource, adoption: Adoption): Spooled | undefined {
  const { base = emptyRecord(source.key), signedIn } = adoption;
  const planned = signedIn || adoption.base ? adoption.plan(base) : undefined;
  if (typeof planned !== 'object') return undefined;
  const { cause, order: _order, ...over } = planned;
  const token = tokenFor(engine, source, adoption, { record: base, cause });
  const refreshAt = dueAt(engine, source, token, false);
  const options = { ...over, ...(refreshAt !== undefined && { refreshAt }) };
  return spooled(engine, {
    source,
    token,
    options,
    ...(signedIn && { signedIn }),
  });
}

function tokenFor(
  engine: Engine,
  source: TokenSource,
  { issued, startedAt, signedIn }: Adoption,
  { record, cause, order }: { record: TokenRecord; cause: Lineage['cause']; order?: number | undefined },
): TokenPart {
  const link = engine.linkOf(source);
  return tokenPart(engine, {
    source,
    record,
    issued,
    startedAt: link.toStore(startedAt),
    ...(signedIn && { signedInAt: link.storeTimeOf(signedIn) }),
    cause,
    ...(order !== undefined && { order }),
  });
}

/** Commits over whatever stands; the record that stands instead where there is nothing to do, or something newer. */
export async function commitOver(
  engine: Engine,
  source: TokenSource,
  adoption: Adoption,
): Promise<'accepted' | TokenRecord> {
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
    if (cause === 'grant' || cause === 'push') obtainCompanions(engine, source);
    if (record.attempt.state !== 'active')
      engine.events.emit('state', { ...event, from: record.attempt.state, to: stored.attempt.state });
    return 'accepted';
  }
  throw new TokenError('ERR_TOKEN_BUSY', `${labelOf(source)}: other processes kept being faster`, idsOf(source));
}
