import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { fileStore } from '../../src/file/index.js';
import { tokenKeyOf } from '../../src/index.js';

const directory = await mkdtemp(join(tmpdir(), 'evertoken-killed-'));
afterAll(() => rm(directory, { recursive: true, force: true }));

const program = fileURLToPath(new URL('writer.mjs', import.meta.url));
const KILLS = 12;

it('keeps the old record or the new one whenever its writer is killed, and whatever was acknowledged', {
  timeout: 60_000,
}, async () => {
  const key = tokenKeyOf({ platform: 'p', id: 'i', kind: 'k' });
  for (let kill = 0; kill < KILLS; kill++) {
    const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    let told = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      told += text;
      // At another moment of a write each time.
      if (told.length > 60) setTimeout(() => child.kill('SIGKILL'), kill / 4);
    });
    await once(child, 'close');
    const last = Number(told.split('\n').at(-2));
    const store = fileStore({ directory });
    await store.open();
    const { record } = await store.read(key);
    // The one under way when it was killed is either whole or not there.
    expect(record?.token?.value).toBe('x'.repeat(4_096) + (record?.token?.value.slice(4_096) as string));
    expect(Number(record?.token?.value.slice(4_096))).toBeGreaterThanOrEqual(last);
    expect((await store.due({ limit: 1, accounts: ['p/i'] })).keys).toHaveLength(1);
  }
});
