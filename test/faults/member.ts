import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('member.mjs', import.meta.url));

/** Where a process can be made to stop, in the order in which a refresh comes by. */
export type Point =
  | 'before claim'
  | 'after claim'
  | 'before request'
  | 'after answer'
  | 'before commit'
  | 'after journal'
  | 'after commit';

/** What a task of a process ended with, where it failed. */
export class MemberError extends Error {
  readonly code: string;
  readonly reason: string | undefined;

  constructor(task: string, { code, reason, message }: { code: string; reason?: string; message: string }) {
    super(`${task}: ${code}: ${message}`);
    this.code = code;
    this.reason = reason;
  }
}

interface Pending {
  readonly task: string;
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/** A process of its own on a shared store: `member.mjs`. */
export class Member {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #reached = new Set<string>();
  #tell: () => void = () => {};
  #tasks = 0;

  constructor() {
    this.#child = fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (message) => this.#heard(message as Heard));
    this.#child.on('exit', () => {
      for (const { task, reject } of this.#pending.values()) reject(new Error(`${task}: the process ended`));
      this.#pending.clear();
      this.#tell();
    });
  }

  /** Whether it runs: neither ended nor stopped. */
  get runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && stateOf(this.#pid) !== 'T';
  }

  /** Gives it a task; other tasks may be under way. Rejects with `MemberError`. */
  ask<Answer = void>(task: string, input: object = {}): Promise<Answer> {
    const id = this.#tasks++;
    return new Promise<Answer>((resolve, reject) => {
      this.#pending.set(id, { task, resolve, reject });
      this.#child.send({ id, task, input });
    });
  }

  /** Resolves once it stands at a point that was marked. */
  async at(point: Point): Promise<void> {
    while (!this.#reached.delete(point)) {
      if (!this.runs) throw new Error(`${point}: the process ended`);
      await new Promise<void>((resolve) => {
        this.#tell = resolve;
      });
    }
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  /** SIGSTOP; resolves when it stands still. */
  async stop(): Promise<void> {
    this.#child.kill('SIGSTOP');
    while (stateOf(this.#pid) !== 'T' && stateOf(this.#pid) !== undefined) await sleep(1);
  }

  /** SIGCONT. */
  continue(): void {
    this.#child.kill('SIGCONT');
  }

  get #pid(): number {
    return this.#child.pid as number;
  }

  #heard({ id, point, answer, error }: Heard): void {
    if (point !== undefined) {
      this.#reached.add(point);
      this.#tell();
      return;
    }
    const pending = this.#pending.get(id as number);
    this.#pending.delete(id as number);
    if (error) pending?.reject(new MemberError(pending.task, error));
    else pending?.resolve(answer as never);
  }
}

interface Heard {
  readonly id?: number;
  readonly point?: string;
  readonly answer?: unknown;
  readonly error?: { code: string; reason?: string; message: string };
}

/** One letter, as the system tells it; undefined where it has no /proc. */
function stateOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2, text.lastIndexOf(')') + 3);
  } catch {
    return undefined;
  }
}
