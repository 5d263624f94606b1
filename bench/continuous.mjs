// Continuous load over five expiries of a source that can be renewed before its end, default options.
import { createHistogram } from 'node:perf_hooks';
import { TokenManager } from '@evertoken/core';
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

/** The same load on nothing: how long this machine makes anybody wait. */
async function floor(ms) {
  const ready = Promise.resolve(first);
  let longest = 0;
  const until = Date.now() + ms;
  const idle = async () => {
    while (Date.now() < until) {
      const start = performance.now();
      await ready;
      longest = Math.max(longest, performance.now() - start);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all(Array.from({ length: 20 }, idle));
  return longest;
}

// A histogram and not a list: growing a list of millions would be what takes longest.
const waits = createHistogram({ lowest: 1, highest: 10_000_000_000 });
let expired = 0;
const end = first.issuedAt + LIFETIME_MS * (EXPIRIES + 1);
const caller = async () => {
  while (Date.now() < end) {
    const start = performance.now();
    const token = await manager.get(held);
    waits.record(Math.max(1, Math.round((performance.now() - start) * 1e6)));
    if (Date.now() >= token.expiresAt) expired++;
    await new Promise((resolve) => setImmediate(resolve));
  }
};
await Promise.all(Array.from({ length: 20 }, caller));
// Renewed at three quarters of each life: the calls that are needed, and not one more.
const needed = Math.ceil(((EXPIRIES + 1) * LIFETIME_MS) / (LIFETIME_MS * 0.75));
console.log(
  `\nContinuous load over ${EXPIRIES} expiries of a ${LIFETIME_MS} ms token, ${waits.count.toLocaleString('en')} calls of get()`,
);
console.log(`  expired tokens handed out: ${expired}  ${expired === 0 ? 'ok' : 'WRONG'}`);
console.log(`  platform calls: ${issued.length}, needed: ${needed}  ${issued.length <= needed ? 'ok' : 'TOO MANY'}`);
const longest = waits.max / 1e6;
await manager.close();
const stall = await floor(LIFETIME_MS * EXPIRIES);
const verdict =
  longest <= LIMIT_MS ? `ok (at most ${LIMIT_MS})` : longest <= stall ? 'the machine stalled' : `ABOVE ${LIMIT_MS}`;
console.log(
  `  longest wait: ${longest.toFixed(2)} ms, p99.9 ${(waits.percentile(99.9) / 1e6).toFixed(3)} ms; the same loop on nothing ${stall.toFixed(2)} ms  ${verdict}`,
);
