import type { CallbackReply, CallbackRequest, TokenError } from '@evertoken/core';
import { describe, expect, it } from 'vitest';
import { type NextEngineSignInOptions, nextEngineApp, type SignedInUser } from '../src/index.js';
import { Browser, serve } from './browser.js';
import { aTurn, clientId, clientSecret, openWorld, UID, type World, warningsOf } from './world.js';

const MINUTE = 60_000;
const EMPTY = new Uint8Array();
const COOKIE = /^ne-sign-in-[0-9a-f]{8}$/;

/** A world whose account serves its redirect URI, and a browser. */
async function openSite({
  signIn = {},
  platform = {},
}: {
  readonly signIn?: NextEngineSignInOptions;
  readonly platform?: object;
} = {}) {
  let answer: (request: CallbackRequest) => Promise<CallbackReply>;
  const site = await serve((request) => answer(request));
  const w = await openWorld({ app: { redirectUri: site, signIn }, platform });
  answer = w.app.callback(w.tokens);
  const browser = () => new Browser(w.sandbox.urls.nextengineBase, UID);
  return { ...w, site, browser };
}

/** What a request without a server would be. */
function requestOf(query: CallbackRequest['query'], cookie?: string, method = 'GET'): CallbackRequest {
  return { method, query, headers: cookie === undefined ? {} : { cookie }, body: EMPTY };
}

/** The cookie an answer sets, as the browser sends it back. */
function cookieOf({ headers = {} }: CallbackReply): string {
  return String([headers['set-cookie']].flat().at(-1)).split(';')[0] ?? '';
}

async function stored({ tokens }: Pick<World, 'tokens'>): Promise<string[]> {
  const found: string[] = [];
  for await (const { subject, state } of tokens.inspect({ kinds: ['access_token'] })) found.push(`${subject} ${state}`);
  return found;
}

const callbackUrl = ({ site, sandbox }: Pick<World, 'sandbox'> & { readonly site: string }, uid = UID) =>
  `${site}?${new URLSearchParams({ ...sandbox.nextengine.signIn(clientId, uid), id: 'menu-7' })}`;

describe('a browser', () => {
  it('that opens the address is signed in, and comes out where the application says', async () => {
    const users: SignedInUser[] = [];
    const w = await openSite({ signIn: { afterSignIn: '/?in', onSignedIn: (user) => void users.push(user) } });
    const browser = w.browser();
    const last = await browser.open(w.site);
    expect(last).toMatchObject({ status: 302 });
    expect(last.headers.get('location')).toBe('/?in');
    expect(users).toMatchObject([{ uid: UID, companyNeId: 'ne-company-1000' }]);
    expect(await stored(w)).toEqual([`${UID} active`]);
    expect(browser.cookies.size).toBe(0);
    expect(browser.history.map(({ status }) => status)).toEqual([302, 302, 302]);
  });

  it('goes to / where nothing is said', async () => {
    const w = await openSite();
    expect((await w.browser().open(w.site)).headers.get('location')).toBe('/');
  });

  it('that comes from NextEngine’s menu goes through the sign-in page: nothing is stored for what it brought', async () => {
    const w = await openSite();
    const browser = w.browser();
    const first = await browser.open(callbackUrl(w), { follow: false });
    expect(first.headers.get('location')).toContain('/users/sign_in/?client_id=');
    expect(await stored(w)).toEqual([]);
    expect([...browser.cookies.keys()]).toEqual([expect.stringMatching(COOKIE)]);
    await browser.open(first.headers.get('location') ?? '');
    expect(await stored(w)).toEqual([`${UID} active`]);
    expect(browser.cookies.size).toBe(0);
  });

  it('that typed for too long starts over', async () => {
    const w = await openSite();
    const browser = w.browser();
    await browser.open(w.site, { follow: false });
    await w.clock.advance(11 * MINUTE);
    await browser.open(callbackUrl(w));
    expect(await stored(w)).toEqual([`${UID} active`]);
  });

  it('with another one’s binding gets nowhere, and loses it', async () => {
    const w = await openSite();
    const browser = w.browser();
    await browser.open(w.site, { follow: false });
    const [name = ''] = browser.cookies.keys();
    browser.cookies.set(name, 'of.1.another-app.entirely');
    const page = await browser.open(callbackUrl(w));
    expect(page.status).toBe(403);
    expect(await stored(w)).toEqual([]);
    expect(browser.cookies.size).toBe(0);
    // So the next attempt is a new one.
    await browser.open(callbackUrl(w));
    expect(await stored(w)).toEqual([`${UID} active`]);
  });

  it('that loads a callback twice is signed in anew, not refused', async () => {
    const w = await openSite();
    const browser = w.browser();
    await browser.open(w.site);
    const { url } = browser.history.at(-1) ?? { url: '' };
    const before = await w.tokens.get(w.app.user(UID).accessToken);
    const again = await browser.open(url, { follow: false });
    expect(again.headers.get('location')).toContain('/users/sign_in/');
    expect((await w.tokens.get(w.app.user(UID).accessToken)).value).toBe(before.value);
    expect((await browser.open(url)).headers.get('location')).toBe('/');
  });

  it('may begin at one process and end at another', async () => {
    const w = await openSite();
    const other = w.another();
    const begun = await w.app.callback(w.tokens)(requestOf({}));
    const query = w.sandbox.nextengine.signIn(clientId, UID);
    const reply = await other.app.callback(other.tokens)(requestOf({ ...query }, cookieOf(begun)));
    expect(reply).toMatchObject({ status: 302, headers: { location: '/' } });
  });

  it('that is sent to and fro by redirects gets an end, and one that thinks better of it does not', async () => {
    const w = await openSite();
    const callback = w.app.callback(w.tokens);
    let cookie: string | undefined;
    const visit = async (afterMs: number) => {
      await w.clock.advance(afterMs);
      const reply = await callback(requestOf({}, cookie));
      cookie = cookieOf(reply);
      return reply.status;
    };
    for (let visits = 0; visits < 8; visits++) expect(await visit(6_000)).toBe(302);
    const quick = [await visit(100), await visit(100), await visit(100), await visit(100)];
    expect(quick).toEqual([302, 302, 302, 400]);
    expect(await visit(100)).toBe(302);
  });
});

