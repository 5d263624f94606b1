import type { AccountKey, TokenKey } from '../../src/index.js';
import { accountKeyIn, accountKeyOf } from '../../src/key.js';
import {
  type AttemptChange,
  type CommitOptions,
  claimStep,
  commitStep,
  cursorOf,
  type DueKey,
  type DueQuery,
  type Intent,
  isDue,
  type Lease,
  type ListFilter,
  type NoteOptions,
  noteStep,
  type Seen,
  type Step,
  type TokenPart,
  type TokenRecord,
} from '../../src/store/index.js';
import type { Data } from './sound-store.js';
import { SoundStore, serverClock } from './sound-store.js';

/** A store with one mistake, and the promises it breaks by it: texts of the cases' names. */
export interface Broken {
  readonly mistake: string;
  readonly store: new (clock: { now(): number } | undefined, data?: Data) => SoundStore;
  readonly breaks: readonly string[];
}

type Decide<Answer> = (record: TokenRecord | undefined, now: number) => Step<Answer>;

/** Lets time pass between a look at a record and the write that follows from it. */
class HastyStore extends SoundStore {
  protected async hastily<Answer>(key: TokenKey, decide: Decide<Answer>): Promise<Answer> {
    const { next, answer } = await this.send(() => decide(this.look(key), this.now()));
    if (next) await this.send(() => this.write(key, next));
    return answer;
  }
}

/** Asks for other terms of a lease than it then says. */
class MisreadingStore extends SoundStore {
  protected terms(ttlMs: number): number {
    return ttlMs;
  }
  override async claim(seen: Seen, holder: string, ttlMs: number, intent?: Pick<Intent, 'generation'>) {
    const answer = await super.claim(seen, holder, this.terms(ttlMs), intent);
    return 'kind' in answer ? { ...answer, until: this.now() + ttlMs } : answer;
  }
}

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

/** The record without its lease, whoever holds it. */
function freed(record: TokenRecord | undefined): Step<undefined> {
  if (!record) return { answer: undefined };
  const { lease: _lease, ...attempt } = record.attempt;
  return { next: { ...record, attempt }, answer: undefined };
}

const TWO_WRITERS = 'lets exactly one of two writers of one predecessor win';
const TWO_CLAIMANTS = 'gives exactly one of two claimants the lease, every time';
const SILENT_HOLDER = 'gives the lease of a holder that fell silent to the next one once it has ended';
const ODD_KEYS = 'tells odd keys apart';
const MANY = 'pages through what is due among';
const ALONE = 'names what others leave alone exactly once';

