import type { AccountKey, TokenKey } from '../../../src/index.js';
import { accountKeyOf } from '../../../src/key.js';
import type { DueQuery, ListFilter } from '../../../src/store/index.js';
import { SoundStore } from '../sound-store.js';
import type { Broken } from './broken.js';

const ODD_KEYS = 'tells odd keys apart';

/** Keys and accounts: which are the same. */
export const BROKEN_KEYS: readonly Broken[] = [
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
