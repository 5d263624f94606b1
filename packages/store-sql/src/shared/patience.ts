import { setTimeout as pause } from 'node:timers/promises';

/** How long a statement that was turned away is sent again, ms: the manager waits no longer for a store. */
const PATIENCE_MS = 2_000;
const LONGEST_PAUSE_MS = 50;

/** Sends again what a lock of others has turned away, as long as the database says that nothing has happened. */
export async function patiently<Answer>(
  mayRepeat: (error: unknown) => boolean,
  send: () => Promise<Answer>,
): Promise<Answer> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (let round = 1; ; round++) {
    try {
      return await send();
    } catch (error) {
      if (!mayRepeat(error) || performance.now() > giveUpAt) throw error;
    }
    await pause(Math.min(LONGEST_PAUSE_MS, 2 * round) * (0.5 + Math.random()));
  }
}
