import type { Journal, JournalEntry, JournalledEntry, TokenKey } from '../../src/index.js';
import type { PlatformModel } from './platform-model.js';
import type { VirtualProcess } from './process-model.js';
import type { World } from './world.js';

/** The disk of one host, which outlives its processes. */
export class DiskModel {
  readonly entries = new Map<string, JournalEntry>();
  serial = 0;
}

/** A process's journal on its host's disk; what it has acknowledged is on the disk. */
export function journalOf(
  world: World,
  disk: DiskModel,
  process: () => VirtualProcess,
  platform: PlatformModel,
): Journal {
  const write = <Answer>(what: string, run: () => Answer): Promise<Answer> =>
    new Promise((resolve) => {
      const by = process();
      if (by.reaches(`journal ${what}`)) return;
      world.after(
        2,
        `${by.name} journal ${what}`,
        () => {
          const answer = run();
          world.say(by.name, () => `journal: ${what}`);
          if (!by.reaches(`journal ${what} done`)) resolve(answer);
        },
        { actor: by },
      );
    });
  return {
    name: 'modelJournal',
    sealed: false,
    open: async () => {},
    append: (entry) =>
      write(`append ${entry.token.value}`, () => {
        const id = String(++disk.serial).padStart(8, '0');
        disk.entries.set(id, entry);
        const truth = platform.tokens.get(entry.token.value);
        if (truth) truth.saved = true;
        return id;
      }),
    entries: (key?: TokenKey) =>
      write('read', (): JournalledEntry[] =>
        [...disk.entries].flatMap(([id, entry]) => (key === undefined || entry.key === key ? [{ id, entry }] : [])),
      ),
    remove: (id) => write(`remove ${id}`, () => void disk.entries.delete(id)),
    close: async () => {},
  };
}
