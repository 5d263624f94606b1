import type { TokenKey } from '../key.js';
import type { EpochMs } from '../token.js';

interface Entry {
  readonly key: TokenKey;
  readonly refreshAt: EpochMs;
}

/** Due times of keys in this process: a heap, so that asking costs what is due and not what exists. */
export class DueIndex {
  readonly #times = new Map<TokenKey, EpochMs>();
  /** May hold entries that `#times` no longer confirms; they are dropped when they surface. */
  readonly #heap: Entry[] = [];

  /** Moves a key; `undefined` takes it out. */
  set(key: TokenKey, refreshAt: EpochMs | undefined): void {
    if (this.#times.get(key) === refreshAt) return;
    if (refreshAt === undefined) {
      this.#times.delete(key);
      return;
    }
    this.#times.set(key, refreshAt);
    this.#push({ key, refreshAt });
  }

  /** Keys whose time has come, most urgent first, after the cursor of an earlier page. */
  due(now: EpochMs, cursor?: string): Entry[] {
    const found: Entry[] = [];
    for (let top = this.#heap[0]; top !== undefined && top.refreshAt <= now; top = this.#heap[0]) {
      this.#pop();
      if (this.#times.get(top.key) === top.refreshAt) found.push(top);
    }
    const unique = [...new Map(found.map((entry) => [entry.key, entry])).values()];
    for (const entry of unique) this.#push(entry);
    unique.sort((a, b) => a.refreshAt - b.refreshAt || (a.key < b.key ? -1 : 1));
    return cursor === undefined ? unique : unique.filter((entry) => cursorOf(entry) > cursor);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as Entry;
      if (parent.refreshAt <= entry.refreshAt) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      const left = heap[down];
      if (left === undefined) break;
      const right = heap[down + 1];
      if (right !== undefined && right.refreshAt < left.refreshAt) down++;
      const child = heap[down] as Entry;
      if (child.refreshAt >= last.refreshAt) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
  }
}

/** Where the next page goes on: sorts as the entries do. */
export function cursorOf({ key, refreshAt }: { readonly key: TokenKey; readonly refreshAt: EpochMs }): string {
  return `${String(Math.floor(refreshAt)).padStart(16, '0')}${(refreshAt % 1).toFixed(6).slice(1)}/${key}`;
}
