import { systemClock } from '@evertoken/core';
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../src/app-settings.js';
import { nextEngineApp, type SignInBinding } from '../src/index.js';
import { BINDING_LIFETIME_MS, makeBinding } from '../src/sign-in-binding.js';
import { ANSWERED_AT, answering, type Reply, recordingTokens, shown, tokenErrorOf, wirePair } from './support.js';

const options = {
  name: 'erp',
  clientId: 'c',
  clientSecret: 'client-secret',
  redirectUri: 'https://app.example/nextengine/callback',
};
const KEY = 'et1/nextengine/c/access_token/u1';

/** As two independent clients list it (§3.3): no end dates. */
const ANSWER = {
  result: 'success',
  access_token: 'A9',
  refresh_token: 'R9',
  company_app_header: '<div></div>',
  company_ne_id: 'ne-1',
  company_name: '株式会社',
  company_kana: 'カブシキガイシャ',
  uid: 'u1',
  pic_ne_id: 'p-1',
  pic_name: '田中',
  pic_kana: 'タナカ',
  pic_mail_address: 'tanaka@example.com',
};

function signedIn(reply: Reply, failures = {}) {
  const { fetch, seen } = answering(reply);
  const tokens = recordingTokens([], fetch, failures);
  const client = nextEngineApp(options).client(tokens);
  const { binding } = client.signIn();
  return { client, tokens, seen, binding, exchange: () => client.exchange({ uid: 'u1', state: 's1', binding }) };
}

describe('beginning a sign-in', () => {
  it('gives the page’s address, without the secret, and a binding', () => {
    const { url, binding } = nextEngineApp(options).client(recordingTokens()).signIn();
    expect(url).toBe(
      'https://base.next-engine.org/users/sign_in/?client_id=c&redirect_uri=https%3A%2F%2Fapp.example%2Fnextengine%2Fcallback',
    );
    expect(url + binding).not.toContain('client-secret');
    expect(typeof binding).toBe('string');
  });
});

describe('a good exchange', () => {
  it('tells the user’s facts and never a token', async () => {
    const user = await signedIn(ANSWER).exchange();
    expect(user).toEqual({
      uid: 'u1',
      companyNeId: 'ne-1',
      companyName: '株式会社',
      companyKana: 'カブシキガイシャ',
      companyAppHeader: '<div></div>',
      picNeId: 'p-1',
      picName: '田中',
      picKana: 'タナカ',
      picMailAddress: 'tanaka@example.com',
    });
    expect(JSON.stringify(user)).not.toMatch(/A9|R9/);
  });

  it('stores the pair at once without ends, then asks for them', async () => {
    const { tokens, exchange, seen } = signedIn(ANSWER);
    await exchange();
    expect(tokens.log).toEqual([
      [
        'stored',
        KEY,
        { value: 'A9', refreshToken: 'R9', answeredAt: ANSWERED_AT, extra: { companyNeId: 'ne-1', picNeId: 'p-1' } },
      ],
      ['refresh', KEY],
    ]);
    expect(seen.map(({ url, form }) => [url, form])).toEqual([
      [
        'https://api.next-engine.org/api_neauth',
        { uid: 'u1', state: 's1', client_id: 'c', client_secret: 'client-secret' },
      ],
    ]);
  });

  it('takes the ends where the platform tells them already', async () => {
    const { tokens, exchange } = signedIn({ ...ANSWER, ...wirePair('A9', 'R9') });
    await exchange();
    expect(tokens.log[0]?.[2]).toMatchObject({
      expiresAt: ANSWERED_AT,
      refreshTokenExpiresAt: ANSWERED_AT + 48 * 3_600_000,
    });
  });

  it('stands where asking for the ends fails', async () => {
    const { exchange } = signedIn(ANSWER, { refresh: new Error('the store is down') });
    expect((await exchange()).uid).toBe('u1');
  });

  it('needs no more than uid and tokens in the answer', async () => {
    const { exchange } = signedIn({ result: 'success', access_token: 'A9', refresh_token: 'R9', uid: 'u1' });
    expect(await exchange()).toEqual({ uid: 'u1' });
  });
});

