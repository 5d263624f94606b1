import type { Engine } from './engine.js';
import { parseTokenKey, type TokenKey } from './key.js';
import { matches, records } from './records.js';
import type { TokenRecord } from './store/record.js';
import type { StoreLink } from './store-link.js';
import type { KeyFilter, TokenStatus } from './tokens.js';

/** `Tokens.inspect`: what is stored of configured accounts, then what is configured and not stored. */
export async function* inspect(engine: Engine, filter: KeyFilter = {}): AsyncGenerator<TokenStatus> {
  const seen = new Set<TokenKey>();
  for (const link of engine.links()) {
    for await (const record of records(engine, link, filter)) {
      const status = statusOf(engine, link, record);
      seen.add(record.key);
      const named = filter.states?.some((state) => state === status.state || state === record.attempt.state);
      if (matches(status, filter) && (named ?? true)) yield status;
    }
  }
  if (filter.states) return;
  for (const { account } of engine.registry.all()) {
    for (const source of account.sources()) {
      if (seen.has(source.key) || !matches(source, filter)) continue;
      yield {
        key: source.key,
        platform: account.platform,
        account: account.name,
        kind: source.kind,
        ...(source.subject !== undefined && { subject: source.subject }),
        state: 'absent',
        generation: 0,
        failures: 0,
      };
    }
  }
}

/** The noted state, and what nobody could note: who noted nothing was killed before. */
function stateOf(link: StoreLink, { token, attempt, generation }: TokenRecord): TokenStatus['state'] {
  if (attempt.state !== 'active') return attempt.state;
  // Nothing but an attempt that went well so far.
  if (!token) return 'absent';
  const silent = attempt.intent?.generation === generation && (attempt.lease?.until ?? 0) <= link.now();
  return silent ? 'doubtful' : 'active';
}

function statusOf(engine: Engine, link: StoreLink, record: TokenRecord): TokenStatus {
  const { key, token, attempt, generation, refreshAt } = record;
  const { platform, id, kind, subject } = parseTokenKey(key);
  const at = (stored: number | undefined) => (stored === undefined ? undefined : link.toLocal(stored));
  const times = {
    issuedAt: at(token?.issuedAt),
    expiresAt: at(token?.expiresAt),
    refreshTokenExpiresAt: at(token?.refreshTokenExpiresAt),
    refreshAt: at(refreshAt),
    retryAt: at(attempt.retryAt),
  };
  return {
    key,
    platform,
    account: engine.registry.ownerOf(key)?.account.name ?? id,
    kind,
    ...(subject && { subject: subject.join('/') }),
    state: stateOf(link, record),
    ...(attempt.cause !== undefined && { cause: attempt.cause }),
    generation,
    ...(token?.extra && { extra: token.extra }),
    ...(Object.fromEntries(Object.entries(times).filter(([, value]) => value !== undefined)) as Partial<
      Record<keyof typeof times, number>
    >),
    failures: attempt.failures,
    ...(attempt.failure && {
      failure: {
        code: attempt.failure.code,
        ...(attempt.failure.platformCode !== undefined && { platformCode: attempt.failure.platformCode }),
        at: link.toLocal(attempt.failure.at),
      },
    }),
    ...(token && {
      lineage: {
        cause: token.lineage.cause,
        actor: token.lineage.actor,
        at: link.toLocal(token.lineage.at),
        durationMs: token.lineage.durationMs,
      },
    }),
  };
}
