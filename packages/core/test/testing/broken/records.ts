import type { TokenKey } from '../../../src/index.js';
import type { TokenPart, TokenRecord } from '../../../src/store/index.js';
import { SoundStore } from '../sound-store.js';
import type { Broken, Decide } from './broken.js';

/** Records: what of them is kept, and for how long. */
export const BROKEN_RECORDS: readonly Broken[] = [
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
