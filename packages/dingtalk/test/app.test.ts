import { inspect } from 'node:util';
import { fingerprint, parseTokenKey, systemClock, type TokenKey } from '@evertoken/core';
import { expect, it } from 'vitest';
import { DingTalkAppClient, dingTalkApp } from '../src/index.js';
import { fakeTokens } from './support.js';

const app = dingTalkApp({ name: 'oa', appKey: 'dingkey', appSecret: 'app-secret', corpId: 'dingcorp' });

it('has one key per app and kind, whatever API asks for the token', () => {
  const legacy = dingTalkApp({ name: 'oa', appKey: 'dingkey', appSecret: 'app-secret', api: 'legacy' });
  expect(app.accessToken.key).toBe('et1/dingtalk/dingkey/access_token');
  expect(app.jsapiTicket.key).toBe('et1/dingtalk/dingkey/jsapi_ticket');
  expect(legacy.accessToken.key).toBe(app.accessToken.key);
});

it('describes tokens that asking again extends, and a ticket that ends a day after it was made', () => {
  const extended = { issuance: 'idempotent', keep: 'obtainable', lifetime: 'extended', account: 'oa' };
  expect(app.accessToken).toMatchObject({ ...extended, kind: 'access_token' });
  expect(app.accessToken.renewableFrom).toBeUndefined();
  expect(app.accessToken.maxLifetimeMs).toBeUndefined();
  expect(app.jsapiTicket).toMatchObject({ ...extended, kind: 'jsapi_ticket', maxLifetimeMs: 86_400_000 });
  expect(app.jsapiTicket.dependsOn).toEqual([app.accessToken]);
  expect(app.kinds).toEqual([
    { kind: 'access_token', issuance: 'idempotent', keep: 'obtainable' },
    { kind: 'jsapi_ticket', issuance: 'idempotent', keep: 'obtainable' },
    { kind: 'unified_access_token', issuance: 'idempotent', keep: 'obtainable' },
  ]);
});

it('gives the same handle each time, and finds it again by the parts of its key', () => {
  expect(app.accessToken).toBe(app.accessToken);
  expect([...app.sources()]).toEqual([app.accessToken, app.jsapiTicket]);
  for (const source of app.sources()) {
    const { kind, subject } = parseTokenKey(source.key);
    expect(app.source(kind, subject?.join('/'))).toBe(source);
  }
  expect(app.source('access_token', 'somebody')).toBeUndefined();
  expect(app.source('component_access_token')).toBeUndefined();
});

it('gives each secret of an organisation a key of its own, and shows the secret in none', () => {
  const [sales, hr] = ['sales-secret', 'hr-secret'].map((corpSecret) =>
    dingTalkApp({ name: 'oldest', corpId: 'dingcorp', corpSecret }),
  );
  expect(sales?.id).toBe(`dingcorp.${fingerprint('sales-secret')}`);
  expect(sales?.accessToken.key).toBe(`et1/dingtalk/${sales?.id}/access_token`);
  expect(sales?.accessToken.key).not.toBe(hr?.accessToken.key);
  expect(sales?.jsapiTicket.key).not.toBe(hr?.jsapiTicket.key);
  expect(sales?.problems()).toEqual([]);
  expect(sales?.corpId).toBe('dingcorp');
});

it('tells changed secrets apart by a fingerprint', () => {
  const reset = dingTalkApp({ name: 'oa', appKey: 'dingkey', appSecret: 'new-secret' });
  expect(app.accessToken.credentials?.()).toBe(fingerprint('app-secret'));
  expect(reset.accessToken.credentials?.()).not.toBe(app.accessToken.credentials?.());
  expect(reset.accessToken.key).toBe(app.accessToken.key);
});

it('is built from nothing at all and gives handles, and says what is missing', () => {
  const empty = dingTalkApp({ name: 'oa', appKey: undefined, appSecret: undefined });
  const other = dingTalkApp({ name: 'hr', appKey: undefined, appSecret: '' });
  const oldest = dingTalkApp({ name: 'oldest', corpId: undefined, corpSecret: undefined });
  expect(empty.id).toBe('');
  expect(oldest.id).toBe('');
  const keys = new Set<TokenKey>([empty, other, oldest].map((account) => account.accessToken.key));
  expect(keys.size).toBe(3);
  expect(empty.problems()).toEqual([
    '"appKey" must be a non-empty string, it is missing',
    '"appSecret" must be a non-empty string, it is missing',
  ]);
  expect(other.problems()).toContain('"appSecret" must be a non-empty string, it is empty');
  expect(oldest.problems()).toEqual([
    '"corpId" must be a non-empty string, it is missing',
    '"corpSecret" must be a non-empty string, it is missing',
  ]);
});

