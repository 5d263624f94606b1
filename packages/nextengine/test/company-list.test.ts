import { describe, expect, it } from 'vitest';
import { CompanyList, LIST_FRESH_MS, LIST_LIFE_MS, LIST_TIMEOUT_MS } from '../src/company-list.js';
import { answering, contextFor, impatientClock, type Reply, tokenErrorOf } from './support.js';
import { COMPANIES, clientId, HOUR_MS, openWorld, USER_INFO, type World } from './world.js';

const LIST = { result: 'success', count: '2', data: [{ company_id: '1' }, { company_id: '2' }] };

/** A list that answers in turn, at a time that can be moved. */
function listOf(...replies: Reply[]) {
  const { fetch, seen } = answering(...replies);
  const time = { now: 0 };
  const asking = { fetch, now: () => time.now };
  const list = new CompanyList(contextFor().settings, () => {});
  list.know('1');
  return { list, seen, time, lacks: (id: string, issuedAt = -1) => list.lacks(id, issuedAt, asking) };
}

describe('the list of companies', () => {
  it('is asked for with the app’s credentials and no user’s tokens', async () => {
    const { lacks, seen } = listOf(LIST);
    expect(await lacks('1')).toBe(false);
    expect(seen.map(({ url, form }) => [url, form])).toEqual([
      ['https://api.next-engine.org/api_app/company', { client_id: 'c', client_secret: 's' }],
    ]);
  });

  it('shows who is there no more', async () => {
    const { lacks, seen } = listOf(LIST);
    expect(await lacks('3')).toBe(true);
    expect(seen).toHaveLength(1);
  });

  it('is asked for once by many, and once in twelve hours', async () => {
    const { lacks, seen, time } = listOf(LIST);
    await Promise.all(Array.from({ length: 50 }, () => lacks('1')));
    time.now = LIST_LIFE_MS;
    await lacks('2');
    expect(seen).toHaveLength(1);
    time.now = LIST_LIFE_MS + 1;
    await lacks('2');
    expect(seen).toHaveLength(2);
  });

  it('tells nobody to rest that is older than five minutes: it is asked for once more', async () => {
    const { lacks, seen, time } = listOf(LIST, { ...LIST, data: [{ company_id: '1' }, { company_id: '3' }] });
    await lacks('1');
    time.now = LIST_FRESH_MS + 1;
    expect(await lacks('3')).toBe(false);
    expect(await lacks('2')).toBe(true);
    expect(seen).toHaveLength(2);
  });

  it('shows nothing where it names no other company of ours', async () => {
    const { list, lacks } = listOf({ ...LIST, data: [{ company_id: '7' }, { company_id: '8' }] });
    expect(await lacks('3')).toBe(false);
    list.know('8');
    expect(await lacks('3')).toBe(true);
  });

  it('does not judge a pair that is newer than it', async () => {
    const { lacks } = listOf(LIST);
    expect(await lacks('3', 0)).toBe(false);
    expect(await lacks('3', -1)).toBe(true);
  });

  it('that is asked for again in vain judges nobody, and is not asked for at once', async () => {
    const { lacks, seen, time } = listOf(LIST, '<html></html>');
    await lacks('1');
    time.now = LIST_FRESH_MS + 1;
    expect([await lacks('3'), await lacks('3')]).toEqual([false, false]);
    expect(seen).toHaveLength(2);
  });

  it.each<[string, Reply]>([
    ['an error', { ...LIST, result: 'error', code: '999999' }],
    ['a page', '<html></html>'],
    ['no answer', new TypeError('fetch failed')],
    ['no list', { result: 'success', count: '2' }],
    ['an empty list', { result: 'success', count: '0', data: [] }],
    ['another count than rows', { ...LIST, count: '3' }],
    ['no count', { ...LIST, count: undefined }],
    ['a row without an id', { ...LIST, data: [{ company_id: '1' }, { company_ne_id: '2' }] }],
    ['an empty id', { ...LIST, data: [{ company_id: '1' }, { company_id: '' }] }],
    [
      'a full page',
      { result: 'success', count: 10_000, data: Array.from({ length: 10_000 }, (_, i) => ({ company_id: `x${i}` })) },
    ],
  ])('proves nothing with %s, and is left alone for twelve hours', async (_, reply) => {
    const { lacks, seen, time } = listOf(reply);
    expect(await lacks('3')).toBe(false);
    time.now = LIST_LIFE_MS;
    expect(await lacks('3')).toBe(false);
    expect(seen).toHaveLength(1);
  });

  it('holds up nobody for more than five seconds, whatever becomes of the signal', async () => {
    const clock = impatientClock();
    const deaf: typeof fetch = () => new Promise(() => {});
    const list = new CompanyList(contextFor({ clock }).settings, () => {});
    expect(await list.lacks('3', -1, { fetch: deaf, now: () => 0 })).toBe(false);
    expect(clock.waits).toEqual([LIST_TIMEOUT_MS]);
  });
});

