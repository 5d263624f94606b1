import { describe, expect, it } from 'vitest';
import type { SignInBinding } from '../src/index.js';
import { shown, tokenErrorOf } from './support.js';
import { clientId, HOUR_MS, openWorld, UID, type World } from './world.js';

/** A browser: its session, and a way through the sandbox's sign-in page. */
function browser({ sandbox, client }: World, uid = UID) {
  const session: { binding?: SignInBinding | undefined } = {};
  return {
    session,
    async arrive(query: { uid?: string; state?: string; id?: string }) {
      const { binding } = session;
      session.binding = undefined;
      const outcome = await client.handleCallback({ uid: query.uid, state: query.state, id: query.id, binding });
      session.binding = outcome.startOver?.binding;
      return outcome;
    },
    /** Follows a redirect to the real page, as somebody who is signed in there: it redirects back at once. */
    async visit(url: string) {
      const page = new URL(url.replace('https://base.next-engine.org', sandbox.urls.nextengineBase));
      page.searchParams.set('uid', uid);
      page.searchParams.set('redirect_uri', 'https://app.example/callback');
      const response = await fetch(page, { redirect: 'manual' });
      return Object.fromEntries(new URL(response.headers.get('location') ?? '').searchParams);
    },
    menu: () => ({ ...sandbox.nextengine.signIn(clientId, uid), id: 'menu-7' }),
  };
}

const stored = async ({ tokens }: World) => {
  const states: string[] = [];
  for await (const { subject, state } of tokens.inspect({ kinds: ['access_token'] }))
    states.push(`${subject} ${state}`);
  return states;
};

describe('a callback', () => {
  it('ends a sign-in that the app began', async () => {
    const w = await openWorld();
    const { visit, arrive, session } = browser(w);
    const { url, binding } = w.client.signIn();
    session.binding = binding;
    expect(await arrive(await visit(url))).toEqual({ user: expect.objectContaining({ uid: UID }) });
    expect(await stored(w)).toEqual([`${UID} active`]);
  });

  it('of a launch from NextEngine’s menu goes through the sign-in page, and signs in', async () => {
    const w = await openWorld();
    const { arrive, visit, menu } = browser(w);
    const { startOver } = await arrive(menu());
    expect(await stored(w)).toEqual([]);
    expect(startOver?.url).toContain('/users/sign_in/?client_id=');
    expect(await arrive(await visit(startOver?.url ?? ''))).toMatchObject({ user: { uid: UID } });
  });

  it('of a direct visit begins a sign-in', async () => {
    const w = await openWorld();
    const { arrive, visit } = browser(w);
    const { startOver } = await arrive({});
    expect(await arrive(await visit(startOver?.url ?? ''))).toMatchObject({ user: { uid: UID } });
  });

  it.each(['expired', 'used'])('with an %s state starts over', async (how) => {
    const w = await openWorld();
    const { arrive, visit, session } = browser(w);
    const { state } = w.sandbox.nextengine.signIn(clientId, UID);
    if (how === 'used') await w.client.exchange({ uid: UID, state, binding: w.client.signIn().binding });
    session.binding = w.client.signIn().binding;
    if (how === 'expired') await w.clock.advance(6 * 60_000);
    const { startOver } = await arrive({ uid: UID, state });
    expect(await arrive(await visit(startOver?.url ?? ''))).toMatchObject({ user: { uid: UID } });
  });

  it('with an expired binding starts over', async () => {
    const w = await openWorld();
    const { arrive, menu, session } = browser(w);
    session.binding = w.client.signIn().binding;
    await w.clock.advance(11 * 60_000);
    expect(await arrive(menu())).toMatchObject({ startOver: { url: expect.any(String) } });
  });

  it.each<[string, (w: World) => Promise<unknown>, string]>([
    ['direct visits', async () => ({}), 'incomplete'],
    ['used states', async () => ({ uid: UID, state: 'used' }), 'refused'],
    [
      'slow typing',
      async (w) => {
        await w.clock.advance(11 * 60_000);
        return w.sandbox.nextengine.signIn(clientId, UID);
      },
      'expired',
    ],
  ])('does not go to and fro for ever: three %s, then the reason', async (_, next, reason) => {
    const w = await openWorld();
    const { arrive, session } = browser(w);
    session.binding = w.client.signIn().binding;
    for (let round = 0; round < 3; round++) {
      expect(await arrive((await next(w)) as object)).toHaveProperty('startOver.binding');
    }
    expect(await tokenErrorOf(arrive((await next(w)) as object))).toMatchObject({ code: 'ERR_TOKEN_REFUSED', reason });
    // The session holds no binding any more, so that another attempt begins at nothing.
    expect(await arrive({})).toHaveProperty('startOver');
  });

  it('counts only what is in a row', async () => {
    const w = await openWorld();
    const { arrive, session } = browser(w);
    for (let round = 0; round < 3; round++) await arrive({});
    await w.clock.advance(2 * HOUR_MS);
    expect(session.binding).toBeDefined();
    expect(await arrive({})).toHaveProperty('startOver');
  });

  it.each<[string, (w: World) => object, object]>([
    ['a foreign binding', () => ({ binding: 'made up' }), { reason: 'foreign' }],
    ['half a callback', () => ({ state: undefined }), { reason: 'incomplete' }],
    ['a repeated uid', () => ({ uid: [UID, UID] }), { reason: 'incomplete' }],
    ['somebody else than expected', () => ({ expected: { uid: 'user-suzuki' } }), { reason: 'mismatch' }],
    [
      'a suspended company',
      ({ sandbox }) => {
        sandbox.fault({ kind: 'code', code: '001007' });
        return {};
      },
      { code: 'ERR_TOKEN_SUSPENDED' },
    ],
    [
      'a wrong secret',
      ({ sandbox }) => {
        sandbox.fault({ kind: 'code', code: '001003' });
        return {};
      },
      { reason: 'credentials' },
    ],
    [
      'no answer',
      ({ sandbox }) => {
        sandbox.fault({ kind: 'drop' });
        return {};
      },
      { code: 'ERR_TOKEN_TRANSPORT' },
    ],
  ])('rejects where starting over cures nothing: %s', async (_, make, expected) => {
    const w = await openWorld();
    const callback = { ...w.sandbox.nextengine.signIn(clientId, UID), binding: w.client.signIn().binding, ...make(w) };
    expect(await tokenErrorOf(w.client.handleCallback(callback as never))).toMatchObject(expected);
    expect(await stored(w)).not.toContain(`${UID} active`);
  });
});

