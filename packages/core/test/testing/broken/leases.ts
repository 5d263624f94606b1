import type { TokenKey } from '../../../src/index.js';
import {
  type AttemptChange,
  type CommitOptions,
  claimStep,
  type Intent,
  type Lease,
  type NoteOptions,
  noteStep,
  type Seen,
  type Step,
  type TokenPart,
  type TokenRecord,
} from '../../../src/store/index.js';
import { SoundStore } from '../sound-store.js';
import { type Broken, HastyStore } from './broken.js';

const TWO_CLAIMANTS = 'gives exactly one of two claimants the lease, every time';
const SILENT_HOLDER = 'gives the lease of a holder that fell silent to the next one once it has ended';

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

/** Leases: whose they are, and until when. */
export const BROKEN_LEASES: readonly Broken[] = [
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

/** The record without its lease, whoever holds it. */
function freed(record: TokenRecord | undefined): Step<undefined> {
  if (!record) return { answer: undefined };
  const { lease: _lease, ...attempt } = record.attempt;
  return { next: { ...record, attempt }, answer: undefined };
}
