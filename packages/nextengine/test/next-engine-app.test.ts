import { parseTokenKey, systemClock } from '@evertoken/core';
import { fixedTokens } from '@evertoken/core/testing';
import { describe, expect, it } from 'vitest';
import { NextEngineClient, NextEngineUserClient, nextEngineApp } from '../src/index.js';
import { answering, tokenErrorOf } from './support.js';

const options = { name: 'erp', clientId: 'c', clientSecret: 'client-secret' };

describe('the account', () => {
  const app = nextEngineApp(options);

  it('is named by its options and declares its one kind', () => {
    expect(app).toMatchObject({ platform: 'nextengine', name: 'erp', id: 'c' });
    expect(app.kinds).toMatchObject([{ kind: 'access_token', issuance: 'rotating', keep: 'grant', overlapMs: 0 }]);
  });

  it('has no tokens of its own: users come from the store', () => {
    expect([...app.sources()]).toEqual([]);
  });

  it('turns a stored key back into its source', () => {
    const { key } = app.user('u/1').accessToken;
    const { kind, subject } = parseTokenKey(key);
    expect(app.source(kind, subject?.[0])?.key).toBe(key);
  });

  it.each([
    ['access_token', undefined],
    ['access_token', ''],
    ['refresh_token', 'u1'],
  ])('has no source for %s of %j', (kind, subject) => {
    expect(app.source(kind, subject)).toBeUndefined();
  });

  it('gives clients for all users and for one', () => {
    const tokens = fixedTokens([]);
    expect(app.client(tokens)).toBeInstanceOf(NextEngineClient);
    expect(app.user('u1').client(tokens)).toBeInstanceOf(NextEngineUserClient);
  });

  it('passes on how its tokens are refreshed and with what fetch', () => {
    const { fetch } = answering({});
    const refresh = { retryIntervalMs: 5_000 };
    expect(nextEngineApp({ ...options, refresh, fetch })).toMatchObject({ refresh, fetch });
    expect('fetch' in app).toBe(false);
  });
});

describe('options', () => {
  it('are complete with name, client id and client secret', () => {
    expect(nextEngineApp(options).problems()).toEqual([]);
    expect(
      nextEngineApp({
        ...options,
        redirectUri: undefined,
        baseUrls: { api: undefined, base: 'http://localhost:8080' },
      }).problems(),
    ).toEqual([]);
  });

  it('may be missing until a manager takes the account', async () => {
    const app = nextEngineApp({ name: 'erp', clientId: undefined, clientSecret: undefined });
    expect(app.problems()).toEqual([
      '"clientId" must be a non-empty string, it is missing',
      '"clientSecret" must be a non-empty string, it is missing',
    ]);
    expect(app.id).toBe('');
    expect(() => app.client(fixedTokens([])).signIn()).not.toThrow();
    expect(await tokenErrorOf(fixedTokens([]).get(app.user('u1').accessToken))).toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
      message: '"clientId" of account "erp" is missing',
    });
  });

  it('that are unknown or wrong are named, never shown', () => {
    const problems = nextEngineApp({
      ...options,
      redirectUri: 'not a url',
      baseUrls: { api: 'ftp://files.example', host: 'x' },
      secret: 'oops-a-secret',
    } as never).problems();
    expect(problems).toEqual([
      expect.stringMatching(/^"secret" is no option; expected "name", "clientId", "clientSecret"/),
      '"redirectUri" must be an http or https URL',
      '"baseUrls.api" must be an http or https URL',
      '"baseUrls.host" is no option; expected "api", "base"',
    ]);
    expect(problems.join()).not.toContain('oops');
  });

  it.each<[object, string]>([
    [{ retryIntervalMs: 0 }, '"retryIntervalMs" must be a positive number'],
    [{ checkCompanies: 'no' }, '"checkCompanies" must be true or false'],
    [{ keepMailAddress: 1 }, '"keepMailAddress" must be true or false'],
    [
      { users: { save() {}, list() {} } },
      '"users" must be an adapter with save, list and remove; its "remove" is missing',
    ],
    [{ quota: { freeCallsPerMonth: -1 } }, '"quota.freeCallsPerMonth" must be a positive number'],
    [{ quota: { warnAtShare: 'half' } }, '"quota.warnAtShare" must be a positive number'],
    [{ quota: { perDay: 1 } }, '"quota.perDay" is no option; expected "freeCallsPerMonth", "warnAtShare"'],
    [{ clock: { now: () => 0, after() {} } }, '"clock" must be a Clock; its "monotonic" is missing'],
    [{ random: 0.5 }, '"random" must be a function'],
  ])('%j is refused by name', (wrong, problem) => {
    expect(nextEngineApp({ ...options, ...wrong } as never).problems()).toEqual([problem]);
  });

  it('all have a right value', () => {
    const users = { save: async () => {}, list: async () => [], remove: async () => {} };
    const all = { checkCompanies: false, keepMailAddress: true, retryIntervalMs: 1, users, quota: { warnAtShare: 1 } };
    expect(nextEngineApp({ ...options, ...all, random: () => 0, clock: systemClock }).problems()).toEqual([]);
  });

  it('of a wrong type throw nothing', () => {
    for (const wrong of [
      { users: null },
      { quota: null },
      { clock: null },
      { quota: 5, users: 7, retryIntervalMs: 'x' },
    ])
      expect(() => nextEngineApp({ ...options, ...wrong } as never).problems()).not.toThrow();
    expect(() => nextEngineApp({ ...options, baseUrls: { api: 5 }, redirectUri: 7 } as never).problems()).not.toThrow();
  });
});

describe('in users’ tests', () => {
  it('a double of the manager gives the token', async () => {
    const { fetch, seen } = answering({ result: 'success' });
    const app = nextEngineApp({ ...options, fetch });
    await app
      .client(fixedTokens([[app.user('u1').accessToken, 'T1']]))
      .user('u1')
      .call('/api_v1_login_company/info');
    expect(seen[0]?.form).toEqual({ access_token: 'T1' });
  });

  it('a user without uid rejects in the manager, too', async () => {
    const { accessToken } = nextEngineApp(options).user(undefined);
    expect((await tokenErrorOf(fixedTokens([]).get(accessToken))).code).toBe('ERR_TOKEN_REAUTHORIZATION_REQUIRED');
  });
});