describe('who it must be', () => {
  const callback = ({ sandbox, client }: World, expected: object) => ({
    ...sandbox.nextengine.signIn(clientId, UID),
    binding: client.signIn().binding,
    expected,
  });

  it('may be said, and is let in', async () => {
    const w = await openWorld();
    const expected = { uid: UID, companyNeId: 'ne-company-1000' };
    expect(await w.client.exchange(callback(w, expected))).toMatchObject({ uid: UID });
    expect(await w.client.exchange(callback(w, {}))).toMatchObject({ uid: UID });
  });

  it('is another user: nothing is exchanged', async () => {
    const w = await openWorld();
    const error = await tokenErrorOf(w.client.exchange(callback(w, { uid: 'user-suzuki' })));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REFUSED', reason: 'mismatch' });
    expect(w.sandbox.calls()).toEqual([]);
  });

  it('is of another company: nothing is stored', async () => {
    const w = await openWorld();
    const error = await tokenErrorOf(w.client.exchange(callback(w, { companyNeId: 'ne-other' })));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REFUSED', reason: 'mismatch', subject: UID });
    expect(await stored(w)).not.toContain(`${UID} active`);
    expect(shown(error)).not.toContain('ne-other');
  });

  it('is of another company than the pair that is stored: that one stays, until the user is forgotten', async () => {
    const w = await openWorld();
    const pair = w.sandbox.nextengine.issuePair(clientId, UID);
    const { accessToken } = w.app.user(UID);
    await w.tokens.adopt(
      accessToken,
      { value: pair.accessToken, refreshToken: pair.refreshToken, extra: { companyNeId: 'ne-before' } },
      { grant: true },
    );
    const error = await tokenErrorOf(w.client.exchange(callback(w, {})));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REFUSED', reason: 'mismatch' });
    expect(error.message).toContain('forget the user first');
    expect((await w.tokens.get(accessToken)).value).toBe(pair.accessToken);
    await w.client.users.forget(UID);
    expect(await w.client.exchange(callback(w, {}))).toMatchObject({ uid: UID });
  });
});

describe('a sign-in', () => {
  it('replaces any pair and ends the need for one', async () => {
    const w = await openWorld();
    await w.signIn();
    await w.clock.advance(73 * HOUR_MS);
    await w.tokens.refreshDue();
    expect(await stored(w)).toEqual([`${UID} reauthorize`]);
    await w.signIn();
    expect(await stored(w)).toEqual([`${UID} active`]);
    const { accessToken } = w.app.user(UID);
    expect((await w.tokens.get(accessToken)).value).toBe(w.sandbox.nextengine.currentPair(clientId, UID)?.accessToken);
  });
});
