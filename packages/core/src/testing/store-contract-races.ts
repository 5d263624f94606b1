import type { Lease, TokenStore } from '../store/store.js';
import { claimed, KEY, key, mustHave, recordOf, type StoreCases, seed, TTL, token } from './store-contract-support.js';

/** Two and more at once, on two connections: exactly one wins, and what stands afterwards is whole. */
export function racesCases(cases: StoreCases): void {
  writersCases(cases);
  claimantsCases(cases);
  holderCases(cases);
}

function writersCases({ test, expect, rounds, has }: StoreCases): void {
  const fewer = fewerThan(rounds);

  test('lets exactly one of two writers of one predecessor win, every time', async (store, clock, other) => {
    let generation = await seed(store, clock, 'seed');
    for (let round = 0; round < rounds; round++) {
      const answers = await Promise.all([
        store.commit(KEY, token(`a${round}`, clock), { predecessor: generation }),
        other.commit(KEY, token(`b${round}`, clock), { predecessor: generation }),
      ]);
      const record = await recordOf(store);
      expect(answers.filter((answer) => answer === 'accepted').length).toBe(1);
      expect(record.token?.value).toBe(`token of ${answers[0] === 'accepted' ? 'a' : 'b'}${round}`);
      expect(record.generation).toBe(generation + 1);
      generation = record.generation;
    }
  });

  test('lets exactly one of eight writers at once win, and shows the others the winner’s token', async (store, clock, other) => {
    let generation = await seed(store, clock, 'seed');
    for (let round = 0; round < fewer; round++) {
      const names = Array.from({ length: 8 }, (_, writer) => `${round}.${writer}`);
      const answers = await Promise.all(
        names.map((name, writer) =>
          (writer % 2 === 0 ? store : other).commit(KEY, token(name, clock), { predecessor: generation }),
        ),
      );
      const won = answers.flatMap((answer, writer) => (answer === 'accepted' ? [`token of ${names[writer]}`] : []));
      const record = await recordOf(other);
      expect(won).toEqual([record.token?.value]);
      expect(record.generation).toBe(generation + 1);
      for (const answer of answers)
        if (answer !== 'accepted')
          expect(answer).toMatchObject({ generation: generation + 1, token: { value: won[0] } });
      generation = record.generation;
    }
  });

  test('lets exactly one of two first tokens in where nothing stood', async (store, clock, other) => {
    for (let round = 0; round < fewer; round++) {
      const of = key(`first ${round}`);
      const answers = await Promise.all([
        store.commit(of, token('a', clock), { predecessor: 0 }),
        other.commit(of, token('b', clock), { predecessor: 0 }),
      ]);
      expect(answers.filter((answer) => answer === 'accepted').length).toBe(1);
      expect((await recordOf(store, of)).token?.value).toBe(`token of ${answers[0] === 'accepted' ? 'a' : 'b'}`);
    }
  });

  test('gives one generation to one value that two bring at once', async (store, clock, other) => {
    let generation = await seed(store, clock, 'seed');
    for (let round = 0; round < fewer; round++) {
      const part = token(`same ${round}`, clock);
      const answers = await Promise.all(
        [store, other].map((writer) => writer.commit(KEY, part, { predecessor: generation })),
      );
      expect(answers).toEqual(['accepted', 'accepted']);
      expect((await recordOf(store)).generation).toBe(generation + 1);
      generation++;
    }
  });

  test('never brings a token back by an answer that comes while the key is forgotten', async (store, clock, other) => {
    for (let round = 0; round < fewer; round++) {
      const of = key(`forgotten ${round}`);
      await store.commit(of, token('a', clock), { predecessor: 0 });
      const { generation } = await recordOf(store, of);
      const [removed, answer] = await bothAtOnce(
        round,
        () => store.remove(of, generation),
        () => other.commit(of, token('late', clock), { predecessor: generation }),
      );
      expect(answer === 'accepted').toBe(!removed);
      const record = await recordOf(store, of);
      if (removed) {
        expect(record).toMatchObject({ generation, attempt: { state: 'gone' } });
        expect(record.token).toBeUndefined();
      } else {
        expect(record).toMatchObject({ generation: generation + 1, token: { value: 'token of late' } });
      }
    }
  });

  if (has('reseal')) {
    test('never puts a resealed token over a newer one', async (store, clock, other) => {
      await seed(store, clock, 'seed');
      for (let round = 0; round < fewer; round++) {
        const record = await recordOf(store);
        const resealed = { ...token('resealed', clock), value: `resealed ${round}` };
        const [, answer] = await bothAtOnce(
          round,
          () => mustHave(store, 'reseal')(record, resealed),
          () => other.commit(KEY, token(`new ${round}`, clock), { predecessor: record.generation }),
        );
        expect(answer).toBe('accepted');
        expect(await recordOf(store)).toMatchObject({
          generation: record.generation + 1,
          token: { value: `token of new ${round}` },
        });
      }
    });
  }
}

