// A cold key, 1,000 callers at once, an endpoint that takes 50 ms: how much later than the endpoint does the slowest caller get its token?
import { TokenManager } from '@evertoken/core';
import { median, percentile } from './measure.mjs';
import { madeUp } from './platform.mjs';

const CALLERS = 1_000;
const RUNS = 9;
const LIMIT = 1.07;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ratios = [];
let calls = 0;
for (let run = 0; run < RUNS; run++) {
  let endpointMs = 0;
  const { account, source } = madeUp('stampede', {
    issue: async () => {
      calls++;
      const start = performance.now();
      await wait(50);
      endpointMs = performance.now() - start;
      return { value: `token-${calls}`, lifetimeMs: 7_200_000 };
    },
  });
  const manager = new TokenManager({ accounts: [account] });
  await manager.get(source('warm-up'));
  calls = 0;
  const cold = source('cold');
  const latencies = await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      const start = performance.now();
      await manager.get(cold);
      return performance.now() - start;
    }),
  );
  if (calls !== 1) throw new Error(`${calls} platform calls instead of one`);
  ratios.push(percentile(latencies, 0.99) / endpointMs);
  await manager.close();
}
const ratio = median(ratios);
console.log(`\nCold stampede of ${CALLERS} callers, endpoint 50 ms, one platform call each time`);
console.log(
  `  p99 / endpoint, median of ${RUNS} runs: ${ratio.toFixed(3)}  ${ratio <= LIMIT ? `ok (at most ${LIMIT})` : `ABOVE ${LIMIT}`}`,
);
