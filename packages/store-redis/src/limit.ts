/** No answer within the limit: whether the server did it is unknown. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';

  constructor(limitMs: number) {
    super(`no answer within ${limitMs} ms`);
  }
}

/** Waits so long for an answer, and no longer; the signal says that nobody waits any more. */
export function within<Answer>(limitMs: number, send: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    const timer = setTimeout(() => {
      reject(new NoAnswer(limitMs));
      controller.abort();
    }, limitMs);
    (async () => send(controller.signal))()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
