// One process among several on one directory. Waits for a line, then asks for the same token many times at once and prints what it got.
import { once } from 'node:events';
import { TokenManager, tokenKeyOf } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';

const [directory, platformUrl] = process.argv.slice(2);
const source = {
  key: tokenKeyOf({ platform: 'process', id: 'app', kind: 'access_token' }),
  account: 'shop',
  kind: 'access_token',
  issuance: 'superseding',
  overlapMs: 300_000,
  keep: 'obtainable',
  lifetime: 'remaining',
  issue: async ({ fetch, signal }) => {
    const { value, expires_in } = await (await fetch(platformUrl, { signal })).json();
    return { value, lifetimeMs: expires_in * 1_000 };
  },
};
const account = {
  platform: 'process',
  name: 'shop',
  id: 'app',
  kinds: [source],
  problems: () => [],
  sources: () => [source],
  source: () => source,
  client: () => undefined,
};
const tokens = new TokenManager({ accounts: [account], store: fileStore({ directory }) });
await tokens.start();
console.log('ready');
await once(process.stdin, 'data');
// From here on nothing but the manager keeps this process alive: a wait for another process must.
process.stdin.destroy();
const values = await Promise.all(Array.from({ length: 20 }, async () => (await tokens.get(source)).value));
console.log(JSON.stringify([...new Set(values)]));
await tokens.close();
