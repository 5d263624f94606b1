import type { RefreshResult } from '@evertoken/core';
import { isTokenError } from './project-core.js';

/** What became of a key, as people ask: core's outcomes, with a suspended company apart from what failed. */
export const OUTCOMES = {
  renewed: 'renewed',
  unchanged: 'unchanged',
  notYetRenewable: 'not yet renewable',
  alive: 'alive, arrives by push',
  reauthorize: 'sign-in needed',
  suspended: 'suspended',
  waiting: 'waiting',
  failed: 'failed',
  held: 'held by another process',
  resting: 'resting',
} as const;

/** A name of `OUTCOMES`. */
export type Outcome = keyof typeof OUTCOMES;

/** Outcomes after which there is a token as fresh as can be. */
const FRESH: readonly Outcome[] = ['renewed', 'unchanged', 'notYetRenewable', 'alive'];

/** What core says of a key that only a push can bring. */
const UNASKED: readonly Outcome[] = ['waiting', 'notYetRenewable'];

/** One key that was not renewed. */
export interface NotFresh {
  readonly account: string;
  readonly kind: string;
  readonly subject?: string;
  readonly outcome: Outcome;
  readonly error?: Error;
}

/** Results as they come: how many of which outcome, and everything that is not fresh by name. */
export class RefreshTally {
  readonly counts: Record<Outcome, number>;
  readonly notFresh: NotFresh[] = [];
  readonly #lives: (result: RefreshResult) => boolean;

  /** `lives`: whether a key that only a push can bring has a token that lives. */
  constructor(lives: (result: RefreshResult) => boolean) {
    this.#lives = lives;
    this.counts = Object.fromEntries(Object.keys(OUTCOMES).map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  }

  /** How many have come. */
  get done(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }

  add(result: RefreshResult): void {
    const outcome = this.#outcomeOf(result);
    this.counts[outcome]++;
    if (!FRESH.includes(outcome)) this.notFresh.push({ ...result, outcome });
  }

  #outcomeOf(result: RefreshResult): Outcome {
    if (isTokenError(result.error) && result.error.code === 'ERR_TOKEN_SUSPENDED') return 'suspended';
    // What is pushed cannot be asked for: a living one is as well as can be.
    return UNASKED.includes(result.outcome) && this.#lives(result) ? 'alive' : result.outcome;
  }
}

/** `1895 renewed, 100 sign-in needed`: what there is, in the order of `OUTCOMES`. */
export function countsText(counts: Readonly<Record<Outcome, number>>): string {
  const parts = Object.entries(OUTCOMES).flatMap(([outcome, name]) => {
    const count = counts[outcome as Outcome];
    return count > 0 ? [`${count} ${name}`] : [];
  });
  return parts.join(', ') || 'nothing to refresh';
}
