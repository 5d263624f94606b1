import { expect } from 'vitest';
import { ManualClock, type StoreContractOptions, storeContract } from '../../src/testing/index.js';

/** The suite's cases as they are registered, by name, under its title. */
export function casesOf(options: StoreContractOptions): {
  readonly title: string;
  readonly cases: ReadonlyMap<string, () => Promise<void> | void>;
} {
  let title = '';
  const cases = new Map<string, () => Promise<void> | void>();
  const runner = {
    describe(name: string, body: () => void) {
      title = name;
      body();
    },
    it(name: string, body: () => Promise<void> | void) {
      if (cases.has(name)) throw new Error(`two cases of one name: ${name}`);
      cases.set(name, body);
    },
    expect,
  };
  storeContract(runner, () => new ManualClock(), options);
  return { title, cases };
}

/** Runs the suite here, one case after the other: what each failed with, `kept` where it did not. */
export async function outcomesOf(
  options: StoreContractOptions,
  which: (name: string) => boolean = () => true,
): Promise<Map<string, unknown>> {
  const outcomes = new Map<string, unknown>();
  for (const [name, body] of casesOf(options).cases) {
    if (!which(name)) continue;
    try {
      await body();
      outcomes.set(name, 'kept');
    } catch (error) {
      outcomes.set(name, error);
    }
  }
  return outcomes;
}
