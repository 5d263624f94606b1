import type { StoreTraits, TokenStore } from '@evertoken/core';
import type { Page } from '@evertoken/core/store';

/** What is told of a store. */
export interface StoreWatch {
  /** After each opening; what it throws is what opening fails with. */
  onOpen(traits: StoreTraits): void;
  /** After each page of records. */
  onList(page: Page): void;
}

/** The same store, telling what it promises and what it lists: neither costs a call of its own then. */
export function watched(store: TokenStore, watch: StoreWatch): TokenStore {
  const told: Pick<TokenStore, 'open' | 'list'> = {
    async open() {
      const traits = await store.open();
      watch.onOpen(traits);
      return traits;
    },
    async list(filter, page) {
      const answer = await store.list(filter, page);
      watch.onList(answer);
      return answer;
    },
  };
  // Not a proxy of the store itself: of one that is frozen nothing could be replaced.
  return new Proxy({} as TokenStore, {
    has: (_, name) => name in store,
    get(_, name) {
      if (name === 'open' || name === 'list') return told[name];
      const member: unknown = Reflect.get(store, name, store);
      // A method of a class with private fields works on that very object only.
      return typeof member === 'function' ? member.bind(store) : member;
    },
  });
}
