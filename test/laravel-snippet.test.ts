import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { sharedDatabase, whyMissing } from '@evertoken/test-servers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { appKey, appSecret, blockOf, fetchesOf, hostsOf, PLACES, type Place, rowOf, V1_TOKEN } from './laravel-page.js';

// What packages/dingtalk/docs/laravel-snippet.md says of the snippet and of its replacement is measured here, in processes of
// their own against the sandbox.

const memberProgram = fileURLToPath(new URL('laravel-member.mjs', import.meta.url));
const MINUTE_MS = 60_000;
const LIFETIME_MS = 7_200_000;
const ROUNDS = 20;
const PROCESSES = 4;
/** The snippet's time-out. */
const TIMEOUT_MS = 1_500;
/** Where it is not the subject: a busy machine may need long for what takes milliseconds. */
const PATIENT_MS = 10_000;
/** Long enough for a machine that is busy with other tests. */
const PATIENCE = { timeout: 20_000, interval: 20 };

let root: string;
let members: ChildProcess[];
let sandbox: Sandbox;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'evertoken-laravel-'));
  await writeFile(join(root, 'snippet.mjs'), blockOf('snippet.mjs'));
  members = Array.from({ length: PROCESSES }, () =>
    fork(memberProgram, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }),
  );
});

afterAll(async () => {
  for (const member of members ?? []) member.kill('SIGKILL');
  await rm(root, { recursive: true, force: true });
});

beforeEach(async () => {
  sandbox = await createSandbox();
});

afterEach(async () => {
  await sandbox.close();
});

async function ask<Answer>(member: ChildProcess | undefined, task: string, input: object = {}): Promise<Answer> {
  if (member === undefined) throw new Error('there is no such process');
  const heard = new AbortController();
  const { signal } = heard;
  const ended = once(member, 'exit', { signal }).then(() => [{ error: 'it ended' }]);
  ended.catch(() => {});
  const answered = Promise.race([once(member, 'message', { signal }), ended]).finally(() => heard.abort());
  member.send({ task, ...input });
  const [{ answer, error }] = (await answered) as [{ answer: Answer; error?: string }];
  if (error !== undefined) throw new Error(`${task}: ${error}`);
  return answer;
}

const all = <Answer>(count: number, task: string, input: object = {}) =>
  Promise.all(members.slice(0, count).map((member) => ask<Answer>(member, task, input)));

/** What a new, empty cache or store of that place is opened with. */
async function emptyPlace({ server }: Place): Promise<object> {
  if (server !== undefined) return { url: await sharedDatabase(server) };
  return { directory: await mkdtemp(join(root, 'tokens-')) };
}

type Kind = 'snippet' | 'manager';

/** What a process is told to begin with. */
function opening(kind: Kind, { place }: Place, options: object, { of = sandbox, timeoutMs = PATIENT_MS } = {}): object {
  const snippet = pathToFileURL(join(root, 'snippet.mjs')).href;
  return { kind, place, options, hosts: hostsOf(of), page: snippet, app: { appKey, appSecret }, timeoutMs };
}

async function open(count: number, kind: Kind, place: Place, timeoutMs = PATIENT_MS): Promise<void> {
  await all(count, 'open', opening(kind, place, await emptyPlace(place), { timeoutMs }));
}

/** What goes wrong in the two hours: `begin` happens before the first call, `after` behind it. */
interface Situation {
  readonly title: string;
  readonly expiresIn?: number;
  readonly timeoutMs?: number;
  begin?(sandbox: Sandbox): void;
  after?(sandbox: Sandbox): void;
}

const SITUATIONS: readonly Situation[] = [
  { title: 'the platform ends the token early', after: ({ dingtalk }) => dingtalk.revoke(appKey) },
  {
    title: 'it answers "busy", once, to the first fetch',
    begin: (of) => of.fault({ kind: 'busy', platform: 'dingtalk' }),
  },
  {
    title: 'it does not answer the first fetch in 1.5 s',
    timeoutMs: TIMEOUT_MS,
    begin: (of) => of.fault({ kind: 'late', hold: true, platform: 'dingtalk' }),
  },
  { title: 'its tokens live an hour, and it says so', expiresIn: 3600 },
];

/** A call every ten minutes for two hours, in one process: which of the 13 failed, and how many tokens were fetched. */
async function twoHours(kind: Kind, place: Place, member: ChildProcess | undefined, situation: Situation) {
  const { begin, after, expiresIn = 7200, timeoutMs = PATIENT_MS } = situation;
  const own = await createSandbox({ dingtalk: [{ ...SANDBOX_ACCOUNTS.dingtalk, expiresIn }] });
  try {
    await ask(member, 'open', opening(kind, place, await emptyPlace(place), { of: own, timeoutMs }));
    const failed: number[] = [];
    begin?.(own);
    for (let minute = 0; minute <= 120; minute += 10) {
      if (minute > 0) own.advance(10 * MINUTE_MS);
      await ask(member, 'time', { ahead: minute * MINUTE_MS });
      if ((await ask<string>(member, 'call')) !== 'ok') failed.push(minute);
      if (minute === 0) after?.(own);
    }
    await ask(member, 'close');
    return { failed, fetches: fetchesOf(own).length };
  } finally {
    await own.close();
  }
}

/** The places whose servers this machine has; each in a process of its own. */
const PRESENT = PLACES.filter(({ server }) => server === undefined || !whyMissing(server));
const everywhere = (kind: Kind, situation: Situation) =>
  Promise.all(PRESENT.map((place, index) => twoHours(kind, place, members[index], situation)));

