// The bytes of a store as whoever takes its disk away would read them.
import { createClient } from '@redis/client';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';

/** Everything in a database as one text. */
export function rowsOf(kind, url) {
  return { postgres, mariadb, redis }[kind](url);
}

async function postgres(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return JSON.stringify((await client.query('select * from evertoken_tokens')).rows);
  } finally {
    await client.end();
  }
}

async function mariadb(url) {
  const connection = await createConnection(url);
  try {
    const [rows] = await connection.query('select * from evertoken_tokens');
    return rows.map((row) => Object.values(row).map(String).join('\n')).join('\n');
  } finally {
    await connection.end();
  }
}

async function redis(url) {
  const client = await createClient({ url }).connect();
  try {
    const texts = [];
    for (const key of await client.keys('*')) {
      const read = {
        hash: () => client.hGetAll(key),
        zset: () => client.zRange(key, 0, -1),
        string: () => client.get(key),
      };
      const type = await client.type(key);
      texts.push(key, JSON.stringify(await (read[type] ?? (() => client.sMembers(key)))()));
    }
    return texts.join('\n');
  } finally {
    await client.close();
  }
}
