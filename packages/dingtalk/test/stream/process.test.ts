import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { CLIENT, Gateway } from './gateway.js';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
const CORE = fileURLToPath(new URL('../../../core/', import.meta.url));
const PROGRAM = fileURLToPath(new URL('listener.mjs', import.meta.url));
const PATIENCE = { timeout: 20_000, interval: 10 };

let gateway: Gateway;

beforeAll(() => {
  if (!existsSync(join(DIST, 'stream.js'))) throw new Error('build the package first: the programs run from dist');
});
beforeEach(async () => {
  gateway = await Gateway.start();
});
afterEach(() => gateway.stop());

/** A program, and all it prints. */
function listen(entry = join(DIST, 'stream.js')): { readonly child: ChildProcess; readonly printed: () => string } {
  const args = [PROGRAM, entry, gateway.baseUrls.api, CLIENT.clientId, CLIENT.clientSecret];
  // Whatever a library prints for those who ask.
  const child = spawn(process.execPath, args, { env: { ...process.env, DEBUG: '*', NODE_DEBUG: '' } });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, printed: () => printed };
}

const until = (check: () => void): Promise<void> => vi.waitFor(check, PATIENCE);

describe('a program that listens', () => {
  it('is kept alive by the stream, ends by itself after `close`, and shows no secret', async () => {
    const { child, printed } = listen();
    await until(() => expect(printed()).toContain('connected'));
    gateway.connection.event('suite_ticket', { suiteTicket: 'ticket-in-an-event' });
    await until(() => expect(gateway.connection.statusOf()).toBe('SUCCESS'));
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
    expect(printed()).toBe('connected\nevent suite_ticket\nclosed\n');
  });

  it('ends after `close` while it waits for the platform, too', async () => {
    gateway.switches.noUpgrade = true;
    const { child, printed } = listen();
    await until(() => expect(printed()).toContain('waiting'));
    await until(() => expect(printed()).toContain('DingTalkStream'));
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
    expect(printed()).toContain('closed');
    for (const secret of [CLIENT.clientSecret, ...gateway.tickets]) expect(printed()).not.toContain(secret);
  });

  it('is told what to install where DingTalk’s client is missing', async () => {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'dingtalk-')));
    onTestFinished(() => rm(folder, { recursive: true }));
    await cp(DIST, join(folder, 'dist'), { recursive: true });
    await cp(join(DIST, '..', 'package.json'), join(folder, 'package.json'));
    await mkdir(join(folder, 'node_modules', '@evertoken'), { recursive: true });
    await symlink(CORE, join(folder, 'node_modules', '@evertoken', 'core'), 'dir');
    const { child, printed } = listen(join(folder, 'dist', 'stream.js'));
    await once(child, 'exit');
    expect(printed()).toBe(
      `ERR_TOKEN_CONFIGURATION: account "${CLIENT.clientId}": the stream cannot be used: DingTalk's own client is not installed: npm install dingtalk-stream@2\n`,
    );
  });
});
