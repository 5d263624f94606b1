import { type Engine, keyEvent } from './engine.js';
import { TokenError } from './errors.js';
import { JOURNAL_VERSION, type Journal, type JournalEntry } from './journal.js';
import { fingerprint, type TokenKey } from './key.js';
import type { Moment } from './moment.js';
import { labelOf } from './platform-request.js';
import { isSignedInSince, lastSignIn } from './sign-in.js';
import type { TokenSource } from './source.js';
import { emptyRecord, seenWith, type TokenPart, type TokenRecord } from './store/record.js';
import type { CommitOptions } from './store/store.js';
import type { StoreLink } from './store-link.js';
import type { EpochMs } from './token.js';

/** Rounds of a new grant against others that write the same key. */
const MAX_ROUNDS = 50;

/** What goes into a store, and into an entry where the store does not take it. */
export interface SpooledAnswer {
  readonly source: TokenSource;
  readonly token: TokenPart;
  readonly options: CommitOptions;
  /** When a sign-in took place; absent for an answer that follows a known generation. */
  readonly signedIn?: Moment;
}

/** An answer on its way into a store, and its entry in the journal, if it has needed one (S4). */
export class Spooled {
  readonly #engine: Engine;
  readonly #journal: Journal;
  readonly #answer: SpooledAnswer;
  #id: string | undefined;

  constructor(engine: Engine, journal: Journal, answer: SpooledAnswer) {
    this.#engine = engine;
    this.#journal = journal;
    this.#answer = answer;
  }