/** Leases: whose they are, and until when. */
const LEASES: readonly Broken[] = [
  {
    mistake: 'takes the milliseconds of a lease for seconds',
    store: class extends MisreadingStore {
      protected override terms(ttlMs: number) {
        return ttlMs * 1_000;
      }
    },
    breaks: [SILENT_HOLDER],
  },
  {
    mistake: 'takes the seconds it converts a lease to for milliseconds',
    store: class extends MisreadingStore {
      protected override terms(ttlMs: number) {
        return ttlMs / 1_000;
      }
    },
    breaks: [SILENT_HOLDER],
  },
  {
    mistake: 'looks whether a key is free before it claims, with time in between',
    store: class extends HastyStore {
      override claim(seen: Seen, holder: string, ttlMs: number, intent?: Pick<Intent, 'generation'>) {
        return this.hastily(seen.key, (record, now) => claimStep(record, { seen, holder, ttlMs, intent, now }));
      }
    },
    breaks: [TWO_CLAIMANTS, 'gives exactly one of eight claimants an ended lease'],
  },
  {
    mistake: 'releases whatever lease stands',
    store: class extends SoundStore {
      override async note(lease: Lease, change: AttemptChange, options?: NoteOptions) {
        const noted = await super.note(lease, change, options);
        if (!noted && options?.release) await this.swap(lease.key, (record) => freed(record));
        return noted;
      }
    },
    breaks: ['releases with the note that asks for it only, and never blindly'],
  },
  {
    mistake: 'releases whatever lease stands with a commit',
    store: class extends SoundStore {
      override async commit(key: TokenKey, token: TokenPart, options: CommitOptions) {
        const answer = await super.commit(key, token, options);
        if (answer === 'accepted' && options.release) await this.swap(key, (record) => freed(record));
        return answer;
      }
    },
    breaks: ['ends the lease with the commit that asks for it, and nobody else’s'],
  },
  {
    mistake: 'renews for anyone',
    store: class extends SoundStore {
      override async renew(lease: Lease, ttlMs: number) {
        const { record } = await this.read(lease.key);
        const held = record?.attempt.lease;
        if (!record || !held) return undefined;
        return super.renew({ ...lease, epoch: record.attempt.epoch, holder: held.holder }, ttlMs);
      }
    },
    breaks: ['renews a lease for its own epoch only', 'renews nothing for a holder that let go'],
  },
  {
    mistake: 'lets a commit pass its fence',
    store: class extends SoundStore {
      override commit(key: TokenKey, token: TokenPart, { fenced: _fenced, ...options }: CommitOptions) {
        return super.commit(key, token, options);
      }
    },
    breaks: ['refuses a fenced commit under an old epoch', 'fences a commit against the claim of the next holder'],
  },
  {
    mistake: 'forgets that an intent stood already',
    store: class extends SoundStore {
      protected override write(key: TokenKey, next: TokenRecord) {
        const { intent } = next.attempt;
        super.write(
          key,
          intent ? { ...next, attempt: { ...next.attempt, intent: { ...intent, uncertain: false } } } : next,
        );
      }
    },
    breaks: ['keeps the intent of a holder that fell silent, as uncertain'],
  },
  {
    mistake: 'notes a verdict on a token that has been replaced',
    store: class extends SoundStore {
      override note(lease: Lease, change: AttemptChange, { release = false }: NoteOptions = {}) {
        return super.note(lease, change, { release });
      }
    },
    breaks: ['notes nothing on a token that has been replaced since'],
  },
  {
    mistake: 'writes back the whole attempt part it has read for a note',
    store: class extends HastyStore {
      override note(lease: Lease, change: AttemptChange, options?: NoteOptions) {
        return this.hastily(lease.key, (record) => noteStep(record, lease, change, options));
      }
    },
    breaks: ['keeps both of two notes made at once'],
  },
];

