import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { type PrivateServer, sharedDatabase, startServer, whyMissing } from '@evertoken/test-servers';
import { createClient } from '@redis/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

// The README's modules that need servers, compiled by tsc and run by plain Node, each instance a process of its own. Only the
// platforms' hosts lead to the sandbox.

const here = import.meta.dirname;
// Programs and compilers take their time on a machine that is busy with others.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const { Client } = createRequire(import.meta.url)('pg') as {
  Client: new (options: {
    connectionString: string;
  }) => {
    connect(): Promise<void>;
    query<Row>(text: string): Promise<{ rows: Row[] }>;
    end(): Promise<void>;
  };
};
const { appId, secret } = SANDBOX_ACCOUNTS.wechat;
const { clientId, clientSecret } = SANDBOX_ACCOUNTS.nextengine;

/** Says that it is there, waits for its turn, calls `run`, prints what that brings, and ends by itself. */
const MAIN = `import 'reflect-metadata';
import { once } from 'node:events';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './out/app.module.js';
import { run } from './run.mjs';

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
process.stdout.write('there\\n');
await once(process.stdin, 'data');
process.stdin.destroy();
const brought = await run(app);
await app.close();
console.log(JSON.stringify(brought));
`;

/** Sends the platforms' requests to the sandbox, and remembers the tokens in its answers. */
const redirect = ({ wechat, nextengineApi }: Sandbox['urls']) => `const real = globalThis.fetch;
globalThis.seen = new Set();
globalThis.fetch = async (url, init) => {
  const answer = await real(String(url).replace('https://api.weixin.qq.com', '${wechat}').replace('https://api.next-engine.org', '${nextengineApi}'), init);
  const body = await answer.clone().json().catch(() => ({}));
  for (const name of ['access_token', 'refresh_token']) if (body[name]) globalThis.seen.add(body[name]);
  return answer;
};
`;

let root: string;
let sandbox: Sandbox;

