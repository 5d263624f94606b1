// The three caches of a PHP framework, as far as the snippet uses them: get, and put for so many seconds. What has ended is
// not there. Each looks at the clock it is given, as those look at the machine's.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { createConnection } from 'mysql2/promise';

const aliveIn = (entry, now) => (entry !== undefined && entry.endsAt > now ? entry.value : undefined);

/** One file an entry, named by its key's hash. */
export async function fileCache({ directory, now }) {
  await mkdir(directory, { recursive: true });
  const pathOf = (key) => join(directory, createHash('sha1').update(key).digest('hex'));
  return {
    async get(key) {
      const text = await readFile(pathOf(key), 'utf8').catch(() => undefined);
      return aliveIn(text && JSON.parse(text), now());
    },
    async put(key, value, seconds) {
      const written = `${pathOf(key)}.${process.pid}`;
      await writeFile(written, JSON.stringify({ value, endsAt: now() + seconds * 1000 }));
      await rename(written, pathOf(key));
    },
    async close() {},
  };
}

/** A table of keys, values and ends. */
export async function mysqlCache({ url, now }) {
  const connection = await createConnection(url);
  await connection.query(
    'create table if not exists cache (id varchar(255) primary key, value text not null, ends_at bigint not null)',
  );
  return {
    async get(key) {
      const [rows] = await connection.query('select value, ends_at from cache where id = ?', [key]);
      const [row] = rows;
      return aliveIn(row && { value: JSON.parse(row.value), endsAt: Number(row.ends_at) }, now());
    },
    async put(key, value, seconds) {
      await connection.query('replace into cache (id, value, ends_at) values (?, ?, ?)', [
        key,
        JSON.stringify(value),
        now() + seconds * 1000,
      ]);
    },
    close: () => connection.end(),
  };
}

/** One entry a key. Redis ends it by its own clock, which no test can move: the end stands in the value too. */
export async function redisCache({ url, now }) {
  const client = createClient({ url });
  await client.connect();
  return {
    async get(key) {
      const text = await client.get(key);
      return aliveIn(text === null ? undefined : JSON.parse(text), now());
    },
    async put(key, value, seconds) {
      const entry = JSON.stringify({ value, endsAt: now() + seconds * 1000 });
      await client.set(key, entry, { expiration: { type: 'EX', value: seconds } });
    },
    close: () => client.close(),
  };
}