describe('a company that cancelled', () => {
  const users = [
    { uid: 'u1', companyId: '1' },
    { uid: 'u2', companyId: '2', cancelled: true },
    { uid: 'u3', companyId: '3' },
  ];

  async function signedIn(app = {}) {
    const w = await openWorld({ platform: { users }, app });
    for (const { uid } of users) await w.signIn(uid);
    await w.clock.advance(26 * HOUR_MS);
    return w;
  }
  const stateOf = async ({ tokens }: World, uid: string) => {
    for await (const { state, cause, retryAt } of tokens.inspect({ subjects: [uid] })) return { state, cause, retryAt };
    return undefined;
  };
  const asked = (w: World, uid: string) => w.sandbox.calls({ endpoint: USER_INFO, subject: uid }).length;

  it('has its users rest, and their pairs are not presented', async () => {
    const w = await signedIn();
    const { counts, results } = await w.tokens.refreshDue();
    expect([counts.renewed, counts.failed]).toEqual([2, 1]);
    expect(results.find(({ subject }) => subject === 'u2')?.error).toMatchObject({
      code: 'ERR_TOKEN_SUSPENDED',
      reason: 'cancelled',
      uncertain: false,
    });
    expect(await stateOf(w, 'u2')).toEqual({ state: 'suspended', cause: 'cancelled', retryAt: undefined });
    expect([asked(w, 'u1'), asked(w, 'u2'), w.count(COMPANIES)]).toEqual([1, 0, 1]);
    for (let day = 0; day < 3; day++) {
      await w.clock.advance(26 * HOUR_MS);
      await w.tokens.refreshDue();
    }
    expect(asked(w, 'u2')).toBe(0);
    expect((await tokenErrorOf(w.client.user('u2').call(USER_INFO))).code).toBe('ERR_TOKEN_SUSPENDED');
  });

  it('and comes back: a sign-in ends the rest', async () => {
    const w = await signedIn();
    await w.tokens.refreshDue();
    await w.signIn('u2');
    expect(await stateOf(w, 'u2')).toMatchObject({ state: 'active' });
    expect(await w.client.user('u2').call(USER_INFO)).toMatchObject({ result: 'success' });
  });

  it('and comes back: asking for its users expressly ends the rest, once the list names it', async () => {
    const w = await signedIn();
    await w.tokens.refreshDue();
    expect(await w.client.refreshUsers({ uid: 'u2' })).toMatchObject({ waiting: 1 });
    w.sandbox.nextengine.company(clientId, '2', { cancelled: false });
    await w.clock.advance(LIST_FRESH_MS + 1);
    expect(await w.client.refreshUsers({ uid: 'u2' })).toMatchObject({ renewed: 1 });
    expect(w.count(COMPANIES)).toBe(2);
  });

  it('while its users are being renewed has them rest within half a day', async () => {
    const w = await signedIn();
    await w.tokens.refreshDue();
    w.sandbox.nextengine.company(clientId, '3', { cancelled: true });
    await w.clock.advance(26 * HOUR_MS);
    await w.tokens.refreshDue();
    expect([asked(w, 'u1'), asked(w, 'u3')]).toEqual([2, 1]);
    expect(await stateOf(w, 'u3')).toMatchObject({ state: 'suspended', cause: 'cancelled' });
  });

  it('is not asked about with checkCompanies: false', async () => {
    const w = await signedIn({ checkCompanies: false });
    expect((await w.tokens.refreshDue()).counts.renewed).toBe(3);
    expect(w.count(COMPANIES)).toBe(0);
  });

  it.each(['html', 'drop', 'malformed', 'status'] as const)('is not guessed at: %s', async (kind) => {
    const w = await signedIn();
    w.sandbox.fault({ kind, endpoint: COMPANIES });
    expect((await w.tokens.refreshDue()).counts.renewed).toBe(3);
  });

  it('leaves no doubt behind: an earlier one of unknown outcome stays one', async () => {
    const w = await signedIn();
    w.sandbox.fault({ kind: 'html', endpoint: USER_INFO, subject: 'u1' });
    await w.tokens.refreshDue();
    expect(await stateOf(w, 'u1')).toMatchObject({ state: 'doubtful' });
    expect(w.sandbox.nextengine.currentPair(clientId, 'u2')).toBeDefined();
    expect(await stateOf(w, 'u2')).toMatchObject({ state: 'suspended' });
  });
});
