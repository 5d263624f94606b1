import { randomUUID } from 'node:crypto';
import { tokenKeyOf } from '@evertoken/core';
import type { TokenPart } from '@evertoken/core/store';
import { mysqlSchema, mysqlStore } from '../src/mysql/index.js';
import { postgresSchema, postgresStore } from '../src/postgres/index.js';

/** What the servers' stores have in common, for tests that hold for both. */
export const SERVERS = [
  { kind: 'postgres', create: postgresStore, schema: postgresSchema },
  { kind: 'mariadb', create: mysqlStore, schema: mysqlSchema },
] as const;

export const ACCOUNT = 'sql/app';
export const keyOf = (subject: string) =>
  tokenKeyOf({ platform: 'sql', id: 'app', kind: 'access_token', subject: [subject] });
export const KEY = keyOf('one');
export const newTable = () => `t_${randomUUID().replaceAll('-', '')}`;

export function token(value: string, at = Date.now()): TokenPart {
  return {
    value,
    issuedAt: at,
    firstSeenAt: at,
    seen: [],
    lineage: { cause: 'issue', actor: 'test', at, durationMs: 1 },
  };
}

/** Runs statements past the stores. */
export async function statements(kind: 'postgres' | 'mariadb', url: string) {
  if (kind === 'postgres') {
    const { default: pg } = await import('pg');
    const client = new pg.Client(url);
    await client.connect();
    return { run: async (text: string) => (await client.query(text)).rows as object[], end: () => client.end() };
  }
  const { createConnection } = await import('mysql2/promise');
  const connection = await createConnection({ uri: url, multipleStatements: true });
  return { run: async (text: string) => (await connection.query(text))[0] as object[], end: () => connection.end() };
}
