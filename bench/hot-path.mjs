// What a `get()` of a fresh token costs, against awaiting an async function that does one Map look-up and one comparison.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore, TokenManager } from '@evertoken/core';
import { createCache } from 'cache-manager';
import { alternate, print } from './measure.mjs';
import { madeUp } from './platform.mjs';

const ROUNDS = 200_000;

const { account, source } = madeUp('hot');
const held = source('a');
const manager = new TokenManager({ accounts: [account], store: memoryStore() });
let events = 0;
manager.on('issue', () => events++);
await manager.get(held);

const cache = new Map([[held.key, { value: 'x'.repeat(512), expiresAt: Date.now() + 7_200_000 }]]);
async function floor(key) {
  const entry = cache.get(key);
  if (entry !== undefined && Date.now() < entry.expiresAt) return entry;
  throw new Error('expired');
}

async function sequential(call) {
  for (let i = 0; i < ROUNDS; i++) await call();
}
async function concurrent(call) {
  for (let i = 0; i < ROUNDS / 1_000; i++) {
    const calls = new Array(1_000);
    for (let j = 0; j < 1_000; j++) calls[j] = call();
    await Promise.all(calls);
  }
}
function synchronous(call) {
  let sum = 0;
  for (let i = 0; i < ROUNDS; i++) sum += call().value.length;
  return sum;
}

const results = [];
for (const [name, limit, shape] of [
  ['get(), sequential', 1.1, sequential],
  ['get(), 1,000 concurrent', 1.1, concurrent],
]) {
  results.push({
    name,
    limit,
    ...(await alternate(
      () => shape(() => floor(held.key)),
      () => shape(() => manager.get(held)),
    )),
  });
}
results.push({
  name: 'peek()',
  limit: 0.5,
  ...(await alternate(
    () => sequential(() => floor(held.key)),
    () => synchronous(() => manager.peek(held)),
  )),
});
// What people use today: the token in cache-manager, and the token in a JSON file that is read each time.
const shared = createCache();
await shared.set(held.key, { value: 'x'.repeat(512), expiresAt: Date.now() + 7_200_000 }, 7_200_000);
const folder = mkdtempSync(join(tmpdir(), 'evertoken-bench-'));
const file = join(folder, 'token.json');
writeFileSync(file, JSON.stringify({ value: 'x'.repeat(512), expiresAt: Date.now() + 7_200_000 }));
const read = async () => JSON.parse(await readFile(file, 'utf8'));
const some = (call, rounds) => async () => {
  for (let i = 0; i < rounds; i++) await call();
};
for (const [name, rounds, call] of [
  ['today: cache-manager, get()', 20_000, () => shared.get(held.key)],
  ['today: a JSON file, read each time', 2_000, read],
]) {
  const measured = await alternate(
    some(() => floor(held.key), rounds),
    some(call, rounds),
    { runs: 7, warmUp: 2 },
  );
  const scale = ROUNDS / rounds;
  results.push({ name, ...measured, floorMs: measured.floorMs * scale, candidateMs: measured.candidateMs * scale });
}
rmSync(folder, { recursive: true, force: true });

print('Hot path: one call, ratio to the floor', results, ROUNDS);
await manager.close();
