import { describe, expect, it } from 'vitest';
import type { Sandbox } from '../../src/index.js';
import { MINUTE, NEXTENGINE, query } from '../support.js';
import { call, exchange, issue, pairOf, SUZUKI, startNextEngine, TANAKA } from './support.js';

const CALLBACK = 'https://app.example/callback?from=sandbox';

function open(sandbox: Sandbox, fields: Record<string, string> = {}): Promise<Response> {
  const asked = { client_id: NEXTENGINE.clientId, redirect_uri: CALLBACK, ...fields };
  return fetch(`${sandbox.urls.nextengineBase}/users/sign_in/?${query(asked)}`, { redirect: 'manual' });
}

describe('the sign-in page', () => {
  it('offers a link for every user', async () => {
    const sandbox = await startNextEngine();
    const response = await open(sandbox);
    expect(response.status).toBe(200);
    const links = [...(await response.text()).matchAll(/href="\?([^"]+)"/g)];
    const uids = links.map(([, link]) => new URLSearchParams(link?.replaceAll('&amp;', '&')).get('uid'));
    expect(uids).toEqual([TANAKA, SUZUKI]);
  });

  it('redirects at once with a uid, keeping the query of the redirect URI', async () => {
    const sandbox = await startNextEngine();
    const response = await open(sandbox, { uid: TANAKA });
    expect(response.status).toBe(302);
    const target = new URL(response.headers.get('location') ?? '');
    expect(target.origin + target.pathname).toBe('https://app.example/callback');
    expect(target.searchParams.get('from')).toBe('sandbox');
    const signedIn = Object.fromEntries(target.searchParams);
    expect((await exchange(sandbox, { uid: TANAKA, state: signedIn['state'] ?? '' })).result).toBe('success');
  });

  it('uses the registered redirect URI if none is asked for, and refuses any other', async () => {
    const sandbox = await startNextEngine({ redirectUri: CALLBACK });
    const url = `${sandbox.urls.nextengineBase}/users/sign_in/?client_id=${NEXTENGINE.clientId}&uid=${TANAKA}`;
    const response = await fetch(url, { redirect: 'manual' });
    expect(response.headers.get('location')).toMatch(/^https:\/\/app\.example\/callback\?/);
    expect((await open(sandbox, { uid: TANAKA, redirect_uri: 'https://app.example/other' })).status).toBe(400);
  });

  it.each([
    [{ client_id: 'nobody' }, 404],
    [{ redirect_uri: '' }, 400],
    [{ redirect_uri: 'javascript:alert(1)', uid: TANAKA }, 400],
    [{ uid: 'nobody' }, 400],
  ])('refuses %o with a page of status %i', async (fields, status) => {
    const sandbox = await startNextEngine();
    const response = await open(sandbox, fields);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('text/html');
  });
});

describe('/api_neauth', () => {
  it('exchanges uid and state for a pair and the profile, without end dates', async () => {
    const sandbox = await startNextEngine();
    const body = await exchange(sandbox, sandbox.nextengine.signIn(NEXTENGINE.clientId, TANAKA), '/api_neauth/');
    expect(body).toMatchObject({ result: 'success', uid: TANAKA, company_ne_id: 'ne-company-1000', pic_name: '田中' });
    expect(body.access_token).toMatch(/^[0-9a-f]{128}$/);
    expect(body.access_token_end_date).toBeUndefined();
    expect((await call(sandbox, pairOf(body))).access_token_end_date).toBe('2026-11-03 10:30:00');
  });

  it('sends end dates where the switch says so', async () => {
    const sandbox = await startNextEngine({ neauthEndDates: true });
    const body = await exchange(sandbox, sandbox.nextengine.signIn(NEXTENGINE.clientId, TANAKA));
    expect(body.refresh_token_end_date).toBe('2026-11-05 10:30:00');
  });

  it('takes a state once, for five minutes, from its own user', async () => {
    const sandbox = await startNextEngine();
    const signIn = () => sandbox.nextengine.signIn(NEXTENGINE.clientId, TANAKA);
    const [used, late, foreign] = [signIn(), signIn(), signIn()];
    expect((await exchange(sandbox, { ...foreign, uid: SUZUKI })).code).toBe('001002');
    sandbox.advance(5 * MINUTE - 1);
    expect((await exchange(sandbox, used)).result).toBe('success');
    expect((await exchange(sandbox, used)).code).toBe('001002');
    sandbox.advance(1);
    expect((await exchange(sandbox, late)).code).toBe('001002');
  });

  it('takes a state again where the switch says so', async () => {
    const sandbox = await startNextEngine({ stateSingleUse: false });
    const signedIn = sandbox.nextengine.signIn(NEXTENGINE.clientId, TANAKA);
    await exchange(sandbox, signedIn);
    expect((await exchange(sandbox, signedIn)).result).toBe('success');
  });

  it('leaves a living pair where sign-ins do not rotate', async () => {
    const sandbox = await startNextEngine({ signInRotates: false });
    const pair = issue(sandbox);
    const body = await exchange(sandbox, sandbox.nextengine.signIn(NEXTENGINE.clientId, TANAKA));
    expect(body.access_token).toBe(pair.accessToken);
  });

  it.each([
    [{ uid: '' }, '001001'],
    [{ uid: 'nobody' }, '001001'],
    [{ state: '' }, '001002'],
    [{ client_secret: 'wrong' }, '001003'],
    [{ client_id: 'nobody' }, '001003'],
  ])('refuses %o with %s and does not use up the state', async (fields, code) => {
    const sandbox = await startNextEngine();
    const signedIn = sandbox.nextengine.signIn(NEXTENGINE.clientId, TANAKA);
    expect(await exchange(sandbox, { ...signedIn, ...fields })).toMatchObject({ result: 'error', code });
    expect((await exchange(sandbox, signedIn)).result).toBe('success');
  });
});

it('a user may hold a configured pair from the start', async () => {
  const pair = { accessToken: 'a'.repeat(128), refreshToken: 'b'.repeat(128) };
  const sandbox = await startNextEngine({ users: [{ uid: TANAKA, pair }] });
  expect(pairOf(await call(sandbox, pair))).toEqual(pair);
  expect(sandbox.nextengine.currentPair(NEXTENGINE.clientId, TANAKA)?.accessTokenEndDate).toBe('2026-11-03 10:30:00');
});