describe('the cookie', () => {
  const begin = async (redirectUri: string | undefined, signIn: NextEngineSignInOptions = {}) => {
    const w = await openWorld({ app: { redirectUri, signIn } });
    const { headers } = await w.app.callback(w.tokens)(requestOf({}));
    return String(headers?.['set-cookie']);
  };

  it('is the host’s alone and secure, unless the redirect URI is not', async () => {
    const secure = /^__Host-ne-sign-in-[0-9a-f]{8}=[\w.-]{20,}; Max-Age=600; Path=\/; Secure; HttpOnly; SameSite=Lax$/;
    expect(await begin('https://app.example/back')).toMatch(secure);
    expect(await begin(undefined)).toMatch(secure);
    expect(await begin('http://127.0.0.1:3000/back')).toMatch(
      /^ne-sign-in-[0-9a-f]{8}=[\w.-]{20,}; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/,
    );
  });

  it('has the name that is wanted, with the prefix', async () => {
    expect(await begin('https://app.example/back', { cookieName: 'erp' })).toMatch(/^__Host-erp=/);
  });

  it('is another one for each app, so that two on a host do not take it for forged', async () => {
    const w = await openWorld();
    const other = nextEngineApp({ name: 'other', clientId: 'another', clientSecret });
    const begun = await other.callback(w.tokens)(requestOf({}));
    const own = await w.app.callback(w.tokens)(requestOf({}));
    expect(cookieOf(begun).split('=')[0]).not.toBe(cookieOf(own).split('=')[0]);
  });

  it('counts for nothing where there are two of them', async () => {
    const w = await openWorld();
    const callback = w.app.callback(w.tokens);
    const cookie = cookieOf(await callback(requestOf({})));
    const planted = cookieOf(await callback(requestOf({})));
    const query = { ...w.sandbox.nextengine.signIn(clientId, UID) };
    const reply = await callback(requestOf(query, `a=1; ${cookie}; ${planted}`));
    expect(reply.headers?.['location']).toContain('/users/sign_in/');
    expect(await stored(w)).toEqual([]);
    expect((await callback(requestOf(query, `a=1; ${cookie};b=2`))).headers?.['location']).toBe('/');
  });

  it('goes with every end, beside the cookies of the application', async () => {
    const w = await openSite({
      signIn: {
        onSignedIn: async ({ uid }) => ({
          status: 303,
          headers: { Location: '/', 'Set-Cookie': [`session=s-${uid}; HttpOnly`, 'theme=dark'], 'X-Of': 'ours' },
          body: 'welcome',
        }),
      },
    });
    const browser = w.browser();
    const page = await browser.open(w.site);
    expect(page).toMatchObject({ status: 303, text: 'welcome' });
    expect(page.headers.get('x-of')).toBe('ours');
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(page.headers.getSetCookie()).toHaveLength(3);
    expect(Object.fromEntries(browser.cookies)).toEqual({ session: `s-${UID}`, theme: 'dark' });
  });
});

