// Listens for changes until it has heard of one, and then does nothing more: it has to end without closing its store.
import { setTimeout as pause } from 'node:timers/promises';
import { postgresStore } from '@evertoken/store-sql/postgres';

const [url, table] = process.argv.slice(2);
const store = postgresStore({ url, table });
await store.open();
let heard = false;
store.watch(() => {
  heard = true;
});
const at = Date.now();
const token = { value: 'T', issuedAt: at, firstSeenAt: at, seen: [] };
for (let round = 1; !heard; round++) {
  const key = `et1/sql/app/access_token/round${round}`;
  const lineage = { cause: 'issue', actor: 'listener', at, durationMs: 1 };
  await store.commit(key, { ...token, lineage }, { predecessor: 0 });
  await pause(20);
}
console.log('heard');
