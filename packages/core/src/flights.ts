import { type Attempted, attempt } from './attempt.js';
import type { Copy } from './copies.js';
import type { Engine } from './engine.js';
import { TokenError } from './errors.js';
import { heldByOther, outcomeOfHolder } from './holder.js';
import type { TokenKey } from './key.js';
import { Limiter } from './limiter.js';
import { idsOf, labelOf } from './platform-request.js';
import { askingHarms } from './policy.js';
import type { TokenSource } from './source.js';
import type { TokenRecord } from './store/record.js';
import type { AttemptChange, Lease } from './store/store.js';
import type { Token } from './token.js';
import type { RefreshOutcome } from './tokens.js';
import { verdictOn } from './verdict.js';
import { refusalOf, satisfied, type Want } from './want.js';

/** What a flight ends with. */
export interface Landed {
  readonly copy: Copy | undefined;
  readonly outcome: RefreshOutcome;
}

/** Rounds of "somebody was faster" before we say so: far more than any real race needs. */
const MAX_ROUNDS = 50;

/** Refreshes in progress in this process: one per key. */
export class Flights {
  readonly #engine: Engine;
  readonly #inFlight = new Map<TokenKey, { readonly mode: Want['mode']; readonly landing: Promise<Landed> }>();
  readonly #limiters = new Map<string, Limiter>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Joins the flight of a key, or starts it. A flight nobody waited for does not wait for others: who needs a token then flies again. */
  async join(source: TokenSource, wanted: Want): Promise<Landed> {
    for (let want = wanted; ; ) {
      const current = this.#inFlight.get(source.key);
      if (!current) return this.#start(source, want);
      if (current.mode === want.mode || want.mode === 'soon' || want.mode === 'ask') return current.landing;
      const landed = await current.landing.catch((error: unknown) => {
        // The verdict of an attempt made meanwhile holds for us too, unless we may try what it may not.
        if (current.mode !== 'soon' && want.mode === 'need') throw error;
        return undefined;
      });
      // What was read before that flight landed says nothing of what it noted.
      want = { ...want, seen: undefined };
      const next = this.#inFlight.get(source.key);
      if (!next && landed?.copy && satisfied(this.#engine, source, landed.copy, want)) return landed;
    }
  }

  #start(source: TokenSource, want: Want): Promise<Landed> {
    const landing = this.#fly(source, want).finally(() => {
      if (this.#inFlight.get(source.key)?.landing === landing) this.#inFlight.delete(source.key);
    });
    this.#inFlight.set(source.key, { mode: want.mode, landing });
    this.#engine.own(landing, source);
    return landing;
  }

