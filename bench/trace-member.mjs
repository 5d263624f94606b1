// One of the processes of redis-stampede.mjs.
import { systemClock, TokenManager } from '@evertoken/core';
import { redisStore } from '@evertoken/store-redis';
import { madeUp } from './platform.mjs';

let offsetMs = 0;
const clock = {
  now: () => systemClock.now() + offsetMs,
  monotonic: () => systemClock.monotonic() + offsetMs,
  after: systemClock.after,
};
let manager;
let source;
let callers;

process.on('message', async (message) => {
  if (message.redis) {
    callers = message.callers;
    const made = madeUp('stampede', {
      issue: async ({ fetch }) => (await fetch(message.platform)).json(),
    });
    source = made.source('shared');
    manager = new TokenManager({
      accounts: [made.account],
      clock,
      store: traced(redisStore({ url: message.redis, clock })),
    });
    await manager.start();
    await manager.get(source);
    process.send('ready');
    return;
  }
  // All processes begin at the same instant, after the news of it has reached the last of them.
  await new Promise((resolve) => setTimeout(resolve, message.at - Date.now()));
  offsetMs = message.offsetMs;
  const latencies = await Promise.all(
    Array.from({ length: callers }, async () => {
      const start = performance.now();
      await manager.get(source);
      return performance.now() - start;
    }),
  );
  process.send(latencies);
});
let t0 = 0;
let lines = [];
function traced(store) {
  return new Proxy(store, {
    get(target, name) {
      const own = target[name];
      if (name === 'watch')
        return (listener) =>
          target.watch((k, g) => {
            lines.push(`watch@${(performance.now() - t0).toFixed(1)}`);
            listener(k, g);
          });
      if (typeof own !== 'function') return own;
      return async (...a) => {
        const s = performance.now();
        try {
          return await own.apply(target, a);
        } finally {
          lines.push(`${name}@${(s - t0).toFixed(1)}+${(performance.now() - s).toFixed(1)}`);
        }
      };
    },
  });
}
process.on('message', async (m) => {
  if (m.redis) return;
  await new Promise((r) => setTimeout(r, m.at - Date.now()));
  t0 = performance.now();
  lines = [];
  setTimeout(() => console.log(process.pid, lines.join(' ')), 200);
});
