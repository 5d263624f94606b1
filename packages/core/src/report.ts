import type { RefreshOutcome, RefreshReport, RefreshResult } from './tokens.js';

/** The results of a sweep, as they come. */
export class Report {
  readonly #results: RefreshResult[] = [];
  readonly #onProgress: ((result: RefreshResult) => void) | undefined;

  constructor(onProgress: ((result: RefreshResult) => void) | undefined) {
    this.#onProgress = onProgress;
  }

  add(result: RefreshResult): void {
    this.#results.push(result);
    this.#onProgress?.(result);
  }

  finish(): RefreshReport {
    const counts: Record<RefreshOutcome, number> = {
      renewed: 0,
      unchanged: 0,
      notYetRenewable: 0,
      held: 0,
      resting: 0,
      waiting: 0,
      reauthorize: 0,
      failed: 0,
    };
    for (const { outcome } of this.#results) counts[outcome]++;
    return { results: this.#results, counts };
  }
}
