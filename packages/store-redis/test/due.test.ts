import { randomUUID } from 'node:crypto';
import type { EpochMs, TokenStore } from '@evertoken/core';
import type { Lease, TokenRecord } from '@evertoken/core/store';
import { ManualClock } from '@evertoken/core/testing';
import { sharedDatabase, Wire, whyMissing } from '@evertoken/test-servers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { redisStore } from '../src/index.js';
import { Layout, SHARDS, shardOf } from '../src/layout.js';
import { FORGET } from '../src/scripts.js';
import { type Admin, plantRecord, serverAdmin } from './stores.js';
import { ACCOUNT, keyOf, rejection, tokenOf } from './support.js';

let admin: Admin;
let wire: Wire;
let prefix: string;
let store: TokenStore;
let clock: ManualClock;

function recordOf(subject: string, refreshAt: EpochMs, leaseUntil?: EpochMs, id?: string): TokenRecord {
  return {
    v: 1,
    key: keyOf(subject, id),
    generation: 5,
    token: tokenOf(subject, clock.now()),
    refreshAt,
    attempt: {
      epoch: 2,
      state: 'active',
      failures: 0,
      ...(leaseUntil !== undefined && { lease: { holder: 'other', until: leaseUntil } }),
    },
  };
}

function plant(records: readonly TokenRecord[]): Promise<unknown> {
  return Promise.all(records.map((record) => plantRecord(admin.send, prefix, record)));
}

/** All due subjects, page by page. */
async function allDue(limit: number, accounts: readonly string[] = [ACCOUNT]): Promise<string[]> {
  const found: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await store.due({ limit, accounts, ...(cursor !== undefined && { cursor }) });
    expect(page.keys.length).toBeLessThanOrEqual(limit);
    found.push(...page.keys.map(({ key }) => key.slice(key.lastIndexOf('/') + 1)));
    cursor = page.cursor;
    if (cursor === undefined) return found;
  }
}

