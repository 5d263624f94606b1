// One of several processes that count in one token: reads the number, commits the next one, and says so once it is acknowledged.
import { once } from 'node:events';
import { sqliteStore } from '@evertoken/store-sql/sqlite';

const [filename, key, commits] = process.argv.slice(2);
const store = sqliteStore({ filename });
const other = sqliteStore({ filename });
console.log('ready');
await once(process.stdin, 'data');
await Promise.all([store.open(), other.open()]);

const at = Date.now();
const token = (value) => ({
  value,
  issuedAt: at,
  firstSeenAt: at,
  seen: [],
  lineage: { cause: 'issue', actor: String(process.pid), at, durationMs: 1 },
});
const standing = async (from) => {
  const { record } = await from.read(key);
  return { count: Number.parseInt(record?.token?.value ?? '0', 10), generation: record?.generation ?? 0 };
};

for (let done = 0; done < Number(commits); ) {
  const { count, generation } = await standing(store);
  const next = count + 1;
  // Its own value: an equal one would be accepted from everybody.
  const value = `${next} by ${process.pid}`;
  if ((await store.commit(key, token(value), { predecessor: generation })) !== 'accepted') continue;
  done++;
  const seen = await standing(other);
  if (seen.count < next) throw new Error(`${next} was acknowledged, and another connection reads ${seen.count}`);
  console.log(next);
}
await Promise.all([store.close(), other.close()]);
process.exit();
