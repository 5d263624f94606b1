import { describe, expect, expectTypeOf, it } from 'vitest';
import { memoryStore } from '../../src/index.js';
import type { StoreContractOptions, TestRunner } from '../../src/testing/index.js';
import { casesOf, outcomesOf } from './collecting-runner.js';
import { SoundStore } from './sound-store.js';

const memory: StoreContractOptions = {
  name: 'memoryStore',
  create: (clock) => memoryStore({ clock }),
  traits: { durable: false, scope: 'process' },
};
const optional = (name: string) => name.includes('has each optional operation');

describe('storeContract', () => {
  it('says in its title what a store declares to be without', () => {
    expect(casesOf(memory).title).toBe(
      'memoryStore keeps the contract of TokenStore (no second connection, no connection to lose, no clock of its own, no records of other versions)',
    );
    const full: StoreContractOptions = {
      name: 'soundStore',
      ownClock: true,
      create: (clock) => new SoundStore(clock),
      reconnect: (store, clock) => new SoundStore(clock, (store as SoundStore).data),
      traits: memory.traits,
      plant: async () => {},
      sever: async () => {},
    };
    expect(casesOf(full).title).toBe('soundStore keeps the contract of TokenStore');
    expect(casesOf({ ...full, keys: 500, lacks: ['watch'] }).title).toBe(
      'soundStore keeps the contract of TokenStore (500 keys, no watch)',
    );
    expect(casesOf(full).cases.size).toBeGreaterThan(casesOf({ ...full, lacks: ['watch', 'reseal'] }).cases.size);
  });

  it('fails a store that lacks what it does not declare to lack, and names the option', async () => {
    const create = () => Object.assign(memoryStore(), { watch: undefined, reseal: undefined }) as never;
    const outcomes = await outcomesOf({ ...memory, create }, (name) => optional(name) || /watcher|reseal/.test(name));
    expect([...outcomes.values()].filter((outcome) => outcome === 'kept')).toEqual([]);
    expect(String(outcomes.get('tells a watcher of commits by another connection'))).toContain(
      '"lacks" of storeContract must name "watch", which memoryStore does not have',
    );
    expect([...(await outcomesOf({ ...memory, create, lacks: ['watch', 'reseal'] }, optional)).values()]).toEqual([
      'kept',
    ]);
  });

  it('fails a store that has what it declares to lack', async () => {
    const [outcome] = (await outcomesOf({ ...memory, lacks: ['watch'] }, optional)).values();
    expect(outcome).toMatchObject({ name: 'AssertionError' });
  });

  it('says how to repeat a random sequence that failed, and repeats it', async () => {
    class Forgetful extends SoundStore {
      override async park() {
        return false;
      }
    }
    const failure = async (seed: number) => {
      const create: StoreContractOptions['create'] = (clock: { now(): number } | undefined) => new Forgetful(clock);
      const outcomes = await outcomesOf({ ...memory, create, seed } as StoreContractOptions, (name) =>
        name.includes('random'),
      );
      return String([...outcomes.values()][0])
        .split(':', 2)
        .join(':');
    };
    const failures = [await failure(1), await failure(1), await failure(2)];
    expect(failures[0]).toMatch(/^AssertionError: step \d+ \(park\) of the sequence from seed 1$/);
    expect(failures[1]).toBe(failures[0]);
    expect(failures[2]).toMatch(/from seed 2$/);
  });

  it('takes the runners of Vitest and node:test as they are', () => {
    type NodeTest = Pick<typeof import('node:test'), 'describe' | 'it'>;
    expectTypeOf<{ describe: typeof describe; it: typeof it; expect: typeof expect }>().toExtend<TestRunner>();
    expectTypeOf<NodeTest & { expect: typeof expect }>().toExtend<TestRunner>();
  });
});
