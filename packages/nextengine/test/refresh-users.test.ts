import { describe, expect, it } from 'vitest';
import type { UserRefreshResult } from '../src/index.js';
import { tokenErrorOf } from './support.js';
import { COMPANIES, clientId, HOUR_MS, openWorld, USER_INFO } from './world.js';

const users = Array.from({ length: 12 }, (_, i) => ({ uid: `u${i}`, companyId: `${i}`, companyNeId: `ne-${i}` }));

async function batch(cancelled: readonly string[] = []) {
  const w = await openWorld({
    platform: { users: users.map((user) => ({ ...user, cancelled: cancelled.includes(user.uid) })) },
  });
  for (const { uid } of users) await w.signIn(uid);
  return w;
}

const byOutcome = (results: readonly UserRefreshResult[]) => {
  const sorted: Record<string, string[]> = {};
  for (const { uid, outcome } of results) sorted[outcome] = [...(sorted[outcome] ?? []), uid].sort();
  return sorted;
};

describe('a batch', () => {
  it('renews all who can be, tells the others apart, and stops for nobody', async () => {
    const w = await batch(['u3']);
    await w.clock.advance(26 * HOUR_MS);
    w.sandbox.nextengine.issuePair(clientId, 'u0');
    await w.signIn('u1');
    w.sandbox.fault({ kind: 'code', code: '003003', endpoint: USER_INFO, subject: 'u2', work: false });
    w.sandbox.fault({ kind: 'html', endpoint: USER_INFO, subject: 'u4' });
    w.sandbox.fault({ kind: 'code', code: '003001', endpoint: USER_INFO, subject: 'u5', work: false });
    w.sandbox.fault({ kind: 'code', code: '002007', endpoint: USER_INFO, subject: 'u6' });
    const report = await w.client.refreshUsers();
    expect(byOutcome(report.results)).toEqual({
      needsSignIn: ['u0'],
      notYetRenewable: ['u1'],
      waiting: ['u2', 'u3', 'u5', 'u6'],
      failed: ['u4'],
      renewed: ['u10', 'u11', 'u7', 'u8', 'u9'],
    });
    const { renewed, notYetRenewable, waiting, failed, needsSignIn } = report;
    expect([renewed, notYetRenewable, waiting, failed, needsSignIn]).toEqual([5, 1, 4, 1, 1]);
    const line = (uid: string) => report.results.find((result) => result.uid === uid);
    expect(line('u0')).toEqual({
      uid: 'u0',
      outcome: 'needsSignIn',
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      reason: 'refused',
      platformCode: '002002',
    });
    expect(line('u1')).toEqual({ uid: 'u1', outcome: 'notYetRenewable' });
    expect(line('u2')).toMatchObject({ code: 'ERR_TOKEN_SUSPENDED', platformCode: '003003' });
    expect(line('u2')?.retryAt).toBeGreaterThan(w.clock.now() + 5 * HOUR_MS);
    expect(line('u3')).toEqual({ uid: 'u3', outcome: 'waiting', code: 'ERR_TOKEN_SUSPENDED', reason: 'cancelled' });
    expect(line('u4')).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' });
    expect(line('u7')).toEqual({ uid: 'u7', outcome: 'renewed' });
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('made again repeats nothing that is done', async () => {
    const w = await batch();
    await w.clock.advance(26 * HOUR_MS);
    expect((await w.client.refreshUsers()).renewed).toBe(12);
    expect(await w.client.refreshUsers()).toMatchObject({ renewed: 0, notYetRenewable: 12 });
    expect([w.count(USER_INFO), w.count(COMPANIES)]).toEqual([12, 1]);
  });

  it('begins with whose refresh token ends first', async () => {
    const w = await batch();
    await w.clock.advance(12 * HOUR_MS);
    for (const uid of ['u0', 'u1', 'u2']) await w.signIn(uid);
    await w.clock.advance(26 * HOUR_MS);
    const { results } = await w.client.refreshUsers({ concurrency: 1 });
    expect(
      results
        .slice(-3)
        .map(({ uid }) => uid)
        .sort(),
    ).toEqual(['u0', 'u1', 'u2']);
  });

  it('tells how it goes, line by line', async () => {
    const w = await batch();
    await w.clock.advance(26 * HOUR_MS);
    const seen: UserRefreshResult[] = [];
    const report = await w.client.refreshUsers({ onProgress: (result) => seen.push(result) });
    expect(seen).toEqual(report.results);
  });

  it('takes no more users after its signal, and finishes what is in flight', async () => {
    const w = await batch();
    await w.clock.advance(26 * HOUR_MS);
    const stop = new AbortController();
    const options = { concurrency: 1, signal: stop.signal, onProgress: () => stop.abort() };
    const { renewed, results } = await w.client.refreshUsers(options);
    expect(renewed).toBe(results.length);
    expect(renewed).toBeLessThan(12);
    expect(w.count(USER_INFO)).toBe(renewed);
    expect((await w.client.refreshUsers({ signal: stop.signal })).results).toEqual([]);
    expect((await w.client.refreshUsers()).renewed).toBe(12 - renewed);
  });

  it('of an account without users is empty', async () => {
    const w = await openWorld();
    expect(await w.client.refreshUsers()).toEqual({
      renewed: 0,
      notYetRenewable: 0,
      waiting: 0,
      failed: 0,
      needsSignIn: 0,
      results: [],
    });
  });
});

describe('one user', () => {
  it('is renewed alone', async () => {
    const w = await batch();
    await w.clock.advance(26 * HOUR_MS);
    const seen: UserRefreshResult[] = [];
    const report = await w.client.refreshUsers({ uid: 'u5', onProgress: (result) => seen.push(result) });
    expect(report).toMatchObject({ renewed: 1, results: [{ uid: 'u5', outcome: 'renewed' }] });
    expect(seen).toEqual(report.results);
    expect(w.count(USER_INFO)).toBe(1);
  });

  it('who has to sign in is a line and no error', async () => {
    const w = await batch();
    await w.clock.advance(80 * HOUR_MS);
    expect(await w.client.refreshUsers({ uid: 'u5' })).toMatchObject({ needsSignIn: 1 });
    expect(await w.client.refreshUsers({ uid: 'u5' })).toMatchObject({ needsSignIn: 1 });
  });

  it('who is not known is an error that says so', async () => {
    const w = await batch();
    const error = await tokenErrorOf(w.client.refreshUsers({ uid: 'nobody' }));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED', reason: 'absent', subject: 'nobody' });
    expect(error.message).toContain('no sign-in of this user is stored');
  });

  it('who was forgotten is one too', async () => {
    const w = await batch();
    await w.client.users.forget('u5');
    const error = await tokenErrorOf(w.client.refreshUsers({ uid: 'u5' }));
    expect(error.message).toContain('this user was forgotten');
  });
});
