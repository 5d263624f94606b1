import { randomUUID } from 'node:crypto';
import type { TokenStore } from '@evertoken/core';
import type { Lease } from '@evertoken/core/store';
import { sharedDatabase, Wire, whyMissing } from '@evertoken/test-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisStore } from '../src/index.js';
import { ACCOUNT, keyOf, tokenOf } from './support.js';

const KEY = keyOf('a');

describe.skipIf(whyMissing('redis'))('round trips of redisStore', () => {
  let wire: Wire;
  let store: TokenStore;

  const trips = async <Answer>(operation: () => Promise<Answer>): Promise<[Answer, number]> => {
    wire.turns = 0;
    const answer = await operation();
    return [answer, wire.turns];
  };
  const generationOf = async () => (await store.read(KEY)).record?.generation as number;

  beforeAll(async () => {
    wire = await Wire.before(await sharedDatabase('redis'));
    store = redisStore({ url: wire.url, keyPrefix: `test:${randomUUID()}:` });
    await store.open();
    // The first use of a script sends its text.
    await store.commit(KEY, tokenOf('first'), { predecessor: 0, refreshAt: 1 });
    const lease = await store.claim({ key: KEY, generation: await generationOf(), epoch: 0 }, 'p0', 30_000);
    await store.note(lease as Lease, {}, { release: true });
    await store.due({ limit: 5, accounts: [ACCOUNT] });
    await store.list({}, { limit: 5 });
  });

  afterAll(() => store?.close());

  it('are one for a read, a claim, a renewal, a note and a commit, three for a refresh, two for due and list', async () => {
    const [{ record }, read] = await trips(() => store.read(KEY));
    const generation = record?.generation as number;
    const seen = { key: KEY, generation, epoch: record?.attempt.epoch as number };
    const [lease, claim] = await trips(() => store.claim(seen, 'p1', 30_000, { generation }));
    const [renewed, renew] = await trips(() => store.renew(lease as Lease, 30_000));
    expect(renewed).toMatchObject({ kind: 'lease' });
    const [noted, note] = await trips(() => store.note(lease as Lease, { failures: 1, refreshAt: 1 }));
    const options = { predecessor: generation, lease: lease as Lease, fenced: true, release: true, refreshAt: 1 };
    const [committed, commit] = await trips(() => store.commit(KEY, tokenOf('second'), options));
    expect([noted, committed]).toEqual([true, 'accepted']);
    const [page, due] = await trips(() => store.due({ limit: 5, accounts: [ACCOUNT] }));
    expect(page.keys.length).toBe(1);
    const [, list] = await trips(() => store.list({}, { limit: 5 }));
    expect({ read, claim, renew, note, commit, due, list }).toEqual({
      read: 1,
      claim: 1,
      renew: 1,
      note: 1,
      commit: 1,
      due: 2,
      list: 2,
    });
  });

  it('are one for a page of due keys where none is due', async () => {
    const [page, due] = await trips(() => store.due({ limit: 5, accounts: ['test/none'] }));
    expect(page.keys).toEqual([]);
    expect(due).toBe(1);
  });
});