function claimantsCases({ test, expect, rounds }: StoreCases): void {
  const fewer = fewerThan(rounds);

  test('gives exactly one of two claimants the lease, every time', async (store, _clock, other) => {
    for (let round = 0; round < rounds; round++) {
      const seen = { key: KEY, generation: 0, epoch: round };
      const answers = await Promise.all([store.claim(seen, 'p1', TTL), other.claim(seen, 'p2', TTL)]);
      const leases = leasesIn(answers);
      expect(leases.length).toBe(1);
      expect(leases[0]).toMatchObject({ epoch: round + 1, holder: 'kind' in (answers[0] as object) ? 'p1' : 'p2' });
      expect(await store.note(leases[0] as Lease, {}, { release: true })).toBe(true);
    }
  });

  test('gives exactly one of two claimants the lease where nothing stood', async (store, _clock, other) => {
    for (let round = 0; round < fewer; round++) {
      const seen = { key: key(`first ${round}`), generation: 0, epoch: 0 };
      const leases = leasesIn(await Promise.all([store.claim(seen, 'p1', TTL), other.claim(seen, 'p2', TTL)]));
      expect(leases.length).toBe(1);
      expect((await recordOf(other, seen.key)).attempt).toMatchObject({
        epoch: 1,
        lease: { holder: leases[0]?.holder },
      });
    }
  });

  test('gives exactly one of eight claimants an ended lease', async (store, clock, other) => {
    for (let round = 0; round < fewer; round++) {
      const seen = { key: KEY, generation: 0, epoch: round };
      const leases = leasesIn(
        await Promise.all(Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? store : other).claim(seen, `p${i}`, TTL))),
      );
      expect(leases.length).toBe(1);
      expect((await recordOf(store)).attempt.lease).toEqual({ holder: leases[0]?.holder, until: leases[0]?.until });
      await clock.advance(TTL);
    }
  });

  test('gives no lease on a generation that a commit replaces at the same time', async (store, clock, other) => {
    let generation = await seed(store, clock, 'seed');
    for (let round = 0; round < fewer; round++) {
      const { epoch } = (await recordOf(store)).attempt;
      const [claim, commit] = await bothAtOnce(
        round,
        () => store.claim({ key: KEY, generation, epoch }, 'p1', TTL),
        () => other.commit(KEY, token(`${round}`, clock), { predecessor: generation }),
      );
      const record = await recordOf(store);
      expect(commit).toBe('accepted');
      expect(record).toMatchObject({ generation: generation + 1, token: { value: `token of ${round}` } });
      // Claimed before the commit, or shown what it brought.
      if ('kind' in claim) expect(record.attempt).toMatchObject({ epoch: epoch + 1, lease: { holder: 'p1' } });
      else expect([claim.generation, record.attempt.epoch]).toEqual([generation + 1, epoch]);
      if ('kind' in claim) await store.note(claim, {}, { release: true });
      generation++;
    }
  });
}