/** Compiles the snippets of a section of the README, `change`d, in a folder of their own, with what to run on them. */
async function compiled(heading: string, run: string, change = (code: string) => code): Promise<string> {
  const folder = await mkdtemp(join(root, 'app-'));
  const readme = await readFile(join(here, '../README.md'), 'utf8');
  const [, section = ''] = readme.split(new RegExp(`^#+ ${heading}$`, 'm'));
  const [text = ''] = section.split(/^#/m);
  for (const [, name, code] of text.matchAll(/```ts\n\/\/ (\S+\.ts)\n(.*?)```/gs))
    await writeFile(join(folder, name as string), change(code as string));
  const compilerOptions = { rootDir: '.', outDir: 'out', declaration: false, experimentalDecorators: true };
  const config = { extends: join(here, '../../../tsconfig.base.json'), compilerOptions, include: ['*.ts'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  await writeFile(join(folder, 'main.mjs'), MAIN);
  await writeFile(join(folder, 'run.mjs'), run);
  await writeFile(join(folder, 'redirect.mjs'), redirect(sandbox.urls));
  await mkdir(join(folder, 'work'));
  await promisify(execFile)(process.execPath, [tsc, '-p', folder]).catch((error: { stdout?: string }) => {
    throw new Error(`the snippets of "${heading}" do not compile:\n${error.stdout}`);
  });
  return folder;
}

/** A process that runs such an application. */
class Instance {
  readonly #process: ChildProcess;
  #out = '';
  #err = '';
  readonly #ended: Promise<number | null>;

  constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.#process = spawn(process.execPath, ['--import', join(folder, 'redirect.mjs'), join(folder, 'main.mjs')], {
      cwd: join(folder, 'work'),
      env: { PATH: process.env['PATH'], NO_COLOR: '1', ...env },
      timeout: 100_000,
      killSignal: 'SIGKILL',
    });
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#out += text;
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#err += text;
    });
    this.#ended = new Promise((resolve) => {
      this.#process.once('close', resolve);
    });
  }

  /** Resolves once it has started. */
  async there(): Promise<void> {
    const ended = this.#ended.then(() => Promise.reject(new Error(`it did not start:\n${this.#err}`)));
    const said = new Promise<void>((resolve) => {
      this.#process.stdout?.on('data', () => this.#out.startsWith('there\n') && resolve());
    });
    await Promise.race([said, ended]);
  }

  /** Lets it go on; resolves with what it prints, once it has ended by itself and without a word. */
  async brings<Value>(): Promise<Value> {
    this.#process.stdin?.write('go\n');
    expect({ code: await this.#ended, err: this.#err }).toEqual({ code: 0, err: '' });
    return JSON.parse(this.#out.replace('there\n', '')) as Value;
  }

  /** What it says when it fails to start. */
  async failure(): Promise<string> {
    expect(await this.#ended).not.toBe(0);
    return this.#out + this.#err;
  }
}

/** Starts instances, and lets them go on together once all are there. */
async function together<Value>(instances: readonly Instance[]): Promise<Value[]> {
  await Promise.all(instances.map((instance) => instance.there()));
  return Promise.all(instances.map((instance) => instance.brings<Value>()));
}

const missing = whyMissing('redis', 'server') ?? whyMissing('postgres');

describe.skipIf(missing)('the README', () => {
  let redis: PrivateServer;
  beforeAll(async () => {
    root = await mkdtemp(join(here, '.readme-servers-'));
    sandbox = await createSandbox();
  });
  beforeEach(async ({ onTestFinished }) => {
    sandbox.reset();
    redis = await startServer('redis');
    onTestFinished(() => redis.stop());
  });
  afterAll(async () => {
    await sandbox?.close();
    await rm(root, { recursive: true, force: true });
  });

  describe('shows several instances on redisStore', () => {
    const RUN = `import { TokenManager } from '@evertoken/nestjs';
import { shop } from './out/accounts.js';

export async function run(app) {
  const tokens = app.get(TokenManager);
  const got = await Promise.all(Array.from({ length: 20 }, () => tokens.get(shop.accessToken)));
  return got.map(({ value }) => value);
}
`;
    const HEADING = 'Several instances';
    const env = () => ({ WECHAT_APPID: appId, WECHAT_SECRET: secret, REDIS_URL: redis.url });

    it.each([
      ['stable_token', (code: string) => code],
      ['token', (code: string) => code.replace("name: 'shop',", "name: 'shop',\n  endpoint: 'token',")],
    ])('which ask the platform for one %s, all three of them together', async (endpoint, change) => {
      const folder = await compiled(HEADING, RUN, change);
      // As long as it takes for all callers to have asked.
      sandbox.fault({ kind: 'delay', endpoint: `/cgi-bin/${endpoint}`, delayMs: 500, count: 'always' });
      const values = await together<string[]>([1, 2, 3].map(() => new Instance(folder, env())));
      expect(new Set(values.flat()).size).toBe(1);
      expect(values.flat()).toHaveLength(60);
      expect(sandbox.calls({ endpoint: `/cgi-bin/${endpoint}` })).toHaveLength(1);
      const [later] = await together<string[]>([new Instance(folder, env())]);
      expect(later?.[0]).toBe(values[0]?.[0]);
      expect(sandbox.calls({ platform: 'wechat' })).toHaveLength(1);
    });

    it('and a start that fails where a variable is missing, and names it', async () => {
      const folder = await compiled(HEADING, RUN);
      const { REDIS_URL: _url, ...rest } = env();
      expect(await new Instance(folder, rest).failure()).toContain(
        'TokenError: "url" must be a redis:// or rediss:// URL, it is missing (or pass "client" or "cluster") (redisStore)',
      );
      const { WECHAT_SECRET: _secret, ...others } = env();
      expect(await new Instance(folder, others).failure()).toContain(
        'TokenError: "secret" must be a non-empty string, it is missing (account "shop")',
      );
    });
  });

  describe('shows ConfigService, the cache on Redis, and grants in PostgreSQL', () => {
    const RUN = `import { getAccountToken, getClientToken, TokenManager } from '@evertoken/nestjs';
import { SchedulerRegistry } from '@nestjs/schedule';

export async function run(app) {
  const { NE_UID: uid, NE_STATE: state } = process.env;
  const nextEngine = app.get(getClientToken('erp'));
  if (state) await nextEngine.exchange({ uid, state, binding: nextEngine.signIn().binding });
  const tokens = app.get(TokenManager);
  const { timeZone } = app.get(SchedulerRegistry).getCronJob('evertoken:refresh').cronTime;
  return {
    timeZone,
    orders: await nextEngine.user(uid).call('/api_v1_receiveorder_base/search', { fields: 'receive_order_id' }),
    followers: await app.get(getClientToken('shop')).get('/cgi-bin/user/get'),
    wechat: (await tokens.get(app.get(getAccountToken('shop')).accessToken)).value,
    nextEngine: (await tokens.get(app.get(getAccountToken('erp')).user(uid).accessToken)).value,
    seen: [...globalThis.seen],
  };
}
`;
    interface Brought {
      readonly timeZone: string;
      readonly orders: object;
      readonly followers: object;
      readonly wechat: string;
      readonly nextEngine: string;
      readonly seen: readonly string[];
    }

    it('whose tokens a second instance finds: the one in Redis, the other in PostgreSQL, and there not in clear', async () => {
      const folder = await compiled('From other providers', RUN);
      const database = await sharedDatabase('postgres');
      const { uid, state } = sandbox.nextengine.signIn(clientId, 'user-tanaka');
      const env = {
        WECHAT_APPID: appId,
        WECHAT_SECRET: secret,
        NE_CLIENT_ID: clientId,
        NE_CLIENT_SECRET: clientSecret,
        REDIS_URL: redis.url,
        DATABASE_URL: database,
        TOKEN_KEY: randomBytes(32).toString('base64'),
        NE_UID: uid,
      };
      const [first] = (await together<Brought>([new Instance(folder, { ...env, NE_STATE: state })])) as [Brought];
      expect(first).toMatchObject({
        timeZone: 'Asia/Tokyo',
        orders: { result: 'success' },
        followers: { total: expect.any(Number) },
      });
      // The pair, and the WeChat token.
      expect(first.seen).toHaveLength(3);
      expect(first.seen).toEqual(expect.arrayContaining([first.wechat, first.nextEngine]));

      const inPostgres = await rowsOf(database);
      expect(inPostgres).toHaveLength(1);
      expect(inPostgres[0]).toMatch(/nextengine.*sealed/s);
      for (const token of first.seen) {
        for (const form of [token, Buffer.from(token).toString('base64').replace(/=+$/, '')]) {
          expect(inPostgres[0]).not.toContain(form);
        }
      }
      const inRedis = await entriesOf(redis.url);
      expect(inRedis).toHaveLength(1);
      expect(inRedis[0]).toMatch(/^evertoken:et1\/wechat\//);
      expect(inRedis[0]).toContain(first.wechat);

      const calls = () => sandbox.calls().filter(({ endpoint }) => /token|neauth/.test(endpoint)).length;
      expect(calls()).toBe(2);
      const [second] = (await together<Brought>([new Instance(folder, env)])) as [Brought];
      expect(second).toMatchObject({ orders: { result: 'success' }, followers: { total: expect.any(Number) } });
      expect([second.wechat, second.nextEngine]).toEqual([first.wechat, first.nextEngine]);
      expect(calls()).toBe(2);
    });
  });
});

/** Every row of every table of ours, as text. */
async function rowsOf(url: string): Promise<string[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ row: string }>('select t::text as row from evertoken_tokens t');
    return rows.map(({ row }) => row);
  } finally {
    await client.end();
  }
}

/** Every entry of a Redis, key first. */
async function entriesOf(url: string): Promise<string[]> {
  const client = createClient({ url });
  await client.connect();
  try {
    const keys = await client.keys('*');
    return await Promise.all(keys.map(async (key) => `${key} ${await client.get(key)}`));
  } finally {
    await client.close();
  }
}