  async #fly(source: TokenSource, want: Want): Promise<Landed> {
    const engine = this.#engine;
    const { memory } = engine;
    let record = want.seen ?? (await memory.read(source));
    let parentRefused = false;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      this.#engine.checkOpen();
      const copy = memory.take(source, record);
      if (memory.isHeld(source.key)) return this.#held(source, copy, want);
      if (copy && satisfied(engine, source, copy, want)) return { copy, outcome: 'held' };
      const refusal = refusalOf(engine, source, record, want);
      if (refusal === 'notYetRenewable') return { copy, outcome: refusal };
      if (refusal) throw refusal;
      if (heldByOther(engine, source, record)) {
        if (want.mode === 'soon') return { copy, outcome: 'held' };
        record = await outcomeOfHolder(engine, source, record, want);
        continue;
      }
      const parents = await this.#parents(source, record);
      const next = await this.#claimAndAttempt(source, { record, parents, want, parentRefused });
      if ('outcome' in next) return next;
      parentRefused ||= next.parentRefused === true;
      record = next.record;
    }
    throw new TokenError('ERR_TOKEN_BUSY', `${labelOf(source)}: other processes kept being faster`, idsOf(source));
  }

  /** The store still holds what this process knows to be spent: nothing may be presented before it has what came of it (S5). */
  #held(source: TokenSource, copy: Copy | undefined, want: Want): Landed {
    const usable =
      copy && this.#engine.clock.now() < copy.endsAt && !(want.mode === 'forced' && copy.value === want.refused);
    if (usable) return { copy, outcome: 'held' };
    throw new TokenError(
      'ERR_TOKEN_STORE',
      `${labelOf(source)}: the store has not taken the last token yet`,
      idsOf(source),
    );
  }

  async #claimAndAttempt(
    source: TokenSource,
    {
      record,
      parents,
      want,
      parentRefused,
    }: { record: TokenRecord; parents: readonly Token[]; want: Want; parentRefused: boolean },
  ): Promise<Landed | { readonly record: TokenRecord; readonly parentRefused?: boolean }> {
    const engine = this.#engine;
    const link = engine.linkOf(source);
    const giveBack = await this.limiterOf(source.account).acquire();
    let attempted: Attempted;
    try {
      const seen = { key: source.key, generation: record.generation, epoch: record.attempt.epoch };
      const spends = askingHarms(source.issuance) && record.token !== undefined;
      const claimedAt = link.now();
      const answer = await link.call('claim', (store) =>
        store.claim(
          seen,
          engine.settings.name,
          engine.settings.leaseTtlMs,
          spends ? { generation: record.generation } : undefined,
        ),
      );
      if (!isLease(answer)) return { record: answer };
      attempted = await attempt(engine, {
        source,
        lease: answer,
        record,
        parents,
        claimedAt,
        forced: want.mode === 'forced',
        parentRefused,
        slot: want.slot,
      });
    } finally {
      giveBack();
    }
    if (attempted.kind === 'landed') return { copy: attempted.copy, outcome: attempted.outcome };
    // Who wanted the platform asked has had it asked; what came of it lost against what another process stored.
    if (attempted.kind === 'again' && attempted.lost && want.mode === 'ask') {
      return { copy: engine.memory.copy(source), outcome: 'held' };
    }
    const forced = want.mode === 'forced';
    if (attempted.kind === 'parentRejected') await this.#renewParent(source, attempted, forced);
    const again = await engine.memory.read(source);
    return { record: again, parentRefused: attempted.kind === 'parentRejected' };
  }

  /** Slots for platform requests of an account. */
  limiterOf(account: string): Limiter {
    const limiter = this.#limiters.get(account) ?? new Limiter(this.#engine.settings.concurrencyPerAccount);
    this.#limiters.set(account, limiter);
    return limiter;
  }

  /** Parents before the claim, one after the other: they may share parents of their own. */
  async #parents(source: TokenSource, record: TokenRecord): Promise<readonly Token[]> {
    const parents: Token[] = [];
    for (const parent of source.dependsOn ?? []) {
      try {
        parents.push(await this.#engine.tokens.get(parent));
      } catch (error) {
        await this.#rest(source, record, error);
        throw error;
      }
    }
    return parents;
  }

  /** The child's lease is gone by now: a child that waits for its parent under its own lease deadlocks. */
  async #renewParent(
    source: TokenSource,
    { parent, value }: { readonly parent: TokenSource; readonly value: string },
    forced: boolean,
  ): Promise<void> {
    const engine = this.#engine;
    try {
      await engine.tokens.reject(parent, value);
    } catch (error) {
      // The child was asked for and not had: as after any failure, the next attempt waits, or each caller would ask again.
      if (error instanceof TokenError) {
        const record = await engine.memory.read(source);
        const startedAt = engine.linkOf(source).now();
        await this.#note(
          source,
          record,
          (lease) => verdictOn(engine, { source, lease, record, error, startedAt, forced }).change,
        );
      }
      throw error;
    }
  }

  /** A key whose parent is not to be had leaves the front of the due index, or a hundred of them would starve all others. */
  async #rest(source: TokenSource, record: TokenRecord, error: unknown): Promise<void> {
    if (!(error instanceof TokenError) || record.refreshAt === undefined) return;
    const link = this.#engine.linkOf(source);
    const rest = link.now() + this.#engine.settings.leaseTtlMs * 2;
    // Whatever comes by push may come at any moment, however long the parent's own next attempt is off.
    const pushed = error.code === 'ERR_TOKEN_WAITING';
    const refreshAt = error.retryAt === undefined || pushed ? rest : link.toStore(error.retryAt);
    const waiting = pushed || error.code === 'ERR_TOKEN_REAUTHORIZATION_REQUIRED';
    await this.#note(source, record, () => ({ ...(waiting && { state: 'waiting', cause: 'parent' }), refreshAt }));
  }

  /** Notes something of a key without asking the platform for it. */
  async #note(source: TokenSource, record: TokenRecord, changeFor: (lease: Lease) => AttemptChange): Promise<void> {
    const { settings } = this.#engine;
    const link = this.#engine.linkOf(source);
    const seen = { key: source.key, generation: record.generation, epoch: record.attempt.epoch };
    try {
      const lease = await link.call('claim', (store) => store.claim(seen, settings.name, settings.leaseTtlMs));
      if (!isLease(lease)) return;
      await link.call('note', (store) => store.note(lease, changeFor(lease), { release: true }));
    } catch {
      // The error that led here is the one to tell; the key is looked at again.
    }
  }
}

/** Tells a lease from the record that stood in its way. */
export function isLease(answer: Lease | TokenRecord): answer is Lease {
  return (answer as Partial<Lease>).kind === 'lease';
}
