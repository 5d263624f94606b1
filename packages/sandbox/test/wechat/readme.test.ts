import { readFile } from 'node:fs/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { Sandbox } from '../../src/index.js';
import * as entry from '../../src/index.js';
import { startReceiver } from '../receiver.js';
import { field } from './open-platform-support.js';

const AsyncFunction = (async () => {}).constructor as new (
  ...text: string[]
) => (...values: unknown[]) => Promise<Sandbox>;

it('the example of the README runs as it stands', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const section = readme.split('## WeChat: Open Platform, users, pushes')[1] ?? '';
  const code = /```ts\n([\s\S]*?)```/.exec(section)?.[1] ?? '';
  const { url, received } = await startReceiver();
  const log = vi.fn();
  const names = ['SANDBOX_ACCOUNTS', 'createSandbox', 'callbackUrl', 'console'];
  const run = new AsyncFunction(...names, `${code}\nreturn sandbox;`);
  const sandbox = await run(entry.SANDBOX_ACCOUNTS, entry.createSandbox, url, { log });
  onTestFinished(() => sandbox.close());
  await sandbox.pushes();
  expect(received.map((push) => field(push, 'InfoType'))).toEqual([
    'component_verify_ticket',
    'authorized',
    'component_verify_ticket',
    'component_verify_ticket',
  ]);
  const tickets = received.map((push) => field(push, 'ComponentVerifyTicket'));
  expect(tickets[3]).toBe(tickets[0]);
  expect(tickets[2]).not.toBe(tickets[0]);
  expect(log).toHaveBeenCalledWith([]);
});
