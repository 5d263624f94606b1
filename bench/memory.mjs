// Memory of 100,000 copies with 512-character tokens, against a Map from the same keys to { value, expiresAt }. Run with --expose-gc.
import { TokenManager, tokenKeyOf } from '@evertoken/core';
import { madeUp } from './platform.mjs';

const COUNT = 100_000;
const LIMIT = 1.15;

const keys = Array.from({ length: COUNT }, (_, i) =>
  tokenKeyOf({ platform: 'bench', id: 'memory', kind: 'access_token', subject: [`user-${i}`] }),
);
for (const key of keys) key.charCodeAt(key.length - 1);
/** A string of its own each time, flat, as a store's answer is. */
const text = (i) => Buffer.alloc(512, `token-${i}-`).toString('latin1');

/** A store that holds nothing: what the manager keeps is all there is to measure. */
const now = Date.now();
const store = {
  name: 'benchStore',
  open: async () => ({ durable: 'synced', scope: 'fleet' }),
  async read(key) {
    const i = Number(key.slice(key.lastIndexOf('-') + 1));
    const issuedAt = now - (i % 600_000);
    const token = {
      value: text(i),
      issuedAt,
      firstSeenAt: issuedAt,
      expiresAt: issuedAt + 7_200_000,
      seen: [],
      lineage: { cause: 'issue', actor: 'a', at: issuedAt, durationMs: 1 },
    };
    return {
      record: {
        v: 1,
        key,
        generation: issuedAt,
        token,
        refreshAt: issuedAt + 5_400_000,
        attempt: { epoch: 1, state: 'active', failures: 0 },
      },
      now: Date.now(),
    };
  },
  ...Object.fromEntries(
    ['claim', 'renew', 'commit', 'note', 'due', 'list', 'remove', 'park'].map((name) => [
      name,
      async () => Promise.reject(new Error('not here')),
    ]),
  ),
  async close() {},
};

async function settled() {
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    globalThis.gc();
  }
  return process.memoryUsage().heapUsed;
}

const before = await settled();
const floor = new Map();
for (let i = 0; i < COUNT; i++) floor.set(keys[i], { value: text(i), expiresAt: now + 7_200_000 + i });
const floorBytes = (await settled()) - before;
floor.clear();

const { account, source } = madeUp('memory');
const like = source('x');
const manager = new TokenManager({ accounts: [account], store, checkAfterMs: 3_600_000, maxUncheckedMs: 3_600_000 });
const empty = await settled();
for (let i = 0; i < COUNT; i++) await manager.get({ ...like, key: keys[i] });
const copiesBytes = (await settled()) - empty;

let served = 0;
for (let i = 0; i < COUNT; i += 997) if (manager.peek({ ...like, key: keys[i] })?.value === text(i)) served++;
const ratio = copiesBytes / floorBytes;
console.log(`\nMemory of ${COUNT.toLocaleString('en')} tokens of 512 characters (${served} looked at, all there)`);
console.log(
  `  copies ${(copiesBytes / COUNT).toFixed(0)} bytes each, floor ${(floorBytes / COUNT).toFixed(0)}: ratio ${ratio.toFixed(3)}  ${ratio <= LIMIT ? `ok (at most ${LIMIT})` : `ABOVE ${LIMIT}`}`,
);
await manager.close();
