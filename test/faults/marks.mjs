// The points at which a piece of work can be made to stop. They stand around a process's store, its journal and its fetch: the
// product knows nothing of them.
import { AsyncLocalStorage } from 'node:async_hooks';

/** What is done inside `run` is held up at its points; the parent is told, and lets all of it go on. */
export class Marks {
  #points = new AsyncLocalStorage();
  #held = [];
  #tell;

  /** @param {(point: string) => void} tell */
  constructor(tell) {
    this.#tell = tell;
  }

  /** Does some work that stops once at each of these points, and loses its answer at `answer lost`. */
  run(points, work) {
    return this.#points.run(new Set(points), work);
  }

  /** Whatever is held up goes on, past any further point. */
  go() {
    for (const { points, resume } of this.#held.splice(0)) {
      points.clear();
      resume();
    }
  }

  async reached(point) {
    const points = this.#points.getStore();
    if (!points?.delete(point)) return;
    await new Promise((resume) => {
      this.#held.push({ points, resume });
      this.#tell(point);
    });
  }

  /** @param {import('@evertoken/core').TokenStore} store */
  around(store) {
    const marked =
      (name) =>
      async (...input) => {
        await this.reached(`before ${name}`);
        const answer = await store[name](...input);
        await this.reached(`after ${name}`);
        return answer;
      };
    return withMethods(store, { claim: marked('claim'), commit: marked('commit') });
  }

  /** @param {import('@evertoken/core').Journal} journal */
  aroundJournal(journal) {
    const append = async (entry) => {
      const id = await journal.append(entry);
      await this.reached('after journal');
      return id;
    };
    return withMethods(journal, { append });
  }

  /** A fetch whose answer has been read to its last byte before anybody else sees it. */
  fetch = async (input, init) => {
    await this.reached('before request');
    const response = await fetch(input, init);
    const body = await response.arrayBuffer();
    await this.reached('after answer');
    if (this.#points.getStore()?.delete('answer lost')) throw new TypeError('fetch failed');
    return new Response(body, { status: response.status, headers: response.headers });
  };
}

/** The same object with some methods replaced; what it keeps private stays its own. */
function withMethods(target, methods) {
  return new Proxy(target, {
    get(_, name) {
      const value = target[name];
      return methods[name] ?? (typeof value === 'function' ? value.bind(target) : value);
    },
  });
}
