import { describe, expect, it } from 'vitest';
import type { NextEngineUserAdapter, NextEngineUserFacts } from '../src/index.js';
import { shown, tokenErrorOf } from './support.js';
import {
  aTurn,
  COMPANY_INFO,
  clientId,
  clientSecret,
  HOUR_MS,
  openWorld,
  UID,
  USER_INFO,
  type World,
  warningsOf,
} from './world.js';

const USERS = [
  { uid: 'u1', companyId: '1', companyNeId: 'ne-1', picNeId: 'p1', picMailAddress: 'u1@example.com' },
  { uid: 'u2', companyId: '2', companyNeId: 'ne-1', picNeId: 'p2' },
  { uid: 'u3', companyId: '3', companyNeId: 'ne-3', picNeId: 'p3' },
];
const platform = { users: USERS };

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** A table in memory that can be told to fail. */
function table() {
  const rows = new Map<string, NextEngineUserFacts>();
  const state = { failing: false };
  const check = () => {
    if (state.failing) throw new Error('the table is locked');
  };
  const adapter: NextEngineUserAdapter = {
    async save(facts) {
      check();
      rows.set(facts.uid, { ...rows.get(facts.uid), ...facts });
    },
    async list() {
      check();
      return rows.values();
    },
    async remove(uid) {
      check();
      rows.delete(uid);
    },
  };
  return { adapter, rows, state };
}

const extraOf = async ({ tokens, app }: World, uid: string) => (await tokens.get(app.user(uid).accessToken)).extra;

/** Stores the user's current pair as an import does, without facts. */
async function importUser({ sandbox, tokens, app }: World, uid: string, extra?: Record<string, string>) {
  const pair = sandbox.nextengine.issuePair(clientId, uid);
  const { accessToken: value, refreshToken, accessTokenExpiresAt: expiresAt, refreshTokenExpiresAt } = pair;
  const issued = { value, refreshToken, expiresAt, refreshTokenExpiresAt, ...(extra && { extra }) };
  await tokens.takeOver(app.user(uid).accessToken, issued);
}

describe('the facts beside a pair', () => {
  it('come with the sign-in and the one call after it, and no personal data with them', async () => {
    const w = await openWorld({ platform });
    await w.signIn('u1');
    expect(await extraOf(w, 'u1')).toEqual({ companyNeId: 'ne-1', companyId: '1', picNeId: 'p1' });
    expect([w.count(COMPANY_INFO), w.count(USER_INFO)]).toEqual([1, 0]);
  });

  it('stay over renewals, which are told by the user’s call', async () => {
    const w = await openWorld({ platform });
    await w.signIn('u1');
    await w.clock.advance(26 * HOUR_MS);
    expect((await w.tokens.refreshDue()).counts.renewed).toBe(1);
    expect(await extraOf(w, 'u1')).toEqual({ companyNeId: 'ne-1', companyId: '1', picNeId: 'p1' });
    expect([w.count(COMPANY_INFO), w.count(USER_INFO)]).toEqual([1, 1]);
  });

  it('of a pair from elsewhere are learned by its renewals', async () => {
    const w = await openWorld({ platform });
    await importUser(w, 'u2');
    await w.clock.advance(26 * HOUR_MS);
    await w.tokens.refreshDue();
    expect(await extraOf(w, 'u2')).toEqual({ companyNeId: 'ne-1', companyId: '2' });
    await w.clock.advance(26 * HOUR_MS);
    await w.tokens.refreshDue();
    expect(await extraOf(w, 'u2')).toEqual({ companyNeId: 'ne-1', companyId: '2', picNeId: 'p2' });
  });

  it('hold the mail address only as long as it is asked for', async () => {
    const w = await openWorld({ platform });
    const keeping = w.another({ keepMailAddress: true });
    await w.signIn('u1', keeping.client);
    expect(await extraOf(w, 'u1')).toMatchObject({ picMailAddress: 'u1@example.com' });
    await w.clock.advance(26 * HOUR_MS);
    await w.tokens.refreshDue();
    expect(await extraOf(w, 'u1')).not.toHaveProperty('picMailAddress');
  });

  it('never come from an error answer', async () => {
    const w = await openWorld({ platform: { ...platform, overload: '003002' } });
    await importUser(w, 'u1');
    await w.clock.advance(26 * HOUR_MS);
    expect((await w.tokens.refreshDue()).counts.renewed).toBe(1);
    expect(await extraOf(w, 'u1')).toBeUndefined();
  });

  it('of another company are not attached; the new pair is kept and a warning tells', async () => {
    const warnings = warningsOf('NextEngineMismatch');
    const w = await openWorld({ platform });
    await importUser(w, 'u3', { companyNeId: 'ne-other', picNeId: 'p3' });
    await w.clock.advance(26 * HOUR_MS);
    expect((await w.tokens.refreshDue()).counts.renewed).toBe(1);
    expect(await extraOf(w, 'u3')).toEqual({ companyNeId: 'ne-other', picNeId: 'p3' });
    await aTurn();
    expect(warnings).toEqual([
      expect.stringMatching(/^account "erp", .* facts of another company; they are not kept$/),
    ]);
    expect(warnings.join()).not.toMatch(/u3|ne-/);
  });

  it('of another user are not attached either', async () => {
    const warnings = warningsOf('NextEngineMismatch');
    const crossed: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      const body = (await response.json()) as object;
      return Response.json({ ...body, data: [{ uid: 'u2', pic_ne_id: 'p2' }] }, { headers: response.headers });
    };
    const w = await openWorld({ platform, app: { fetch: crossed, checkCompanies: false } });
    await importUser(w, 'u1', { companyNeId: 'ne-1', companyId: '1' });
    await w.clock.advance(26 * HOUR_MS);
    expect((await w.tokens.refreshDue()).counts.renewed).toBe(1);
    expect(await extraOf(w, 'u1')).toEqual({ companyNeId: 'ne-1', companyId: '1' });
    await aTurn();
    expect(warnings).toHaveLength(1);
  });

  it('are done without where the app has no right to ask about the company', async () => {
    const w = await openWorld({ platform });
    w.sandbox.fault({ kind: 'code', code: '004001', endpoint: COMPANY_INFO, count: 'always', work: true });
    await w.signIn('u1');
    expect(w.count(USER_INFO)).toBe(1);
    const { accessToken } = w.app.user('u1');
    expect((await w.tokens.get(accessToken)).expiresAt).toBe(w.clock.now() + 24 * HOUR_MS);
  });

  it('go over to a pair that comes unasked with a call', async () => {
    const w = await openWorld({ platform: { ...platform, graceMs: HOUR_MS } });
    await w.signIn('u1');
    const pair = w.sandbox.nextengine.issuePair(clientId, 'u1');
    await w.client.user('u1').call('/api_v1_login_company/info');
    expect((await w.tokens.get(w.app.user('u1').accessToken)).value).toBe(pair.accessToken);
    expect(await extraOf(w, 'u1')).toMatchObject({ companyId: '1' });
  });
});

