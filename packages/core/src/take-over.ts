import { commitOver, type Planned } from './adoption.js';
import { checkIssued } from './check-issued.js';
import type { Engine } from './engine.js';
import { fingerprint } from './key.js';
import type { TokenSource } from './source.js';
import { emptyRecord, type TokenRecord } from './store/record.js';
import type { EpochMs, IssuedToken } from './token.js';
import type { TakeOverOutcome } from './tokens.js';

/** `TokenManager.takeOver`: compares what another system has with what stands here, and stores it only where it is the newer one. */
export async function takeOver(
  engine: Engine,
  source: TokenSource,
  issued: IssuedToken,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<TakeOverOutcome> {
  checkIssued(source, issued);
  const link = engine.linkOf(source);
  const startedAt = engine.clock.now();
  const endsAt = endOf(issued, startedAt);
  let outcome: TakeOverOutcome = 'kept';
  const plan = (record: TokenRecord): Planned => {
    outcome = compare(record, issued.value, endsAt === undefined ? undefined : link.toStore(endsAt));
    return outcome === 'taken' ? { predecessor: record.generation, cause: 'grant' } : 'ignore';
  };
  if (dryRun) plan((await link.read(source.key)).record ?? emptyRecord(source.key));
  else await commitOver(engine, source, { issued, startedAt, plan });
  return outcome;
}

/** Ends are compared and nothing else: another system's clocks and counters say nothing here. */
function compare({ token, goneAt, attempt }: TokenRecord, value: string, endsAt: EpochMs | undefined): TakeOverOutcome {
  if (goneAt !== undefined) return 'gone';
  if (!token) return 'taken';
  if (token.value === value) return 'same';
  // Stored here once and followed by another since: the other system has slept.
  if (token.seen.includes(fingerprint(value))) return 'kept';
  if (attempt.state === 'reauthorize') return 'taken';
  const stored = token.refreshTokenExpiresAt ?? token.expiresAt;
  return stored !== undefined && endsAt !== undefined && endsAt > stored ? 'taken' : 'kept';
}

/** The end that counts: of the refresh token where there is one, by the manager's clock. */
function endOf(issued: IssuedToken, startedAt: EpochMs): EpochMs | undefined {
  const { refreshTokenExpiresAt, refreshTokenLifetimeMs, expiresAt, lifetimeMs, answeredAt } = issued;
  const end = (absolute: EpochMs | undefined, duration: number | undefined) => {
    if (duration !== undefined) return startedAt + duration;
    return absolute === undefined ? undefined : startedAt + absolute - (answeredAt ?? startedAt);
  };
  return end(refreshTokenExpiresAt, refreshTokenLifetimeMs) ?? end(expiresAt, lifetimeMs);
}
