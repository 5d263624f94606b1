// What a `get()` of a fresh token costs, against awaiting an async function that does one Map look-up and one comparison.
import { memoryStore, TokenManager } from '@evertoken/core';
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
print('Hot path: one call, ratio to the floor', results, ROUNDS);
await manager.close();
