import { type Engine, keyEvent } from './engine.js';
import { TokenError } from './errors.js';
import { idsOf, labelOf } from './platform-request.js';
import type { TokenSource } from './source.js';

/** Rounds against others who store something meanwhile: each lost one means that somebody did. */
const MAX_ROUNDS = 50;

/** `Tokens.revoke` and `Tokens.forget`: a tombstone. `order` lets an older event lose against a newer push. */
export async function entomb(engine: Engine, source: TokenSource, order: number | undefined): Promise<void> {
  await removed(engine, source, order);
  engine.memory.changed(source.key);
  await engine.memory.read(source);
}

async function removed(engine: Engine, source: TokenSource, order: number | undefined): Promise<void> {
  const link = engine.linkOf(source);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { record } = await link.read(source.key);
    if (!record?.token) return;
    if (order !== undefined && record.token.order !== undefined && order < record.token.order) return;
    if (!(await link.call('remove', (store) => store.remove(source.key, record.generation)))) continue;
    const event = keyEvent(engine, source);
    engine.events.emit('state', { ...event, from: record.attempt.state, to: 'gone' });
    if (order !== undefined && source.keep === 'grant') engine.events.emit('reauthorize', { ...event, cause: 'gone' });
    return;
  }
  throw new TokenError('ERR_TOKEN_BUSY', `${labelOf(source)}: other processes kept being faster`, idsOf(source));
}
