import type { Token, TokenKey } from '../../src/index.js';
import type { TokenRecord } from '../../src/store/record.js';
import type { CommitOptions } from '../../src/store/store.js';
import {
  type ModelRequest,
  OUTSIDER,
  type PlatformModel,
  type PlatformObserver,
  type RequestFate,
  SIGN_INS_AT_ONCE,
  type Truth,
} from './platform-model.js';
import type { VirtualProcess } from './process-model.js';
import type { StoreModel, WriteObserver } from './store-model.js';

/** A safety rule that a history has broken. */
export interface Violation {
  readonly rule: string;
  readonly why: string;
}

/** A process is off the store's time by half a round trip at most, and no call takes longer than its time limit. */
const OFFSET_ERROR_MS = 1_100;
/** A failed attempt is not repeated before a tenth of the retry interval, ms. */
const SHORTEST_BACK_OFF_MS = 5_000;
/** Tokens that live shorter than this are retried faster, ms. */
const REFERENCE_LIFETIME_MS = 7_200_000;
/** How long after a token was superseded a process may hear of it: a lease, a copy's age, and the way. */
const NEWS_TAKE_MS = 75_000;
/** How long after a key was forgotten somebody may send a request who has not heard of it, ms. */
const FORGOTTEN_UNSEEN_MS = 11_000;
/** What a request may take and settle in. */
const REQUEST_AND_SETTLE_MS = 20_000;

/** Looks over everything that happens and says what must not have happened: S1 to S11 as the world sees them. */
export class Checker implements PlatformObserver {
  readonly violations: Violation[] = [];
  readonly #store: StoreModel;
  readonly #platform: PlatformModel;
  /** Requests sent, by key and the generation that stood. */
  readonly #sent = new Map<string, number>();
  /** What may have cost one more call, by key: its number so far when a generation was stored. */
  readonly #troubles = new Map<TokenKey, number>();
  readonly #troublesAtStore = new Map<string, number>();
  /** As they were given and renewed: who forgets a key or empties the store takes them out of the record. */
  readonly #leases = new Map<string, number>();
  readonly #failures = new Map<TokenKey, { readonly sentAt: number; readonly at: number }>();
  readonly #forgottenAt = new Map<TokenKey, number>();
  /** Who has asked for a request to be made, whatever the back-off says. */
  readonly #asking = new Map<TokenKey, number>();
  #disturbedAt = Number.NEGATIVE_INFINITY;

  constructor(store: StoreModel, platform: PlatformModel) {
    this.#store = store;
    this.#platform = platform;
    store.observe = (write) => this.#written(write);
    platform.observers.push(this);
  }