describe(`an application that calls every ten minutes, its token in ${PRESENT.map(({ place }) => place).join(', ')}`, () => {
  it.for(SITUATIONS)('fails with the snippet as often as the page says when $title', async (situation) => {
    const [failures] = rowOf(situation.title);
    const runs = await everywhere('snippet', situation);
    expect(runs.map(({ failed }) => failed.length)).toEqual(PRESENT.map(() => failures));
    // None of the failures told it anything: it fetches when its 7000 s are over, and not before.
    expect(runs.map((each) => each.fetches)).toEqual(PRESENT.map(() => 2));
    for (const { failed } of runs) expect(failed.at(-1)).toBe(110);
  });

  it.for(SITUATIONS)('loses with a manager at most the call that meets it when $title', async (situation) => {
    const [, failures] = rowOf(situation.title);
    const runs = await everywhere('manager', situation);
    expect(runs.map(({ failed }) => failed)).toEqual(PRESENT.map(() => [0].slice(0, failures)));
  });
});

for (const place of PLACES) {
  const missing = place.server && whyMissing(place.server);

  describe.skipIf(missing)(`the snippet, its cache in ${place.server ?? 'files'}`, () => {
    it.for([2, PROCESSES])('fetches as many tokens as there are processes: %i', async (processes) => {
      await open(processes, 'snippet', place);
      // All have looked into the cache before the first of them goes on.
      await all(processes, 'begin');
      const values = await all<string>(processes, 'end');
      expect(fetchesOf(sandbox)).toHaveLength(processes);
      expect(rowOf(String(processes))[0]).toBe(processes);
      // Which harms nobody here: the platform gives all of them the same.
      expect(new Set(values).size).toBe(1);
      await all(processes, 'close');
    });
  });

  describe.skipIf(missing)(`a manager on ${place.store}`, () => {
    it(`fetches one token for 2 and for ${PROCESSES} processes, at each of ${ROUNDS} expiries`, async () => {
      await open(PROCESSES, 'manager', place);
      // As long as it takes for all of them to have asked.
      sandbox.fault({ kind: 'delay', endpoint: V1_TOKEN, delayMs: 40, count: 'always' });
      let round = 0;
      for (const processes of [2, PROCESSES]) {
        const begun = fetchesOf(sandbox).length;
        const seen = new Set<string>();
        for (const end = round + ROUNDS; round < end; round++) {
          await all(PROCESSES, 'time', { ahead: round * LIFETIME_MS });
          const values = (await all<string[]>(processes, 'round')).flat();
          expect(new Set(values).size).toBe(1);
          seen.add(values[0] as string);
          sandbox.advance(LIFETIME_MS);
        }
        expect(seen.size).toBe(ROUNDS);
        expect(fetchesOf(sandbox).length - begun).toBe(ROUNDS * (rowOf(String(processes))[1] as number));
      }
      await all(PROCESSES, 'close');
    });

    it(`replaces a token the platform ended with one fetch, for ${PROCESSES} processes that meet it together`, async () => {
      await open(PROCESSES, 'manager', place);
      expect(await all(PROCESSES, 'call')).toEqual(Array.from({ length: PROCESSES }, () => 'ok'));
      expect(fetchesOf(sandbox)).toHaveLength(1);
      sandbox.dingtalk.revoke(appKey);
      expect(await all(PROCESSES, 'call')).toEqual(Array.from({ length: PROCESSES }, () => 'ok'));
      expect(fetchesOf(sandbox)).toHaveLength(2);
      await all(PROCESSES, 'close');
    });
  });
}

describe('a manager with the snippet’s time-out', () => {
  const [files] = PLACES as readonly [Place];
  interface Asked {
    readonly ms: number;
    readonly value?: string;
    readonly code?: string;
    readonly reason?: string;
    readonly message?: string;
  }

  it('gives up a platform that does not answer after 1.5 s, and says so', async () => {
    await open(1, 'manager', files, TIMEOUT_MS);
    sandbox.fault({ kind: 'late', hold: true, endpoint: V1_TOKEN, count: 'always' });
    const asked = await ask<Asked>(members[0], 'ask');
    expect(asked).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'timeout' });
    expect(asked.message).toBe('account "oa", access_token: no answer from the platform within 1500 ms');
    expect(asked.ms).toBeGreaterThan(1_450);
    // The default would be 10 s.
    expect(asked.ms).toBeLessThan(8_000);
    await all(1, 'close');
  });

  it('serves the token it has while the platform is slow with the next', async () => {
    await open(1, 'manager', files);
    const first = await ask<Asked>(members[0], 'ask');
    sandbox.fault({ kind: 'late', hold: true, endpoint: V1_TOKEN, count: 'always' });
    sandbox.advance(100 * MINUTE_MS);
    await ask(members[0], 'time', { ahead: 100 * MINUTE_MS });
    const meanwhile = await ask<Asked>(members[0], 'ask');
    expect(meanwhile.code).toBeUndefined();
    expect(meanwhile.value === first.value).toBe(true);
    await expect.poll(() => sandbox.state().late, PATIENCE).toBe(1);
    sandbox.clearFaults();
    sandbox.runLate();
    await all(1, 'close');
  });
});

describe('beside the snippet', () => {
  it('a manager is given the same token, and neither ends the other’s', async () => {
    const [files] = PLACES as readonly [Place];
    const [php, ours] = members;
    await ask(php, 'open', opening('snippet', files, await emptyPlace(files)));
    await ask(ours, 'open', opening('manager', files, await emptyPlace(files)));
    const theirs = await ask<string>(php, 'value');
    expect((await ask<string>(ours, 'value')) === theirs).toBe(true);
    expect([await ask(php, 'call'), await ask(ours, 'call')]).toEqual(['ok', 'ok']);
    expect(fetchesOf(sandbox)).toHaveLength(2);
    await all(2, 'close');
  });
});
