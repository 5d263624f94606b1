import { TokenError, type TokenKey } from '@evertoken/core';
import { ROW_COLUMNS, type Row, type RowGuard, type RowUpdate } from '@evertoken/core/store';

const TEXTS: ReadonlySet<string> = new Set([
  'account',
  'token',
  'mark',
  'lease_holder',
  'state',
  'cause',
  'failure',
  'forced',
  'rest',
] satisfies (keyof Row)[]);
/** Without these a hash is no record. */
const REQUIRED = ['account', 'v', 'revision', 'generation', 'epoch', 'state', 'failures'] as const;

/** Fields and values of a row; what is null is no field. */
export function fieldsOf(row: Omit<Row, 'revision'>): string[] {
  const fields: string[] = [];
  for (const column of ROW_COLUMNS) {
    if (column === 'revision') continue;
    const value = row[column];
    if (value !== null) fields.push(column, String(value));
  }
  return fields;
}

/** Fields and values as the server lists them, by name. */
export function fieldsIn(listed: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < listed.length; i += 2) fields.set(listed[i] as string, listed[i + 1] as string);
  return fields;
}

/**
 * The row a hash holds.
 *
 * @throws TokenError `ERR_TOKEN_STORE` where it holds none: an error, never a miss.
 */
export function rowOf(key: TokenKey, fields: ReadonlyMap<string, string>): Row {
  for (const column of REQUIRED) {
    if (!fields.has(column))
      throw new TokenError('ERR_TOKEN_STORE', `redisStore: a hash holds no record (key "${key}")`);
  }
  const row: Record<string, string | number | null> = { key };
  for (const column of ROW_COLUMNS) {
    const value = fields.get(column);
    row[column] = value === undefined ? null : TEXTS.has(column) ? value : Number(value);
  }
  return row as unknown as Row;
}

/** Guards as names and values; `UPDATE` knows them. */
export function guardArguments(guard: RowGuard): string[] {
  const { markNot, ...rest } = guard;
  const named = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) => [name, String(value)]);
  return [...named, ...(markNot ?? []).flatMap((mark) => ['markNot', mark])];
}

/** Changes as names and values, in the order in which they take place. */
export function changeArguments({ set, nextGeneration, lease, intent, settle }: RowUpdate): string[] {
  const changes: string[] = [];
  if (nextGeneration) changes.push('nextGeneration', '');
  if (settle) changes.push('settle', '');
  if (lease) changes.push(lease.claim ? 'claim' : 'renew', String(lease.ttlMs), 'holder', lease.holder);
  if (intent !== undefined) changes.push('intent', String(intent));
  for (const [column, value] of Object.entries(set)) {
    if (value === undefined) continue;
    if (value === null) changes.push(`drop:${column}`, '');
    else changes.push(`set:${column}`, String(value));
  }
  return changes;
}
