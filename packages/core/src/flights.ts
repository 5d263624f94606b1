import { type Attempted, attempt } from './attempt.js';
import { sleep } from './clock.js';
import type { Copy } from './copies.js';
import type { Engine } from './engine.js';
import { TokenError } from './errors.js';
import type { TokenKey } from './key.js';
import { Limiter } from './limiter.js';
import { askingHarms, forcedNotBefore, lifetimeOf, windowsFor } from './policy.js';
import { idsOf, subjectOf } from './provider/send.js';
import type { TokenSource } from './source.js';
import { emptyRecord, RECORD_VERSION, type TokenRecord } from './store/record.js';
import type { Lease } from './store/store.js';
import type { EpochMs, Token } from './token.js';
import type { RefreshOutcome } from './tokens.js';
import { recordedError } from './verdict.js';

/**
 * Why a flight is wanted.
 * - `need`: a caller waits for a token that lives, by `minValidityMs` at least.
 * - `soon`: the token is due; nobody waits.
 * - `forced`: the platform refused this value.
 * - `ask`: somebody wants the platform asked now.
 */
export type Want =
  | { readonly mode: 'need'; readonly minValidityMs: number; readonly seen?: TokenRecord }
  | { readonly mode: 'soon'; readonly seen?: TokenRecord }
  | { readonly mode: 'forced'; readonly refused: string; readonly seen?: TokenRecord }
  | { readonly mode: 'ask'; readonly seen?: TokenRecord };

/** What a flight ends with. */
export interface Landed {
  readonly copy: Copy | undefined;
  readonly outcome: RefreshOutcome;
}

