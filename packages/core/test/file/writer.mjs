// Commits to one key for ever, and says after each commit which one is safe. Its parent kills it.
import { tokenKeyOf } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';

const store = fileStore({ directory: process.argv[2] });
await store.open();
const key = tokenKeyOf({ platform: 'p', id: 'i', kind: 'k' });
for (;;) {
  const { record } = await store.read(key);
  const predecessor = record?.generation ?? 0;
  const value = 'x'.repeat(4_096) + predecessor;
  const token = { value, issuedAt: 1, firstSeenAt: 1, seen: [], lineage: {} };
  await store.commit(key, token, { predecessor, refreshAt: 1 });
  process.stdout.write(`${predecessor}\n`);
}
