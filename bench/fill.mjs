// Fills tables with records by the million, by statements of the databases' own.
import { createRequire } from 'node:module';
import mysql from 'mysql2/promise';
import pg from 'pg';

const TABLE = 'evertoken_tokens';
const COLUMNS = 'account, v, revision, generation, token, mark, refresh_at, epoch, state, failures';
const TOKEN = JSON.stringify({
  value: 'x'.repeat(512),
  refreshToken: 'y'.repeat(64),
  issuedAt: 1,
  firstSeenAt: 1,
  seen: [],
  lineage: {},
});
const later = () => Date.now() + 3_600_000;

export const fillPostgres = (url) => async (_store, from, to) => {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(
    `insert into ${TABLE} (key, ${COLUMNS})
     select 'et1/bench/app/access_token/' || n, 'bench/app', 1, 1, 1, $1, 'm' || n, $2::float8 + n, 0, 'active', 0
     from generate_series($3::int, $4::int) n`,
    [TOKEN, later(), from, to - 1],
  );
  await client.query(`analyze ${TABLE}`);
  await client.end();
};

export const fillMariadb = (url) => async (_store, from, to) => {
  const client = await mysql.createConnection(url);
  await client.query(
    `insert into ${TABLE} (\`key\`, ${COLUMNS})
     select concat('et1/bench/app/access_token/', seq), 'bench/app', 1, 1, 1, ?, concat('m', seq), ? + seq, 0, 'active', 0
     from seq_${from}_to_${to - 1}`,
    [TOKEN, later()],
  );
  await client.query(`analyze table ${TABLE}`);
  await client.end();
};

export const fillSqlite = (filename) => async (_store, from, to) => {
  const sqlite = process.getBuiltinModule?.('node:sqlite');
  const Database = sqlite?.DatabaseSync ?? createRequire(import.meta.url)('better-sqlite3');
  const database = new Database(filename);
  database.exec('pragma journal_mode = wal');
  database
    .prepare(
      `with recursive counted(n) as (select cast(? as integer) union all select n + 1 from counted where n < ?)
       insert into ${TABLE} ("key", ${COLUMNS})
       select 'et1/bench/app/access_token/' || n, 'bench/app', 1, 1, 1, ?, 'm' || n, ? + n, 0, 'active', 0 from counted`,
    )
    .run(from, to - 1, TOKEN, later());
  database.exec('analyze');
  database.close();
};
