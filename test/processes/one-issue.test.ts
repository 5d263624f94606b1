import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { whyMissing } from '@evertoken/test-servers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Members } from './members.js';
import { SHARED_STORES } from './stores.js';

const PROCESSES = 8;
const ROUNDS = 100;
const LIFETIME_MS = 7_200_000;

let sandbox: Sandbox;
let members: Members;
let directory: string;

beforeEach(async () => {
  sandbox = await createSandbox();
  directory = await mkdtemp(join(tmpdir(), 'evertoken-one-issue-'));
});

afterEach(async () => {
  members?.kill();
  await sandbox.close();
  await rm(directory, { recursive: true, force: true });
});

describe(`${PROCESSES} processes on one key of a kind whose new token kills the last one`, () => {
  it.for(SHARED_STORES)(
    `$store: exactly one issue for each of ${ROUNDS} expiries`,
    { timeout: 180_000 },
    async ({ store, server, options }, { skip }) => {
      const missing = server && whyMissing(server);
      if (missing) skip(missing);
      members = new Members(PROCESSES);
      const { appId, secret } = SANDBOX_ACCOUNTS.wechat;
      const sealing = { keys: { k1: randomBytes(32).toString('base64') }, activeKeyId: 'k1' };
      await members.all('open', {
        store,
        options: await options(directory),
        baseUrl: sandbox.urls.wechat,
        app: { appId, secret },
        ...(store === 'redisStore' && { sealing }),
      });
      const issued = () => sandbox.calls().filter(({ endpoint }) => endpoint === '/cgi-bin/token').length;
      const seen = new Set<string>();
      for (let round = 0; round < ROUNDS; round++) {
        const values = await members.all<string[]>('round', { at: round * LIFETIME_MS });
        expect(new Set(values.flat()).size).toBe(1);
        seen.add(values[0]?.[0] as string);
        expect(issued()).toBe(round + 1);
        sandbox.advance(LIFETIME_MS);
      }
      expect(seen.size).toBe(ROUNDS);
      await members.all('close');
    },
  );
});
