import type { TokenStore } from '@evertoken/core';

/** Calls that pass while a store is away: they reach no server. */
const LOCAL = new Set<PropertyKey>(['open', 'close', 'name', 'problems', 'sealed']);

/** A store that can be away for a while; like a remote one it lets nobody look without asking. */
export class FarStore {
  isAway = false;
  readonly #store: TokenStore;

  constructor(store: TokenStore) {
    this.#store = store;
  }

  /** The store as one machine reaches it. */
  for(machine: Machine): TokenStore {
    return new Proxy(this.#store, {
      get: (store, name) => {
        if (name === 'peek' || name === 'watch') return undefined;
        const member: unknown = Reflect.get(store, name, store);
        if (typeof member !== 'function') return member;
        if (LOCAL.has(name)) return member.bind(store);
        return (...input: unknown[]) => {
          // What the platform has answered is still stored; a dead machine does nothing else.
          if (machine.isDead && name !== 'commit') return new Promise(() => {});
          if (this.isAway) return Promise.reject(new Error('the store is away'));
          return onItsWay(() => member.apply(store, input));
        };
      },
    });
  }
}

/** Requests to the platform and calls of stores that are on their way. */
let underWay = 0;

export function isAnythingUnderWay(): boolean {
  return underWay > 0;
}

async function onItsWay<Value>(work: () => Value | Promise<Value>): Promise<Value> {
  underWay++;
  try {
    return await work();
  } finally {
    underWay--;
  }
}

/** What one process of the application reaches the world through. It can die between two requests. */
export class Machine {
  isDead = false;
  /** Called after each answer, before the process sees it. */
  onAnswer: (() => void) | undefined;
  #left = Number.POSITIVE_INFINITY;

  /** Lets so many more requests out; whoever sends the next one kills the machine. */
  dieAfter(requests: number): void {
    this.#left = requests;
  }

  readonly fetch: typeof fetch = async (input, init) => {
    if (this.#left-- <= 0) this.isDead = true;
    if (this.isDead) return new Promise<never>(() => {});
    return onItsWay(async () => {
      const response = await fetch(input, init);
      this.onAnswer?.();
      return response;
    });
  };
}
