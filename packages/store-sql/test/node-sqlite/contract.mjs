// The contract suite on `node:sqlite`, under node:test: run by a Node that has it.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import { encrypted } from '@evertoken/core';
import { ROW_COLUMNS, rowOf } from '@evertoken/core/store';
import { ManualClock, storeContract } from '@evertoken/core/testing';
import { sqliteStore } from '@evertoken/store-sql/sqlite';
import { expect } from './expect.mjs';

const root = mkdtempSync(join(tmpdir(), 'evertoken-node-sqlite-'));
after(() => rmSync(root, { recursive: true, force: true }));

const COLUMNS = ['key', ...ROW_COLUMNS];
const files = new WeakMap();

function stores(wrap) {
  const make = (filename, clock) => {
    const store = wrap(sqliteStore({ filename, clock }));
    files.set(store, filename);
    return store;
  };
  const fill = async (store, records) => {
    const database = new DatabaseSync(files.get(store));
    const names = COLUMNS.map((column) => `"${column}"`).join(', ');
    const insert = database.prepare(
      `insert into evertoken_tokens (${names}) values (${COLUMNS.map(() => '?').join(', ')})`,
    );
    database.exec('begin immediate');
    for (const record of records) {
      const row = { ...rowOf(record), revision: 1 };
      insert.run(...COLUMNS.map((column) => row[column]));
    }
    database.exec('commit');
    database.close();
  };
  return {
    traits: { durable: 'synced', scope: 'host' },
    create: (clock) => make(join(root, `${randomUUID()}.db`), clock),
    reconnect: (store, clock) => make(files.get(store), clock),
    plant: (store, record) => fill(store, [record]),
    fill,
  };
}

const runner = { describe, it, expect };
storeContract(runner, () => new ManualClock(), {
  name: 'sqliteStore on node:sqlite',
  rounds: 300,
  lacks: ['watch'],
  ...stores((store) => store),
});
const sealing = { keys: { test: Buffer.alloc(32, 'sql').toString('base64') }, activeKeyId: 'test' };
storeContract(runner, () => new ManualClock(), {
  name: 'sqliteStore on node:sqlite, encrypted,',
  rounds: 100,
  keys: 2_000,
  lacks: ['watch', 'reseal'],
  ...stores((store) => encrypted(store, sealing)),
});
