// `evertoken refresh erp` for 2,000 users, 100 of them dead and 5 suspended, on fileStore, 20 ms per call, 10 at a time: how much longer
// than the calls alone? The sandbox and the program are processes of their own; the program tells how long it took without its start.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { median } from './measure.mjs';

const [USERS, DEAD, SUSPENDED, DELAY_MS, CONCURRENCY] = [2_000, 100, 5, 20, 10];
const RUNS = 3;
const LIMIT = 1.15;
const DAY = 24 * 3_600_000;
const ENDPOINT = '/api_v1_login_user/info';

const programOf = (path) => new URL(`../packages/${path}`, import.meta.url).pathname;
const SANDBOX = programOf('sandbox/bin/evertoken-sandbox.js');
const EVERTOKEN = programOf('cli/bin/evertoken.js');

/** The same without the command line. */
const SCRIPT = `import { TokenManager } from '@evertoken/core';
import options from './tokens.config.mjs';

const startedAt = performance.now();
const tokens = new TokenManager(options);
await tokens.start();
const { counts } = await tokens.refreshAll({}, { concurrency: ${CONCURRENCY} });
await tokens.close();
console.log(JSON.stringify({ counts, durationMs: performance.now() - startedAt }));
`;

const runs = [];
const scripted = [];
for (let run = 0; run < RUNS; run++) {
  runs.push(await measure((directory) => answerOf(directory, EVERTOKEN, 'refresh', 'erp', '--json')));
  scripted.push(await measure((directory) => answerOf(directory, join(directory, 'script.mjs'))));
}
const ratio = median(runs.map(({ ratio }) => ratio));
const bare = median([...runs, ...scripted].map(({ bareRatio }) => bareRatio));
console.log(`\nevertoken refresh, ${USERS} users on fileStore, ${DELAY_MS} ms per call, ${CONCURRENCY} at a time`);
console.log(`  calls × ${DELAY_MS} ms / ${CONCURRENCY}: ${runs[0].floorMs} ms (${runs[0].calls} calls)`);
console.log(`  the same calls by plain fetch, nothing stored: ${bare.toFixed(3)} of that`);
console.log(
  `  a script that calls refreshAll, without the command line: ${median(scripted.map(({ ratio }) => ratio)).toFixed(3)} of that`,
);
console.log(
  `  refresh / floor, median of ${RUNS} runs: ${ratio.toFixed(3)}  ${ratio <= LIMIT ? `ok (at most ${LIMIT})` : `ABOVE ${LIMIT}`}  (${runs.map((run) => run.ratio.toFixed(3)).join(', ')})`,
);

/** A platform, a project and one refresh of all users; then as many calls without anything around them. */
async function measure(refresh) {
  const directory = mkdtempSync(join(tmpdir(), 'evertoken-bench-'));
  const write = (name, content) => writeFileSync(join(directory, name), content);
  const issuedAt = (at) => Date.now() - (at < DEAD ? 4 * DAY : DAY + 3_600_000);
  const users = Array.from({ length: USERS }, (_, at) => ({
    uid: `user-${at}`,
    pair: { accessToken: `${'a'.repeat(100)}${at}`, refreshToken: `${'r'.repeat(100)}${at}`, issuedAt: issuedAt(at) },
    ...(at >= DEAD && at < DEAD + SUSPENDED && { suspended: '002003' }),
  }));
  write('accounts.json', JSON.stringify({ nextengine: [{ clientId: 'c', clientSecret: 's', users }] }));
  const pairs = users.map(({ uid, pair }) => ({
    account: 'erp',
    subject: uid,
    value: pair.accessToken,
    refreshToken: pair.refreshToken,
    expiresAt: pair.issuedAt + DAY,
    refreshTokenExpiresAt: pair.issuedAt + 3 * DAY,
  }));
  write('pairs.json', JSON.stringify(pairs));
  const sandbox = spawn(process.execPath, [SANDBOX, '--accounts', join(directory, 'accounts.json')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = await once(createInterface(sandbox.stdout), 'line');
    const { url, urls } = JSON.parse(line);
    symlinkSync(new URL('./node_modules', import.meta.url).pathname, join(directory, 'node_modules'));
    write('tokens.config.mjs', config(urls));
    write('script.mjs', SCRIPT);
    await answerOf(directory, EVERTOKEN, 'import', 'pairs.json', '--json');
    const body = JSON.stringify({ kind: 'delay', delayMs: DELAY_MS, count: 'always' });
    await fetch(`${url}/_sandbox/faults`, { method: 'POST', body });

    const document = await refresh(directory);
    const { calls } = await (await fetch(`${url}/_sandbox/calls?platform=nextengine`)).json();
    const { renewed, reauthorize } = document.counts;
    if (renewed !== USERS - DEAD - SUSPENDED || reauthorize !== DEAD)
      throw new Error(`not what was to be done: ${JSON.stringify(document.counts)}`);
    const floorMs = (calls.length * DELAY_MS) / CONCURRENCY;
    const bareMs = await plainCalls(`${urls.nextengineApi}${ENDPOINT}`, calls.length);
    return { calls: calls.length, floorMs, ratio: document.durationMs / floorMs, bareRatio: bareMs / floorMs };
  } finally {
    sandbox.kill();
    rmSync(directory, { recursive: true });
  }
}

function config({ nextengineApi, nextengineBase }) {
  return `import { fileStore } from '@evertoken/core/file';
import { nextEngineApp } from '@evertoken/nextengine';

const baseUrls = { api: '${nextengineApi}', base: '${nextengineBase}' };
export default {
  accounts: [nextEngineApp({ name: 'erp', clientId: 'c', clientSecret: 's', baseUrls })],
  store: fileStore({ directory: new URL('./tokens', import.meta.url).pathname }),
};
`;
}

async function answerOf(directory, ...args) {
  const child = spawn(process.execPath, ['--no-warnings', ...args], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  await once(child, 'close');
  return JSON.parse(stdout);
}

/** What the platform's side and the network take: the same number of calls, with a token that is echoed. */
async function plainCalls(url, count) {
  const startedAt = performance.now();
  let left = count;
  const caller = async () => {
    while (left-- > 0) {
      const body = new URLSearchParams({ access_token: `${'a'.repeat(100)}0`, refresh_token: `${'r'.repeat(100)}0` });
      await (await fetch(url, { method: 'POST', body })).text();
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, caller));
  return performance.now() - startedAt;
}
