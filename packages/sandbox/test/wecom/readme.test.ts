import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { createSandbox, SANDBOX_ACCOUNTS } from '../../src/index.js';
import { callbackServer } from './support.js';

it('the snippet of the README does what it says', async () => {
  const { url: callbackUrl, received } = await callbackServer();
  const told: unknown[] = [];
  const console = { log: (log: readonly unknown[]) => told.push(...log) };

  const { wecom } = SANDBOX_ACCOUNTS;
  const [suite] = wecom.suites;
  const sandbox = await createSandbox({ wecom: [{ ...wecom, suites: [{ ...suite, callbackUrl }] }] });

  await sandbox.pushes(); // the suite's first ticket has been pushed and answered
  sandbox.wecom.install(suite.suiteId, { corpId: 'wwcustomer' }); // pushes create_auth with a code to exchange
  sandbox.wecom.pushTicket(suite.suiteId, { older: true }); // an old ticket arrives after a newer one
  sandbox.wecom.killToken(wecom.corpId, 1000002); // one agent's token dies before its end
  await sandbox.pushes();
  console.log(sandbox.pushLog()); // time, account, company, event, answer; never a ticket and never a code
  await sandbox.close();

  expect(told.map((each) => (each as { event: string }).event)).toEqual([
    'suite_ticket',
    'create_auth',
    'suite_ticket',
  ]);
  expect(received).toHaveLength(3);
});

it('the snippet is the one that is tested', async () => {
  const [readme, test] = await Promise.all(
    ['../../README.md', import.meta.url].map((file) => readFile(new URL(file, import.meta.url), 'utf8')),
  );
  const snippet = /## WeCom[\s\S]*?```ts\n([\s\S]*?)```/.exec(readme ?? '')?.[1] ?? '';
  const lines = snippet.split('\n').map((line) => line.trim());
  expect(lines.length).toBeGreaterThan(5);
  for (const line of lines) expect(test).toContain(line);
});
