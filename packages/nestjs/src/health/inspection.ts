import { fingerprint, TokenError, type TokenKey, type TokenManager } from '@evertoken/core';
import { judge, lives, type Verdict } from './judge.js';
import type { HealthSettings, TokenHealthFilter } from './token-health-options.js';
import type { TokenHealthReason } from './token-health-report.js';

/** The keys of one account and kind, counted. */
export interface Group {
  readonly account: string;
  readonly kind: string;
  readonly keys: number;
  readonly living: number;
  readonly reasons: readonly TokenHealthReason[];
}

/** What the stores told, or memory where they did not. */
export interface Inspection {
  readonly groups: readonly Group[];
  /** About no account in particular. */
  readonly reasons: readonly TokenHealthReason[];
  /** Whether the stores have answered. */
  readonly reached: boolean;
}

/** After as many keys others get their turn: a hundred thousand are not counted in one go. */
const KEYS_AT_A_TIME = 100;
/** As many fingerprints help to find who is concerned. */
const MOST_SUBJECTS = 5;

/** Counts what the stores hold. Asks no platform, and never rejects. `reachedBefore`: whether the stores have ever answered. */
export async function inspectAll(
  manager: TokenManager,
  { settings, now, reachedBefore }: { settings: HealthSettings; now: () => number; reachedBefore: boolean },
): Promise<Inspection> {
  const tallies = new Tallies();
  const essential = essentialKeys(manager);
  const isToken = tokenKinds(manager);
  try {
    let count = 0;
    for await (const status of manager.inspect()) {
      if (++count % KEYS_AT_A_TIME === 0) await new Promise((resolve) => setImmediate(resolve));
      if (status.state === 'gone' || !isToken(status)) continue;
      const at = now();
      const verdict = judge(status, { essential: essential.has(status.key), now: at, settings });
      tallies.add(status, { living: lives(status, at), verdict });
    }
    return { groups: tallies.groups(), reasons: [], reached: true };
  } catch (error) {
    return fromMemory(manager, { error, reachedBefore });
  }
}

/** The groups of a filter. */
export function selected(groups: readonly Group[], { accounts, kinds }: TokenHealthFilter): readonly Group[] {
  return groups.filter(({ account, kind }) => (accounts?.includes(account) ?? true) && (kinds?.includes(kind) ?? true));
}

/** The accounts' own tokens that can be asked for. */
function essentialKeys(manager: TokenManager): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const account of manager.accounts()) {
    for (const { key, keep } of account.sources()) if (keep === 'obtainable') keys.add(key);
  }
  return keys;
}

/** Whether a record is a token's: an account may keep other things beside its tokens, of kinds that it does not answer for. */
function tokenKinds(manager: TokenManager): (key: { readonly account: string; readonly kind: string }) => boolean {
  const kinds = new Map(
    manager.accounts().map((account) => [account.name, new Set(account.kinds.map(({ kind }) => kind))]),
  );
  return ({ account, kind }) => kinds.get(account)?.has(kind) ?? true;
}

/** Without the stores: what this process can still serve. */
function fromMemory(
  manager: TokenManager,
  { error, reachedBefore }: { error: unknown; reachedBefore: boolean },
): Inspection {
  const code = error instanceof TokenError ? error.code : 'ERR_UNKNOWN';
  if (code === 'ERR_TOKEN_CONFIGURATION') {
    return { groups: [], reasons: [{ state: 'down', reason: 'configuration', code }], reached: false };
  }
  const tallies = new Tallies();
  for (const account of manager.accounts()) {
    const sources = [...account.sources()].map((source) => ({ source, living: manager.peek(source) !== undefined }));
    // What another process renews, and nobody here uses, ends in memory without harm: one that lives shows that the account works.
    const works = sources.some(({ living }) => living);
    for (const { source, living } of sources) {
      const verdict: Verdict | undefined =
        works || source.keep === 'grant' ? undefined : { state: 'down', reason: 'store' };
      tallies.add({ ...source, failure: { code } }, { living, verdict });
    }
  }
  const groups = tallies.groups();
  // With nothing in memory, and nobody who knows what there is, nothing can be served at all.
  const state = !reachedBefore && groups.every(({ living }) => living === 0) ? 'down' : 'degraded';
  return { groups, reasons: [{ state, reason: 'store', code }], reached: false };
}

/** What is counted of a key: part of a status, or a source. */
interface Counted {
  readonly key: TokenKey | string;
  readonly account: string;
  readonly kind: string;
  readonly subject?: string;
  readonly failure?: { readonly code: string; readonly platformCode?: string; readonly at?: number };
}

interface Tally extends Verdict {
  keys: number;
  newest: NonNullable<Counted['failure']> | undefined;
  readonly subjects: string[];
}

interface Counts {
  readonly account: string;
  readonly kind: string;
  keys: number;
  living: number;
  readonly tallies: Map<string, Tally>;
}

/** Counts by account and kind, and within by what is the matter. */
class Tallies {
  readonly #counts = new Map<string, Counts>();

  add(counted: Counted, { living, verdict }: { living: boolean; verdict: Verdict | undefined }): void {
    const { account, kind } = counted;
    const id = JSON.stringify([account, kind]);
    const counts = this.#counts.get(id) ?? { account, kind, keys: 0, living: 0, tallies: new Map() };
    this.#counts.set(id, counts);
    counts.keys++;
    if (living) counts.living++;
    if (verdict) tally(counts.tallies, counted, verdict);
  }

  groups(): readonly Group[] {
    return [...this.#counts.values()].map(({ tallies, ...group }) => ({
      ...group,
      reasons: [...tallies.values()].map((each) => reasonOf(group, each)),
    }));
  }
}

function tally(tallies: Map<string, Tally>, { subject, failure }: Counted, verdict: Verdict): void {
  const id = `${verdict.state} ${verdict.reason}`;
  const known = tallies.get(id) ?? { ...verdict, keys: 0, newest: undefined, subjects: [] };
  tallies.set(id, known);
  known.keys++;
  if (failure && (failure.at ?? 0) >= (known.newest?.at ?? 0)) known.newest = failure;
  if (subject !== undefined && known.subjects.length < MOST_SUBJECTS) known.subjects.push(`#${fingerprint(subject)}`);
}

function reasonOf(
  { account, kind, keys: of }: Omit<Group, 'reasons'>,
  { state, reason, keys, newest, subjects }: Tally,
): TokenHealthReason {
  return {
    state,
    reason,
    account,
    kind,
    keys,
    of,
    ...(newest && { code: newest.code }),
    ...(newest?.platformCode !== undefined && { platformCode: newest.platformCode }),
    ...(subjects.length > 0 && { subjects }),
  };
}