describe('what is answered', () => {
  it('is private, and passes its address on to nobody', async () => {
    const w = await openSite();
    const browser = w.browser();
    await browser.open(w.site);
    const ours = browser.history.filter(({ url }) => url.startsWith(w.site));
    expect(ours).toHaveLength(2);
    for (const { headers } of ours) {
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
    }
  });

  it.each(['HEAD', 'POST', 'PUT'])('is nothing for %s', async (method) => {
    const w = await openSite();
    const page = await w.browser().open(callbackUrl(w), { method });
    expect(page.status).toBe(405);
    expect(page.headers.get('allow')).toBe('GET');
  });

  it('never leads where the request says', async () => {
    const w = await openSite();
    const browser = w.browser();
    const to = 'afterSignIn=%2F%2Fevil.example&redirect_uri=https://evil.example&next=//evil.example';
    await browser.open(`${w.site}?${to}`, { follow: false });
    const page = await browser.open(`${callbackUrl(w)}&${to}`);
    expect(page.headers.get('location')).toBe('/');
    expect(browser.history.map(({ headers }) => headers.get('location') ?? '').join()).not.toContain('evil');
  });

  it.each<[string, object | undefined, object, number]>([
    ['half a callback', undefined, { state: '' }, 400],
    ['a uid that cannot be', undefined, { uid: 'x'.repeat(600) }, 400],
    ['a suspended company', { kind: 'code', code: '001007' }, {}, 403],
    ['a wrong secret', { kind: 'code', code: '001003' }, {}, 503],
    ['maintenance', { kind: 'code', code: '002007' }, {}, 503],
    ['a busy platform', { kind: 'code', code: '003001' }, {}, 503],
    ['no answer', { kind: 'drop' }, {}, 503],
  ])('to %s is a short text, which says nothing of what came', async (_, fault, change, status) => {
    const w = await openSite();
    const warnings = warningsOf('NextEngineSignIn');
    const browser = w.browser();
    await browser.open(w.site, { follow: false });
    if (fault) w.sandbox.fault(fault as never);
    const query = { ...w.sandbox.nextengine.signIn(clientId, UID), ...change };
    const page = await browser.open(`${w.site}?${new URLSearchParams(query)}`);
    expect(page.status).toBe(status);
    expect(page.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('cache-control')).toBe('no-store');
    for (const value of [query.uid, query.state, clientSecret]) if (value) expect(page.text).not.toContain(value);
    expect(page.text.length).toBeLessThan(200);
    expect(browser.cookies.size).toBe(0);
    await aTurn();
    // What anybody can cause by opening an address is not worth a line.
    expect(warnings).toHaveLength(status === 400 ? 0 : 1);
    expect(warnings.join()).not.toContain(clientSecret);
  });

  it('is the application’s own page where it has one', async () => {
    const errors: TokenError[] = [];
    const w = await openSite({
      signIn: {
        onRefused(error) {
          errors.push(error);
          return { status: 418, headers: { 'set-cookie': 'seen=1' }, body: 'もう一度' };
        },
      },
    });
    const browser = w.browser();
    await browser.open(w.site, { follow: false });
    const page = await browser.open(`${w.site}?uid=${UID}`);
    expect(page).toMatchObject({ status: 418, text: 'もう一度' });
    expect(errors).toMatchObject([{ code: 'ERR_TOKEN_REFUSED', reason: 'incomplete' }]);
    expect([...browser.cookies]).toEqual([['seen', '1']]);
  });

  it('is ours where the application’s page fails, or is none', async () => {
    const warnings = warningsOf('NextEngineSignIn');
    let fails = true;
    const w = await openSite({
      signIn: {
        onRefused() {
          if (fails) throw new Error('no template');
        },
      },
    });
    const browser = w.browser();
    await browser.open(w.site, { follow: false });
    expect((await browser.open(`${w.site}?uid=${UID}`)).status).toBe(400);
    fails = false;
    await browser.open(w.site, { follow: false });
    expect((await browser.open(`${w.site}?uid=${UID}`)).status).toBe(400);
    await aTurn();
    expect(warnings).toEqual([expect.stringContaining('no template')]);
  });

  it('is “later” where the application’s own session cannot be made; the pair is stored', async () => {
    const warnings = warningsOf('NextEngineSignIn');
    const w = await openSite({
      signIn: {
        onSignedIn: async () => {
          throw new Error('no session store');
        },
      },
    });
    const browser = w.browser();
    const page = await browser.open(w.site);
    expect(page.status).toBe(503);
    expect(page.text).not.toContain('session store');
    expect(await stored(w)).toEqual([`${UID} active`]);
    expect(browser.cookies.size).toBe(0);
    await aTurn();
    expect(warnings).toEqual([expect.stringContaining('no session store')]);
  });

  it('never depends on what else stands in the request', async () => {
    const w = await openSite();
    const callback = w.app.callback(w.tokens);
    const cookie = cookieOf(await callback(requestOf({})));
    const pieces = ['', UID, 'x,y', '<script>alert(1)</script>', '\r\nset-cookie: a=b', '%00', '☃', 'a'.repeat(2_000)];
    const cookies = [undefined, '', ';;;', cookie, `${cookie}x`, cookie.toUpperCase(), `=${cookie}`, '__proto__=1'];
    for (const uid of pieces)
      for (const state of pieces)
        for (const each of cookies) {
          const reply = await callback(requestOf({ uid, state, constructor: 'x' } as never, each));
          const { status, headers = {}, body } = reply;
          expect([302, 400, 403]).toContain(status);
          if (status === 302) expect(headers['location']).toMatch(/\/users\/sign_in\/\?client_id=[^\r\n]*$/);
          expect(JSON.stringify(reply)).not.toMatch(/script|☃|x,y|a=b|aaaa/);
          expect(body).not.toContain(UID);
        }
    expect(await stored(w)).not.toContain(`${UID} active`);
  });
});

