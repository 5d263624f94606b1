import { type TokenKey, tokenKeyOf } from '../key.js';
import type { TokenPart } from '../store/record.js';
import {
  ACCOUNT,
  allDue,
  allListed,
  claimed,
  KEY,
  key,
  recordOf,
  type StoreCases,
  token,
} from './store-contract-support.js';

/** What reads like something else to one layer or another. */
const TEXTS: readonly string[] = [
  'emoji 🔑👩‍👩‍👧, 名前, ä and a\u0308, \u202Eright to left',
  `quotes ' " \` and \\ and \\n and $1 \${x} %s ?`,
  'lines\nand\r\ntabs\tand \u0000 and \u001f and \u007f and \ufeff',
  '{"value":"looks like JSON","n":[1,2]}',
  'null',
  '',
  ' spaces before and after ',
  "'; DROP TABLE evertoken; --",
  'sealed1.k1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  '0123456789',
  '1e999',
  '[object Object]',
  '__proto__',
];

/** Subjects of keys that some stores would take for one. */
const SUBJECTS: readonly string[] = [
  'a',
  'A',
  'ä',
  'Ä',
  'a\u0308',
  'ß',
  'ss',
  'ａ',
  'a/b',
  'a%2Fb',
  'a%252Fb',
  'a\\b',
  'a:b',
  'a{b}',
  'a b',
  'a+b',
  '.',
  '..',
  'a.',
  'a..',
  'a ',
  ' a',
  'a\u00a0',
  '%',
  '_',
  'a%',
  'a_',
  'ab',
  'a*',
  'a?',
  'a[b]',
  "a'b",
  'a"b',
  'a\u0000b',
  'a\u0000',
  '名前',
  '🔑',
  '~',
  '-',
];

