import type { TokenKey } from '../../../src/index.js';
import { accountKeyIn } from '../../../src/key.js';
import {
  type AttemptChange,
  type CommitOptions,
  cursorOf,
  type DueKey,
  type DueQuery,
  isDue,
  type Lease,
  type NoteOptions,
  type Seen,
  type TokenPart,
} from '../../../src/store/index.js';
import { type Data, SoundStore } from '../sound-store.js';
import type { Broken } from './broken.js';

const MANY = 'pages through what is due among';
const ALONE = 'names what others leave alone exactly once';

/** The index: what is due, page by page. */
export const BROKEN_INDEX: readonly Broken[] = [
  {
    mistake: 'does not move a key in the index with a commit',
    store: class extends SoundStore {
      override async commit(key: TokenKey, token: TokenPart, options: CommitOptions) {
        const { record } = await this.read(key);
        const answer = await super.commit(key, token, options);
        if (record?.token) this.data.index.set(key, record.refreshAt);
        return answer;
      }
    },
    breaks: ['moves a key in the index with the commit that says so'],
  },
  {
    mistake: 'does not move a key in the index with a note',
    store: class extends SoundStore {
      override async note(lease: Lease, change: AttemptChange, options?: NoteOptions) {
        const { record } = await this.read(lease.key);
        const noted = await super.note(lease, change, options);
        this.data.index.set(lease.key, record?.refreshAt);
        return noted;
      }
    },
    breaks: ['moves a key in the index with a note, a release and the end of a lease'],
  },
  {
    mistake: 'leaves a parked key in the index',
    store: class extends SoundStore {
      override async park(seen: Seen, cause: string) {
        const { record } = await this.read(seen.key);
        const parked = await super.park(seen, cause);
        if (parked && record) this.write(seen.key, { ...record, attempt: { ...record.attempt, cause } });
        return parked;
      }
    },
    breaks: ['parks a key: out of the index'],
  },
  {
    mistake: 'parks whatever its epoch',
    store: class extends SoundStore {
      override async park(seen: Seen, cause: string) {
        const { record } = await this.read(seen.key);
        return super.park({ ...seen, epoch: record?.attempt.epoch ?? seen.epoch }, cause);
      }
    },
    breaks: ['parks a key'],
  },
  {
    mistake: 'names keys that others hold',
    store: class extends SoundStore {
      override due({ cursor, ...query }: DueQuery) {
        return this.send(() => {
          const keys = dueIn(this.data, query, this.now(), true).filter((due) => !cursor || cursorOf(due) > cursor);
          const end = keys.length > query.limit ? keys[query.limit - 1] : undefined;
          return { keys: keys.slice(0, query.limit), now: this.now(), ...(end && { cursor: cursorOf(end) }) };
        });
      }
    },
    breaks: ['none under a live lease', MANY],
  },
  {
    mistake: 'begins a page after the time of the last key',
    store: pagesBy((due, last) => due.refreshAt > last.refreshAt),
    breaks: ['answers a cursor with the same page', MANY, ALONE],
  },
  {
    mistake: 'begins a page with the last key',
    store: pagesBy(
      (due, last) => due.refreshAt > last.refreshAt || (due.refreshAt === last.refreshAt && due.key >= last.key),
    ),
    breaks: ['page by page, none under a live lease', MANY, ALONE],
  },
  {
    mistake: 'counts the keys of earlier pages for its cursor',
    store: class extends SoundStore {
      override due({ cursor, ...query }: DueQuery) {
        return this.send(() => {
          const from = Number(cursor ?? 0);
          const keys = dueIn(this.data, query, this.now()).slice(from);
          const more = keys.length > query.limit ? { cursor: String(from + query.limit) } : {};
          return { keys: keys.slice(0, query.limit), now: this.now(), ...more };
        });
      }
    },
    breaks: [MANY, ALONE],
  },
  {
    mistake: 'names due keys in the order of their names',
    store: class extends SoundStore {
      override async due(query: DueQuery) {
        const page = await super.due({ ...query, limit: 100_000 });
        const keys = [...page.keys]
          .sort((a, b) => (a.key < b.key ? -1 : 1))
          .filter(({ key }) => key > (query.cursor ?? ''));
        const last = keys[query.limit - 1];
        return { keys: keys.slice(0, query.limit), now: page.now, ...(last && { cursor: last.key }) };
      }
    },
    breaks: ['names a key by its urgency as it is now', MANY],
  },
];

/** Pages of what is due whose cursor is the last key, and which go on with what comes `after` it. */
function pagesBy(after: (due: DueKey, last: Pick<DueKey, 'key' | 'refreshAt'>) => boolean): Broken['store'] {
  return class extends SoundStore {
    override due({ cursor, ...query }: DueQuery) {
      return this.send(() => {
        const last = cursor === undefined ? undefined : JSON.parse(cursor);
        const keys = dueIn(this.data, query, this.now()).filter((due) => !last || after(due, last));
        const [end] = keys.slice(query.limit - 1, query.limit);
        const more = keys.length > query.limit && {
          cursor: JSON.stringify({ key: end?.key, refreshAt: end?.refreshAt }),
        };
        return { keys: keys.slice(0, query.limit), now: this.now(), ...more };
      });
    }
  };
}

/** Everything due, most urgent first. */
function dueIn({ records }: Data, { accounts }: Pick<DueQuery, 'accounts'>, now: number, whoever = false): DueKey[] {
  return [...records.values()]
    .filter((record) => accounts.includes(accountKeyIn(record.key)))
    .filter((record) => (whoever ? (record.refreshAt ?? now + 1) <= now : isDue(record, now)))
    .map(({ key, generation, attempt, refreshAt = 0 }) => ({ key, generation, epoch: attempt.epoch, refreshAt }))
    .sort((a, b) => a.refreshAt - b.refreshAt || (a.key < b.key ? -1 : 1));
}