describe('users', () => {
  async function three() {
    const w = await openWorld({ platform });
    for (const { uid } of USERS) await w.signIn(uid);
    return w;
  }

  it('are listed with their facts, states and ends', async () => {
    const w = await three();
    const users = await all(w.client.users.list());
    expect(users).toHaveLength(3);
    expect(users.find(({ uid }) => uid === 'u1')).toEqual({
      uid: 'u1',
      companyNeId: 'ne-1',
      companyId: '1',
      picNeId: 'p1',
      state: 'active',
      expiresAt: w.clock.now() + 24 * HOUR_MS,
      refreshTokenExpiresAt: w.clock.now() + 72 * HOUR_MS,
    });
    const { value } = await w.tokens.get(w.app.user('u1').accessToken);
    expect(JSON.stringify(users)).not.toContain(value);
  });

  it('are listed by company and by state', async () => {
    const w = await three();
    const uids = async (filter: Parameters<typeof w.client.users.list>[0]) =>
      (await all(w.client.users.list(filter))).map(({ uid }) => uid).sort();
    w.sandbox.nextengine.issuePair(clientId, 'u3');
    await w.tokens
      .reject(w.app.user('u3').accessToken, await w.tokens.get(w.app.user('u3').accessToken))
      .catch(() => {});
    expect(await uids({ companyNeId: 'ne-1' })).toEqual(['u1', 'u2']);
    expect(await uids({ companyId: '2' })).toEqual(['u2']);
    expect(await uids({ states: ['reauthorize'] })).toEqual(['u3']);
    expect(await uids({ states: ['active'], companyId: '3' })).toEqual([]);
  });

  it('are found one by one', async () => {
    const w = await three();
    expect(await w.client.users.find('u2')).toMatchObject({ uid: 'u2', companyId: '2', state: 'active' });
    expect(await w.client.users.find('nobody')).toBeUndefined();
  });

  it('are forgotten: no pair, no line, and calls ask for a sign-in', async () => {
    const w = await three();
    await w.client.users.forget('u1');
    await w.client.users.forget('u1');
    expect((await all(w.client.users.list())).map(({ uid }) => uid).sort()).toEqual(['u2', 'u3']);
    expect(await w.client.users.find('u1')).toEqual({ uid: 'u1', state: 'gone' });
    const call = w.client.user('u1').call(USER_INFO);
    expect((await tokenErrorOf(call)).code).toBe('ERR_TOKEN_REAUTHORIZATION_REQUIRED');
  });

  it('of other accounts and other kinds are not among them', async () => {
    const w = await three();
    await w.client.usage();
    for (let i = 0; i < 30; i++) await w.client.user('u1').call(USER_INFO);
    await aTurn();
    expect(await all(w.client.users.list())).toHaveLength(3);
  });
});

