import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('member.mjs', import.meta.url));

/** How callers fared: how many of them got which value, and how many which error. */
export interface Outcomes {
  readonly values: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
}

/** Processes on one store, each with many callers. */
export class Crowd {
  readonly #children: readonly ChildProcess[];

  constructor(processes: number) {
    this.#children = Array.from({ length: processes }, () =>
      fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }),
    );
  }

  /** Gives all processes a task at the same instant; their answers. Rejects where one of them fails or ends. */
  all<Answer>(task: string, input: object = {}): Promise<Answer[]> {
    return Promise.all(this.#children.map((child) => ask<Answer>(child, { task, ...input })));
  }

  /** The same for tasks of callers; how all of them fared together. */
  async callers(task: 'get' | 'reject', input: object): Promise<Outcomes> {
    const all = await this.all<Outcomes>(task, input);
    return { values: summed(all.map(({ values }) => values)), errors: summed(all.map(({ errors }) => errors)) };
  }

  kill(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}

function ask<Answer>(child: ChildProcess, message: { readonly task: string }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error(`${message.task}: the process ended`));
    child.once('exit', ended);
    child.once('message', ({ answer, error }: { answer?: Answer; error?: string }) => {
      child.off('exit', ended);
      if (error === undefined) resolve(answer as Answer);
      else reject(new Error(`${message.task}: ${error}`));
    });
    child.send(message);
  });
}

function summed(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const [what, count] of counts.flatMap((each) => Object.entries(each))) sum[what] = (sum[what] ?? 0) + count;
  return sum;
}
