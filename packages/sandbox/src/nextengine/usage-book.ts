import { japanMonth } from '../calendar.js';
import type { NextEngineUser } from './account.js';
import { companyIdOf } from './profile.js';

/** Calls of a company in a month. */
export interface NextEngineCompanyUsage {
  /** The company. */
  readonly companyId: string;
  /** Calls that count for it. */
  readonly calls: number;
  /** More than the free allowance, were it the company's. */
  readonly over: boolean;
}

/** Calls of an app in a calendar month of Japan. `/api_neauth` is none of them. */
export interface NextEngineMonthUsage {
  /** Such as `2026-11`. */
  readonly month: string;
  /** All calls, `/api_app/company` among them. */
  readonly calls: number;
  /** More than the free allowance, were it the app's. */
  readonly over: boolean;
  /** By company. */
  readonly companies: readonly NextEngineCompanyUsage[];
}

/** An app's calls by month, oldest first, and those of each user by `uid`. */
export interface NextEngineUsage {
  /** Client id of the app. */
  readonly clientId: string;
  /** Calls a company has free each month. */
  readonly monthlyFreeCalls: number;
  /** By month, oldest first. */
  readonly months: readonly (NextEngineMonthUsage & {
    /** By user. */
    readonly users: Readonly<Record<string, number>>;
  })[];
}

interface Counts {
  calls: number;
  readonly companies: Map<string, number>;
  readonly users: Map<string, number>;
}

/** Counts an app's calls. Whose the free allowance is, the app's or the company's, is not known: both are told. */
export class UsageBook {
  readonly #months = new Map<string, Counts>();

  count(now: number, user?: NextEngineUser): void {
    const counts = this.#of(japanMonth(now));
    counts.calls += 1;
    if (user === undefined) return;
    add(counts.companies, companyIdOf(user));
    add(counts.users, user.uid);
  }

  /** The month of `now`, with no calls if there were none. */
  month(now: number, free: number): NextEngineMonthUsage {
    const month = japanMonth(now);
    return told(month, this.#months.get(month) ?? emptyCounts(), free);
  }

  months(free: number): NextEngineUsage['months'] {
    return [...this.#months].map(([month, counts]) => ({
      ...told(month, counts, free),
      users: Object.fromEntries(counts.users),
    }));
  }

  #of(month: string): Counts {
    const counts = this.#months.get(month) ?? emptyCounts();
    this.#months.set(month, counts);
    return counts;
  }
}

function emptyCounts(): Counts {
  return { calls: 0, companies: new Map(), users: new Map() };
}

function told(month: string, { calls, companies }: Counts, free: number): NextEngineMonthUsage {
  return {
    month,
    calls,
    over: calls > free,
    companies: [...companies].map(([companyId, own]) => ({ companyId, calls: own, over: own > free })),
  };
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
