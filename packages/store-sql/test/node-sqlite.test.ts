import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ManualClock, storeContract } from '@evertoken/core/testing';
import { nodeWithSqlite } from '@evertoken/test-servers';
import { expect, it } from 'vitest';
import { encryptedKit, sqliteKit } from './stores.js';

const program = fileURLToPath(new URL('node-sqlite/contract.mjs', import.meta.url));
const node = nodeWithSqlite();
if (!node && process.env['CI'] === 'true')
  throw new Error('no Node with node:sqlite: use Node 22.13 or newer, or run npm install with optional dependencies');

it.skipIf(!node)(
  'keeps the contract on node:sqlite, bare and encrypted, case by case',
  { timeout: 180_000 },
  async () => {
    const { stdout } = await promisify(execFile)(node as string, ['--test-reporter=tap', program], {
      maxBuffer: 1 << 26,
      env: { PATH: process.env['PATH'] },
    }).catch((error: { stdout: string; stderr: string }) => ({ stdout: `${error.stdout}\n${error.stderr}` }));
    expect(stdout.split('\n').filter((line) => /^\s*not ok/.test(line))).toEqual([]);
    const figure = (name: string) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(stdout)?.[1]);
    expect({ tests: figure('tests'), failed: figure('fail'), skipped: figure('skipped') }).toEqual({
      tests: await casesOf(),
      failed: 0,
      skipped: 0,
    });
  },
);

/** How many cases the suite has for these stores. */
async function casesOf(): Promise<number> {
  let cases = 0;
  const counting = { describe: (_name: string, body: () => void) => body(), it: () => void cases++, expect };
  const kit = await sqliteKit();
  const { sever: _file, ...stores } = kit;
  storeContract(counting, () => new ManualClock(), { name: 'counted', ...stores });
  storeContract(counting, () => new ManualClock(), { name: 'counted', ...encryptedKit(stores) });
  await kit.end();
  return cases;
}