it.each([
  [{ api: 'v2' }, '"api" must be'],
  [{ corpId: '' }, '"corpId" must be'],
  [{ api: 'unified' }, '"corpId" must be'],
  [{ userTokens: 's3cret-value' }, '"userTokens" must be'],
  [{ push: [] }, '"push" must'],
  [{ push: { token: 'a token', encodingAESKey: 'x'.repeat(43) } }, '"push.token" must'],
  [{ push: [{ token: 't', encodingAESKey: 's3cret-value' }] }, '"push\\[0\\].encodingAESKey" must'],
  [{ dispatcher: 's3cret-value' }, '"dispatcher" must be'],
  [{ clock: 's3cret-value' }, '"clock" must be'],
  [{ random: 0.5 }, '"random" must be'],
  [{ appkey: 'k' }, '"appkey" is no option'],
  [{ corpSecret: 's3cret-value' }, '"corpSecret" is no option'],
  [{ baseUrls: 'https://proxy.example' }, '"baseUrls" must be'],
  [{ baseUrls: { openapi: 'https://proxy.example' } }, '"baseUrls.openapi" is no option'],
  [{ baseUrls: { api: 'proxy.example' } }, '"baseUrls.api" must be'],
  [{ baseUrls: { oapi: 'ftp://proxy.example' } }, '"baseUrls.oapi" must be'],
  [{ baseUrls: { oapi: 'https://user:s3cret-value@proxy.example' } }, '"baseUrls.oapi" must be'],
  [{ baseUrls: { api: 'https://proxy.example/?key=s3cret-value' } }, '"baseUrls.api" must be'],
])('refuses %j without showing a value', (options, problem) => {
  const account = dingTalkApp({ name: 'oa', appKey: 'k', appSecret: 's', ...options } as Parameters<
    typeof dingTalkApp
  >[0]);
  expect(account.problems()).toHaveLength(1);
  expect(account.problems()[0]).toMatch(new RegExp(`^${problem}`));
  expect(account.problems().join()).not.toContain('s3cret-value');
});

it.each([
  { api: 'v1' as const },
  { api: 'legacy' as const, corpId: undefined },
  { baseUrls: { api: 'https://api.dingtalk.io', oapi: undefined } },
  { api: 'unified' as const, corpId: 'dingcorp', userTokens: true, dispatcher: { dispatch: () => true } },
  { baseUrls: { login: 'https://login.dingtalk.io' }, clock: systemClock, random: () => 0.5 },
  { baseUrls: {}, refresh: { kinds: ['access_token'] }, fetch },
])('accepts %j', (options) => {
  expect(dingTalkApp({ name: 'oa', appKey: 'k', appSecret: 's', ...options }).problems()).toEqual([]);
});

it('reads its options once', () => {
  const options = { name: 'oa', appKey: 'before' as string | undefined, appSecret: 's' };
  const account = dingTalkApp(options);
  options.appKey = undefined;
  expect(account.problems()).toEqual([]);
  expect(account.accessToken.key).toContain('/before/');
});

it('passes on how it is refreshed and whose fetch it uses', () => {
  const refresh = { refreshBeforeExpiryMs: 600_000 };
  const account = dingTalkApp({ name: 'oa', appKey: 'k', appSecret: 's', refresh, fetch });
  expect(account).toMatchObject({ refresh, fetch });
  expect(Object.keys(app)).not.toContain('refresh');
});

it('shows its secret to nobody who prints it', () => {
  const corp = dingTalkApp({ name: 'corp', corpId: 'dingcorp', corpSecret: 'corp-secret' });
  const client = app.client(fakeTokens('T1'));
  expect(client).toBeInstanceOf(DingTalkAppClient);
  const printed = inspect([app, app.accessToken, app.jsapiTicket, client, corp, corp.accessToken], {
    depth: 10,
    showHidden: true,
    getters: true,
  });
  expect(printed).not.toMatch(/app-secret|corp-secret/);
});
