/** Why a token was the current one no longer. `refused`: the platform refused it before its end. */
export type TokenEnd = 'renewed' | 'refused' | 'gone';

/** One token of a key, from issue to expiry. Never its value. */
export interface Generation {
  readonly number: number;
  /** When it was issued, Unix ms; of those nobody looked at, when it was stored. */
  readonly from: number;
  /** How it came to be: `issue`, `adopt`, `push`, `grant`, ... */
  readonly cause: string;
  /** Its end as the platform says, Unix ms; absent where none is known. */
  readonly expiresAt?: number;
  /** Until when it was the current one, Unix ms; absent while it is. */
  readonly until?: number;
  readonly end?: TokenEnd;
}

/** Something that happened to a key at one moment. */
export interface Mark {
  readonly at: number;
  readonly what: 'failure' | 'refused' | 'unchanged' | 'conflict' | 'reauthorize' | 'ending';
  /** What to say about it: codes, never a token. */
  readonly text: string;
}

/** A time that a key spent in a state other than `active`, Unix ms. */
export interface StateSpan {
  readonly state: string;
  readonly cause?: string;
  readonly from: number;
  /** Absent while it lasts. */
  readonly to?: number;
}

/** What is known of tokens that are too old to be told one by one. */
export interface EarlierLife {
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

/** How many of each are kept for a key. */
const KEPT = { generations: 180, marks: 60, spans: 60 };

/** The life of one key, as far as it was seen: a bounded memory, the oldest tokens added up. */
export class TokenLife {
  #generations: Generation[] = [];
  #earlier: EarlierLife | undefined;
  #marks: Mark[] = [];
  #spans: StateSpan[] = [];
  /** The number of the last event about it. */
  heard = 0;

  /** Oldest first. */
  get generations(): readonly Generation[] {
    return this.#generations;
  }

  get earlier(): EarlierLife | undefined {
    return this.#earlier;
  }

  /** Oldest first. */
  get marks(): readonly Mark[] {
    return this.#marks;
  }

  /** Oldest first. */
  get spans(): readonly StateSpan[] {
    return this.#spans;
  }

  /** A token was stored at `storedAt`. One that is known already is completed; an older one is left out. */
  begin(generation: Generation, storedAt: number): void {
    const last = this.#generations.at(-1);
    if (last && isSame(last, generation, storedAt)) {
      this.#generations[this.#generations.length - 1] = { ...last, ...known(generation) };
      return;
    }
    if (last && generation.number < last.number) return;
    this.end(generation.from, 'renewed');
    this.#generations.push(generation);
    if (this.#generations.length > KEPT.generations) this.#addUp(this.#generations.shift() as Generation);
  }

  /** The current token is the current one no longer. */
  end(at: number, end: TokenEnd): void {
    const last = this.#generations.at(-1);
    if (!last || last.until !== undefined) return;
    this.#generations[this.#generations.length - 1] = { ...last, until: Math.max(last.from, at), end };
  }

  /** The platform refused the token before the current one, which has taken its place. */
  wasRefused(): void {
    const index = this.#generations.length - 2;
    const before = this.#generations[index];
    if (before?.end === 'renewed') this.#generations[index] = { ...before, end: 'refused' };
  }

  /** The platform answered with the token that was there: what looked like a new one is the old one, which may live longer now. */
  wasUnchanged(): void {
    const [before, last] = this.#generations.slice(-2);
    if (!before || !last || before.end !== 'renewed') return;
    const { until: _until, end: _end, ...open } = before;
    this.#generations.splice(-2, 2, { ...open, ...known(last), from: before.from, cause: before.cause });
  }

  mark(mark: Mark): void {
    this.#marks.push(mark);
    if (this.#marks.length > KEPT.marks) this.#marks.shift();
  }

  /** From `at` on the key is in this state. */
  turn(state: string, at: number, cause?: string): void {
    const last = this.#spans.at(-1);
    if (last && last.to === undefined) {
      if (last.state === state) return;
      this.#spans[this.#spans.length - 1] = { ...last, to: Math.max(last.from, at) };
    }
    if (state === 'active') return;
    this.#spans.push({ state, from: at, ...(cause !== undefined && { cause }) });
    if (this.#spans.length > KEPT.spans) this.#spans.shift();
  }

  #addUp({ from, until = from }: Generation): void {
    const { count = 0, from: first = from } = this.#earlier ?? {};
    this.#earlier = { count: count + 1, from: first, to: until };
  }
}

/** Events and the store may number a token differently by some ms: then its end tells, or that it was stored before the last was heard of. */
function isSame(last: Generation, { number, expiresAt }: Generation, storedAt: number): boolean {
  if (last.number === number) return true;
  const isOpen = last.until === undefined;
  return isOpen && ((expiresAt !== undefined && expiresAt === last.expiresAt) || storedAt <= last.from);
}

/** What a later look adds to what is known of a token. */
function known({ number, cause, expiresAt }: Generation): Partial<Generation> & Pick<Generation, 'number' | 'cause'> {
  return { number, cause, ...(expiresAt !== undefined && { expiresAt }) };
}
