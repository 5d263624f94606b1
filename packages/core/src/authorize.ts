import { commitOrHold } from './adoption.js';
import { checkIssued } from './check-issued.js';
import { sleep } from './clock.js';
import type { Engine } from './engine.js';
import { TokenError } from './errors.js';
import { isLease } from './flights.js';
import { presentedToken } from './local-token.js';
import { idsOf, labelOf } from './platform-request.js';
import { signInMoment } from './sign-in.js';
import type { IssueRequest, PresentedToken, TokenSource } from './source.js';
import { journalReady } from './spool.js';
import { emptyRecord } from './store/record.js';
import type { Lease } from './store/store.js';
import type { IssuedToken, Token } from './token.js';

/** `Tokens.authorize`: a single-use exchange under the key's lease, committed as a new grant. */
export async function authorize(
  engine: Engine,
  source: TokenSource,
  exchange: (request: IssueRequest) => Promise<IssuedToken>,
): Promise<Token> {
  const { settings, registry, clock } = engine;
  const link = engine.linkOf(source);
  const parents = await Promise.all((source.dependsOn ?? []).map((parent) => engine.tokens.get(parent)));
  const giveBack = await (await engine.flights()).limiterOf(source.account).acquire();
  try {
    const { lease, current } = await leaseFor(engine, source);
    const startedAt = clock.now();
    let issued: IssuedToken;
    try {
      issued = await exchange({
        ...(current && { current }),
        parents,
        fetch: registry.get(source.account)?.account.fetch ?? settings.fetch,
        // Single use: once its bytes may have left, its answer is worth any wait.
        signal: new AbortController().signal,
        now: () => clock.now(),
        random: settings.random,
      });
      checkIssued(source, issued);
    } catch (error) {
      if (lease) await link.call('note', (store) => store.note(lease, {}, { release: true })).catch(() => {});
      throw error;
    }
    await commitOrHold(engine, source, {
      issued,
      startedAt,
      signedIn: signInMoment(engine, source),
      ...(lease && { lease }),
      plan: ({ generation }) => ({ predecessor: generation, revive: true, cause: 'grant' }),
    });
  } finally {
    giveBack();
  }
  return engine.tokens.get(source);
}

/** The key's lease, and the token that stood there when it was given. */
interface Claimed {
  readonly lease?: Lease;
  readonly current?: PresentedToken | undefined;
}

/**
 * The key's lease; none where the store is away and a journal is there to take the answer: what a person has just confirmed
 * cannot wait for a store, and of a new grant the time decides, not the lease.
 */
async function leaseFor(engine: Engine, source: TokenSource): Promise<Claimed> {
  try {
    return await claimed(engine, source);
  } catch (error) {
    const away = error instanceof TokenError && error.code === 'ERR_TOKEN_STORE' && error.retryable;
    if (away && source.keep === 'grant' && (await journalReady(engine))) return {};
    throw error;
  }
}

async function claimed(engine: Engine, source: TokenSource): Promise<Claimed> {
  const { settings, clock } = engine;
  const link = engine.linkOf(source);
  const giveUpAt = clock.now() + settings.leaseTtlMs + settings.requestTimeoutMs;
  for (let delay = 25; clock.now() < giveUpAt; delay = Math.min(1_000, delay * 2)) {
    engine.checkOpen();
    const record = (await link.read(source.key)).record ?? emptyRecord(source.key);
    const seen = { key: source.key, generation: record.generation, epoch: record.attempt.epoch };
    const answer = await link.call('claim', (store) => store.claim(seen, settings.name, settings.leaseTtlMs));
    if (isLease(answer)) return { lease: answer, current: presentedToken(record, link) };
    await sleep(clock, delay);
  }
  throw new TokenError(
    'ERR_TOKEN_BUSY',
    `${labelOf(source)}: another process has been at it for too long`,
    idsOf(source),
  );
}