describe('an adapter', () => {
  it('gets the facts once, when all are known', async () => {
    const { adapter, rows } = table();
    let saves = 0;
    const counted = { ...adapter, save: (facts: NextEngineUserFacts) => adapter.save(facts).then(() => void saves++) };
    const w = await openWorld({ platform, app: { users: counted } });
    await w.signIn('u1');
    expect([...rows.values()]).toEqual([{ uid: 'u1', companyNeId: 'ne-1', companyId: '1', picNeId: 'p1' }]);
    expect(saves).toBe(1);
  });

  it('gets the company later where the call after the sign-in failed', async () => {
    const { adapter, rows } = table();
    const w = await openWorld({ platform, app: { users: adapter } });
    w.sandbox.fault({ kind: 'html', endpoint: COMPANY_INFO });
    await w.signIn('u1');
    expect([...rows.values()]).toEqual([{ uid: 'u1', companyNeId: 'ne-1', picNeId: 'p1' }]);
    await w.clock.advance(HOUR_MS);
    await w.tokens.refreshDue();
    await aTurn();
    expect(rows.get('u1')).toMatchObject({ companyId: '1' });
  });

  it('is where the facts come from, joined with the states of the pairs', async () => {
    const { adapter, rows } = table();
    const w = await openWorld({ platform, app: { users: adapter } });
    await w.signIn('u1');
    await w.signIn('u2');
    rows.set('u1', { uid: 'u1', companyId: 'mine' });
    rows.set('u9', { uid: 'u9', companyId: '9' });
    rows.delete('u2');
    const users = await all(w.client.users.list());
    expect(users.map(({ uid, companyId, state }) => [uid, companyId, state]).sort()).toEqual([
      ['u1', 'mine', 'active'],
      ['u2', '2', 'active'],
      ['u9', '9', 'absent'],
    ]);
    expect(await w.client.users.find('u1')).toMatchObject({ companyId: 'mine', state: 'active' });
    expect(await w.client.users.find('u9')).toEqual({ uid: 'u9', companyId: '9', state: 'absent' });
    await w.client.users.forget('u1');
    expect(rows.has('u1')).toBe(false);
    expect(await all(w.client.users.list({ states: ['absent'] }))).toMatchObject([{ uid: 'u9' }]);
  });

  it('that fails loses no pair, says so, and is brought up to date by sync', async () => {
    const { adapter, rows, state } = table();
    const w = await openWorld({ platform, app: { users: adapter } });
    state.failing = true;
    const error = await tokenErrorOf(w.signIn('u1'));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_STORE', reason: 'users', subject: 'u1', uncertain: false });
    expect(error.message).toContain('the pair is stored, and users.sync() saves them again');
    expect(shown(error)).not.toContain(clientSecret);
    expect(await w.client.user('u1').call(USER_INFO)).toMatchObject({ result: 'success' });
    expect(await w.client.users.sync()).toMatchObject({ saved: 0, failed: [{ uid: 'u1' }] });
    expect((await tokenErrorOf(all(w.client.users.list()))).reason).toBe('users');
    expect((await tokenErrorOf(w.client.users.find('u1'))).reason).toBe('users');
    state.failing = false;
    expect(await w.client.users.sync()).toEqual({ saved: 1, failed: [] });
    expect(rows.get('u1')).toEqual({ uid: 'u1', companyNeId: 'ne-1', companyId: '1', picNeId: 'p1' });
  });

  it.each(['rejects', 'throws'])('that %s behind a renewal fails nothing, and a warning tells', async (how) => {
    const warnings = warningsOf('NextEngineUsers');
    const failing = {
      ...table().adapter,
      save: () => {
        if (how === 'throws') throw new Error('locked');
        return Promise.reject(new Error('locked'));
      },
    };
    const w = await openWorld({ platform, app: { users: failing } });
    await importUser(w, 'u1');
    await w.clock.advance(26 * HOUR_MS);
    expect((await w.tokens.refreshDue()).counts.renewed).toBe(1);
    await aTurn();
    await aTurn();
    expect(warnings).toEqual([expect.stringContaining('the pair is stored, and users.sync() saves them again')]);
    expect(warnings.join()).not.toContain('u1');
  });

  it('that cannot forget says that the pair is gone', async () => {
    const { adapter, state } = table();
    const w = await openWorld({ platform, app: { users: adapter } });
    await w.signIn('u1');
    state.failing = true;
    const error = await tokenErrorOf(w.client.users.forget('u1'));
    expect(error.message).toContain('the pair is forgotten, call forget() again');
    state.failing = false;
    await w.client.users.forget('u1');
    expect(await w.client.users.find('u1')).toEqual({ uid: 'u1', state: 'gone' });
  });

  it('is needed to sync', async () => {
    const w = await openWorld({ platform });
    expect(await tokenErrorOf(w.client.users.sync())).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION' });
  });

  it('may find one user by itself', async () => {
    const find = async (uid: string) => (uid === 'u5' ? { uid, companyId: 'five' } : undefined);
    const list = () => Promise.reject(new Error('not asked'));
    const w = await openWorld({ platform, app: { users: { ...table().adapter, find, list } } });
    expect(await w.client.users.find('u5')).toEqual({ uid: 'u5', companyId: 'five', state: 'absent' });
    expect(await w.client.users.find(UID)).toBeUndefined();
  });
});
