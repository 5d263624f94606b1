import type { SourceKind, TokenStatus } from '@evertoken/core';
import type { SandboxCall } from '@evertoken/sandbox';
import type { SandboxTenant } from '../sandbox/example-sandbox.js';

/** A line of the page: a token, or a kind of token that an account has none of yet. */
export type TokenRow = Pick<TokenStatus, 'platform' | 'account' | 'kind' | 'state'> & Partial<Omit<TokenStatus, 'key'>>;

/** What the page shows. Never a token, never a secret. */
export interface Status {
  /** The manager's clock, Unix ms. */
  readonly now: number;
  /** In the order of the accounts and their kinds. */
  readonly tokens: readonly TokenRow[];
  /** In sandbox mode only. */
  readonly sandbox?: {
    readonly url: string;
    /** How far its clock is ahead of the system's, ms. */
    readonly offsetMs: number;
    /** Whether other instances use it too. */
    readonly isShared: boolean;
    /** The platform calls so far, oldest first. */
    readonly calls: readonly SandboxCall[];
    /** Who can authorize an account or install it. */
    readonly tenants: readonly SandboxTenant[];
    /** Why there are no calls and no tenants. */
    readonly problem?: string;
  };
}

/** An account, and how many of its keys are in which state. */
export interface Group {
  readonly account: string;
  readonly platform: string;
  readonly counts: ReadonlyMap<string, number>;
  readonly total: number;
  /** Those that are shown, in order. */
  readonly rows: readonly TokenRow[];
}

/** What kinds of an account are like, by kind. */
export type Kinds = ReadonlyMap<string, SourceKind>;

/** How many keys of an account are shown beside those of others, and how many of one that is shown alone. */
export const SHOWN = { together: 12, alone: 200 };

/** Rows by account; of an account with many keys the first, those that need attention before the others. `only`: one account alone. */
export function groupsOf(tokens: readonly TokenRow[], only?: string): Group[] {
  const accounts = new Map<string, TokenRow[]>();
  for (const row of tokens) {
    if (only !== undefined && row.account !== only) continue;
    const rows = accounts.get(row.account) ?? [];
    accounts.set(row.account, rows);
    rows.push(row);
  }
  const limit = only === undefined ? SHOWN.together : SHOWN.alone;
  return [...accounts].map(([account, rows]) => ({
    account,
    platform: rows[0]?.platform ?? '',
    counts: countsOf(rows),
    total: rows.length,
    rows: firstOf(rows, limit),
  }));
}

function countsOf(rows: readonly TokenRow[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { state } of rows) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts;
}

function firstOf(rows: readonly TokenRow[], limit: number): readonly TokenRow[] {
  if (rows.length <= limit) return rows;
  const urgent = rows.filter(({ state }) => state !== 'active');
  const others = rows.filter(({ state }) => state === 'active');
  const chosen = new Set([...urgent, ...others].slice(0, limit));
  // Which are shown depends on their states; where they stand does not.
  return rows.filter((row) => chosen.has(row));
}
