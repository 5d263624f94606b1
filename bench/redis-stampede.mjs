// Four processes on one Redis, 1,000 callers between them, one expiry, an endpoint that takes 50 ms: how many calls does the
// platform see, and how much later than the endpoint does the slowest caller get its token?
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { startServer } from '@evertoken/test-servers';
import { median, percentile } from './measure.mjs';

const PROCESSES = 4;
const CALLERS = 1_000;
const ROUNDS = 21;
const WARM_UP = 3;
const LIFETIME_MS = 7_200_000;
const LIMIT = 1.2;

const redis = await startServer('redis');
let calls = 0;
const platform = createServer((_request, response) => {
  const value = `token-${++calls}`;
  setTimeout(() => response.end(JSON.stringify({ value, lifetimeMs: LIFETIME_MS })), 50);
});
platform.listen(0, '127.0.0.1');
await once(platform, 'listening');
const url = `http://127.0.0.1:${platform.address().port}/`;

/** What one request to that endpoint takes here and now: the floor. */
async function endpointMs() {
  const start = performance.now();
  await (await fetch(url)).json();
  return performance.now() - start;
}

const program = fileURLToPath(new URL('stampede-member.mjs', import.meta.url));
const members = Array.from({ length: PROCESSES }, () => fork(program));
async function all(message) {
  const answers = members.map(async (member) => (await once(member, 'message'))[0]);
  for (const member of members) member.send(message);
  return Promise.all(answers);
}

await all({ redis: redis.url, platform: url, callers: CALLERS / PROCESSES });
const ratios = [];
const floors = [];
let wrong = 0;
for (let round = 0; round < WARM_UP + ROUNDS; round++) {
  const floor = median([await endpointMs(), await endpointMs(), await endpointMs()]);
  calls = 0;
  const latencies = (await all({ offsetMs: (round + 1) * LIFETIME_MS, at: Date.now() + 20 })).flat();
  if (round < WARM_UP) continue;
  if (calls !== 1) wrong++;
  floors.push(floor);
  ratios.push(percentile(latencies, 0.99) / floor);
}
for (const member of members) member.kill();
platform.close();
await redis.stop();

const ratio = median(ratios);
const verdict = ratio <= LIMIT ? `ok (at most ${LIMIT})` : `ABOVE ${LIMIT}`;
console.log(`\n${PROCESSES} processes on Redis, ${CALLERS} callers at one expiry, endpoint 50 ms`);
console.log(
  `  rounds with exactly one platform call            ${ROUNDS - wrong} of ${ROUNDS}${wrong ? '  NOT ONE' : ''}`,
);
console.log(
  `  p99 / one request, median of ${ROUNDS} rounds          ${ratio.toFixed(3)}  ${verdict}  (one request: ${median(floors).toFixed(1)} ms)`,
);
if (wrong > 0) process.exitCode = 1;
