import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { getJson } from './support.js';

const PROGRAM = fileURLToPath(new URL('../bin/evertoken-sandbox.js', import.meta.url));
const BUILT = existsSync(new URL('../dist/program.js', import.meta.url));

function start(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('the program has no output');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return line;
}

describe('evertoken-sandbox', () => {
  beforeAll(() => {
    if (!BUILT) throw new Error('build the package first: the program runs from dist');
  });

  it('prints its URLs as one line of JSON, answers, and ends on SIGTERM', async () => {
    const child = start('--port', '0');
    const { url, urls } = JSON.parse(await firstLine(child)) as { url: string; urls: { wechat: string } };
    expect((await getJson(`${urls.wechat}/cgi-bin/token`)).errcode).toBe(41002);
    expect(new URL(url).port).not.toBe('0');
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });

  it('takes its accounts from a file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sandbox-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = join(directory, 'accounts.json');
    await writeFile(file, JSON.stringify({ dingtalk: [{ appKey: 'from-file', appSecret: 'secret-of-file' }] }));
    const child = start('--accounts', file);
    const { urls } = JSON.parse(await firstLine(child)) as { urls: { dingtalkOapi: string } };
    const body = await getJson(`${urls.dingtalkOapi}/gettoken?appkey=from-file&appsecret=secret-of-file`);
    expect(body.errcode).toBe(0);
  });

  it.each([
    ['--port', 'many'],
    ['--colour', 'red'],
    ['--accounts', 'no-such-file.json'],
  ])('ends with code 1 and a message for %s %s', async (...args) => {
    const child = start(...args);
    const lines: string[] = [];
    child.stderr?.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
    expect((await once(child, 'close'))[0]).toBe(1);
    expect(lines.join('')).toMatch(/^evertoken-sandbox: /);
  });
});
