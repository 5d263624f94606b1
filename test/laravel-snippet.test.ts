import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { type ServerKind, sharedDatabase, whyMissing } from '@evertoken/test-servers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

// The page packages/dingtalk/docs/laravel-snippet.md: what it says of the snippet is measured here, in processes of their own
// against the sandbox, and every block of code in it is run. Only the platform's hosts lead elsewhere.

const run = promisify(execFile);
const repository = fileURLToPath(new URL('../', import.meta.url));
const memberProgram = fileURLToPath(new URL('laravel-member.mjs', import.meta.url));
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const { appKey, appSecret } = SANDBOX_ACCOUNTS.dingtalk;

const V1_TOKEN = '/v1.0/oauth2/accessToken';
const TOKEN_ENDPOINTS: readonly string[] = ['/gettoken', V1_TOKEN];
const USER = '/topapi/v2/user/get';
const MINUTE_MS = 60_000;
const LIFETIME_MS = 7_200_000;
const ROUNDS = 20;
const PROCESSES = 4;
/** Long enough for a machine that is busy with other tests. */
const PATIENCE = { timeout: 20_000, interval: 20 };

/** Sends the platform's requests to the sandbox. */
const REDIRECT = `const hosts = JSON.parse(process.env['HOSTS']);
const send = globalThis.fetch;
globalThis.fetch = (url, init) => send(hosts.reduce((to, [host, there]) => to.replace(host, there), String(url)), init);
`;

/** Where the snippet's cache was, and so where our store is. */
interface Place {
  readonly place: 'file' | 'mysql' | 'redis';
  readonly store: 'fileStore' | 'mysqlStore' | 'redisStore';
  readonly server?: ServerKind;
}

const PLACES: readonly Place[] = [
  { place: 'file', store: 'fileStore' },
  { place: 'mysql', store: 'mysqlStore', server: 'mariadb' },
  { place: 'redis', store: 'redisStore', server: 'redis' },
];

let page: string;
let root: string;
let members: ChildProcess[];
let sandbox: Sandbox;

