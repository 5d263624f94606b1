import { setTimeout as pause } from 'node:timers/promises';
import { TokenError } from '../errors.js';
import type { TokenKey } from '../key.js';
import type { EpochMs } from '../token.js';
import { type Intent, markOf, RECORD_VERSION, type TokenPart, type TokenRecord } from './record.js';
import { attemptColumns, type Row, type RowChange, recordOf, rowOf, tokenColumns } from './row.js';
import { SteppedStore } from './stepped-store.js';
import type { Step } from './steps.js';
import type { AttemptChange, CommitOptions, Lease, NoteOptions, Seen } from './store.js';

/** What has to stand for a row to be changed; fields that are absent ask nothing. */
export interface RowGuard {
  /** The row's revision. */
  readonly revision?: number;
  /** The row's generation. */
  readonly generation?: number;
  /** The row's epoch. */
  readonly epoch?: number;
  /** Highest format of the record. */
  readonly maxV?: number;
  /** No lease, or one whose end has come by the database's clock. */
  readonly leaseEnded?: true;
  /** Who has its lease. */
  readonly leaseHolder?: string;
  /** What stands: a token; neither token nor tombstone; one of the two; anything but a tombstone. */
  readonly holds?: 'token' | 'nothing' | 'either' | 'no tombstone';
  /** The stored token carries none of these marks. A row without token passes. */
  readonly markNot?: readonly string[];
}

/** How a row is changed; `revision` grows by one in any case. */
export interface RowUpdate {
  /** Columns that change. */
  readonly set: RowChange;
  /** Generation grows by one; from 0 it becomes the database's time in whole ms. */
  readonly nextGeneration?: true;
  /** `lease_holder`, and `lease_until` as the database's time plus `ttlMs`; a claim also grows `epoch` by one. */
  readonly lease?: {
    /** Who gets it. */
    readonly holder: string;
    /** How long it lives from now on, ms. */
    readonly ttlMs: number;
    /** Whether it is a new lease, with the next epoch. */
    readonly claim: boolean;
  };
  /**
   * For a claim: the intent's generation. Where an intent of that generation stands, `intent_since` stays and
   * `intent_uncertain` becomes 1; otherwise they become the database's time and 0. `intent_epoch` is the new epoch.
   */
  readonly intent?: number;
  /** `state` becomes `active` and `cause` null, except where the state is `contested` or `repeated`. `set` comes after. */
  readonly settle?: true;
}

/** Rounds of a compare-and-set before a write counts as failed; each lost one means that another process wrote. */
const MAX_ROUNDS = 100;

/**
 * A store over a database that can change a row under a condition. A claim, a renewal, a note and a commit of another value
 * are one statement each, judged by the database's clock; whatever that statement does not cover (first rows, equal values,
 * tombstones, lost races) is decided on the row as read and written back under its revision.
 */
export abstract class RowStore extends SteppedStore {
  /** The row as it stands, and the database's time. */
  protected abstract load(key: TokenKey): Promise<{ readonly row?: Row; readonly now: EpochMs }>;
  /** Writes a new row with revision 1; `false` where one stands. */
  protected abstract insert(row: Omit<Row, 'revision'>): Promise<boolean>;
  /** Changes a row where the guard holds; `undefined` where it does not. `leaseUntil` for an update with `lease`. */
  protected abstract update(
    key: TokenKey,
    guard: RowGuard,
    update: RowUpdate,
  ): Promise<{ readonly leaseUntil?: EpochMs } | undefined>;

  /** See `TokenStore.read`. */
  async read(key: TokenKey): Promise<{ readonly record?: TokenRecord; readonly now: EpochMs }> {
    const { row, now } = await this.load(key);
    return { ...(row && { record: this.recordIn(row) }), now };
  }

  /** See `TokenStore.claim`. */
  override async claim(
    seen: Seen,
    holder: string,
    ttlMs: number,
    intent?: Pick<Intent, 'generation'>,
  ): Promise<Lease | TokenRecord> {
    if (seen.epoch > 0 || seen.generation > 0) {
      const claimed = await this.update(
        seen.key,
        {
          generation: seen.generation,
          epoch: seen.epoch,
          leaseEnded: true,
          maxV: RECORD_VERSION,
          ...(intent && { holds: 'token' }),
        },
        { set: {}, lease: { holder, ttlMs, claim: true }, ...(intent && { intent: intent.generation }) },
      );
      if (claimed) return leaseOf(seen.key, seen.epoch + 1, holder, claimed.leaseUntil);
    }
    return super.claim(seen, holder, ttlMs, intent);
  }