/** A holder that is late, and the one that comes after it. */
function holderCases({ test, expect, rounds }: StoreCases): void {
  const fewer = fewerThan(rounds);

  let round = 0;
  /** A lease that has just ended, and an attempt to claim at the same time as its holder does something. */
  const late = async <Answer>(
    [store, other]: readonly [TokenStore, TokenStore],
    advance: (ms: number) => Promise<void>,
    act: (lease: Lease, generation: number) => Promise<Answer>,
  ) => {
    const lease = await claimed(store, 'p1');
    await advance(TTL);
    const { generation } = (await store.read(KEY)).record ?? { generation: 0 };
    const [answer, claim] = await bothAtOnce(
      round++,
      () => act(lease, generation),
      () => other.claim({ key: KEY, generation, epoch: lease.epoch }, 'p2', TTL),
    );
    const record = await recordOf(store);
    if ('kind' in claim) expect(record.attempt).toMatchObject({ epoch: lease.epoch + 1, lease: { holder: 'p2' } });
    return { lease, generation, answer, claim, record };
  };

  test('fences a commit against the claim of the next holder: one of the two succeeds', async (store, clock, other) => {
    await seed(store, clock, 'seed');
    for (let round = 0; round < fewer; round++) {
      const { answer, claim, record } = await late(
        [store, other],
        (ms) => clock.advance(ms),
        (lease, predecessor) =>
          store.commit(KEY, token(`${round}`, clock), { predecessor, lease, fenced: true, release: true }),
      );
      expect('kind' in claim).toBe(answer !== 'accepted');
      expect(record.token?.value === `token of ${round}`).toBe(answer === 'accepted');
      if ('kind' in claim) await other.note(claim, {}, { release: true });
    }
  });

  test('notes nothing of a holder once the next one has claimed', async (store, clock, other) => {
    await seed(store, clock, 'seed');
    for (let round = 1; round <= fewer; round++) {
      const { answer, claim, record } = await late(
        [store, other],
        (ms) => clock.advance(ms),
        (lease) => store.note(lease, { failures: round }, { release: true }),
      );
      expect('kind' in claim).toBe(true);
      expect(record.attempt.failures === round).toBe(answer);
      await other.note(claim as Lease, {}, { release: true });
    }
  });

  test('renews an ended lease or gives it to the next one, never both', async (store, clock, other) => {
    for (let round = 0; round < fewer; round++) {
      const { answer, claim, record } = await late(
        [store, other],
        (ms) => clock.advance(ms),
        (lease) => store.renew(lease, TTL),
      );
      expect('kind' in claim).toBe(answer === undefined);
      expect(record.attempt.lease?.holder).toBe(answer ? 'p1' : 'p2');
      await clock.advance(TTL);
    }
  });

  test('keeps one of two renewals, and tells both when theirs ends', async (store, clock, other) => {
    for (let round = 0; round < fewer; round++) {
      const lease = await claimed(store, 'p1');
      const renewed = await Promise.all([store.renew(lease, 2 * TTL), other.renew(lease, 3 * TTL)]);
      const ends = renewed.map((lease) => lease?.until);
      expect(ends).toEqual([clock.now() + 2 * TTL, clock.now() + 3 * TTL]);
      expect(ends.includes((await recordOf(store)).attempt.lease?.until)).toBe(true);
      expect(await store.note(lease, {}, { release: true })).toBe(true);
    }
  });

  test('ends only the releasing holder’s lease, whoever claims at that moment', async (store, _clock, other) => {
    for (let round = 0; round < fewer; round++) {
      const lease = await claimed(store, 'p1');
      const [released, claim] = await bothAtOnce(
        round,
        () => store.note(lease, {}, { release: true }),
        () => other.claim({ key: KEY, generation: 0, epoch: lease.epoch }, 'p2', TTL),
      );
      expect(released).toBe(true);
      const { attempt } = await recordOf(store);
      expect(attempt.lease?.holder).toBe('kind' in claim ? 'p2' : undefined);
      expect(attempt.epoch).toBe('kind' in claim ? lease.epoch + 1 : lease.epoch);
      if ('kind' in claim) await other.note(claim, {}, { release: true });
    }
  });

  test('keeps both of two notes made at once', async (store, _clock, other) => {
    for (let round = 1; round <= fewer; round++) {
      const lease = await claimed(store, 'p1');
      const noted = await Promise.all([store.note(lease, { failures: round }), other.note(lease, { retryAt: round })]);
      expect(noted).toEqual([true, true]);
      expect((await recordOf(store)).attempt).toMatchObject({ failures: round, retryAt: round });
      await store.note(lease, {}, { release: true });
    }
  });
}

/** Starts two operations at once, now the one first and now the other. */
async function bothAtOnce<First, Second>(
  round: number,
  first: () => Promise<First>,
  second: () => Promise<Second>,
): Promise<[First, Second]> {
  if (round % 2 === 0) return Promise.all([first(), second()]);
  const [ofSecond, ofFirst] = await Promise.all([second(), first()]);
  return [ofFirst, ofSecond];
}

function leasesIn(answers: readonly object[]): Lease[] {
  return answers.filter((answer) => 'kind' in answer) as Lease[];
}

function fewerThan(rounds: number): number {
  return Math.max(1, Math.ceil(rounds / 10));
}
