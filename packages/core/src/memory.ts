import { Copies, type Copy, tokenOf } from './copies.js';
import type { Engine } from './engine.js';
import { maxUncheckedMs } from './gate.js';
import type { TokenKey } from './key.js';
import { localToken } from './local-token.js';
import { askingHarms, lifetimeOf, mustRefreshAt, windowsFor } from './policy.js';
import type { TokenSource } from './source.js';
import { emptyRecord, isAbsent, type TokenPart, type TokenRecord } from './store/record.js';
import type { StoreLink } from './store-link.js';
import type { EpochMs, Token } from './token.js';

/** A token that may be handed out without a second look until `quietUntil`, as an already resolved promise. */
export interface Answer {
  readonly token: Token;
  readonly promise: Promise<Token>;
  readonly quietUntil: EpochMs;
  readonly endsAt: EpochMs;
}

/** How many keys keep a ready answer: what one process asks for again and again, not all it knows. */
const MAX_ANSWERS = 1_024;
/** How long a failed read is taken as the store's answer to the next one, ms: callers must not queue up behind a dead store. */
const READ_FAILURE_MS = 1_000;

/** What this process knows of tokens: ready answers, copies of records, reads in flight. */
export class Memory {
  readonly #engine: Engine;
  readonly #answers = new Map<TokenKey, Answer>();
  readonly #copies = new Copies();
  readonly #reads = new Map<TokenKey, Promise<TokenRecord>>();
  /** Served from here while the store has not acknowledged them: what it still holds is older. */
  readonly #uncommitted = new Map<TokenKey, Copy>();
  readonly #failures = new WeakMap<StoreLink, { readonly at: EpochMs; readonly error: unknown }>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The ready answer of a key, possibly past its quiet time. */
  answer(key: TokenKey): Answer | undefined {
    return this.#answers.get(key);
  }

  /** What is known without asking; a store in this process is looked at directly and needs no copy. */
  copy(source: TokenSource): Copy | undefined {
    const uncommitted = this.#uncommitted.get(source.key);
    if (uncommitted) return uncommitted;
    const link = this.#engine.linkOf(source);
    if (!link.store.peek) return this.#copies.get(source.key);
    const record = link.ready ? link.store.peek(source.key) : undefined;
    return record && this.#copyOf(source, record, link);
  }

