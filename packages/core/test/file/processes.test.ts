import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const PROCESSES = 4;
const program = fileURLToPath(new URL('process.mjs', import.meta.url));
const children: ChildProcess[] = [];
let directory = '';
let calls = 0;
const platform = createServer((_request, response) => {
  const value = `T${++calls}`;
  setTimeout(() => response.end(JSON.stringify({ value, expires_in: 7_200 })), 50);
});

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'evertoken-processes-'));
  platform.listen(0, '127.0.0.1');
  await once(platform, 'listening');
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  platform.close();
  await rm(directory, { recursive: true, force: true });
});

describe('several processes on one directory', () => {
  it('make one platform call between them when they ask at the same instant', async () => {
    const url = `http://127.0.0.1:${(platform.address() as AddressInfo).port}/`;
    const lines = await Promise.all(
      Array.from({ length: PROCESSES }, async () => {
        const child = spawn(process.execPath, [program, directory, url], { stdio: ['pipe', 'pipe', 'inherit'] });
        children.push(child);
        const output = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
        expect((await output.next()).value).toBe('ready');
        return { child, output };
      }),
    );
    for (const { child } of lines) child.stdin.write('go\n');
    const values = await Promise.all(
      lines.map(async ({ output }) => JSON.parse((await output.next()).value as string)),
    );
    expect(values).toEqual(Array(PROCESSES).fill(['T1']));
    expect(calls).toBe(1);
    for (const { child } of lines) expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(0);
  });
});
