import type { Engine } from './engine.js';
import type { Registered } from './registry.js';
import type { TokenSource } from './source.js';
import { isAbsent, type TokenRecord } from './store/record.js';

/** A source of which nothing is stored, and its record as it was found. */
export interface Missing {
  readonly source: TokenSource;
  readonly seen: TokenRecord;
}

/** What goes with a token that has just been stored, is to be kept fresh, and of which nothing is stored yet. */
export async function missingCompanions(engine: Engine, source: TokenSource): Promise<Missing[]> {
  const { memory, registry } = engine;
  const registered = registry.get(source.account);
  const companions = registered?.account.companions?.(source, memory.copy(source)?.extra) ?? [];
  const missing: Missing[] = [];
  for (const companion of companions) {
    if (!registered || !isKept(engine, registered, companion)) continue;
    const seen = await memory.read(companion).catch(() => undefined);
    // Forgotten or revoked stays so; what was tried before is in the due index.
    if (seen && isAbsent(seen) && seen.refreshAt === undefined) missing.push({ source: companion, seen });
  }
  return missing;
}

/** Obtains behind the caller what goes with a new grant. */
export function obtainCompanions(engine: Engine, source: TokenSource): void {
  if (!engine.registry.get(source.account)?.account.companions) return;
  engine.own(
    (async () => {
      for (const { source: companion, seen } of await missingCompanions(engine, source)) {
        if (!engine.isOpen()) return;
        // Its failure has its own event, and the key its next attempt.
        await (await engine.flights()).join(companion, { mode: 'soon', seen }).catch(() => {});
      }
    })(),
  );
}

/** Whether a source's kind is among those kept fresh. */
export function isKept(engine: Engine, { refresh }: Registered, { kind }: TokenSource): boolean {
  return (refresh.kinds ?? engine.settings.refresh.kinds)?.includes(kind) ?? true;
}
