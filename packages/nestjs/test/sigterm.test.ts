import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileStore } from '@evertoken/core/file';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { officialAccount } from '@evertoken/wechat';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';

// Real processes that are told to end while a token is on its way and requests keep coming in.

const SECRET = 'secret';
const TOKEN = '/cgi-bin/token';
/** How long the platform takes for the slow account, ms: two ticks of the job, at least. */
const SLOW_MS = 2_500;

/** What it may take on a machine that is busy with others, ms. */
const BUSY_MS = 120_000;

interface Line {
  readonly what: 'listening' | 'commit' | 'closing';
  readonly at: number;
  readonly account?: string;
  readonly url?: string;
}

let sandbox: Sandbox;
let directory: string;
const apps = ['wx-ready', 'wx-slow', 'wx-late'].map((appId) => ({ appId, secret: SECRET }));
beforeAll(async () => {
  sandbox = await createSandbox({ wechat: apps });
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  sandbox.reset();
  directory = await mkdtemp(join(tmpdir(), 'evertoken-sigterm-'));
});

const running = new Set<ChildProcess>();
afterEach(async () => {
  for (const child of running) child.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true });
});

/** An application in a process of its own, with what it has said. */
class Application {
  readonly lines: Line[] = [];
  readonly #child: ChildProcess;
  #errors = '';
  readonly #ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(adapter: string, options: { hangs?: boolean; closeTimeoutMs?: number } = {}) {
    const settings = { adapter, directory, baseUrl: sandbox.urls.wechat, secret: SECRET, ...options };
    const program = join(import.meta.dirname, 'sigterm-app.mjs');
    const env = { PATH: process.env['PATH'], NO_COLOR: '1' };
    this.#child = spawn(process.execPath, [program, JSON.stringify(settings)], { env });
    running.add(this.#child);
    let rest = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) this.lines.push(JSON.parse(part) as Line);
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        running.delete(this.#child);
        resolve({ code, signal });
      });
    });
  }

  /** What it wrote for people. */
  get errors(): string {
    return this.#errors;
  }

  terminate(): void {
    this.#child.kill('SIGTERM');
  }

  /** How it ended, and when. */
  async end(): Promise<{ code: number | null; signal: NodeJS.Signals | null; at: number }> {
    return { ...(await this.#ended), at: Date.now() };
  }

  /** The line that says so, once it has. */
  async said(what: Line['what'], account?: string): Promise<Line> {
    const find = () => this.lines.find((line) => line.what === what && line.account === account);
    await vi.waitFor(() => expect(find(), this.#errors).toBeDefined(), { timeout: 60_000, interval: 20 });
    return find() as Line;
  }

  /** Resolves with its address once the slow account's token is on its way. */
  async busy(): Promise<string> {
    const { url } = await this.said('listening');
    await vi.waitFor(() => expect(calls('wx-slow')).toBe(1), { timeout: 60_000, interval: 20 });
    return url as string;
  }
}

const calls = (account: string) => sandbox.calls({ account, endpoint: TOKEN }).length;

interface Answer {
  readonly sentAt: number;
  readonly at: number;
  /** What HTTP says, or why there is no answer. */
  readonly outcome: number | string;
}

/** One request on a connection of its own: none is closed in the hands of whoever keeps it. */
function ask(url: string): Promise<Answer> {
  const sentAt = Date.now();
  return new Promise((resolve) => {
    const over = (outcome: number | string) => resolve({ sentAt, at: Date.now(), outcome });
    request(`${url}/token`, { agent: false }, (response) => {
      response.resume().once('end', () => over(response.statusCode ?? 0));
      response.once('error', (error) => over(error.message));
    })
      .once('error', (error: NodeJS.ErrnoException) => over(error.code ?? error.message))
      .end();
  });
}

/** Asks on and on, until there is nobody left to answer. */
async function traffic(url: string): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (;;) {
    const answer = await ask(url);
    answers.push(answer);
    if (typeof answer.outcome === 'string') return answers;
    await pause(20);
  }
}

async function stored(name: string) {
  const account = officialAccount({ name, appId: `wx-${name}`, secret: SECRET, endpoint: 'token' });
  const store = fileStore({ directory });
  await store.open();
  const { record } = await store.read(account.accessToken.key);
  await store.close();
  return record;
}

beforeEach(() => {
  sandbox.fault({ kind: 'delay', endpoint: TOKEN, account: 'wx-slow', delayMs: SLOW_MS, count: 'always' });
});

it.each([
  ['express', 'once', 1],
  ['fastify', 'twice', 2],
] as const)(
  'SIGTERM on %s, %s: all are answered until the server closes, what is under way is stored, nothing new begins',
  async (adapter, _title, times) => {
    const app = new Application(adapter);
    const url = await app.busy();
    const asking = traffic(url);
    const told = Date.now();
    for (let i = 0; i < times; i++) {
      app.terminate();
      await pause(200);
    }
    const [answers, end] = await Promise.all([asking, app.end()]);
    // As Nest ends a process: by the signal it was sent.
    expect({ code: end.code, signal: end.signal, errors: app.errors }).toEqual({
      code: null,
      signal: 'SIGTERM',
      errors: '',
    });

    const commit = await app.said('commit', 'slow');
    const closing = await app.said('closing');
    expect(commit.at).toBeLessThanOrEqual(closing.at);
    // What comes later meets a server that is closing: no answer, or Fastify's 503.
    const before = answers.filter(({ at }) => at < closing.at);
    expect(new Set(before.map(({ outcome }) => outcome))).toEqual(new Set([200]));
    expect(before.filter(({ sentAt }) => sentAt > told).length).toBeGreaterThan(5);

    expect(calls('wx-slow')).toBe(1);
    expect(calls('wx-late')).toBe(0);
    const record = await stored('slow');
    expect(record?.token?.value).toEqual(expect.any(String));
    // And released: whoever comes next need not wait for a lease.
    expect(record?.attempt.lease).toBeUndefined();
  },
  BUSY_MS,
);

it(
  'SIGTERM while the store does not answer: ends all the same, and says what it leaves',
  async () => {
    const app = new Application('express', { hangs: true, closeTimeoutMs: 1_000 });
    const url = await app.busy();
    const asking = traffic(url);
    const told = Date.now();
    app.terminate();
    const [answers, end] = await Promise.all([asking, app.end()]);
    expect({ code: end.code, signal: end.signal }).toEqual({ code: null, signal: 'SIGTERM' });
    // Twice `closeTimeoutMs`, and what a slow machine adds.
    expect(end.at - told).toBeLessThan(20_000);
    expect(app.errors).toContain('still busy after 1000 ms; goes on shutting down');
    expect(app.errors).toMatch(/closed with requests unanswered: .*1 access_token of account "slow"/);
    const closing = await app.said('closing');
    const before = answers.filter(({ at }) => at < closing.at);
    expect(new Set(before.map(({ outcome }) => outcome))).toEqual(new Set([200]));
    expect((await stored('slow'))?.token).toBeUndefined();
  },
  BUSY_MS,
);
