import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('member.mjs', import.meta.url));

/** Processes that share a store. */
export class Members {
  readonly #children: ChildProcess[];

  constructor(count: number) {
    this.#children = Array.from({ length: count }, () =>
      fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }),
    );
  }

  /** Gives all of them the same task at the same instant; the answers, in their order. */
  async all<Answer>(task: string, input: object = {}): Promise<Answer[]> {
    const answers = this.#children.map(async (child) => {
      const heard = new AbortController();
      const { signal } = heard;
      const ended = once(child, 'exit', { signal }).then(() => [{ error: 'it ended' }]);
      const answered = Promise.race([once(child, 'message', { signal }), ended]);
      const [{ answer, error }] = (await answered.finally(() => heard.abort())) as [
        { answer?: Answer; error?: string },
      ];
      ended.catch(() => {});
      if (error !== undefined) throw new Error(`${task}: ${error}`);
      return answer as Answer;
    });
    for (const child of this.#children) child.send({ task, ...input });
    return Promise.all(answers);
  }

  kill(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}
