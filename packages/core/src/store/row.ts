import { type AccountKey, accountKeyIn, type TokenKey } from '../key.js';
import type { EpochMs } from '../token.js';
import { type AttemptPart, type Intent, markOf, type TokenPart, type TokenRecord, type TokenState } from './record.js';
import type { AttemptChange } from './store.js';

/**
 * A record laid flat, for databases: what conditions and changes name stands in a column (or hash field) of its own, the rest
 * is JSON. Times are Unix ms in store time and may have fractions; `null` stands for absent.
 */
export interface Row {
  /** The key. */
  readonly key: TokenKey;
  /** Platform and app id: the first two parts of the key. */
  readonly account: AccountKey;
  /** Format of the record. */
  readonly v: number;
  /** Grows with every write of the row: what a compare-and-set of the whole row compares. */
  readonly revision: number;
  /** See `TokenRecord.generation`. */
  readonly generation: number;
  /** `TokenPart` as JSON. */
  readonly token: string | null;
  /** `markOf` the token. */
  readonly mark: string | null;
  /** When the tombstone was set, store time. */
  readonly gone_at: EpochMs | null;
  /** When the key is due, store time. */
  readonly refresh_at: EpochMs | null;
  /** Number of claims. */
  readonly epoch: number;
  /** Who has the lease. */
  readonly lease_holder: string | null;
  /** End of the lease, store time. */
  readonly lease_until: EpochMs | null;
  /** The generation that is presented. */
  readonly intent_generation: number | null;
  /** Start of the first attempt whose outcome is unknown, store time. */
  readonly intent_since: EpochMs | null;
  /** The epoch that set the intent last. */
  readonly intent_epoch: number | null;
  /** 0 or 1. */
  readonly intent_uncertain: number | null;
  /** The key's state. */
  readonly state: TokenState;
  /** Why it is in this state. */
  readonly cause: string | null;
  /** Failed attempts in a row. */
  readonly failures: number;
  /** `AttemptFailure` as JSON. */
  readonly failure: string | null;
  /** No claim before this, store time. */
  readonly retry_at: EpochMs | null;
  /** Until when a doubtful token is served, store time. */
  readonly doubt_until: EpochMs | null;
  /** `AttemptPart['forced']` as JSON. */
  readonly forced: string | null;
  /** Fields this version does not know, as JSON: `{ record, attempt }`. */
  readonly rest: string | null;
}

/** What a write may change. */
export type RowChange = { -readonly [Column in Exclude<keyof Row, 'key' | 'account' | 'revision'>]?: Row[Column] };

/** Every column but the key, in the order of a table. */
export const ROW_COLUMNS = [
  'account',
  'v',
  'revision',
  'generation',
  'token',
  'mark',
  'gone_at',
  'refresh_at',
  'epoch',
  'lease_holder',
  'lease_until',
  'intent_generation',
  'intent_since',
  'intent_epoch',
  'intent_uncertain',
  'state',
  'cause',
  'failures',
  'failure',
  'retry_at',
  'doubt_until',
  'forced',
  'rest',
] as const satisfies readonly (keyof Row)[];

/** Without these a row is no record; read as zeros they would make it one that was never claimed. */
const REQUIRED = ['v', 'revision', 'generation', 'epoch', 'state', 'failures'] as const;

/** A record as a row; `revision` is the writer's affair. */
export function rowOf(record: TokenRecord): Required<RowChange> & Pick<Row, 'key' | 'account'> {
  const { v, key, generation, token, goneAt, refreshAt, attempt, ...moreOfRecord } = record;
  const { epoch, lease, intent, state, cause, failures, failure, retryAt, doubtUntil, forced, ...moreOfAttempt } =
    attempt;
  const unknown = {
    ...(!isEmpty(moreOfRecord) && { record: moreOfRecord }),
    ...(!isEmpty(moreOfAttempt) && { attempt: moreOfAttempt }),
  };
  return {
    key,
    account: accountKeyIn(key),
    v,
    generation,
    ...tokenColumns(token),
    gone_at: goneAt ?? null,
    refresh_at: refreshAt ?? null,
    epoch,
    lease_holder: lease?.holder ?? null,
    lease_until: lease?.until ?? null,
    ...intentColumns(intent),
    state,
    cause: cause ?? null,
    failures,
    failure: jsonOrNull(failure),
    retry_at: retryAt ?? null,
    doubt_until: doubtUntil ?? null,
    forced: jsonOrNull(forced),
    rest: isEmpty(unknown) ? null : JSON.stringify(unknown),
  };
}