/** Waits for another holder begin at this and double to the next, ms. */
const FIRST_LOOK_MS = 25;
const LAST_LOOK_MS = 1_000;
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
  async join(source: TokenSource, want: Want): Promise<Landed> {
    for (;;) {
      const current = this.#inFlight.get(source.key);
      if (!current) return this.#start(source, want);
      if (current.mode === want.mode || want.mode === 'soon' || want.mode === 'ask') return current.landing;
      const landed = await current.landing.catch((error: unknown) => {
        // The verdict of an attempt made meanwhile holds for us too, unless we may try what it may not.
        if (current.mode !== 'soon' && want.mode === 'need') throw error;
        return undefined;
      });
      const next = this.#inFlight.get(source.key);
      if (!next && landed?.copy && this.#satisfied(source, landed.copy, want)) return landed;
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
    const { memory } = this.#engine;
    let record = want.seen ?? (await memory.read(source));
    let parentRefused = false;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      this.#engine.checkOpen();
      const copy = memory.take(source, record);
      if (copy && this.#satisfied(source, copy, want)) return { copy, outcome: 'held' };
      const refusal = this.#mayNot(source, record, want);
      if (refusal === 'notYetRenewable') return { copy, outcome: refusal };
      if (refusal) throw refusal;
      if (this.#heldByOther(source, record)) {
        if (want.mode === 'soon') return { copy, outcome: 'held' };
        record = await this.#outcomeOfHolder(source, record, want);
        continue;
      }
      const parents = await this.#parents(source, record);
      const next = await this.#claimAndAttempt(source, { record, parents, want, parentRefused });
      if ('outcome' in next) return next;
      parentRefused ||= next.parentRefused === true;
      record = next.record;
    }
    throw new TokenError('ERR_TOKEN_BUSY', `${subjectOf(source)}: other processes kept being faster`, idsOf(source));
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
      });
    } finally {
      giveBack();
    }
    if (attempted.kind === 'landed') return { copy: attempted.copy, outcome: attempted.outcome };
    if (attempted.kind === 'parentRejected') {
      if (parentRefused) throw attempted.error;
      // The child's lease is gone by now: a child that waits for its parent under its own lease deadlocks.
      await engine.tokens.reject(attempted.parent, attempted.value);
    }
    const again = await engine.memory.read(source);
    return { record: again, parentRefused: attempted.kind === 'parentRejected' };
  }

  /** Slots for platform requests of an account. */
  limiterOf(account: string): Limiter {
    const limiter = this.#limiters.get(account) ?? new Limiter(this.#engine.settings.concurrencyPerAccount);
    this.#limiters.set(account, limiter);
    return limiter;
  }

  #satisfied(source: TokenSource, copy: Copy, want: Want): boolean {
    const now = this.#engine.clock.now();
    switch (want.mode) {
      case 'need':
        return (
          now < copy.mustAt &&
          (want.minValidityMs === 0 ||
            now + want.minValidityMs <= copy.endsAt ||
            !this.canBringMore(source, copy, want.minValidityMs))
        );
      case 'soon':
        return now < copy.soonAt && now < copy.mustAt;
      case 'forced':
        return copy.value !== want.refused && now < copy.mustAt;
      case 'ask':
        return false;
    }
  }

  /** Whether asking now can bring a token that lives longer; a wish beyond nine tenths of a lifetime would mean asking all the time. */
  canBringMore(source: TokenSource, copy: Copy, minValidityMs: number): boolean {
    const now = this.#engine.clock.now();
    const lifetime = lifetimeOf(viewOf(copy));
    if (lifetime === undefined || source.issuance === 'pushed') return false;
    const from = source.renewableFrom?.(viewOf(copy));
    return (from === undefined || from <= now) && now + Math.min(minValidityMs, lifetime * 0.9) > copy.endsAt;
  }

  /** Why no attempt is made now. */
  #mayNot(source: TokenSource, record: TokenRecord, want: Want): TokenError | 'notYetRenewable' | undefined {
    const link = this.#engine.linkOf(source);
    const { attempt, token } = record;
    const ids = idsOf(source);
    if (record.v > RECORD_VERSION) {
      return new TokenError(
        'ERR_TOKEN_STORE',
        `${subjectOf(source)}: the stored record has format ${record.v}, written by a newer version; this one knows ${RECORD_VERSION} and leaves it alone`,
        ids,
      );
    }
    if (source.issuance === 'pushed')
      return new TokenError('ERR_TOKEN_WAITING', `${subjectOf(source)}: waiting for the platform's push`, ids);
    if (source.keep === 'grant' && !token) {
      const reason = record.goneAt === undefined ? 'absent' : 'gone';
      const why = reason === 'absent' ? 'nobody has signed in yet' : 'the grant was revoked or forgotten';
      return new TokenError(
        'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
        `${subjectOf(source)}: ${why}; a person must sign in`,
        { ...ids, reason },
      );
    }
    if (attempt.state === 'reauthorize') return recordedError(source, record, link);
    const foreign =
      attempt.failure?.credentials !== undefined && source.credentials?.() !== attempt.failure.credentials;
    const resting = attempt.retryAt !== undefined && link.now() < attempt.retryAt && !foreign;
    if (want.mode === 'forced') {
      const notBefore = this.#forcedNotBefore(source, record);
      if (notBefore !== undefined)
        return rejectedAgain(source, link.toLocal(notBefore), attempt.state === 'contested' ? 'contested' : 'repeated');
      if (resting && (attempt.forced?.count ?? 0) > 0) return recordedError(source, record, link);
      return undefined;
    }
    if (want.mode === 'ask') {
      const notBefore = this.#forcedNotBefore(source, record);
      if (notBefore !== undefined && (attempt.state === 'contested' || attempt.state === 'repeated')) {
        return rejectedAgain(source, link.toLocal(notBefore), attempt.state);
      }
      const from =
        token && askingHarms(source.issuance)
          ? source.renewableFrom?.(localView(record, link.toLocal.bind(link)))
          : undefined;
      return from !== undefined && this.#engine.clock.now() < from ? 'notYetRenewable' : undefined;
    }
    return resting ? recordedError(source, record, link) : undefined;
  }

  #forcedNotBefore(source: TokenSource, { attempt, token }: TokenRecord): EpochMs | undefined {
    if (!token) return undefined;
    const link = this.#engine.linkOf(source);
    const refresh = this.#engine.registry.get(source.account)?.refresh ?? {};
    const { rejectMemoryMs } = windowsFor(this.#engine.settings, refresh, lifetimeOf(token));
    return forcedNotBefore(attempt.forced, { issuedAt: token.issuedAt, now: link.now(), rejectMemoryMs });
  }

  #heldByOther(source: TokenSource, record: TokenRecord): boolean {
    const { lease } = record.attempt;
    return lease !== undefined && lease.until > this.#engine.linkOf(source).now();
  }

  /** Waits until the holder is done or its lease has ended, and takes its failure as ours. */
  async #outcomeOfHolder(source: TokenSource, held: TokenRecord, want: Want): Promise<TokenRecord> {
    const { clock, settings } = this.#engine;
    const link = this.#engine.linkOf(source);
    const epoch = held.attempt.epoch;
    const giveUpAt = link.toLocal(held.attempt.lease?.until ?? 0) + settings.requestTimeoutMs;
    let wake: () => void = () => {};
    const unwatch = link.store.watch?.((key) => key === source.key && wake());
    try {
      for (let look = 0, delay = FIRST_LOOK_MS; ; look++, delay = Math.min(LAST_LOOK_MS, delay * 2)) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        // The first look of a watcher comes at once: what happened before it began to watch, it was not told.
        if (look > 0 || !unwatch) {
          const stop = new AbortController();
          const jittered = delay * (0.5 + settings.random() / 2);
          await Promise.race([woken, sleep(clock, jittered, stop.signal).catch(() => {})]);
          stop.abort();
        }
        const record = (await link.read(source.key)).record ?? emptyRecord(source.key);
        const done =
          record.attempt.epoch !== epoch || record.generation !== held.generation || !this.#heldByOther(source, record);
        if (done) {
          this.#takeVerdict(source, record, epoch, want);
          return record;
        }
        if (clock.now() > giveUpAt) {
          throw new TokenError(
            'ERR_TOKEN_BUSY',
            `${subjectOf(source)}: another process has been at it for too long`,
            idsOf(source),
          );
        }
      }
    } finally {
      unwatch?.();
    }
  }

  #takeVerdict(source: TokenSource, record: TokenRecord, epoch: number, want: Want): void {
    const { attempt, token } = record;
    if (attempt.failure && attempt.failure.epoch >= epoch)
      throw recordedError(source, record, this.#engine.linkOf(source));
    const proper = attempt.epoch === epoch && attempt.lease === undefined;
    if (want.mode === 'forced' && proper && token?.value === want.refused && attempt.forced)
      throw rejectedAgain(source, undefined, 'repeated');
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

  /** A key whose parent is not to be had leaves the front of the due index, or a hundred of them would starve all others. */
  async #rest(source: TokenSource, record: TokenRecord, error: unknown): Promise<void> {
    if (!(error instanceof TokenError) || record.refreshAt === undefined) return;
    const { settings } = this.#engine;
    const link = this.#engine.linkOf(source);
    const seen = { key: source.key, generation: record.generation, epoch: record.attempt.epoch };
    const retryAt = error.retryAt === undefined ? link.now() + settings.leaseTtlMs * 2 : link.toStore(error.retryAt);
    const waiting = error.code === 'ERR_TOKEN_WAITING' || error.code === 'ERR_TOKEN_REAUTHORIZATION_REQUIRED';
    await link
      .call('claim', (store) => store.claim(seen, settings.name, settings.leaseTtlMs))
      .then(
        (lease) =>
          isLease(lease) &&
          link.call('note', (store) =>
            store.note(
              lease,
              { ...(waiting && { state: 'waiting', cause: 'parent' }), refreshAt: retryAt },
              { release: true },
            ),
          ),
      )
      .catch(() => {
        // The parent's error is the one to tell; the key stays due and is looked at again.
      });
  }
}