describe('answerSignIn', () => {
  it('takes what a handler knows, over the account’s options', async () => {
    const w = await openSite({ signIn: { afterSignIn: '/account' } });
    const session: { uid?: string } = {};
    const cookie = cookieOf(await w.client.answerSignIn(requestOf({})));
    const query = { ...w.sandbox.nextengine.signIn(clientId, UID) };
    const reply = await w.client.answerSignIn(requestOf(query, cookie), {
      afterSignIn: 'https://app.example/handler',
      onSignedIn: ({ uid }) => {
        session.uid = uid;
      },
      onRefused: undefined,
    });
    expect(reply).toMatchObject({ status: 302, headers: { location: 'https://app.example/handler' } });
    expect(session).toEqual({ uid: UID });
  });

  it('refuses whom the session did not expect', async () => {
    const w = await openSite();
    const cookie = cookieOf(await w.client.answerSignIn(requestOf({})));
    const query = { ...w.sandbox.nextengine.signIn(clientId, UID) };
    const expected = { uid: 'user-suzuki' };
    expect(await w.client.answerSignIn(requestOf(query, cookie), { expected })).toMatchObject({ status: 403 });
    expect(await stored(w)).toEqual([]);
  });

  it('rejects for options that cannot be', async () => {
    const w = await openSite();
    await expect(w.client.answerSignIn(requestOf({}), { afterSignIn: '//evil.example' })).rejects.toThrow(
      /^"options.afterSignIn" must be a path/,
    );
  });
});

describe('the option "signIn"', () => {
  const problemsOf = (signIn: unknown) =>
    nextEngineApp({ name: 'erp', clientId: 'c', clientSecret: 's', signIn: signIn as never }).problems();

  it.each([
    ['yes', '"signIn"'],
    [{ after: '/' }, '"signIn.after"'],
    [{ onSignedIn: true }, '"signIn.onSignedIn"'],
    [{ onRefused: '/refused' }, '"signIn.onRefused"'],
    [{ afterSignIn: '//evil.example' }, '"signIn.afterSignIn"'],
    [{ afterSignIn: '/\\evil.example' }, '"signIn.afterSignIn"'],
    [{ afterSignIn: 'javascript:alert(1)' }, '"signIn.afterSignIn"'],
    [{ afterSignIn: '/a\r\nset-cookie: b' }, '"signIn.afterSignIn"'],
    [{ afterSignIn: '' }, '"signIn.afterSignIn"'],
    [{ cookieName: '__Host-erp' }, '"signIn.cookieName"'],
    [{ cookieName: 'a b' }, '"signIn.cookieName"'],
  ])('%j: the problem names %s', (signIn, name) => {
    const problems = problemsOf(signIn);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.startsWith(`${name} `)).toBe(true);
  });

  it('may have what it should', () => {
    const full = { onSignedIn: () => {}, onRefused: () => {}, afterSignIn: '/in?a=1#b', cookieName: 'erp' };
    expect(problemsOf(full)).toEqual([]);
    expect(problemsOf({ afterSignIn: 'https://app.example/' })).toEqual([]);
    expect(problemsOf({})).toEqual([]);
  });
});