beforeAll(async () => {
  page = await readFile(join(repository, 'packages/dingtalk/docs/laravel-snippet.md'), 'utf8');
  root = await mkdtemp(join(tmpdir(), 'evertoken-laravel-'));
  await install(join(root, 'node_modules'));
  await writeFile(join(root, 'snippet.mjs'), blockOf('snippet.mjs'));
  await writeFile(join(root, 'redirect.mjs'), REDIRECT);
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

/** As if all packages that the page uses were installed beside its files. */
async function install(modules: string): Promise<void> {
  const installed = join(repository, 'packages/nestjs/node_modules');
  await mkdir(join(modules, '@evertoken'), { recursive: true });
  for (const name of await readdir(join(installed, '@evertoken'))) {
    await symlink(join(installed, '@evertoken', name), join(modules, '@evertoken', name));
  }
  await symlink(join(repository, 'packages/nestjs'), join(modules, '@evertoken/nestjs'));
  for (const name of ['@keyv', '@nestjs', 'reflect-metadata'])
    await symlink(join(installed, name), join(modules, name));
}

/** The page's block of that name; where there are several, the one with `word` in it. */
function blockOf(name: string, word = ''): string {
  const blocks = [...page.matchAll(/```(?:js|ts)\n(\/\/ (\S+)\n.*?)```/gs)].filter(([, , each]) => each === name);
  const found = blocks.find(([, code]) => code?.includes(word));
  if (found?.[1] === undefined) throw new Error(`the page has no block ${name} ${word}`);
  return found[1];
}

/** The numbers of a row of the page's tables, a column each. */
function rowOf(title: string): number[] {
  const row = page.split('\n').find((line) => line.startsWith(`| ${title} `));
  if (row === undefined) throw new Error(`the page has no row "${title}"`);
  const [, , ...cells] = row.split('|').slice(0, -1);
  return cells.map((cell) => Number.parseInt(cell, 10));
}

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

const fetches = (of = sandbox) => of.calls().filter(({ endpoint }) => TOKEN_ENDPOINTS.includes(endpoint));

const hosts = ({ urls } = sandbox) => ({
  'https://oapi.dingtalk.com': urls.dingtalkOapi,
  'https://api.dingtalk.com': urls.dingtalkApi,
});

/** What a new, empty cache or store of that place is opened with. */
async function emptyPlace({ server }: Place): Promise<object> {
  if (server !== undefined) return { url: await sharedDatabase(server) };
  return { directory: await mkdtemp(join(root, 'tokens-')) };
}

type Kind = 'snippet' | 'manager';

/** What a process is told to begin with. */
function opening(kind: Kind, { place }: Place, options: object, of = sandbox): object {
  const snippet = pathToFileURL(join(root, 'snippet.mjs')).href;
  return { kind, place, options, hosts: hosts(of), page: snippet, app: { appKey, appSecret } };
}

async function open(count: number, kind: Kind, place: Place): Promise<void> {
  await all(count, 'open', opening(kind, place, await emptyPlace(place)));
}

/** What goes wrong in the two hours: `begin` happens before the first call, `after` behind it. */
interface Situation {
  readonly title: string;
  readonly expiresIn?: number;
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
    begin: (of) => of.fault({ kind: 'late', hold: true, platform: 'dingtalk' }),
  },
  { title: 'its tokens live an hour, and it says so', expiresIn: 3600 },
];

/** A call every ten minutes for two hours, in one process: which of the 13 failed, and how many tokens were fetched. */
async function twoHours(kind: Kind, place: Place, member: ChildProcess | undefined, situation: Situation) {
  const { begin, after, title: _title, ...switches } = situation;
  const own = await createSandbox({ dingtalk: [{ ...SANDBOX_ACCOUNTS.dingtalk, ...switches }] });
  try {
    await ask(member, 'open', opening(kind, place, await emptyPlace(place), own));
    const failed: number[] = [];
    begin?.(own);
    for (let minute = 0; minute <= 120; minute += 10) {
      if (minute > 0) own.advance(10 * MINUTE_MS);
      await ask(member, 'time', { ahead: minute * MINUTE_MS });
      if ((await ask<string>(member, 'call')) !== 'ok') failed.push(minute);
      if (minute === 0) after?.(own);
    }
    await ask(member, 'close');
    return { failed, fetches: fetches(own).length };
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
      expect(fetches()).toHaveLength(processes);
      expect(rowOf(`${processes} `)[0]).toBe(processes);
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
        const begun = fetches().length;
        const seen = new Set<string>();
        for (const end = round + ROUNDS; round < end; round++) {
          await all(PROCESSES, 'time', { ahead: round * LIFETIME_MS });
          const values = (await all<string[]>(processes, 'round')).flat();
          expect(new Set(values).size).toBe(1);
          seen.add(values[0] as string);
          sandbox.advance(LIFETIME_MS);
        }
        expect(seen.size).toBe(ROUNDS);
        expect(fetches().length - begun).toBe(ROUNDS * (rowOf(`${processes} `)[1] as number));
      }
      await all(PROCESSES, 'close');
    });

    it(`replaces a token the platform ended with one fetch, for ${PROCESSES} processes that meet it together`, async () => {
      await open(PROCESSES, 'manager', place);
      expect(await all(PROCESSES, 'call')).toEqual(Array.from({ length: PROCESSES }, () => 'ok'));
      expect(fetches()).toHaveLength(1);
      sandbox.dingtalk.revoke(appKey);
      expect(await all(PROCESSES, 'call')).toEqual(Array.from({ length: PROCESSES }, () => 'ok'));
      expect(fetches()).toHaveLength(2);
      await all(PROCESSES, 'close');
    });
  });

  describe.skipIf(missing)(`the page's plain Node on ${place.store}`, () => {
    it('fetches one token for two processes at once, and none for one that is started later', async () => {
      const { folder, env } = await application(place);
      await Promise.all([1, 2].map(() => expectName(node(folder, 'job.mjs', env))));
      await expectName(node(folder, 'job.mjs', env));
      expect(fetches()).toHaveLength(1);
      expect(sandbox.calls({ endpoint: USER, outcome: 'ok' })).toHaveLength(3);
    });
  });
}

/** The page's plain Node in a folder of its own, with what to run it with. */
async function application(place: Place): Promise<{ folder: string; env: Record<string, string> }> {
  const folder = await mkdtemp(join(root, 'app-'));
  await writeFile(join(folder, 'store.mjs'), blockOf('store.mjs', place.store));
  for (const name of ['dingtalk.mjs', 'job.mjs']) await writeFile(join(folder, name), blockOf(name));
  const url = place.server && (await sharedDatabase(place.server));
  return { folder, env: url === undefined ? {} : { DATABASE_URL: url, REDIS_URL: url } };
}