/** Commits: over what, what of it is kept, and for how long. */
const COMMITS: readonly Broken[] = [
  {
    mistake: 'stores without comparing',
    store: class extends SoundStore {
      override commit(key: TokenKey, token: TokenPart, options: CommitOptions) {
        return this.swap(key, (record, now) => {
          const predecessor = record?.token ? record.generation : options.predecessor;
          return commitStep(record, { key, token, options: { ...options, predecessor }, now });
        });
      }
    },
    breaks: [TWO_WRITERS, 'lets a commit follow its predecessor alone'],
  },
  {
    mistake: 'compares before it stores, with time in between',
    store: class extends HastyStore {
      override commit(key: TokenKey, token: TokenPart, options: CommitOptions) {
        if (options.predecessor === 0) return super.commit(key, token, options);
        return this.hastily(key, (record, now) => commitStep(record, { key, token, options, now }));
      }
    },
    breaks: [TWO_WRITERS, 'lets exactly one of eight writers at once win'],
  },
  {
    mistake: 'looks whether anything stands before it stores a first token, with time in between',
    store: class extends HastyStore {
      override commit(key: TokenKey, token: TokenPart, options: CommitOptions) {
        if (options.predecessor !== 0) return super.commit(key, token, options);
        return this.hastily(key, (record, now) => commitStep(record, { key, token, options, now }));
      }
    },
    breaks: ['lets exactly one of two first tokens in where nothing stood'],
  },
  {
    mistake: 'acknowledges every ninth write and loses it',
    store: class extends SoundStore {
      #writes = 0;
      protected override write(key: TokenKey, next: TokenRecord) {
        if (++this.#writes % 9 !== 0) super.write(key, next);
      }
    },
    breaks: [TWO_WRITERS, 'answers a random sequence of operations as the reference does'],
  },
  {
    mistake: 'acknowledges what it has only put in a buffer, which is lost on closing',
    store: class extends SoundStore {
      #closed = false;
      override async open() {
        this.#closed = false;
        return super.open();
      }
      protected override write(key: TokenKey, next: TokenRecord) {
        const before = this.look(key);
        super.write(key, next);
        // Two turns later it is written for good.
        setImmediate(() => setImmediate(() => this.#closed && this.#undo(key, before)));
      }
      #undo(key: TokenKey, before: TokenRecord | undefined) {
        if (before) super.write(key, before);
        else this.data.records.delete(this.nameOf(key));
      }
      override async close() {
        this.#closed = true;
      }
    },
    breaks: ['what it acknowledged is there for the next connection'],
  },
  {
    mistake: 'deletes without a tombstone',
    store: class extends SoundStore {
      override async remove(key: TokenKey, predecessor: number) {
        const removed = await super.remove(key, predecessor);
        if (removed) this.data.records.delete(this.nameOf(key));
        return removed;
      }
    },
    breaks: [
      'leaves a tombstone that only a new authorization replaces',
      'stores a first token only where neither token nor tombstone stands',
      'never brings a token back',
    ],
  },
  {
    mistake: 'begins generations anew after a removal',
    store: class extends SoundStore {
      protected override step<Answer>(key: TokenKey, decide: Decide<Answer>): Answer {
        const before = this.look(key);
        const answer = super.step(key, decide);
        const after = this.look(key);
        if (before?.goneAt !== undefined && after?.token) this.write(key, { ...after, generation: 1 });
        return answer;
      }
    },
    breaks: ['leaves a tombstone that only a new authorization replaces, with a higher generation'],
  },
  {
    mistake: 'takes its time for a generation',
    store: class extends SoundStore {
      protected override write(key: TokenKey, next: TokenRecord) {
        const changed = next.generation !== this.look(key)?.generation;
        super.write(key, changed ? { ...next, generation: Math.floor(this.now()) } : next);
      }
    },
    breaks: ['counts generations and epochs on when the clock is stepped back', TWO_WRITERS],
  },
  {
    mistake: 'creates a record for a commit that names a predecessor',
    store: class extends SoundStore {
      override async commit(key: TokenKey, token: TokenPart, options: CommitOptions) {
        const { record } = await this.read(key);
        return super.commit(key, token, record ? options : { ...options, predecessor: 0 });
      }
    },
    breaks: ['never creates a record by a commit that names a predecessor'],
  },
  {
    mistake: 'gives an equal value a new generation',
    store: class extends SoundStore {
      override commit(key: TokenKey, token: TokenPart, options: CommitOptions) {
        return this.swap<'accepted' | TokenRecord>(key, (record, now) => {
          const other = record?.token && { ...record, token: { ...record.token, value: 'another one' } };
          const step = commitStep(other ?? record, { key, token, options: { ...options, same: [] }, now });
          return step.next ? step : { answer: record ?? (step.answer as TokenRecord) };
        });
      }
    },
    breaks: ['gives one generation to one value that two bring at once', 'accepts an equal value under its generation'],
  },
  {
    mistake: 'takes the earlier end when it merges',
    store: class extends SoundStore {
      override commit(key: TokenKey, token: TokenPart, options: CommitOptions) {
        return this.swap(key, (record, now) => {
          const step = commitStep(record, { key, token, options, now });
          const ends = [record?.token?.expiresAt, token.expiresAt].filter((end) => end !== undefined);
          const merged = step.next?.token && step.next.generation === record?.generation;
          if (!merged || ends.length < 2) return step;
          return {
            ...step,
            next: {
              ...step.next,
              token: { ...(step.next.token as TokenPart), expiresAt: Math.min(...ends) },
            } as TokenRecord,
          };
        });
      }
    },
    breaks: ['merges times: a known end beats an unknown one, then the later'],
  },
  {
    mistake: 'compares values as they stand, whatever their marks say',
    store: class extends SoundStore {
      override commit(key: TokenKey, token: TokenPart, { same: _same, ...options }: CommitOptions) {
        return super.commit(key, token, options);
      }
    },
    breaks: ['counts an equal mark as an equal value', 'counts the mark of an older key as an equal value'],
  },
  {
    mistake: 'settles every state with a commit',
    store: class extends SoundStore {
      override commit(key: TokenKey, token: TokenPart, options: CommitOptions) {
        return this.swap(key, (record, now) => {
          const calm = record && { ...record, attempt: { ...record.attempt, state: 'active' as const } };
          return commitStep(record?.token ? calm : record, { key, token, options, now });
        });
      }
    },
    breaks: ['keeps `contested` and `repeated` over a commit'],
  },
  {
    mistake: 'reseals whatever stands',
    store: class extends SoundStore {
      override reseal(seen: TokenRecord, token: TokenPart) {
        return this.swap<boolean>(seen.key, (record) =>
          record?.token ? { next: { ...record, token }, answer: true } : { answer: false },
        );
      }
    },
    breaks: ['reseals nothing that has changed since', 'never puts a resealed token over a newer one'],
  },
];

/** Records: what of them is kept, and for how long. */
const RECORDS: readonly Broken[] = [
  {
    mistake: 'forgets a record when its token has ended',
    store: class extends SoundStore {
      protected override look(key: TokenKey) {
        const record = super.look(key);
        return (record?.token?.expiresAt ?? Number.POSITIVE_INFINITY) <= this.now() ? undefined : record;
      }
    },
    breaks: ['forgets no record by itself, however long its token has ended'],
  },
  {
    mistake: 'forgets a tombstone after a day',
    store: class extends SoundStore {
      protected override look(key: TokenKey) {
        const record = super.look(key);
        return record?.goneAt !== undefined && record.goneAt + 86_400_000 < this.now() ? undefined : record;
      }
    },
    breaks: ['no tombstone within 30 days'],
  },
  {
    mistake: 'drops fields of a record that it does not know',
    store: class extends SoundStore {
      protected override write(key: TokenKey, { v, generation, token, goneAt, refreshAt, attempt }: TokenRecord) {
        super.write(key, {
          v,
          key,
          generation,
          ...(token && { token }),
          ...(goneAt !== undefined && { goneAt }),
          ...(refreshAt !== undefined && { refreshAt }),
          attempt,
        });
      }
      override plant(record: TokenRecord) {
        super.write(record.key, record);
      }
    },
    breaks: ['keeps fields it does not know through claim', 'keeps fields it does not know through a commit, those of'],
  },
  {
    mistake: 'drops fields of an attempt part that it does not know',
    store: class extends SoundStore {
      protected override write(key: TokenKey, next: TokenRecord) {
        const { later: _later, ...attempt } = next.attempt as TokenRecord['attempt'] & { later?: unknown };
        super.write(key, { ...next, attempt });
      }
      override plant(record: TokenRecord) {
        super.write(record.key, record);
      }
    },
    breaks: ['keeps fields it does not know through claim', 'keeps fields it does not know when it parks a key'],
  },
  {
    mistake: 'drops fields of a token that it does not know',
    store: class extends SoundStore {
      protected override write(key: TokenKey, { token, ...next }: TokenRecord) {
        const { later: _later, ...part } = (token ?? {}) as TokenPart & { later?: unknown };
        super.write(key, { ...next, ...(token && { token: part }) });
      }
      override plant(record: TokenRecord) {
        super.write(record.key, record);
      }
    },
    breaks: ['through a commit of an equal value, those of the token too', 'keeps the fields of a first token'],
  },
  {
    mistake: 'takes a higher format for its own',
    store: class extends SoundStore {
      protected override step<Answer>(key: TokenKey, decide: Decide<Answer>): Answer {
        return super.step(key, (record, now) => decide(record && { ...record, v: 1 }, now));
      }
    },
    breaks: ['serves a record of a higher format and changes nothing in it'],
  },
  {
    mistake: 'rounds times to milliseconds',
    store: class extends SoundStore {
      protected override write(key: TokenKey, next: TokenRecord) {
        const { refreshAt } = next;
        super.write(key, refreshAt === undefined ? next : { ...next, refreshAt: Math.round(refreshAt) });
      }
    },
    breaks: ['keeps the fractions of the times it is given', 'judges by fractions of a millisecond what is due'],
  },
  {
    mistake: 'keeps no more than 64 KiB of extra facts',
    store: class extends SoundStore {
      protected override write(key: TokenKey, { token, ...next }: TokenRecord) {
        const extra = JSON.stringify(token?.extra ?? {}).length > 65_535 ? { extra: {} } : {};
        super.write(key, { ...next, ...(token && { token: { ...token, ...extra } }) });
      }
    },
    breaks: ['keeps large values and extra facts as they are'],
  },
  {
    mistake: 'ends a text at its first NUL',
    store: class extends SoundStore {
      protected override write(key: TokenKey, { token, ...next }: TokenRecord) {
        const value = token?.value.split('\u0000')[0] as string;
        super.write(key, { ...next, ...(token && { token: { ...token, value } }) });
      }
    },
    breaks: ['keeps every kind of well-formed text as it is'],
  },
];

/** Keys and accounts: which are the same. */
const KEYS: readonly Broken[] = [
  {
    mistake: 'folds the case of keys',
    store: class extends SoundStore {
      protected override nameOf(key: TokenKey) {
        return key.toLowerCase();
      }
    },
    breaks: [ODD_KEYS, 'tells keys of 512 bytes apart by their last byte'],
  },
  {
    mistake: 'ignores trailing spaces of keys, as padded columns do',
    store: class extends SoundStore {
      protected override nameOf(key: TokenKey) {
        return decodeURIComponent(key).trimEnd();
      }
    },
    breaks: [ODD_KEYS],
  },
  {
    mistake: 'normalizes the Unicode of keys',
    store: class extends SoundStore {
      protected override nameOf(key: TokenKey) {
        return key
          .split('/')
          .map((part) => encodeURIComponent(decodeURIComponent(part).normalize('NFC')))
          .join('/');
      }
    },
    breaks: [ODD_KEYS],
  },
  {
    mistake: 'decodes keys, separators and all',
    store: class extends SoundStore {
      protected override nameOf(key: TokenKey) {
        return decodeURIComponent(key);
      }
    },
    breaks: ['tells parts of a key from separators within a part'],
  },
  {
    mistake: 'cuts keys at 255 bytes',
    store: class extends SoundStore {
      protected override nameOf(key: TokenKey) {
        return key.slice(0, 255);
      }
    },
    breaks: ['tells keys of 512 bytes apart by their last byte'],
  },
  {
    mistake: 'finds accounts by how they begin',
    store: class extends SoundStore {
      override due(query: DueQuery) {
        return super.due({ ...query, accounts: this.#beginning(query.accounts) });
      }
      override list(filter: ListFilter, page: { limit: number; cursor?: string }) {
        return super.list(filter.accounts ? { ...filter, accounts: this.#beginning(filter.accounts) } : filter, page);
      }
      #beginning(accounts: readonly AccountKey[]): AccountKey[] {
        const all = [...this.data.records.values()].map(({ key }) => key.split('/').slice(1, 3).join('/'));
        return all.filter((account) => accounts.some((asked) => account.startsWith(asked)));
      }
    },
    breaks: ['never mixes accounts'],
  },
  {
    mistake: 'takes no account for every account',
    store: class extends SoundStore {
      override due(query: DueQuery) {
        const all = [accountKeyOf({ platform: 'contract', id: 'app' })];
        return super.due(query.accounts.length === 0 ? { ...query, accounts: all } : query);
      }
    },
    breaks: ['names and lists nothing of no account'],
  },
];

/** The index: what is due, page by page. */
const INDEX: readonly Broken[] = [
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

/** Connections, clocks, watchers. */
const SURROUNDINGS: readonly Broken[] = [
  {
    mistake: 'never answers what it is asked before it is opened',
    store: class extends SoundStore {
      #open = false;
      override async open() {
        this.#open = true;
        return super.open();
      }
      protected override send<Answer>(work: () => Answer): Promise<Answer> {
        return this.#open ? super.send(work) : new Promise(() => {});
      }
    },
    breaks: ['answers or refuses what it is asked before it is opened, and never hangs'],
  },
  {
    mistake: 'says on opening what it does not promise',
    store: class extends SoundStore {
      override async open() {
        return { durable: 'synced', scope: 'fleet' } as const;
      }
    },
    breaks: ['says what it promises'],
  },
  {
    mistake: 'takes its time from the host',
    store: class extends SoundStore {
      protected override now() {
        return this.clock === serverClock ? Date.now() : super.now();
      }
    },
    breaks: [
      'has a clock of its own, which does not follow the host’s',
      'judges the lease of another process by its own clock',
      'names no key under a lease and every key without one, by its own clock',
      'ends a lease by its own clock, though its holder’s runs ahead',
      'begins generations and sets tombstones by its own clock',
    ],
  },
  {
    mistake: 'takes the end of a lease from the host, and everything else from its clock',
    store: class extends SoundStore {
      override async claim(seen: Seen, holder: string, ttlMs: number, intent?: Pick<Intent, 'generation'>) {
        const off = this.clock === serverClock ? Date.now() - serverClock.now() : 0;
        return super.claim(seen, holder, ttlMs + off, intent);
      }
    },
    breaks: ['judges the lease of another process by its own clock', 'ends a lease by its own clock'],
  },
  {
    mistake: 'ignores the clock it is given',
    store: class extends SoundStore {
      protected override now() {
        return Date.now();
      }
    },
    breaks: ['answers with its own time and takes leases and first generations from it'],
  },
  {
    mistake: 'answers a read that failed with nothing',
    store: class extends SoundStore {
      override read(key: TokenKey) {
        return super.read(key).catch(() => ({ now: this.now() }));
      }
    },
    breaks: ['answers no read with nothing because the connection is lost'],
  },
  {
    mistake: 'waits for ever for an answer that is lost',
    store: class extends SoundStore {
      protected override send<Answer>(work: () => Answer): Promise<Answer> {
        return super
          .send(work)
          .catch((error: Error) => (error.message.includes('lost') ? new Promise(() => {}) : Promise.reject(error)));
      }
    },
    breaks: ['settles what is under way when the connection is lost'],
  },
  {
    mistake: 'does not connect again',
    store: class extends SoundStore {
      #lost = false;
      override cut(afterwards: boolean) {
        this.#lost = true;
        return super.cut(afterwards);
      }
      protected override send<Answer>(work: () => Answer): Promise<Answer> {
        return this.#lost ? Promise.reject(new Error('not connected')) : super.send(work);
      }
    },
    breaks: ['works again after the connection was lost'],
  },
  {
    mistake: 'writes the index in a second step, which a lost connection leaves undone',
    store: class extends SoundStore {
      protected override async swap<Answer>(key: TokenKey, decide: Decide<Answer>) {
        const due = this.look(key)?.refreshAt;
        const answer = await this.send(() => {
          const decided = super.step(key, decide);
          this.data.index.set(key, due);
          return decided;
        });
        await this.send(() => this.data.index.set(key, this.look(key)?.refreshAt));
        return answer;
      }
    },
    breaks: ['settles what is under way when the connection is lost'],
  },
  {
    mistake: 'tells its watchers nothing',
    store: class extends SoundStore {
      protected override tell() {}
    },
    breaks: ['tells a watcher of commits by another connection', 'tells a watcher of a removal by another connection'],
  },
  {
    mistake: 'tells its watchers of commits only',
    store: class extends SoundStore {
      protected override tell(key: TokenKey, generation: number | undefined) {
        if (generation !== undefined) super.tell(key, generation);
      }
    },
    breaks: ['tells a watcher of a release by another connection'],
  },
  {
    mistake: 'tells its watchers that every change is a new token',
    store: class extends SoundStore {
      protected override tell(key: TokenKey) {
        super.tell(key, this.look(key)?.generation);
      }
    },
    breaks: ['names the generation of a new token to its watchers, and of nothing else'],
  },
  {
    mistake: 'goes on telling watchers that have stopped',
    store: class extends SoundStore {
      override watch(listener: (key: TokenKey) => void) {
        super.watch(listener);
        return () => {};
      }
    },
    breaks: ['tells every watcher, and none that has stopped'],
  },
];

/** Every broken store. */
export const BROKEN: readonly Broken[] = [...LEASES, ...COMMITS, ...RECORDS, ...KEYS, ...INDEX, ...SURROUNDINGS];