  /** Makes a copy the ready answer of its key. */
  serve(source: TokenSource, copy: Copy): Promise<Token> {
    const ready = this.#answers.get(source.key);
    const token = ready && sameToken(ready.token, copy) ? ready.token : tokenOf(copy);
    const promise = token === ready?.token ? ready.promise : Promise.resolve(token);
    if (this.#answers.size >= MAX_ANSWERS && !ready) this.#answers.clear();
    const checkAt = this.#engine.linkOf(source).store.peek
      ? Number.POSITIVE_INFINITY
      : copy.checkedAt + this.#engine.settings.checkAfterMs;
    this.#answers.set(source.key, {
      token,
      promise,
      quietUntil: Math.min(copy.soonAt, copy.mustAt, checkAt),
      endsAt: copy.endsAt,
    });
    return promise;
  }

  /** Whether a copy must be confirmed before it is served, or may be behind the caller. */
  age(source: TokenSource, copy: Copy): 'young' | 'old' | 'unchecked' {
    if (this.#engine.linkOf(source).store.peek) return 'young';
    const { settings, clock } = this.#engine;
    const age = clock.now() - copy.checkedAt;
    if (age > maxUncheckedMs(source, settings)) return 'unchecked';
    return age > settings.checkAfterMs ? 'old' : 'young';
  }

  /** Reads the record, once for all who ask meanwhile, and keeps a copy of what it says. */
  read(source: TokenSource): Promise<TokenRecord> {
    const inFlight = this.#reads.get(source.key);
    if (inFlight) return inFlight;
    const reading = this.#read(source).finally(() => this.#reads.delete(source.key));
    this.#reads.set(source.key, reading);
    return reading;
  }

  /** Accepts what the store says of a key. */
  take(source: TokenSource, record: TokenRecord): Copy | undefined {
    const link = this.#engine.linkOf(source);
    const uncommitted = this.#uncommitted.get(source.key);
    if (uncommitted) return uncommitted;
    const copy = this.#copyOf(source, record, link);
    const ready = this.#answers.get(source.key);
    if (!copy) this.#answers.delete(source.key);
    else if (ready) this.serve(source, copy);
    if (link.store.peek) return copy;
    if (copy) this.#copies.set(source.key, copy);
    else this.#copies.delete(source.key);
    return copy;
  }

  /** Serves a token that the store has not acknowledged yet. */
  hold(source: TokenSource, record: TokenRecord): Copy | undefined {
    const copy = this.#copyOf(source, record, this.#engine.linkOf(source));
    if (copy) this.#uncommitted.set(source.key, { ...copy, checkedAt: Number.POSITIVE_INFINITY });
    this.#answers.delete(source.key);
    return copy;
  }

  /** Whether a token waits here to be stored. */
  isHeld(key: TokenKey): boolean {
    return this.#uncommitted.has(key);
  }

  /** The store has answered for a held token. */
  unhold(key: TokenKey): void {
    this.#uncommitted.delete(key);
    this.#answers.delete(key);
  }

  /** Drops what is known if it is this value: the platform refused it. */
  refuse(source: TokenSource, value: string): void {
    if (this.#answers.get(source.key)?.token.value === value) this.#answers.delete(source.key);
    if (this.#copies.get(source.key)?.value === value) this.#copies.expire(source.key);
  }

  /** Somebody wrote the key; `generation` where that is a new token, which may be the one we have. */
  changed(key: TokenKey, generation?: number): void {
    if (generation !== undefined && this.#copies.get(key)?.generation === generation) return;
    this.#answers.delete(key);
    this.#copies.expire(key);
  }

  async #read(source: TokenSource): Promise<TokenRecord> {
    const link = this.#engine.linkOf(source);
    const failed = this.#failures.get(link);
    if (failed && this.#engine.clock.now() - failed.at < READ_FAILURE_MS) throw failed.error;
    try {
      const { record } = await link.read(source.key);
      const restored = isAbsent(record) ? await this.#restore(source, link, record) : undefined;
      const present = restored ?? record ?? emptyRecord(source.key);
      this.take(source, present);
      return present;
    } catch (error) {
      // A record that cannot be read says nothing of the next one; a store that is away does.
      const { code, retryable } = error as { code?: unknown; retryable?: boolean };
      if (code === 'ERR_TOKEN_STORE' && retryable) this.#failures.set(link, { at: this.#engine.clock.now(), error });
      throw error;
    }
  }

  /**
   * The store was emptied while we hold a checked, living copy of a token: it goes back before anyone issues another. Under a
   * lease, or who has just been given one would find the older token in the place of the one that it brings.
   */
  async #restore(
    source: TokenSource,
    link: StoreLink,
    found: TokenRecord | undefined,
  ): Promise<TokenRecord | undefined> {
    const copy = this.#copies.get(source.key);
    const living = copy && source.keep === 'obtainable' && this.#engine.clock.now() < copy.mustAt;
    if (!living || copy.checkedAt < copy.issuedAt) return undefined;
    // Its end may be off by the step of a clock.
    if (copy.checkedAt <= link.steppedAt) return undefined;
    // Another process may have stored its successor since we looked.
    if (askingHarms(source.issuance) && this.age(source, copy) === 'unchecked') return undefined;
    const issuedAt = link.toStore(copy.issuedAt);
    const token: TokenPart = {
      value: copy.value,
      ...(copy.extra && { extra: copy.extra }),
      issuedAt,
      firstSeenAt: issuedAt,
      ...(copy.expiresAt !== undefined && { expiresAt: link.toStore(copy.expiresAt) }),
      seen: [],
      lineage: { cause: 'restore', actor: this.#engine.settings.name, at: link.now(), durationMs: 0 },
    };
    // Who has asked the platform in vain meanwhile has noted when to ask again: a commit ends that.
    const soonAt = Math.max(link.toStore(copy.soonAt), found?.attempt.retryAt ?? 0);
    const refreshAt = Number.isFinite(soonAt) ? { refreshAt: soonAt } : {};
    const { name, leaseTtlMs } = this.#engine.settings;
    const seen = { key: source.key, generation: 0, epoch: found?.attempt.epoch ?? 0 };
    const lease = await link.call('claim', (store) => store.claim(seen, name, leaseTtlMs));
    if (!('kind' in lease)) return lease;
    const answer = await link.call('commit', (store) =>
      store.commit(source.key, token, { predecessor: 0, lease, fenced: true, release: true, ...refreshAt }),
    );
    // The store numbers a restored token anew: what it has given it is read back.
    return answer === 'accepted' ? (await link.read(source.key)).record : answer;
  }

  #copyOf(source: TokenSource, record: TokenRecord, link: StoreLink): Copy | undefined {
    const { token } = record;
    if (!token) return undefined;
    const { settings, clock, registry } = this.#engine;
    const now = clock.now();
    const view = localToken(token, link);
    const { issuedAt, expiresAt } = view;
    const windows = windowsFor(settings, registry.get(source.account)?.refresh ?? {}, lifetimeOf(view));
    const { until, lookAt } = outlookOf(source, record, link.now());
    const endsAt = Math.min(expiresAt ?? Number.POSITIVE_INFINITY, link.toLocal(until));
    const outdated = this.#credentialsChanged(source, token) && now - issuedAt > windows.retryIntervalMs;
    return {
      value: token.value,
      extra: token.extra,
      issuedAt,
      expiresAt,
      generation: record.generation,
      soonAt: outdated ? now : link.toLocal(lookAt),
      mustAt: outdated ? now : Math.min(mustRefreshAt(view, source, windows.skewMs), endsAt),
      endsAt,
      checkedAt: now,
    };
  }

  #credentialsChanged(source: TokenSource, token: TokenPart): boolean {
    return (
      token.credentials !== undefined &&
      source.keep === 'obtainable' &&
      source.credentials !== undefined &&
      source.credentials() !== token.credentials
    );
  }
}

/**
 * Until when a token that may be dead is served, and when to look at it again, in store time. A superseding request whose
 * holder fell silent leaves a doubt, which stays while the next holder is at it (S5, S11); while somebody is, there is nothing
 * to do before the lease ends.
 */
function outlookOf(source: TokenSource, { attempt, generation, refreshAt }: TokenRecord, now: EpochMs) {
  const { intent, lease, doubtUntil = Number.POSITIVE_INFINITY } = attempt;
  const held = lease !== undefined && lease.until > now;
  const intended = source.issuance === 'superseding' && intent?.generation === generation;
  const silent = intended && (intent.uncertain || !held);
  const until = silent ? Math.min(doubtUntil, intent.since + (source.overlapMs ?? 0)) : doubtUntil;
  if (held) return { until, lookAt: lease.until };
  return { until, lookAt: silent ? now : (refreshAt ?? Number.POSITIVE_INFINITY) };
}

function sameToken(token: Token, copy: Copy): boolean {
  return (
    token.value === copy.value &&
    token.issuedAt === copy.issuedAt &&
    token.expiresAt === copy.expiresAt &&
    token.extra === copy.extra
  );
}