/** `ERR_TOKEN_REJECTED_AGAIN`: nothing better is to be had, so nobody replays. */
export function rejectedAgain(
  source: TokenSource,
  retryAt: EpochMs | undefined,
  reason: 'contested' | 'repeated',
): TokenError {
  const why =
    reason === 'contested'
      ? 'fresh tokens keep being refused: another system may use this app'
      : 'the platform hands out the refused token again';
  return new TokenError('ERR_TOKEN_REJECTED_AGAIN', `${subjectOf(source)}: ${why}; do not replay`, {
    ...idsOf(source),
    reason,
    ...(retryAt !== undefined && { retryAt }),
  });
}

/** Tells a lease from the record that stood in its way. */
export function isLease(answer: Lease | TokenRecord): answer is Lease {
  return (answer as Partial<Lease>).kind === 'lease';
}

function viewOf(copy: Copy): Token {
  return {
    value: copy.value,
    issuedAt: copy.issuedAt,
    ...(copy.expiresAt !== undefined && { expiresAt: copy.expiresAt }),
    ...(copy.extra && { extra: copy.extra }),
  };
}

function localView({ token }: TokenRecord, toLocal: (at: EpochMs) => EpochMs): Token {
  if (!token) return { value: '', issuedAt: 0 };
  return {
    value: token.value,
    issuedAt: toLocal(token.issuedAt),
    ...(token.expiresAt !== undefined && { expiresAt: toLocal(token.expiresAt) }),
    ...(token.extra && { extra: token.extra }),
  };
}