describe.skipIf(whyMissing('redis'))('due and list on Redis', () => {
  beforeEach(async () => {
    const url = await sharedDatabase('redis');
    admin = await serverAdmin(url);
    wire = await Wire.before(url);
    prefix = `test:${randomUUID()}:`;
    clock = new ManualClock();
    store = redisStore({ url: wire.url, keyPrefix: prefix, clock });
    await store.open();
  });

  afterEach(async () => {
    await store.close();
    await admin.close();
  });

  it('pages exactly through equal times and fractions of them', async () => {
    const base = clock.now() - 10;
    const times = [base, base + 0.1, base + 0.1, base + 0.1 + 0.000_25, base + 0.3, base + 0.30000001];
    const records = Array.from({ length: 600 }, (_, i) => recordOf(`s${i}`, times[i % times.length] as number));
    await plant(records);
    const expected = [...records]
      .sort((a, b) => (a.refreshAt as number) - (b.refreshAt as number) || (a.key < b.key ? -1 : 1))
      .map(({ key }) => key.slice(key.lastIndexOf('/') + 1));
    for (const limit of [3, 100, 600, 601]) expect(await allDue(limit)).toEqual(expected);
  });

  it('pages through more equal times in one shard than one script looks at', async () => {
    const [shard] = new Layout(prefix).ofDue(0, []) as [string];
    const inOneShard = Array.from({ length: 100_000 }, (_, i) => `n${i}`)
      .filter((subject) => shardOf(keyOf(subject)) === 0)
      .slice(0, 1_300);
    expect(shard).toContain('{00}');
    await plant(inOneShard.map((subject) => recordOf(subject, clock.now())));
    expect(await allDue(90)).toEqual([...inOneShard].sort());
  });

  it('finds what is due behind thousands of leased keys, within few looks at the server', async () => {
    const until = clock.now() + 30_000;
    const leased = Array.from({ length: 5_000 }, (_, i) => `leased ${i}`).filter(
      (subject) => shardOf(keyOf(subject)) < 2,
    );
    const inShards = Array.from({ length: 200_000 }, (_, i) => `l${i}`).filter(
      (subject) => shardOf(keyOf(subject)) === 7,
    );
    await plant([...leased, ...inShards].map((subject) => recordOf(subject, 1, until)));
    expect(inShards.length).toBeGreaterThan(2_500);
    await plant(['x', 'y', 'z'].map((subject, i) => recordOf(subject, 10 + i)));
    wire.turns = 0;
    expect(await allDue(10)).toEqual(['x', 'y', 'z']);
    expect(wire.turns).toBeLessThanOrEqual(5);
    await clock.advance(30_000);
    expect((await allDue(500)).length).toBe(3 + leased.length + inShards.length);
  });

  it('asks many accounts in one round, and no other', async () => {
    const ids = Array.from({ length: 250 }, (_, i) => `id${i}`);
    await plant(ids.flatMap((id, i) => (i % 10 === 0 ? [recordOf(`of ${id}`, i + 1, undefined, id)] : [])));
    await plant([recordOf('foreign', 1, undefined, 'other')]);
    wire.turns = 0;
    const page = await store.due({ limit: 100, accounts: ids.map((id) => `test/${id}`) });
    expect(page.keys.map(({ refreshAt }) => refreshAt)).toEqual(Array.from({ length: 25 }, (_, i) => 10 * i + 1));
    // A big question may leave in parts.
    expect(wire.turns).toBeLessThanOrEqual(2 * SHARDS);
  });

  it('names each key once, however the keys of many accounts share the shards', async () => {
    const ids = ['a', 'b', 'c', 'd'];
    const until = clock.now() + 1;
    const records = Array.from({ length: 2_000 }, (_, i) => {
      const id = ids[(i * 7) % ids.length] as string;
      return recordOf(`s${i}`, ((i * 7_919) % 500) + 1, i % 5 === 0 ? until : undefined, id);
    });
    await plant(records);
    const expected = records
      .filter(({ attempt }) => !attempt.lease)
      .sort((a, b) => (a.refreshAt as number) - (b.refreshAt as number) || (a.key < b.key ? -1 : 1))
      .map(({ key }) => key.slice(key.lastIndexOf('/') + 1));
    const accounts = ids.map((id) => `test/${id}`);
    for (const limit of [40, 1_000, 5_000]) expect(await allDue(limit, accounts)).toEqual(expected);
  });

  it('names each key once where leased keys of one account stop a look at another', async () => {
    const inShard = (id: string, count: number) =>
      Array.from({ length: 150_000 }, (_, i) => `${id}${i}`)
        .filter((subject) => shardOf(keyOf(subject, id)) === 9)
        .slice(0, count);
    const leased = inShard('a', 1_500);
    await plant(leased.map((subject) => recordOf(subject, 1, clock.now() + 1, 'a')));
    const [first = '', second = ''] = inShard('b', 2);
    await plant([recordOf(second, 3, undefined, 'b'), recordOf(first, 2, undefined, 'b')]);
    expect(await allDue(10, ['test/a', 'test/b'])).toEqual([first, second]);
  });

  it('ends a lease to the fraction of a millisecond', async () => {
    clock.step(0.123);
    await plant([recordOf('a', 1)]);
    const lease = await store.claim({ key: keyOf('a'), generation: 5, epoch: 2 }, 'p1', 1_000.0625);
    expect((lease as Lease).until).toBe(clock.now() + 1_000.0625);
    expect((await store.read(keyOf('a'))).record?.attempt.lease?.until).toBe(clock.now() + 1_000.0625);
  });

  it('answers a page with the records, as they stand by then', async () => {
    await plant([recordOf('a', 1), recordOf('b', 2)]);
    const { keys } = await store.due({ limit: 5, accounts: [ACCOUNT] });
    expect(keys).toEqual(
      ['a', 'b'].map((subject, i) => ({
        key: keyOf(subject),
        generation: 5,
        epoch: 2,
        refreshAt: i + 1,
        record: recordOf(subject, i + 1),
      })),
    );
  });

  it('names a due key whose hash holds no record, without one, and every other use of it is an error', async () => {
    await plant([recordOf('a', 1), recordOf('broken', 2), recordOf('c', 3)]);
    const key = keyOf('broken');
    const [hash = ''] = new Layout(prefix).ofRecord(key);
    await admin.send(hash, ['HDEL', hash, 'v']);
    const { keys } = await store.due({ limit: 5, accounts: [ACCOUNT] });
    expect(keys.map(({ key, record }) => [key, record?.key])).toEqual([
      [keyOf('a'), keyOf('a')],
      [key, undefined],
      [keyOf('c'), keyOf('c')],
    ]);
    expect(keys[1]).toMatchObject({ generation: 5, epoch: 2, refreshAt: 2 });
    const error = { code: 'ERR_TOKEN_STORE', message: `redisStore: a hash holds no record (key "${key}")` };
    expect((await rejection(store.read(key))).error).toMatchObject(error);
    expect((await rejection(store.commit(key, tokenOf('x'), { predecessor: 0 }))).error).toMatchObject(error);
    expect((await rejection(store.list({}, { limit: 5 }))).error).toMatchObject(error);
  });

  it.each(['a string', 'no JSON'])('reads %s in the place of a record as an error, never as a miss', async (what) => {
    await plant([recordOf('a', 1)]);
    const [hash = ''] = new Layout(prefix).ofRecord(keyOf('a'));
    if (what === 'no JSON') await admin.send(hash, ['HSET', hash, 'token', '{']);
    else await admin.send(hash, ['SET', hash, 'x']);
    expect((await rejection(store.read(keyOf('a')))).error).toMatchObject({ code: 'ERR_TOKEN_STORE' });
    const write = store.commit(keyOf('a'), tokenOf('b'), { predecessor: 0 });
    expect((await rejection(write)).error).toMatchObject({ code: 'ERR_TOKEN_STORE' });
  });

  it('drops from its indexes what is gone from the server', async () => {
    await plant([recordOf('a', 1), recordOf('b', 2, clock.now() + 1)]);
    const [hash = '', ...indexes] = new Layout(prefix).ofRecord(keyOf('a'));
    await admin.send(hash, ['DEL', hash]);
    expect((await store.due({ limit: 5, accounts: [ACCOUNT] })).keys).toEqual([]);
    const left = () => Promise.all(indexes.map((index) => admin.send(index, ['ZSCORE', index, keyOf('a')])));
    expect(await left()).toEqual([null, null, null]);
    const [other = '', , , all = ''] = new Layout(prefix).ofRecord(keyOf('b'));
    await admin.send(other, ['DEL', other]);
    expect((await store.list({}, { limit: 5 })).records).toEqual([]);
    expect(await admin.send(all, ['ZSCORE', all, keyOf('b')])).toBe(null);
  });

  it('leaves out what was claimed or refreshed between its look at the index and at the records', async () => {
    await plant(['a', 'b', 'c'].map((subject, i) => recordOf(subject, i + 1)));
    const write = (subject: string, ...fields: string[]) => {
      const [hash = ''] = new Layout(prefix).ofRecord(keyOf(subject));
      return admin.send(hash, ['HSET', hash, ...fields]);
    };
    await write('a', 'refresh_at', String(clock.now() + 1));
    await write('b', 'lease_holder', 'p1', 'lease_until', String(clock.now() + 1));
    expect(await allDue(5)).toEqual(['c']);
    expect(await allDue(1)).toEqual(['c']);
  });

  it('takes no key out of its indexes whose record is there again', async () => {
    await plant([recordOf('a', 1)]);
    const keys = new Layout(prefix).ofRecord(keyOf('a'));
    const forget = ['EVAL', FORGET.text, String(keys.length), ...keys, '', keyOf('a')];
    expect(await admin.send('', forget)).toBe(0);
    expect(await allDue(5)).toEqual(['a']);
  });

  it('lets a tombstone end after 30 days, and nothing else', async () => {
    const key = keyOf('a');
    const [hash = ''] = new Layout(prefix).ofRecord(key);
    const ttl = async () => Number(await admin.send(hash, ['PTTL', hash]));
    await store.commit(key, tokenOf('a'), { predecessor: 0, refreshAt: 1 });
    const generation = Math.floor(clock.now());
    expect(await ttl()).toBe(-1);
    expect(await store.remove(key, generation)).toBe(true);
    const month = 30 * 24 * 60 * 60_000;
    expect(await ttl()).toBeGreaterThan(month - 60_000);
    expect(await ttl()).toBeLessThanOrEqual(month);

    // What is written to it does not put its end off.
    await admin.send(hash, ['PEXPIRE', hash, '1000000']);
    const lease = (await store.claim({ key, generation, epoch: 0 }, 'p1', 30_000)) as Lease;
    await store.note(lease, {}, { release: true });
    expect(await ttl()).toBeLessThanOrEqual(1_000_000);
    expect(await store.commit(key, tokenOf('b'), { predecessor: generation, revive: true })).toBe('accepted');
    expect(await ttl()).toBe(-1);
  });

  it('refuses a cursor that is none of its own', async () => {
    const error = { code: 'ERR_TOKEN_CONFIGURATION', message: '"cursor" must be the one of an earlier page' };
    for (const cursor of ['', 'x', 'x/y']) {
      expect((await rejection(store.due({ limit: 1, accounts: [ACCOUNT], cursor }))).error).toMatchObject(error);
    }
  });

  it('lists page by page through states that few records have', async () => {
    const records = Array.from({ length: 700 }, (_, i) => {
      const record = recordOf(`s${String(i).padStart(3, '0')}`, 1);
      return i % 100 === 50 ? { ...record, attempt: { ...record.attempt, state: 'waiting' as const } } : record;
    });
    await plant(records);
    const waiting = records.filter(({ attempt }) => attempt.state === 'waiting').map(({ key }) => key);
    const found: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await store.list({ states: ['waiting'] }, { limit: 2, ...(cursor !== undefined && { cursor }) });
      found.push(...page.records.map(({ key }) => key));
      cursor = page.cursor;
      if (cursor === undefined) break;
    }
    expect(found).toEqual(waiting);
  });
});
