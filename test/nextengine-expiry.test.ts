import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tokenKeyOf } from '@evertoken/core';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { whyMissing } from '@evertoken/test-servers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, SHARED_STORES } from './processes/stores.js';

const DAY_MS = 86_400_000;
const PROCESSES = 4;
/** Calls that are answered before the end, on their way when it comes, and begun after it. */
const [ANSWERED, UNDER_WAY, BEGUN_AFTER] = [10, 20, 20] as const;
const SEARCH = '/api_v1_receiveorder_base/search';
const INFO = '/api_v1_login_user/info';
const UID = 'user-tanaka';
const STORES = SHARED_STORES.filter(({ store }) => ['fileStore', 'redisStore', 'postgresStore'].includes(store));
const { clientId, clientSecret } = SANDBOX_ACCOUNTS.nextengine;

const program = fileURLToPath(new URL('nextengine-member.mjs', import.meta.url));
/** Long enough for a machine that is busy with other tests. */
const PATIENCE = { timeout: 60_000, interval: 20 };

let sandbox: Sandbox;
let members: ChildProcess[];
let directory: string;

beforeEach(async () => {
  sandbox = await createSandbox();
  directory = await mkdtemp(join(tmpdir(), 'evertoken-nextengine-expiry-'));
  members = Array.from({ length: PROCESSES }, () => fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
});

afterEach(async () => {
  for (const member of members) member.kill('SIGKILL');
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

const all = <Answer>(task: string, input: object | ((index: number) => object) = {}) =>
  Promise.all(
    members.map((member, index) => ask<Answer>(member, task, typeof input === 'function' ? input(index) : input)),
  );

/** Begins so many calls, spread over the processes. */
const begin = (calls: number) =>
  all('begin', (index) => ({ uid: UID, count: Math.floor((calls + index) / PROCESSES) }));

const counters = () => sandbox.state().nextengine[0]?.users.find(({ uid }) => uid === UID);

describe('50 calls of one user from 4 processes, across the end of the access token', () => {
  it.for(STORES)(
    '$store: 1 renewal, 50 results, and the platform’s latest pair is stored',
    {
      timeout: 180_000,
    },
    async (shared, { skip }) => {
      const missing = shared.server && whyMissing(shared.server);
      if (missing) skip(missing);
      const options = await shared.options(directory);
      const { nextengineApi: api, nextengineBase: base } = sandbox.urls;
      const app = { clientId, clientSecret, baseUrls: { api, base } };
      await all('open', { store: shared.store, options, directory: join(directory, 'journal'), app });
      await ask(members[0] as ChildProcess, 'signIn', sandbox.nextengine.signIn(clientId, UID));

      // The platform takes so many calls up only after the end, though they were sent before it.
      sandbox.fault({ kind: 'late', hold: true, endpoint: SEARCH, count: UNDER_WAY });
      await begin(ANSWERED + UNDER_WAY);
      await expect.poll(() => sandbox.calls({ endpoint: SEARCH, outcome: 'ok' }).length, PATIENCE).toBe(ANSWERED);
      await expect.poll(() => sandbox.state().late, PATIENCE).toBe(UNDER_WAY);

      // Everybody comes while the renewal is under way.
      sandbox.fault({ kind: 'delay', endpoint: INFO, delayMs: 300 });
      sandbox.advance(DAY_MS);
      await all('time', { ahead: DAY_MS });
      const begun = begin(BEGUN_AFTER);
      sandbox.runLate();
      await begun;
      const results = await all<(number | string)[]>('results');

      expect(results.flat()).toEqual(Array.from({ length: ANSWERED + UNDER_WAY + BEGUN_AFTER }, () => 1));
      expect(counters()).toMatchObject({ signIns: 1, renewals: 1 });
      // The calls that were under way were refused, so both ways to a renewal were gone: by the clock, and by a refusal.
      expect(sandbox.calls({ endpoint: SEARCH }).filter(({ effect }) => effect === '002004')).toHaveLength(UNDER_WAY);

      const store = connect(shared, { ...options, clock: { now: () => sandbox.now() } });
      await store.open();
      const key = tokenKeyOf({ platform: 'nextengine', id: clientId, kind: 'access_token', subject: [UID] });
      const stored = (await store.read(key)).record?.token;
      const latest = sandbox.nextengine.currentPair(clientId, UID);
      // Compared here, so that a failure prints no token.
      expect(latest !== undefined && stored?.value === latest.accessToken).toBe(true);
      expect(stored?.refreshToken === latest?.refreshToken).toBe(true);
      await store.close();
      await all('close');
    },
  );
});
