import { sleep } from './clock.js';
import type { Engine } from './engine.js';
import { TokenError } from './errors.js';
import { idsOf, labelOf } from './platform-request.js';
import { rejectedAgain } from './rejected-again.js';
import type { TokenSource } from './source.js';
import { emptyRecord, type TokenRecord } from './store/record.js';
import { recordedError } from './verdict.js';
import type { Want } from './want.js';

/** Waits for another holder begin at this and double to the next, ms. */
const FIRST_LOOK_MS = 25;
const LAST_LOOK_MS = 1_000;

/** Waits until the holder is done or its lease has ended, and takes its failure as ours. */
export async function outcomeOfHolder(
  engine: Engine,
  source: TokenSource,
  held: TokenRecord,
  want: Want,
): Promise<TokenRecord> {
  const { clock, settings } = engine;
  const link = engine.linkOf(source);
  const epoch = held.attempt.epoch;
  const giveUpAt = link.toLocal(held.attempt.lease?.until ?? 0) + settings.requestTimeoutMs;
  let wake: () => void = () => {};
  const unwatch = link.store.watch?.((key) => key === source.key && wake());
  try {
    for (let look = 0, delay = FIRST_LOOK_MS; ; look++, delay = Math.min(LAST_LOOK_MS, delay * 2)) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      // The first look of a watcher comes at once: what happened before it began to watch, it was not told.
      if (look > 0 || !unwatch) {
        const stop = new AbortController();
        const jittered = delay * (0.5 + settings.random() / 2);
        await Promise.race([woken, sleep(clock, jittered, stop).catch(() => {})]);
        stop.abort();
      }
      const record = (await link.read(source.key)).record ?? emptyRecord(source.key);
      const { attempt } = record;
      const moved = attempt.epoch !== epoch || record.generation !== held.generation;
      // A holder that has failed may keep its lease until the platform has settled: what it says is said.
      const done = moved || (attempt.failure?.epoch ?? -1) >= epoch || !heldByOther(engine, source, record);
      if (done) {
        takeVerdict(engine, source, record, epoch, want);
        return record;
      }
      if (clock.now() > giveUpAt) {
        throw new TokenError(
          'ERR_TOKEN_BUSY',
          `${labelOf(source)}: another process has been at it for too long`,
          idsOf(source),
        );
      }
    }
  } finally {
    unwatch?.();
  }
}

/** Whether another attempt is under way. */
export function heldByOther(engine: Engine, source: TokenSource, record: TokenRecord): boolean {
  const { lease } = record.attempt;
  return lease !== undefined && lease.until > engine.linkOf(source).now();
}

function takeVerdict(engine: Engine, source: TokenSource, record: TokenRecord, epoch: number, want: Want): void {
  const { attempt, token } = record;
  if (attempt.failure && attempt.failure.epoch >= epoch) throw recordedError(source, record, engine.linkOf(source));
  const proper = attempt.epoch === epoch && attempt.lease === undefined;
  if (want.mode === 'forced' && proper && token?.value === want.refused && attempt.forced)
    throw rejectedAgain(source, undefined, 'repeated');
}