  /** Writes the entry, once. A journal that fails is told as an event and keeps nothing from being stored or served. */
  async write(): Promise<void> {
    if (this.#id !== undefined) return;
    const { source, token, options, signedIn } = this.#answer;
    try {
      await opened(this.#journal);
      this.#id = await this.#journal.append({
        v: signedIn ? 2 : 1,
        key: source.key,
        token,
        options,
        at: signedIn?.wall ?? this.#engine.clock.now(),
        ...(signedIn && { grant: signedIn.store === undefined ? 'hostTime' : 'storeTime' }),
      });
    } catch (cause) {
      tellFailure(this.#engine, source, cause);
    }
  }

  /** The store has acknowledged the answer, or refused it for a newer one. */
  async settle(answer: 'accepted' | object): Promise<void> {
    const { key, keep } = this.#answer.source;
    try {
      // What a relaxed store acknowledges may be gone after a crash: the entry stays until the next rotation has its own.
      const stays = answer === 'accepted' && this.#engine.linkOf({ keep }).durable === 'relaxed';
      if (!stays && this.#id !== undefined) await this.#journal.remove(this.#id);
      if (stays) await removeOthers(this.#journal, key, this.#id);
    } catch (cause) {
      // Harmless: an entry that outlives its commit is found to be stored, or superseded, when it is replayed.
      tellFailure(this.#engine, this.#answer.source, cause);
    }
  }
}

/** The entry of an answer, where there is a journal and losing the answer would cost more than a call. */
export function spooled(engine: Engine, input: SpooledAnswer): Spooled | undefined {
  const { journal } = engine.settings;
  return journal && input.source.keep === 'grant' ? new Spooled(engine, journal, input) : undefined;
}

/** Whether there is a journal that can be written to. */
export async function journalReady({ settings: { journal } }: Engine): Promise<boolean> {
  if (!journal) return false;
  return opened(journal).then(
    () => true,
    () => false,
  );
}

/** What the work brings, or undefined where it takes longer than that; without a time it is waited for. Rejects as the work does. */
export async function inTime<Answer>(
  engine: Engine,
  work: Promise<Answer>,
  limitMs: number | undefined,
): Promise<Answer | undefined> {
  if (limitMs === undefined) return work;
  let cancel = () => {};
  const late = new Promise<undefined>((resolve) => {
    cancel = engine.clock.after(limitMs, () => resolve(undefined));
  });
  return Promise.race([work, late]).finally(cancel);
}

/**
 * Commits what any process of this host has left in the journal. An entry is deleted once the store has acknowledged it, or
 * has something newer; what cannot be read, or belongs to no account of ours, stays.
 */
export async function replay(engine: Engine): Promise<void> {
  const { journal } = engine.settings;
  if (!journal) return;
  // What can be read must not wait for the disk to take more.
  await opened(journal).catch((error: unknown) => {
    if (!(error instanceof TokenError) || error.code !== 'ERR_TOKEN_STORE') throw error;
    tellOnce(journal, `${error.message}; ${RISK}`);
  });
  for (const { id, entry, problem } of await journal.entries()) {
    if (problem !== undefined) tellOnce(journal, `${journal.name}: entry ${id} cannot be read and is kept: ${problem}`);
    const source = entry && entry.v <= JOURNAL_VERSION ? engine.registry.sourceOf(entry.key) : undefined;
    if (!entry || !source) continue;
    const link = engine.linkOf(source);
    const answer = await (entry.grant ? commitGrant(engine, source, entry) : commitEntry(link, entry)).catch(
      () => undefined,
    );
    // The store is away: the entry waits for the next replay.
    if (answer === undefined) continue;
    engine.memory.unhold(source.key);
    engine.memory.changed(source.key);
    const event = keyEvent(engine, source);
    if (answer !== 'accepted')
      engine.events.emit('conflict', {
        ...event,
        predecessor: entry.options.predecessor,
        stored: answer.generation,
      });
    if (answer !== 'accepted' || link.durable !== 'relaxed') await journal.remove(id);
  }
}

function commitEntry(link: StoreLink, { key, token, options }: JournalEntry): Promise<'accepted' | TokenRecord> {
  return link.call('commit', (store) => store.commit(key, token, options));
}

/** A new grant follows whatever stands, but for what was authorized after it; the record that stands then. */
async function commitGrant(
  engine: Engine,
  source: TokenSource,
  entry: JournalEntry,
): Promise<'accepted' | TokenRecord> {
  const link = engine.linkOf(source);
  const { key, token, options } = entry;
  let present = emptyRecord(key);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    present = (await link.read(key)).record ?? emptyRecord(key);
    const own = fingerprint(token.value);
    const stored = present.token;
    // Stored already, by whoever wrote the entry or by another replay, and perhaps renewed since.
    if (stored?.value === token.value) return 'accepted';
    const grant = { at: signInTime(engine, source, entry), first: own };
    if (isSignedInSince(present, { value: token.value, at: grant.at, now: link.now() })) return present;
    const next: TokenPart = {
      ...token,
      grant,
      seen: seenWith(own, stored?.seen),
      ...(stored?.order !== undefined && { order: stored.order }),
    };
    const answer = await link.call('commit', (store) =>
      store.commit(key, next, {
        ...options,
        predecessor: present.generation,
        revive: true,
        attempt: { state: 'active', cause: null, forced: null },
      }),
    );
    if (answer === 'accepted') return answer;
  }
  return Promise.reject(new TokenError('ERR_TOKEN_BUSY', 'other processes kept being faster'));
}

/** When the sign-in of an entry took place, by the store's clock. */
function signInTime(engine: Engine, source: TokenSource, { at, token, grant }: JournalEntry): EpochMs {
  const link = engine.linkOf(source);
  const own = lastSignIn(engine, source);
  // Of our own we know most: whether a clock was set since, which an entry cannot tell.
  if (own?.wall === at) return link.storeTimeOf(own);
  return (grant === 'storeTime' ? token.grant?.at : undefined) ?? link.toStore(at);
}

const openings = new WeakMap<Journal, Promise<void>>();

/** Opens a journal, once; a failure is forgotten, so that the next answer tries again. */
async function opened(journal: Journal): Promise<void> {
  const opening = openings.get(journal) ?? journal.open();
  openings.set(journal, opening);
  await opening.catch((error) => {
    openings.delete(journal);
    throw error;
  });
}

async function removeOthers(journal: Journal, key: TokenKey, id: string | undefined): Promise<void> {
  for (const other of await journal.entries(key)) if (other.id !== id && other.entry) await journal.remove(other.id);
}

const RISK =
  'what the store has not acknowledged is kept in memory alone until it has: if this process ends before, it costs a person a new sign-in';

function tellFailure(engine: Engine, source: TokenSource, cause: unknown): void {
  const why = cause instanceof TokenError ? cause.message : ((cause as { code?: string })?.code ?? 'unexpected error');
  engine.events.emit('failure', {
    ...keyEvent(engine, source),
    code: 'ERR_TOKEN_STORE',
    message: `${labelOf(source)}: the journal failed: ${why}; ${RISK}`,
    failures: 0,
  });
}

/** Texts told already, by journal: a replay comes round every minute. */
const told = new WeakMap<Journal, Set<string>>();

function tellOnce(journal: Journal, text: string): void {
  const texts = told.get(journal) ?? new Set();
  told.set(journal, texts);
  if (texts.has(text)) return;
  texts.add(text);
  process.emitWarning(text, { type: 'TokenJournal' });
}