  /** Something went wrong from outside: it may cost a call, and be the reason of much. */
  trouble(key?: TokenKey): void {
    this.#disturbedAt = this.#store.world.now;
    if (key === undefined) for (const known of this.#troubles.keys()) this.#count(known);
    else this.#count(key);
  }

  /** A caller wants the platform asked now. */
  async asking<T>(key: TokenKey, work: Promise<T>): Promise<T> {
    this.#count(key);
    this.#asking.set(key, (this.#asking.get(key) ?? 0) + 1);
    try {
      return await work;
    } finally {
      this.#asking.set(key, (this.#asking.get(key) ?? 1) - 1);
    }
  }

  sent(process: VirtualProcess, { key, purpose }: ModelRequest): void {
    if (purpose === 'signIn') return;
    const { now } = this.#store.world;
    const record = this.#store.record(key);
    const left = (this.#leases.get(`${key} ${process.name}`) ?? 0) - this.#store.now();
    if (left < REQUEST_AND_SETTLE_MS - OFFSET_ERROR_MS)
      this.#say('S2', `${process.name} sends a request with ${Math.round(left)} ms of its lease left`);
    const forgottenAt = Math.max(this.#store.emptiedAt, this.#forgottenAt.get(key) ?? Number.NEGATIVE_INFINITY);
    // Somebody has just forgotten the key, and the lease with it: what it brings will find no place.
    const unleased = !record?.token || record.attempt.lease?.holder !== process.name;
    const inVain = unleased && now - forgottenAt < FORGOTTEN_UNSEEN_MS;
    if (inVain) this.#count(key);
    const which = `${key} ${record?.generation ?? 0}`;
    const sent = (this.#sent.get(which) ?? 0) + 1;
    this.#sent.set(which, sent);
    if (!this.#troubles.has(key)) this.#troubles.set(key, 0);
    const allowed = 1 + (this.#troubles.get(key) ?? 0) - (this.#troublesAtStore.get(which) ?? 0);
    if (sent > allowed)
      this.#say('S1', `request ${sent} for one need of ${key}, of ${allowed} that something explains`);
    const failure = this.#failures.get(key);
    const sinceFailure = now - (failure?.at ?? Number.NEGATIVE_INFINITY);
    const disturbed =
      failure !== undefined &&
      (Math.max(this.#disturbedAt, this.#store.troubleAt) > failure.at - 2_000 ||
        forgottenAt > failure.sentAt - FORGOTTEN_UNSEEN_MS);
    if (sinceFailure < shortestBackOff(record) && !disturbed && !this.#asking.get(key))
      this.#say('S1', `${process.name} repeats a failed attempt after ${Math.round(sinceFailure)} ms`);
  }

  failed(process: VirtualProcess, { key, purpose, sentAt }: ModelRequest, fate: RequestFate): void {
    this.#count(key);
    // A child whose parent was refused is asked for once more with the next one.
    if (fate === 'parent' || purpose === 'signIn') return;
    if (
      process.alive &&
      process.heldUntil <= this.#store.world.now &&
      fate !== 'silentAfter' &&
      fate !== 'silentBefore'
    )
      this.#failures.set(key, { sentAt, at: this.#store.world.now });
  }

  aborted(process: VirtualProcess, { key, sentAt }: ModelRequest): void {
    this.#count(key);
    this.#failures.set(key, { sentAt, at: this.#store.world.now });
    if (this.#platform.traits.issuance === 'rotating') this.#say('S2', `${process.name} aborts a rotating request`);
  }

  processed(_process: VirtualProcess, { key, late }: ModelRequest, truth: Truth | undefined): void {
    if (late || truth?.to.alive === false) this.#count(key);
  }

  /** A caller has got this token just now. */
  served(process: VirtualProcess, token: Token): void {
    const truth = this.#platform.tokens.get(token.value);
    if (!truth) return;
    const { now } = this.#store.world;
    if (now - truth.expiresAt > OFFSET_ERROR_MS + process.lostMs)
      this.#say('S10', `${process.name} serves #${truth.number}, ${now - truth.expiresAt} ms after its end`);
    const excused = Math.max(truth.diesAt, this.#store.troubleAt, this.#disturbedAt);
    const by = truth.supersededBy;
    // Nobody here can know of what another system did, or the platform for a request long given up.
    const forgottenAt = this.#forgottenAt.get(truth.key) ?? Number.NEGATIVE_INFINITY;
    // Who forgets a key, or empties the store, ends the lease of who is at it; who stands still meanwhile brings its token afterwards.
    const endedAt = Math.max(forgottenAt, this.#store.emptiedAt);
    const { to, sentAt } = truth;
    const unawareUntil = sentAt < endedAt && endedAt < to.heldUntil ? to.heldUntil : endedAt;
    const unknowable =
      by?.late ||
      by?.excuse === OUTSIDER ||
      (by?.signIn && by.excuse !== undefined) ||
      (by !== undefined && by.sentAt < unawareUntil + REQUEST_AND_SETTLE_MS);
    const grantLost = this.#store.record(truth.key)?.attempt.state === 'reauthorize';
    // A rotating request of unknown outcome puts the pair in doubt and not its access token: news is what was stored.
    const newsAt = this.#platform.traits.issuance === 'rotating' ? (by?.storedAt ?? now) : truth.diesAt;
    if (now - Math.max(excused, newsAt) > NEWS_TAKE_MS && !unknowable && !grantLost)
      this.#say('S11', `${process.name} serves #${truth.number}, superseded ${now - truth.diesAt} ms ago`);
  }

  /** What must hold when all faults have long stopped. */
  settledWell(
    key: TokenKey,
    processes: readonly VirtualProcess[],
    got: ReadonlyMap<VirtualProcess, Token | unknown>,
  ): void {
    const record = this.#store.record(key);
    const current = this.#platform.current(key);
    const grant = current?.refreshToken !== undefined;
    const state = record?.attempt.state;
    if (
      grant &&
      current &&
      record?.token?.refreshToken !== current.refreshToken &&
      current.excuse === undefined &&
      !record?.goneAt
    )
      this.#say(
        'never lost',
        `#${current.number} was answered and is not stored: stands ${record?.token?.value}, ${state}`,
      );
    if (grant && state === 'reauthorize' && current?.excuse === undefined)
      this.#say('S6', `${key} waits for a person although its grant #${current?.number} is alive`);
    for (const process of processes) {
      const outcome = got.get(process);
      const token = outcome as Partial<Token> | undefined;
      const works = typeof token?.value === 'string' && this.#platform.works(token.value);
      const excused = grant && (state === 'reauthorize' || record?.goneAt !== undefined);
      if (!works && !excused)
        this.#say(
          'liveness',
          `${process.name} has no living token long after all faults: ${(outcome as Error)?.message ?? token?.value}`,
        );
    }
  }

  /** A stored key that nobody answers for must not stay in the way of the others. */
  orphan(key: TokenKey): void {
    if (this.#store.record(key)?.refreshAt !== undefined)
      this.#say('S9', `${key} is due for ever, and nobody answers for it`);
  }

  #written({ operation, by, input, answer, before, after }: Parameters<WriteObserver>[0]): void {
    if (!after) return;
    const { key } = after;
    const { lease } = after.attempt;
    if ((operation === 'claim' || operation === 'renew') && lease)
      this.#leases.set(`${key} ${lease.holder}`, lease.until);
    if (operation === 'remove') this.#forgottenAt.set(key, this.#store.world.now);
    if (operation === 'commit' || operation === 'remove') {
      const which = `${key} ${after.generation}`;
      // An answer that brings the same value meets a need as a new one does.
      const met =
        after.generation !== before?.generation || (input[2] as CommitOptions | undefined)?.lease !== undefined;
      if (met) {
        this.#sent.delete(which);
        this.#troublesAtStore.set(which, this.#troubles.get(key) ?? 0);
      }
      // Who forgets a key makes a new need.
      if (operation === 'remove') this.#sent.delete(which);
    }
    if (before && after.generation < before.generation)
      this.#say(
        'S3',
        `generation goes back from ${before.generation} to ${after.generation} (${operation} by ${by.name})`,
      );
    if (before && after.attempt.epoch < before.attempt.epoch)
      this.#say('S3', `epoch goes back (${operation} by ${by.name})`);
    if (operation === 'commit' && answer === 'accepted') this.#stored(by, before, after, input[2] as CommitOptions);
    if (after.attempt.state === 'reauthorize' && before?.attempt.state !== 'reauthorize') this.#judged(by, after);
    if (operation === 'remove' && after.goneAt === undefined) this.#say('S3', 'a token is removed without a tombstone');
  }

  #stored(by: VirtualProcess, before: TokenRecord | undefined, after: TokenRecord, options: CommitOptions): void {
    const token = after.token;
    const pushed = before?.token?.order;
    if (pushed !== undefined && (token?.order ?? 0) < pushed)
      this.#say('S3', `${by.name} stores push ${token?.value} after a later one`);
    const truth = token && this.#platform.tokens.get(token.value);
    if (!token || !truth) return;
    truth.saved = true;
    truth.storedAt ??= this.#store.world.now;
    const was = before?.token && this.#platform.tokens.get(before.token.value);
    const atOnce = was?.excuse === SIGN_INS_AT_ONCE && truth.excuse === SIGN_INS_AT_ONCE;
    if (was && was.number > truth.number && !was.late && !truth.late && !atOnce)
      this.#say('S3', `${by.name} puts #${truth.number} over #${was.number}`);
    if (token.refreshToken === undefined && truth.refreshToken !== undefined)
      this.#say('S7', `half of #${truth.number} is stored`);
    const end = token.expiresAt === undefined ? 0 : token.expiresAt - this.#store.skewMs - truth.expiresAt;
    if (end > OFFSET_ERROR_MS + by.lostMs)
      this.#say('S10', `#${truth.number} is stored to live ${Math.round(end)} ms longer than it does`);
    const forgottenAt = this.#forgottenAt.get(after.key) ?? Number.NEGATIVE_INFINITY;
    // A person's sign-in stands although somebody forgot the key meanwhile; of a tombstone that is lost itself nobody knows.
    if (
      this.#store.emptiedAt < forgottenAt &&
      before?.token === undefined &&
      truth.sentAt < forgottenAt &&
      !truth.signIn &&
      this.#platform.traits.issuance !== 'idempotent'
    )
      this.#say(
        'S3',
        `#${truth.number}, asked for before the key was forgotten, is stored after it (revive: ${options.revive})`,
      );
  }

  #judged(by: VirtualProcess, { key, token, attempt }: TokenRecord): void {
    const current = this.#platform.current(key);
    const unknown = current?.excuse !== undefined && !current.signIn && !current.saved;
    if (unknown && attempt.cause !== 'indeterminate')
      this.#say('S5', `${by.name} calls ${key} ${attempt.cause} although the answer of an own request was lost`);
    if (token?.refreshToken === undefined || !this.#platform.refused.has(token.refreshToken))
      this.#say(
        'S6',
        `${by.name} marks ${key} for a sign-in although the platform has not refused ${token?.refreshToken}`,
      );
  }

  #count(key: TokenKey): void {
    this.#troubles.set(key, (this.#troubles.get(key) ?? 0) + 1);
  }

  #say(rule: string, why: string): void {
    this.violations.push({ rule, why });
    this.#store.world.say('CHECK', () => `${rule} is broken: ${why}`);
  }
}

function shortestBackOff(record: TokenRecord | undefined): number {
  const { issuedAt = 0, expiresAt = issuedAt + REFERENCE_LIFETIME_MS } = record?.token ?? {};
  return SHORTEST_BACK_OFF_MS * Math.min(1, (expiresAt - issuedAt) / REFERENCE_LIFETIME_MS);
}