/** Runs a program as a user would, the platform's hosts redirected. */
async function node(folder: string, program: string, env: Readonly<Record<string, string>>) {
  return run(process.execPath, ['--import', join(root, 'redirect.mjs'), join(folder, program)], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      NO_COLOR: '1',
      HOSTS: JSON.stringify(Object.entries(hosts())),
      DINGTALK_APP_KEY: appKey,
      DINGTALK_APP_SECRET: appSecret as string,
      ...env,
    },
    timeout: 25_000,
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
    await open(1, 'manager', files);
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
    expect(fetches()).toHaveLength(2);
    await all(2, 'close');
  });
});

describe('the page', () => {
  const [files] = PLACES as readonly [Place];

  it('quotes the error of a wrong secret: the account, the token, the platform’s code, and no secret', async () => {
    const { folder } = await application(files);
    const env = { DINGTALK_APP_SECRET: 'not-the-secret' };
    const failure = await node(folder, 'job.mjs', env).catch((error: { stdout: string; stderr: string }) => error);
    const quoted = page.match(/```text\n(TokenError: .*)\n```/)?.[1] as string;
    for (const part of ['"oa"', 'access_token', 'invalidClientIdOrSecret', 'secret do not match']) {
      expect(quoted).toContain(part);
    }
    expect(failure.stderr).toContain(quoted);
    expect(failure.stdout + failure.stderr).not.toContain('not-the-secret');
  });

  it('has an error for a missing variable that names the option and the account', async () => {
    const { folder } = await application(files);
    const env = { DINGTALK_APP_SECRET: '' };
    const failure = await node(folder, 'job.mjs', env).catch((error: { stderr: string }) => error);
    expect(failure.stderr).toMatch(/"appSecret" must be .* \(account "oa"\)/);
  });

  it.skipIf(whyMissing('redis'))(
    'has a Nest application whose second instance finds the token in the cache, and with a store fetches one for two at once',
    async () => {
      const folder = await nestApplication();
      const env = { REDIS_URL: await sharedDatabase('redis') };
      for (const instance of [1, 2]) {
        await expectName(node(folder, 'main.mjs', env));
        expect(sandbox.calls({ endpoint: USER, outcome: 'ok' })).toHaveLength(instance);
        expect(fetches()).toHaveLength(1);
      }
      const stored = { MODULE: './out/stored.module.js' };
      await Promise.all([1, 2].map(() => expectName(node(folder, 'main.mjs', stored))));
      expect(sandbox.calls({ endpoint: USER, outcome: 'ok' })).toHaveLength(4);
      expect(fetches()).toHaveLength(2);
    },
  );
});

/** It says nothing but the name it was asked for. */
async function expectName(running: Promise<{ stdout: string; stderr: string }>): Promise<void> {
  const { stdout, stderr } = await running;
  expect(stderr).toBe('');
  expect(stdout).toContain('manager1');
}

/** The page's modules, compiled; `stored.module` has the line that the page gives for a store. */
async function nestApplication(): Promise<string> {
  const folder = await mkdtemp(join(root, 'nest-'));
  await mkdir(join(folder, 'src'));
  for (const name of ['accounts.ts', 'app.module.ts', 'staff.service.ts']) {
    await writeFile(join(folder, 'src', name), blockOf(name));
  }
  const [withStore] = page.match(/TokenModule\.forRoot\(\{ accounts: \[oa\], store, .*?\}\)/) ?? [];
  const stored = blockOf('app.module.ts')
    .replace(/^ +CacheModule.*\n/m, '')
    .replace(/^import .*(keyv|cache).*\n/gm, '')
    .replace(/TokenModule\.forRoot\(.*\)/, withStore as string)
    .replace("from './accounts.js';\n", "from './accounts.js';\nimport { store } from './store.js';\n");
  await writeFile(join(folder, 'src/stored.module.ts'), stored);
  await writeFile(join(folder, 'src/store.ts'), blockOf('store.mjs', 'fileStore'));
  const compilerOptions = {
    rootDir: 'src',
    outDir: 'out',
    declaration: false,
    experimentalDecorators: true,
    typeRoots: [join(repository, 'node_modules/@types')],
  };
  const config = { extends: join(repository, 'tsconfig.base.json'), compilerOptions, include: ['src/*.ts'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  await writeFile(
    join(folder, 'main.mjs'),
    `import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { StaffService } from './out/staff.service.js';

const { AppModule } = await import(process.env['MODULE'] ?? './out/app.module.js');
const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
const { result } = await app.get(StaffService).find('manager1');
await app.close();
console.log(result.name);
`,
  );
  await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout?: string }) => {
    throw new Error(`the page's modules do not compile:\n${error.stdout}`);
  });
  return folder;
}
