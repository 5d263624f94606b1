import type { TokenKey } from '../../../src/index.js';
import type { Intent, Seen } from '../../../src/store/index.js';
import { SoundStore, serverClock } from '../sound-store.js';
import type { Broken, Decide } from './broken.js';

/** Connections, clocks, watchers. */
export const BROKEN_SURROUNDINGS: readonly Broken[] = [
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