describe('an exchange is not even tried', () => {
  const settings = settingsOf(options);
  const old = makeBinding(settings, systemClock.now() - BINDING_LIFETIME_MS - 1_000);
  const foreign = makeBinding({ ...settings, clientSecret: 'of another app' }, systemClock.now());
  const good = makeBinding(settings, systemClock.now());

  it.each<[string, string, unknown]>([
    ['without a binding', 'unbound', { uid: 'u1', state: 's1', binding: undefined }],
    ['with a binding of nobody', 'foreign', { uid: 'u1', state: 's1', binding: 'made up' }],
    ['with another app’s binding', 'foreign', { uid: 'u1', state: 's1', binding: foreign }],
    ['with an old binding', 'expired', { uid: 'u1', state: 's1', binding: old }],
    ['without a uid', 'incomplete', { uid: undefined, state: 's1', binding: good }],
    ['without a state', 'incomplete', { uid: 'u1', state: undefined, binding: good }],
    ['with an empty state', 'incomplete', { uid: 'u1', state: '', binding: good }],
    ['with a repeated uid', 'incomplete', { uid: ['u1', 'u2'], state: 's1', binding: good }],
    ['with a repeated state', 'incomplete', { uid: 'u1', state: ['s1', 's2'], binding: good }],
    ['with a uid no key can hold', 'incomplete', { uid: 'u'.repeat(600), state: 's1', binding: good }],
    ['with a uid that is no Unicode', 'incomplete', { uid: '\ud800', state: 's1', binding: good }],
  ])('%s', async (_, reason, callback) => {
    const { fetch, seen } = answering(ANSWER);
    const tokens = recordingTokens([], fetch);
    const exchange = nextEngineApp(options)
      .client(tokens)
      .exchange(callback as never);
    const error = await tokenErrorOf(exchange);
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REFUSED', reason, account: 'erp', kind: 'access_token' });
    expect(error.message).toMatch(/start over at the sign-in page$/);
    expect([tokens.log, seen]).toEqual([[], []]);
  });
});

describe('a failed exchange stores nothing', () => {
  it.each<[string, Reply, object]>([
    ['another user’s tokens', { ...ANSWER, uid: 'u2' }, { code: 'ERR_TOKEN_REFUSED', reason: 'mismatch' }],
    ['nobody’s tokens', { ...ANSWER, uid: undefined }, { code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' }],
    ['half a pair', { ...ANSWER, refresh_token: '' }, { code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' }],
    ['no tokens', { result: 'success', uid: 'u1' }, { code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' }],
    ['HTML', '<html></html>', { code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' }],
    ['no result', {}, { code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' }],
    ['no answer', new TypeError('fetch failed'), { code: 'ERR_TOKEN_TRANSPORT', reason: 'network' }],
    ['a refused state', { result: 'error', code: '001002' }, { code: 'ERR_TOKEN_REFUSED', reason: 'refused' }],
    ['an unknown uid', { result: 'error', code: '001001' }, { code: 'ERR_TOKEN_REFUSED', reason: 'refused' }],
    ['a redirect', { result: 'redirect' }, { code: 'ERR_TOKEN_REFUSED', reason: 'refused' }],
    ['002002', { result: 'error', code: '002002' }, { code: 'ERR_TOKEN_REFUSED', reason: 'refused' }],
    ['a wrong secret', { result: 'error', code: '001003' }, { code: 'ERR_TOKEN_REFUSED', reason: 'credentials' }],
    ['a suspended company', { result: 'error', code: '001007' }, { code: 'ERR_TOKEN_SUSPENDED' }],
    ['maintenance', { result: 'error', code: '002007' }, { code: 'ERR_TOKEN_MAINTENANCE' }],
    ['a failed server', { result: 'error', code: '999999' }, { code: 'ERR_TOKEN_TRANSPORT' }],
  ])('%s', async (_, reply, expected) => {
    const { tokens, exchange } = signedIn(reply);
    const error = await tokenErrorOf(exchange());
    expect(error).toMatchObject({ ...expected, account: 'erp', subject: 'u1' });
    expect(shown(error)).not.toMatch(/A9|R9|client-secret|s1/);
    expect(tokens.log).toEqual([['refused', KEY]]);
  });

  it('but an error that brought the user’s pair keeps it, and is an error still', async () => {
    const { tokens, exchange } = signedIn({ ...ANSWER, result: 'error', code: '001007' });
    expect(await tokenErrorOf(exchange())).toMatchObject({ code: 'ERR_TOKEN_SUSPENDED' });
    expect(tokens.log.map(([what]) => what)).toEqual(['stored']);
  });
});

it('a binding is typed, so that a uid is not taken for one', () => {
  const binding: SignInBinding = nextEngineApp(options).client(recordingTokens()).signIn().binding;
  // @ts-expect-error a plain text is no binding
  const wrong: SignInBinding = 'text';
  expect(binding).not.toBe(wrong);
});