  /** See `TokenStore.renew`. */
  override async renew(lease: Lease, ttlMs: number): Promise<Lease | undefined> {
    const { key, epoch, holder } = lease;
    const renewed = await this.update(
      key,
      { epoch, leaseHolder: holder, maxV: RECORD_VERSION },
      { set: {}, lease: { holder, ttlMs, claim: false } },
    );
    return renewed && leaseOf(key, epoch, holder, renewed.leaseUntil);
  }

  /** See `TokenStore.commit`. */
  override async commit(key: TokenKey, token: TokenPart, options: CommitOptions): Promise<'accepted' | TokenRecord> {
    const { predecessor, lease, fenced, release, revive, refreshAt, attempt } = options;
    // Without a lease a first token mostly finds no row, and a fence can only refuse.
    if (lease || (predecessor !== 0 && !fenced)) {
      const accepted = await this.update(
        key,
        {
          generation: predecessor,
          ...(lease && { epoch: lease.epoch }),
          maxV: RECORD_VERSION,
          holds: predecessor === 0 ? 'nothing' : revive ? 'either' : 'token',
          markNot: [...(options.same ?? []), markOf(token)],
        },
        {
          nextGeneration: true,
          settle: true,
          set: {
            ...tokenColumns(token),
            ...SETTLED,
            ...(lease && release && NO_LEASE),
            ...attemptColumns(attempt ?? {}),
            refresh_at: refreshAt ?? null,
          },
        },
      );
      if (accepted) return 'accepted';
    }
    return super.commit(key, token, options);
  }

  /** See `TokenStore.note`. */
  override async note(lease: Lease, change: AttemptChange, options: NoteOptions = {}): Promise<boolean> {
    const noted = await this.update(
      lease.key,
      {
        epoch: lease.epoch,
        maxV: RECORD_VERSION,
        ...(options.generation !== undefined && { generation: options.generation }),
        // A tombstone takes less of it; the way below knows.
        holds: 'no tombstone',
      },
      { set: { ...attemptColumns(change), ...(options.release && NO_LEASE) } },
    );
    return noted !== undefined || super.note(lease, change, options);
  }

  protected async swap<Answer>(
    key: TokenKey,
    decide: (record: TokenRecord | undefined, now: EpochMs) => Step<Answer>,
  ): Promise<Answer> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const { row, now } = await this.load(key);
      const { next, answer } = decide(row && this.recordIn(row), now);
      if (!next) return answer;
      const { key: _key, account: _account, ...set } = rowOf(next);
      const written = row
        ? await this.update(key, { revision: Number(row.revision) }, { set })
        : (await this.insert(rowOf(next))) || undefined;
      if (written) return answer;
      await pause(round < 4 ? 0 : 1 + (round % 7));
    }
    throw new TokenError('ERR_TOKEN_STORE', `${this.name}: other processes kept being faster`);
  }

  /** The record in a row; a row that holds none is an error, never a miss. */
  protected recordIn(row: Row): TokenRecord {
    try {
      return recordOf(row);
    } catch {
      throw new TokenError('ERR_TOKEN_STORE', `${this.name}: a row holds no record (key "${row.key}")`, {
        retryable: false,
      });
    }
  }
}

const NO_LEASE: RowChange = { lease_holder: null, lease_until: null };
/** What a new token ends. */
const SETTLED: RowChange = {
  gone_at: null,
  intent_generation: null,
  intent_since: null,
  intent_epoch: null,
  intent_uncertain: null,
  failures: 0,
  failure: null,
  retry_at: null,
  doubt_until: null,
};

function leaseOf(key: TokenKey, epoch: number, holder: string, until: EpochMs | undefined): Lease {
  if (until === undefined) throw new TokenError('ERR_TOKEN_STORE', 'a store gave a lease without end');
  return { kind: 'lease', key, epoch, holder, until };
}
