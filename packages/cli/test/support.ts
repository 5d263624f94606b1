import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createSandbox, type Sandbox, type SandboxOptions } from '@evertoken/sandbox';
import { onTestFinished } from 'vitest';

export type { ImportEntry } from '../src/index.js';

import { type ImportEntry, type ProgramIO, runProgram, type StopSignal } from '../src/index.js';

const PROGRAM = fileURLToPath(new URL('../bin/evertoken.js', import.meta.url));
const MODULES = fileURLToPath(new URL('../node_modules', import.meta.url));

export const DAY = 24 * 60 * 60_000;

/** What a run printed, and its exit code. */
export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A user's project: a folder with a configuration, a store and the packages. */
export class Project {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  async write(name: string, text: string): Promise<void> {
    await writeFile(this.path(name), text);
  }

  /** Runs the program in this process. */
  async run(...argv: string[]): Promise<Run> {
    return this.runOn(new FakeIO(this.directory), ...argv);
  }

  async runOn(io: FakeIO, ...argv: string[]): Promise<Run> {
    const code = await runProgram(argv, io);
    return { code, stdout: io.stdout.text, stderr: io.stderr.text };
  }

  /** Runs the program as a user does: a process of its own. */
  start(argv: readonly string[], env: Readonly<Record<string, string>> = {}): ProgramProcess {
    return new ProgramProcess(this.directory, argv, env);
  }
}

/** A folder that ends with the test. */
export async function project(): Promise<Project> {
  const directory = await mkdtemp(join(tmpdir(), 'evertoken-cli-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await symlink(MODULES, join(directory, 'node_modules'));
  return new Project(directory);
}

/** A sandbox that ends with the test. */
export async function sandboxWith(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await createSandbox(options);
  onTestFinished(() => sandbox.close());
  return sandbox;
}

class Captured extends PassThrough {
  readonly isTTY: boolean;
  readonly columns = 100;
  text = '';

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
    this.on('data', (chunk: Buffer) => {
      this.text += chunk.toString();
    });
  }
}

/** A process for the program: what it writes is kept, its signals are sent by hand. */
export class FakeIO implements ProgramIO {
  readonly stdin: PassThrough & { isTTY?: boolean };
  readonly stdout: Captured;
  readonly stderr: Captured;
  readonly env: Record<string, string | undefined>;
  readonly exits: number[] = [];
  readonly #directory: string;
  readonly #listeners = new Map<StopSignal, Set<() => void>>();

  constructor(
    directory: string,
    { terminal = false, env = {} }: { terminal?: boolean; env?: Record<string, string> } = {},
  ) {
    this.#directory = directory;
    this.stdin = Object.assign(new PassThrough(), { isTTY: terminal });
    this.stdout = new Captured(terminal);
    this.stderr = new Captured(terminal);
    this.env = env;
  }

  cwd(): string {
    return this.#directory;
  }

  on(signal: StopSignal, listener: () => void): void {
    this.#listeners.set(signal, (this.#listeners.get(signal) ?? new Set()).add(listener));
  }

  off(signal: StopSignal, listener: () => void): void {
    this.#listeners.get(signal)?.delete(listener);
  }

  exit(code: number): void {
    this.exits.push(code);
  }

  send(signal: StopSignal): void {
    for (const listener of this.#listeners.get(signal) ?? []) listener();
  }

  /** Listeners that are still there. */
  get listening(): number {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }
}

/** The program as a child process. */
export class ProgramProcess {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';

  constructor(directory: string, argv: readonly string[], env: Readonly<Record<string, string>>) {
    const { NO_COLOR: _, FORCE_COLOR: __, ...inherited } = process.env;
    const child = spawn(process.execPath, [PROGRAM, ...argv], { cwd: directory, env: { ...inherited, ...env } });
    child.stdout.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    this.child = child;
  }

  /** Resolves when it has ended and all its output is here. A signal's end counts as a shell counts it. */
  ended(): Promise<Run> {
    return new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) =>
        resolve({ code: code ?? (signal === 'SIGINT' ? 130 : 143), stdout: this.stdout, stderr: this.stderr }),
      );
    });
  }
}

export const CLIENT = { clientId: 'client-1', clientSecret: 'secret-of-client-1' };

/** A configuration with the NextEngine app of a sandbox on a `fileStore`, in the sandbox's time. */
export function erpConfig(sandbox: Pick<Sandbox, 'urls'>, more = ''): string {
  return `import { readFileSync } from 'node:fs';
import { defineTokens, systemClock } from '@evertoken/core';
import { fileJournal, fileStore } from '@evertoken/core/file';
import { nextEngineApp } from '@evertoken/nextengine';

const path = (name: string) => new URL(name, import.meta.url).pathname;
const clock = { ...systemClock, now: () => Date.now() + Number(readFileSync(path('./offset-ms'), 'utf8')) };

export default defineTokens({
  accounts: [
    nextEngineApp({
      name: 'erp',
      clientId: '${CLIENT.clientId}',
      clientSecret: '${CLIENT.clientSecret}',
      baseUrls: { api: '${sandbox.urls.nextengineApi}', base: '${sandbox.urls.nextengineBase}' },
    }),
  ],
  store: fileStore({ directory: path('./tokens'), clock }),
  journal: fileJournal({ directory: path('./journal') }),
  clock,
  ${more}
});
`;
}

/** A project whose users have signed in: a sandbox, and its app on a `fileStore`. */
export class ErpProject extends Project {
  readonly sandbox: Sandbox;

  constructor(directory: string, sandbox: Sandbox) {
    super(directory);
    this.sandbox = sandbox;
  }

  /** New pairs of these users, taken over from "another system". */
  async signIn(...uids: string[]): Promise<void> {
    const entries = uids.map((uid) => this.pairOf(uid));
    await this.write('pairs.jsonl', entries.map((entry) => JSON.stringify(entry)).join('\n'));
    const { code, stderr } = await this.run('import', 'pairs.jsonl');
    if (code !== 0) throw new Error(stderr);
  }

  /** A new pair as an entry of an import. */
  pairOf(uid: string): ImportEntry & { readonly refreshToken: string } {
    const pair = this.sandbox.nextengine.issuePair(CLIENT.clientId, uid);
    return {
      account: 'erp',
      subject: uid,
      value: pair.accessToken,
      refreshToken: pair.refreshToken,
      expiresAt: pair.accessTokenExpiresAt,
      refreshTokenExpiresAt: pair.refreshTokenExpiresAt,
    };
  }

  /** Time goes by, for the platform and for the program. */
  async advance(ms: number): Promise<void> {
    this.sandbox.advance(ms);
    await this.write('offset-ms', String(this.sandbox.state().offsetMs));
  }

  /** Users whose pairs were presented, in this order. */
  asked(subject?: string): readonly string[] {
    const calls = this.sandbox.calls({ platform: 'nextengine', ...(subject !== undefined && { subject }) });
    return calls.flatMap((call) => call.subject ?? []);
  }

  /** How often the platform was asked to renew. */
  renewals(subject?: string): number {
    return this.asked(subject).length;
  }
}

/** A project with the users `uids` of a sandbox's app; nobody has signed in yet. */
export async function erpProject(uids: readonly string[], more = ''): Promise<ErpProject> {
  const sandbox = await sandboxWith({
    nextengine: [{ ...CLIENT, users: uids.map((uid) => ({ uid, companyId: `company-of-${uid}` })) }],
  });
  const { directory } = await project();
  const erp = new ErpProject(directory, sandbox);
  await erp.write('tokens.config.ts', erpConfig(sandbox, more));
  await erp.advance(0);
  return erp;
}