/** What goes in comes out: large values, odd texts, odd keys, fractions of times. */
export function valuesCases({ test, expect }: StoreCases): void {
  test('keeps large values and extra facts as they are', async (store, clock, other) => {
    const part: TokenPart = {
      ...token('a', clock),
      value: 'é'.repeat(4_096),
      refreshToken: 'r'.repeat(4_096),
      extra: { scope: ['a', 'b'], nested: { n: 1.5, t: null, f: false }, long: 'x€'.repeat(32_768) },
    };
    await store.commit(KEY, part, { predecessor: 0 });
    expect((await recordOf(other)).token).toEqual(part);
  });

  // Lone surrogates are no well-formed text, and no store has to keep them.
  test('keeps every kind of well-formed text as it is', async (store, clock, other) => {
    for (const [at, text] of TEXTS.entries()) {
      const part: TokenPart = {
        ...token(`${at}`, clock),
        value: `${text}${text === '' ? at : ''}`,
        refreshToken: text,
        extra: { [text]: text, list: [text] },
        credentials: text,
      };
      await store.commit(key(`text ${at}`), part, { predecessor: 0 });
      expect((await recordOf(other, key(`text ${at}`))).token).toEqual(part);
    }
  });

  test('keeps holders, causes and failures as they are', async (store, clock, other) => {
    const odd = `p1 'quoted" \\ 名前 🔑 %s $1 ?`;
    const lease = await claimed(store, odd);
    const failure = { code: 'ERR_TOKEN_BUSY', message: odd, platformCode: '', requestId: odd, at: 1.5, epoch: 1 };
    expect(lease.holder).toBe(odd);
    expect(await store.note(lease, { cause: odd, failure })).toBe(true);
    expect((await recordOf(other)).attempt).toMatchObject({ cause: odd, failure, lease: { holder: odd } });
    expect(await other.renew(lease, 1)).toMatchObject({ holder: odd, until: clock.now() + 1 });
  });

  test('keeps the fractions of the times it is given', async (store, clock, other) => {
    const at = clock.now() + 0.123;
    const part: TokenPart = {
      ...token('a', clock),
      issuedAt: at,
      firstSeenAt: at + 0.25,
      expiresAt: at + 0.625,
      refreshTokenExpiresAt: at + 0.001,
    };
    await store.commit(KEY, part, { predecessor: 0, refreshAt: at });
    expect(await recordOf(other)).toMatchObject({ token: part, refreshAt: at });
    const lease = await claimed(store, 'p1');
    const times = { retryAt: at + 0.1, doubtUntil: at + 0.2, forced: { count: 1, at: at + 0.3 } };
    await store.note(lease, { ...times, refreshAt: at + 0.4 }, { release: true });
    expect(await recordOf(other)).toMatchObject({ refreshAt: at + 0.4, attempt: times });
  });

  test('judges by fractions of a millisecond what is due, and rounds the end of a lease by less than one', async (store, clock) => {
    await clock.advance(0.5);
    await store.commit(KEY, token('a', clock), { predecessor: 0, refreshAt: clock.now() + 0.25 });
    expect(await allDue(store)).toEqual([]);
    await clock.advance(0.25);
    expect(await allDue(store)).toEqual([KEY]);
    const { until } = await claimed(store, 'p1', { ttlMs: 1_000 });
    expect(1).toBeGreaterThan(Math.abs(until - clock.now() - 1_000));
    expect((await recordOf(store)).attempt.lease?.until).toBe(until);
  });

  test('tells odd keys apart: Unicode, separators, case, wildcards, one the beginning of another', async (store, clock, other) => {
    for (const subject of SUBJECTS)
      expect(await store.commit(key(subject), token(subject, clock), { predecessor: 0, refreshAt: 5 })).toBe(
        'accepted',
      );
    for (const subject of SUBJECTS) {
      const record = await recordOf(other, key(subject));
      expect([record.key, record.token?.value]).toEqual([key(subject), `token of ${subject}`]);
    }
    const keys = SUBJECTS.map((subject) => key(subject)).sort();
    expect((await allListed(other, { accounts: [ACCOUNT] })).map((record) => record.key)).toEqual(keys);
    expect([...(await allDue(other))].sort()).toEqual(keys);
  });

  test('tells keys of 512 bytes apart by their last byte', async (store, clock, other) => {
    const longest = (end: string): TokenKey => {
      const room = 512 - key('x').length + 1;
      return key('x'.repeat(room - 1) + end);
    };
    for (const end of ['a', 'b', 'A']) {
      expect(longest(end).length).toBe(512);
      await store.commit(longest(end), token(end, clock), { predecessor: 0, refreshAt: 5 });
    }
    for (const end of ['a', 'b', 'A'])
      expect((await recordOf(other, longest(end))).token?.value).toBe(`token of ${end}`);
    expect((await allDue(other)).length).toBe(3);
  });

  test('tells parts of a key from separators within a part', async (store, clock, other) => {
    const parts = [['a', 'b'], ['a/b'], ['a'], ['a', 'b', 'c'], ['a', 'b/c'], ['a%2Fb']];
    const keys = parts.map((subject) => tokenKeyOf({ platform: 'contract', id: 'app', kind: 'k', subject }));
    for (const [at, of] of keys.entries()) await store.commit(of, token(`${at}`, clock), { predecessor: 0 });
    for (const [at, of] of keys.entries()) expect((await recordOf(other, of)).token?.value).toBe(`token of ${at}`);
  });

  test('never mixes accounts, though one begins as another does or reads like a pattern', async (store, clock, other) => {
    const ids = ['app', 'app2', 'ap', 'APP', 'a%', 'a_p', 'app/x', '%', '_', 'app ', 'äpp'];
    for (const id of ids) await store.commit(key('s', id), token(id, clock), { predecessor: 0, refreshAt: 5 });
    for (const id of ids) {
      const accounts = [tokenKeyOf({ platform: 'contract', id, kind: 'k' }).split('/').slice(1, 3).join('/')];
      expect(await allDue(other, accounts)).toEqual([key('s', id)]);
      expect((await allListed(other, { accounts })).map((record) => record.key)).toEqual([key('s', id)]);
    }
  });
}
