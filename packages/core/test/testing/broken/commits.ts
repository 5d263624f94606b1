import type { TokenKey } from '../../../src/index.js';
import { type CommitOptions, commitStep, type TokenPart, type TokenRecord } from '../../../src/store/index.js';
import { SoundStore } from '../sound-store.js';
import { type Broken, type Decide, HastyStore } from './broken.js';

const TWO_WRITERS = 'lets exactly one of two writers of one predecessor win';

/** Commits: over what, what of it is kept, and for how long. */
export const BROKEN_COMMITS: readonly Broken[] = [
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
