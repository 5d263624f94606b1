import type { TokenKey } from '../../../src/index.js';
import type { Step, TokenRecord } from '../../../src/store/index.js';
import { type Data, SoundStore } from '../sound-store.js';

/** A store with one mistake, and the promises it breaks by it: texts of the cases' names. */
export interface Broken {
  readonly mistake: string;
  readonly store: new (clock: { now(): number } | undefined, data?: Data) => SoundStore;
  readonly breaks: readonly string[];
}

/** What a step of a store is decided by. */
export type Decide<Answer> = (record: TokenRecord | undefined, now: number) => Step<Answer>;

/** Lets time pass between a look at a record and the write that follows from it. */
export class HastyStore extends SoundStore {
  protected async hastily<Answer>(key: TokenKey, decide: Decide<Answer>): Promise<Answer> {
    const { next, answer } = await this.send(() => decide(this.look(key), this.now()));
    if (next) await this.send(() => this.write(key, next));
    return answer;
  }
}