/**
 * The record in a row. Numbers may arrive as text, as drivers hand out 64-bit integers.
 *
 * @throws TypeError where the row holds none.
 */
export function recordOf(row: { readonly [Column in keyof Row]: Row[Column] | string }): TokenRecord {
  for (const column of REQUIRED) if (row[column] == null) throw new TypeError(`"${column}" is missing`);
  const rest = parsed<{ record?: object; attempt?: object }>(row.rest) ?? {};
  const number = (value: number | string | null) => (value === null ? undefined : Number(value));
  const [goneAt, refreshAt, until, retryAt, doubtUntil, intended] = [
    number(row.gone_at),
    number(row.refresh_at),
    number(row.lease_until),
    number(row.retry_at),
    number(row.doubt_until),
    number(row.intent_generation),
  ];
  const token = parsed<TokenPart>(row.token);
  const failure = parsed<AttemptPart['failure']>(row.failure);
  const forced = parsed<AttemptPart['forced']>(row.forced);
  return {
    ...rest.record,
    v: Number(row.v),
    key: row.key as TokenKey,
    generation: Number(row.generation),
    ...(token && { token }),
    ...(goneAt !== undefined && { goneAt }),
    ...(refreshAt !== undefined && { refreshAt }),
    attempt: {
      ...rest.attempt,
      epoch: Number(row.epoch),
      ...(until !== undefined && row.lease_holder !== null && { lease: { holder: row.lease_holder, until } }),
      ...(intended !== undefined && {
        intent: {
          generation: intended,
          since: Number(row.intent_since),
          epoch: Number(row.intent_epoch),
          uncertain: Number(row.intent_uncertain) === 1,
        },
      }),
      state: row.state as TokenState,
      ...(row.cause !== null && { cause: row.cause }),
      failures: Number(row.failures),
      ...(failure && { failure }),
      ...(retryAt !== undefined && { retryAt }),
      ...(doubtUntil !== undefined && { doubtUntil }),
      ...(forced && { forced }),
    },
  };
}

/** A token as columns. */
export function tokenColumns(token: TokenPart | undefined): Required<Pick<RowChange, 'token' | 'mark'>> {
  return { token: jsonOrNull(token), mark: token ? markOf(token) : null };
}

/** A change of the attempt part as columns. */
export function attemptColumns(change: AttemptChange): RowChange {
  const { refreshAt, intent, state, cause, failures, failure, retryAt, doubtUntil, forced } = change;
  return {
    ...(refreshAt !== undefined && { refresh_at: refreshAt }),
    ...(intent !== undefined && intentColumns(intent ?? undefined)),
    ...(state && { state }),
    ...(cause !== undefined && { cause }),
    ...(typeof failures === 'number' && { failures }),
    ...(failure !== undefined && { failure: jsonOrNull(failure) }),
    ...(retryAt !== undefined && { retry_at: retryAt }),
    ...(doubtUntil !== undefined && { doubt_until: doubtUntil }),
    ...(forced !== undefined && { forced: jsonOrNull(forced) }),
  };
}

function intentColumns(
  intent: Intent | undefined,
): Required<Pick<RowChange, 'intent_generation' | 'intent_since' | 'intent_epoch' | 'intent_uncertain'>> {
  return {
    intent_generation: intent?.generation ?? null,
    intent_since: intent?.since ?? null,
    intent_epoch: intent?.epoch ?? null,
    intent_uncertain: intent ? Number(intent.uncertain) : null,
  };
}

function jsonOrNull(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}

function parsed<Value>(text: string | number | null): Value | undefined {
  return text === null ? undefined : (JSON.parse(String(text)) as Value);
}

function isEmpty(fields: object): boolean {
  return Object.keys(fields).length === 0;
}
