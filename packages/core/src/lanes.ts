import { type AccountKey, accountKeyIn, type TokenKey } from './key.js';

/** Something to be done for a key. */
export interface LaneTask {
  readonly key: TokenKey;
  /** Keys that come first, where they are under way or waiting too: a child finds its parents' new tokens. */
  readonly after: readonly TokenKey[];
}

/** How lanes do their work. */
export interface LanesOptions<Task> {
  /** Tasks of one account at a time. */
  readonly perAccount: number;
  /** Tasks of all accounts at a time. Default: no bound but the accounts' own. */
  readonly concurrency?: number | undefined;
  /** Does a task; whether there was an answer, be it a bad one. Must not reject. */
  readonly work: (task: Task) => Promise<boolean>;
  /** After so many tasks in a row without an answer an account's lane is closed. Default: never. */
  readonly patience?: number;
  /** Called whenever a task is over. */
  readonly onChange?: () => void;
  /** Whether no new task may be begun. */
  readonly isStopped: () => boolean;
}

interface Lane<Task> {
  readonly queue: Set<Task>;
  running: number;
  unanswered: number;
  closed: boolean;
}

/** Tasks of many accounts side by side, each account in a lane of its own: who is slow holds up nobody else. */
export class Lanes<Task extends LaneTask> {
  readonly #options: LanesOptions<Task>;
  readonly #lanes = new Map<AccountKey, Lane<Task>>();
  /** Lanes in which something waits and may begin. */
  readonly #willing = new Set<Lane<Task>>();
  /** Lanes in which all that waits comes after something else. */
  readonly #blocked = new Set<Lane<Task>>();
  /** What they come after. */
  readonly #awaited = new Set<TokenKey>();
  /** Keys that wait or are under way. */
  readonly #pending = new Set<TokenKey>();
  #running = 0;
  #waiting = 0;
  #changed: { readonly promise: Promise<void>; readonly tell: () => void } | undefined;

  constructor(options: LanesOptions<Task>) {
    this.#options = options;
  }

  /** Queues tasks, each key once, in their accounts' lanes, and begins what may begin; what belongs to a closed lane is dropped. */
  add(tasks: Iterable<Task>): void {
    for (const task of tasks) {
      const lane = this.#laneOf(accountKeyIn(task.key));
      if (lane.closed) continue;
      lane.queue.add(task);
      this.#waiting++;
      this.#pending.add(task.key);
      this.#blocked.delete(lane);
      this.#willing.add(lane);
    }
    this.#pump();
  }

  /** Tasks that wait, of all accounts or of one. */
  waiting(account?: AccountKey): number {
    return account === undefined ? this.#waiting : (this.#lanes.get(account)?.queue.size ?? 0);
  }

  /** Tasks of each account, waiting and under way. */
  *work(): Generator<readonly [AccountKey, number]> {
    for (const [account, { queue, running }] of this.#lanes) yield [account, queue.size + running];
  }

  /** Whether an account's workers are about to run out of tasks. */
  isHungry(account: AccountKey): boolean {
    const lane = this.#lanes.get(account);
    return lane === undefined || (!lane.closed && lane.queue.size < this.#options.perAccount);
  }

  isClosed(account: AccountKey): boolean {
    return this.#lanes.get(account)?.closed ?? false;
  }

  get isStopped(): boolean {
    return this.#options.isStopped();
  }

  /** Resolves once it is so; looked at after every task. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      this.#changed ??= signal();
      await this.#changed.promise;
    }
  }

  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void> {
    return this.until(() => this.#pending.size === 0);
  }

  #laneOf(account: AccountKey): Lane<Task> {
    let lane = this.#lanes.get(account);
    if (!lane) {
      lane = { queue: new Set(), running: 0, unanswered: 0, closed: false };
      this.#lanes.set(account, lane);
    }
    return lane;
  }

  #pump(): void {
    if (this.isStopped) for (const lane of this.#lanes.values()) this.#empty(lane);
    const { concurrency = Number.POSITIVE_INFINITY } = this.#options;
    while (this.#running < concurrency) {
      const lane = this.#next();
      if (!lane) return;
      const task = this.#ready(lane);
      if (task) void this.#do(lane, task);
    }
  }

  /** The lane that has the least under way: of a common bound each gets its share, and a new one is not last in a row. */
  #next(): Lane<Task> | undefined {
    let next: Lane<Task> | undefined;
    for (const lane of this.#willing) {
      if (lane.queue.size === 0 || lane.running >= this.#options.perAccount) this.#willing.delete(lane);
      else if (!next || lane.running < next.running) next = lane;
    }
    return next;
  }

  #ready(lane: Lane<Task>): Task | undefined {
    for (const task of lane.queue) {
      const first = task.after.find((key) => this.#pending.has(key));
      if (first !== undefined) {
        this.#awaited.add(first);
        continue;
      }
      lane.queue.delete(task);
      this.#waiting--;
      return task;
    }
    this.#willing.delete(lane);
    this.#blocked.add(lane);
    return undefined;
  }

  async #do(lane: Lane<Task>, task: Task): Promise<void> {
    this.#running++;
    lane.running++;
    const answered = await this.#options.work(task);
    this.#running--;
    lane.running--;
    this.#pending.delete(task.key);
    lane.unanswered = answered ? 0 : lane.unanswered + 1;
    if (lane.unanswered >= (this.#options.patience ?? Number.POSITIVE_INFINITY)) {
      lane.closed = true;
      this.#empty(lane);
    }
    this.#willing.add(lane);
    if (this.#awaited.has(task.key)) this.#unblock();
    this.#pump();
    this.#options.onChange?.();
    this.#changed?.tell();
    this.#changed = undefined;
  }

  #empty(lane: Lane<Task>): void {
    for (const { key } of lane.queue) this.#pending.delete(key);
    this.#waiting -= lane.queue.size;
    lane.queue.clear();
    this.#unblock();
  }

  #unblock(): void {
    for (const lane of this.#blocked) this.#willing.add(lane);
    this.#blocked.clear();
    this.#awaited.clear();
  }
}

function signal(): { readonly promise: Promise<void>; readonly tell: () => void } {
  let tell = () => {};
  const promise = new Promise<void>((resolve) => {
    tell = resolve;
  });
  return { promise, tell };
}
