/** Something that can be stopped: what happens to it is lost when it is dead, and waits while it is held. */
export interface Actor {
  readonly name: string;
  readonly alive: boolean;
  /** Nothing happens to it before this, true time. */
  readonly heldUntil: number;
}

export type HappeningKind = 'timer' | 'call' | 'answer';

/** One thing that is going to happen. */
export interface Happening {
  /** True time, Unix ms. */
  at: number;
  /** Order of equal times. */
  readonly order: number;
  /** To whom; absent for what happens to the world. */
  readonly actor: Actor | undefined;
  /**
   * What it is: a `timer` comes at its time, a `call` reaches what all share, an `answer` reaches one process alone. Calls may
   * come in any order that a scheduler likes.
   */
  readonly kind: HappeningKind;
  /** What it brings, for who has to tell one state of the world from another. */
  readonly content: string | undefined;
  readonly what: string;
  readonly run: () => void | Promise<void>;
  cancelled: boolean;
}

/** Decides which of the waiting things happens next; the index of one. */
export type Scheduler = (waiting: readonly Happening[]) => number;

/** Virtual time and what happens in it, one thing after the other: between two of them all promises have settled. */
export class World {
  /** True time. Nobody in the world knows it. */
  now = Date.UTC(2026, 0, 1);
  /** Things that have happened. */
  steps = 0;
  readonly history: string[] | undefined;
  readonly #waiting: Happening[] = [];
  readonly #pick: Scheduler;
  /** How soon after it may go on something happens that has waited for a held actor: timers and answers in any order. */
  readonly #wakeMs: () => number;
  /** Whether what happenings bring is to be noted. */
  readonly detailed: boolean;
  /** Told of each thing that happens. */
  onHappening: (happening: Happening) => void = () => {};
  readonly #start = this.now;
  #order = 0;

  constructor({
    pick = () => 0,
    logged = false,
    detailed = false,
    wakeMs = () => 0,
  }: { pick?: Scheduler; logged?: boolean; detailed?: boolean; wakeMs?: () => number } = {}) {
    this.#wakeMs = wakeMs;
    this.#pick = pick;
    this.detailed = detailed;
    this.history = logged ? [] : undefined;
  }

  /** What waits, soonest first. */
  get waiting(): readonly Happening[] {
    return this.#waiting;
  }

  after(
    ms: number,
    what: string,
    run: () => void | Promise<void>,
    { actor, kind = 'timer', content }: { actor?: Actor | undefined; kind?: HappeningKind; content?: string } = {},
  ): () => void {
    const happening: Happening = {
      at: this.now + Math.max(0, ms),
      order: this.#order++,
      actor,
      kind,
      content,
      what,
      run,
      cancelled: false,
    };
    this.#insert(happening);
    return () => {
      happening.cancelled = true;
    };
  }

  /** Lets things happen until `until` (true time), or until nothing waits. */
  async run(until: number): Promise<void> {
    await settled();
    for (;;) {
      this.#drop();
      const first = this.#waiting[0];
      if (!first || first.at > until) break;
      const [next] = this.#waiting.splice(this.#pick(this.#waiting), 1) as [Happening];
      if (next.cancelled || next.actor?.alive === false) continue;
      this.now = Math.max(this.now, next.at);
      const held = next.actor?.heldUntil ?? 0;
      if (held > this.now) {
        next.at = held + this.#wakeMs();
        this.#insert(next);
        continue;
      }
      this.steps++;
      this.onHappening(next);
      await next.run();
      await settled();
    }
    this.now = Math.max(this.now, until);
  }

  /** A line of the history; the text is made only where somebody reads it. */
  say(who: string, text: () => string): void {
    this.history?.push(`${((this.now - this.#start) / 1000).toFixed(3).padStart(11)} s  ${who.padEnd(9)} ${text()}`);
  }

  #drop(): void {
    while (this.#waiting[0]?.cancelled || this.#waiting[0]?.actor?.alive === false) this.#waiting.shift();
  }

  #insert(happening: Happening): void {
    const list = this.#waiting;
    let at = list.length;
    while (at > 0 && isAfter(list[at - 1] as Happening, happening)) at--;
    list.splice(at, 0, happening);
  }
}

function isAfter(a: Happening, b: Happening): boolean {
  return a.at > b.at || (a.at === b.at && a.order > b.order);
}

/** All promises that can settle have settled after this: microtasks run out before the next turn of the loop. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
