// Continuous load over five expiries of a source that can be renewed before its end, default options.
import { TokenManager } from '@evertoken/core';
import { percentile } from './measure.mjs';
import { madeUp } from './platform.mjs';

const LIFETIME_MS = 2_000;
const EXPIRIES = 5;
const LIMIT_MS = 5;

const issued = [];
const { account, source } = madeUp('load', {
  issue: async () => {
    const startedAt = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
    issued.push({ value: `token-${issued.length}`, endsAt: startedAt + LIFETIME_MS });
    return { value: issued.at(-1).value, lifetimeMs: LIFETIME_MS };
  },
});
const held = source('a');
const manager = new TokenManager({ accounts: [account] });
const first = await manager.get(held);

const waits = [];
let expired = 0;
const end = first.issuedAt + LIFETIME_MS * (EXPIRIES + 1);
const caller = async () => {
  while (Date.now() < end) {
    const start = performance.now();
    const token = await manager.get(held);
    waits.push(performance.now() - start);
    if (Date.now() >= token.expiresAt) expired++;
    await new Promise((resolve) => setImmediate(resolve));
  }
};
await Promise.all(Array.from({ length: 20 }, caller));
// Renewed at three quarters of each life: the calls that are needed, and not one more.
const needed = Math.ceil(((EXPIRIES + 1) * LIFETIME_MS) / (LIFETIME_MS * 0.75));
console.log(
  `\nContinuous load over ${EXPIRIES} expiries of a ${LIFETIME_MS} ms token, ${waits.length.toLocaleString('en')} calls of get()`,
);
console.log(`  expired tokens handed out: ${expired}  ${expired === 0 ? 'ok' : 'WRONG'}`);
console.log(`  platform calls: ${issued.length}, needed: ${needed}  ${issued.length <= needed ? 'ok' : 'TOO MANY'}`);
console.log(
  `  longest wait: ${Math.max(...[percentile(waits, 1)]).toFixed(2)} ms, p99.9 ${percentile(waits, 0.999).toFixed(3)} ms  ${percentile(waits, 1) <= LIMIT_MS ? `ok (at most ${LIMIT_MS})` : `ABOVE ${LIMIT_MS}`}`,
);
await manager.close();
