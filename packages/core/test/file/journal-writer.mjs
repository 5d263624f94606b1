// Appends to a journal for ever, and says after each entry which one is safe. Its parent kills it.
import { tokenKeyOf } from '@evertoken/core';
import { fileJournal } from '@evertoken/core/file';

const [directory, writer] = process.argv.slice(2);
const journal = fileJournal({ directory });
await journal.open();
for (let at = 1; ; at++) {
  const id = await journal.append({
    v: 1,
    key: tokenKeyOf({ platform: 'p', id: 'i', kind: 'k', subject: [writer] }),
    token: { value: `${writer}-${at}`, issuedAt: at, firstSeenAt: at, seen: [], lineage: {} },
    options: { predecessor: at },
    at,
  });
  process.stdout.write(`${id}\n`);
}
