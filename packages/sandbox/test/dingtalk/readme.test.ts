import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox, type SandboxCall } from '../../src/index.js';
import { startApp } from './push-support.js';

type Snippet = (parts: Record<string, unknown>) => Promise<Sandbox>;

/** What the README shows of DingTalk, as a function of what it takes for granted; returns its sandbox. */
async function snippet(): Promise<Snippet> {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const code = /## DingTalk: suites[\s\S]*?```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const names = '{ createSandbox, SANDBOX_ACCOUNTS, callbackUrl, console }';
  return new Function(`return async (${names}) => { ${code}; return sandbox; }`)() as Snippet;
}

it('the README tells the truth', async () => {
  const app = await startApp();
  const told: SandboxCall[][] = [];
  const run = await snippet();
  const console = { log: (calls: SandboxCall[]) => told.push(calls) };
  const sandbox = await run({ createSandbox, SANDBOX_ACCOUNTS, callbackUrl: app.url, console });
  await sandbox.pushes();
  const events = sandbox.pushLog().map(({ event, outcome }) => [event, outcome]);
  await sandbox.close();
  expect(events).toEqual([
    ['suite_ticket', 'success'],
    ['org_suite_auth', 'success'],
    ['suite_ticket', 'success'],
  ]);
  expect(told).toEqual([[]]);
});
