import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { whyMissing } from '@evertoken/test-servers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SHARED_STORES } from './processes/stores.js';

const HOUR_MS = 3_600_000;
const PROCESSES = 4;
const CORPS = 100;
const STORES = SHARED_STORES.filter(({ store }) => store !== 'sqliteStore');
const { suiteKey, suiteSecret, token, encodingAESKey } = SANDBOX_ACCOUNTS.dingtalkSuite;
const CORP_TOKENS = '/v1.0/oauth2/corpAccessToken';
const corpIds = Array.from({ length: CORPS }, (_, i) => `dingcorp${i}`);

const program = fileURLToPath(new URL('dingtalk-suite-member.mjs', import.meta.url));
/** Long enough for a machine that is busy with other tests. */
const PATIENCE = { timeout: 120_000, interval: 20 };

let sandbox: Sandbox;
let members: ChildProcess[];
let directory: string;
let server: Server;
let asked: number;

beforeEach(async () => {
  const corps = corpIds.map((corpId) => ({ corpId }));
  const switches = { suiteTicketEveryMs: 0, supersededCorpTokens: 'dead', repushEveryMs: 500 } as const;
  const suite = { ...SANDBOX_ACCOUNTS.dingtalkSuite, corps, ...switches };
  sandbox = await createSandbox({ dingtalkSuites: [suite], pushTimeoutMs: 60_000 });
  directory = await mkdtemp(join(tmpdir(), 'evertoken-dingtalk-suite-'));
  members = Array.from({ length: PROCESSES }, () => fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  server = createServer();
  asked = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  for (const member of members) member.kill('SIGKILL');
  server.closeAllConnections();
  server.close();
  await sandbox.close();
  await rm(directory, { recursive: true, force: true });
});

async function ask<Answer>(member: ChildProcess, task: string, input: object = {}): Promise<Answer> {
  const heard = new AbortController();
  const { signal } = heard;
  const ended = once(member, 'exit', { signal }).then(() => [{ error: 'it ended' }]);
  ended.catch(() => {});
  member.send({ task, ...input });
  const message = await Promise.race([once(member, 'message', { signal }), ended]).finally(() => heard.abort());
  const [{ answer, error }] = message as [{ answer: Answer; error?: string }];
  if (error !== undefined) throw new Error(`${task}: ${error}`);
  return answer;
}

const all = <Answer>(task: string, input: object = {}) =>
  Promise.all(members.map((member) => ask<Answer>(member, task, input)));

/** Pushes go to the processes in turn, as a balancer in front of them would have it. */
function balance(ports: readonly number[]): void {
  server.on('request', async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const port = ports[asked++ % ports.length];
    const body = Buffer.concat(chunks);
    const reply = await fetch(`http://127.0.0.1:${port}${request.url}`, { method: 'POST', body }).catch(
      () => undefined,
    );
    if (!reply) return response.destroy();
    return response.writeHead(reply.status).end(await reply.text());
  });
  const { port } = server.address() as AddressInfo;
  sandbox.dingtalkSuite.setCallback(suiteKey, { callbackUrl: `http://127.0.0.1:${port}/` });
}

const issued = () => sandbox.calls({ endpoint: CORP_TOKENS, outcome: 'ok' });
const business = () => sandbox.calls({ endpoint: '/v1.0/contact/users/{unionId}' });

describe('100 corps of one suite in 4 processes, whose tokens end together', () => {
  it.for(STORES)(
    '$store: one token call for each corp, and another ticket in the middle',
    { timeout: 400_000 },
    async (shared, { skip }) => {
      const missing = shared.server && whyMissing(shared.server);
      if (missing) skip(missing);
      const options = await shared.options(directory);
      const { dingtalkApi: api, dingtalkOapi: oapi } = sandbox.urls;
      const app = { suiteKey, suiteSecret, push: { token, encodingAESKey }, baseUrls: { api, oapi } };
      const ports = await all<number>('open', {
        store: shared.store,
        options,
        directory: join(directory, 'journal'),
        app,
      });
      balance(ports);
      sandbox.dingtalkSuite.pushTicket(suiteKey);
      await sandbox.pushes();

      await all('begin', { corpIds });
      expect((await all<string[]>('results')).flat().filter((result) => result !== 'ok')).toEqual([]);
      expect(issued()).toHaveLength(CORPS);

      // All tokens are over at once, for the platform and for everybody here.
      sandbox.advance(3 * HOUR_MS);
      await all('time', { ahead: 3 * HOUR_MS });
      const before = business().length;
      await all('begin', { corpIds });
      await expect.poll(() => issued().length, PATIENCE).toBeGreaterThan(CORPS + 10);
      sandbox.dingtalkSuite.pushTicket(suiteKey);
      const results = (await all<string[]>('results')).flat();

      expect(results.filter((result) => result !== 'ok')).toEqual([]);
      expect(results).toHaveLength(PROCESSES * CORPS);
      const ofCorp = (corpId: string) => issued().filter(({ subject }) => subject === corpId).length;
      expect(corpIds.filter((corpId) => ofCorp(corpId) !== 2)).toEqual([]);
      expect(issued()).toHaveLength(2 * CORPS);
      // Besides: what presented the old ticket while the push with the new one was on its way, once for a place in a process.
      const others = sandbox.calls({ endpoint: CORP_TOKENS }).filter(({ outcome }) => outcome !== 'ok');
      expect(others.filter(({ outcome }) => outcome !== 'invalidSuiteTicket')).toEqual([]);
      expect(others.length).toBeLessThanOrEqual(PROCESSES * 10);
      // Nobody presented a token that was dead.
      expect(
        business()
          .slice(before)
          .every(({ outcome }) => outcome === 'ok'),
      ).toBe(true);
      expect(business()).toHaveLength(2 * PROCESSES * CORPS);
      await sandbox.pushes();
      await all('close');
    },
  );
});
