import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createSandbox, type Sandbox, type SandboxOptions } from '@evertoken/sandbox';
import { onTestFinished } from 'vitest';
import { type ProgramIO, runProgram, type StopSignal } from '../src/index.js';

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

/** A configuration with the NextEngine app of a sandbox on a `fileStore`, in its time. */
export function erpConfig(sandbox: Sandbox, more = ''): string {
  return `import { defineTokens, systemClock } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { nextEngineApp } from '@evertoken/nextengine';

export const erp = nextEngineApp({
  name: 'erp',
  clientId: 'client-1',
  clientSecret: 'secret-of-client-1',
  baseUrls: { api: '${sandbox.urls.nextengineApi}', base: '${sandbox.urls.nextengineBase}' },
});
const offsetMs = Number(process.env['OFFSET_MS'] ?? ${sandbox.state().offsetMs});
const clock = { ...systemClock, now: () => Date.now() + offsetMs };

export default defineTokens({
  accounts: [erp],
  store: fileStore({ directory: new URL('./tokens', import.meta.url).pathname, clock }),
  clock,
  ${more}
});
`;
}
