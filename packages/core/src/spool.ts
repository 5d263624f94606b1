import { type Engine, keyEvent } from './engine.js';
import { TokenError } from './errors.js';
import { JOURNAL_VERSION, type Journal } from './journal.js';
import type { TokenKey } from './key.js';
import { labelOf } from './platform-request.js';
import type { TokenSource } from './source.js';
import type { TokenPart } from './store/record.js';
import type { CommitOptions } from './store/store.js';

/** An answer on its way into a store, and its entry in the journal, if it has needed one (S4). */
export class Spooled {
  readonly #engine: Engine;
  readonly #journal: Journal;
  readonly #source: TokenSource;
  readonly #token: TokenPart;
  readonly #options: CommitOptions;
  #id: string | undefined;

  constructor(
    engine: Engine,
    journal: Journal,
    { source, token, options }: { source: TokenSource; token: TokenPart; options: CommitOptions },
  ) {
    this.#engine = engine;
    this.#journal = journal;
    this.#source = source;
    this.#token = token;
    this.#options = options;
  }

  /** Writes the entry, once. A journal that fails is told as an event and keeps nothing from being stored or served. */
  async write(): Promise<void> {
    if (this.#id !== undefined) return;
    const { key } = this.#source;
    try {
      await opened(this.#journal);
      this.#id = await this.#journal.append({
        v: JOURNAL_VERSION,
        key,
        token: this.#token,
        options: this.#options,
        at: this.#engine.clock.now(),
      });
    } catch (cause) {
      tellFailure(this.#engine, this.#source, cause);
    }
  }

  /** The store has acknowledged the answer, or refused it for a newer one. */
  async settle(answer: 'accepted' | object): Promise<void> {
    const { key, keep } = this.#source;
    try {
      // What a relaxed store acknowledges may be gone after a crash: the entry stays until the next rotation has its own.
      const stays = answer === 'accepted' && this.#engine.linkOf({ keep }).durable === 'relaxed';
      if (!stays && this.#id !== undefined) await this.#journal.remove(this.#id);
      if (stays) await removeOthers(this.#journal, key, this.#id);
    } catch (cause) {
      // Harmless: an entry that outlives its commit is found to be stored, or superseded, when it is replayed.
      tellFailure(this.#engine, this.#source, cause);
    }
  }
}

/** The entry of an answer, where there is a journal and losing the answer would cost more than a call. */
export function spooled(
  engine: Engine,
  input: { source: TokenSource; token: TokenPart; options: CommitOptions },
): Spooled | undefined {
  const { journal } = engine.settings;
  return journal && input.source.keep === 'grant' ? new Spooled(engine, journal, input) : undefined;
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
  await opened(journal);
  for (const { id, entry, problem } of await journal.entries()) {
    if (problem !== undefined) tellOnce(journal, `${journal.name}: entry ${id} cannot be read and is kept: ${problem}`);
    const source = entry && entry.v <= JOURNAL_VERSION ? engine.registry.sourceOf(entry.key) : undefined;
    if (!entry || !source) continue;
    const link = engine.linkOf(source);
    const answer = await link
      .call('commit', (store) => store.commit(entry.key, entry.token, entry.options))
      .catch(() => undefined);
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

function tellFailure(engine: Engine, source: TokenSource, cause: unknown): void {
  const why = cause instanceof TokenError ? cause.message : ((cause as { code?: string })?.code ?? 'unexpected error');
  engine.events.emit('failure', {
    ...keyEvent(engine, source),
    code: 'ERR_TOKEN_STORE',
    message: `${labelOf(source)}: the journal failed, and the answer is kept in memory alone until it is stored: ${why}`,
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
