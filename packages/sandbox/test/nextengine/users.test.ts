import { describe, expect, it } from 'vitest';
import type { NextEngineUser, Sandbox } from '../../src/index.js';
import { MINUTE, NEXTENGINE, postRaw, query } from '../support.js';
import { call, exchange, issue, SUZUKI, startNextEngine, TANAKA } from './support.js';

const { clientId } = NEXTENGINE;
const CALLBACK = 'https://app.example/callback?from=menu';

async function page(sandbox: Sandbox): Promise<string> {
  const asked = query({ client_id: clientId, redirect_uri: CALLBACK });
  return (await fetch(`${sandbox.urls.nextengineBase}/users/sign_in/?${asked}`)).text();
}

/** What a person reads, block by block. */
async function blocks(sandbox: Sandbox): Promise<string[]> {
  const text = (await page(sandbox)).replace(/<\/(li|h1|h2|p)>/g, '\n').replace(/<[^>]+>/g, '');
  return text.split('\n').filter((line) => line !== '');
}

describe('the sign-in page', () => {
  const users: NextEngineUser[] = [
    { uid: 'ada', companyId: '1', companyName: '青山商店', companyKana: 'アオヤマ', picName: '秋', picKana: 'アキ' },
    { uid: 'cat', companyId: '2', companyName: '渋谷商店', companyKana: 'シブヤ', picName: '千', picKana: 'セン' },
    { uid: 'ben', companyId: '1', companyName: '青山商店', companyKana: 'アオヤマ', picName: '弁', picKana: 'ベン' },
  ];

  it('shows users below their companies, with names and readings', async () => {
    const shown = (await blocks(await startNextEngine({ users }))).slice(-5);
    expect(shown).toEqual([
      '青山商店 (アオヤマ) 1',
      'ada 秋 (アキ)',
      'ben 弁 (ベン)',
      '渋谷商店 (シブヤ) 2',
      'cat 千 (セン)',
    ]);
  });

  it('marks who is suspended or cancelled, and lets them choose all the same', async () => {
    const sandbox = await startNextEngine({ users });
    sandbox.nextengine.company(clientId, '1', { suspended: '002003' });
    sandbox.nextengine.company(clientId, '2', { cancelled: true });
    const shown = await blocks(sandbox);
    expect(shown).toContain('ada 秋 (アキ) suspended 002003');
    expect(shown).toContain('cat 千 (セン) cancelled');
    expect((await page(sandbox)).match(/<a href=/g)).toHaveLength(3);
  });

  it('escapes whatever a user or a company is called, and has no script', async () => {
    const evil = `"'><script>alert(1)</script>&amp;`;
    const fields = ['uid', 'companyId', 'companyName', 'companyKana', 'picName', 'picKana'] as const;
    const user = Object.fromEntries(fields.map((field) => [field, `${field}${evil}`]));
    const sandbox = await startNextEngine({ users: [user as unknown as NextEngineUser] });
    const html = await page(sandbox);
    expect(html).not.toContain('<script');
    for (const field of fields) expect(html).toContain(`${field}&quot;&#39;&gt;&lt;script&gt;`);
    const [, link] = /href="\?([^"]+)"/.exec(html) ?? [];
    const uid = new URLSearchParams(link?.replaceAll('&amp;', '&')).get('uid');
    expect(uid).toBe(`uid${evil}`);
  });
});

describe('a launch from the menu', () => {
  it('opens the redirect URI with uid, state and id, and the state can be exchanged', async () => {
    const sandbox = await startNextEngine({ redirectUri: CALLBACK });
    const { url, ...launched } = sandbox.nextengine.launch(clientId, TANAKA);
    const opened = new URL(url);
    expect(`${opened.origin}${opened.pathname}`).toBe('https://app.example/callback');
    expect(Object.fromEntries(opened.searchParams)).toEqual({ from: 'menu', ...launched });
    expect((await exchange(sandbox, { uid: launched.uid, state: launched.state })).result).toBe('success');
  });

  it('has one id for each company', async () => {
    const users = [
      { uid: 'ada', companyId: '1' },
      { uid: 'ben', companyId: '1' },
      { uid: 'cat', companyId: '2' },
    ];
    const sandbox = await startNextEngine({ users, redirectUri: CALLBACK });
    const [ada, ben, cat] = users.map(({ uid }) => sandbox.nextengine.launch(clientId, uid).id);
    expect(ada).toBe(ben);
    expect(ada).not.toBe(cat);
    expect(ada).toBe(sandbox.nextengine.launch(clientId, 'ada').id);
  });

  it('by another program takes a redirect URI where none is registered, and refuses another than that one', async () => {
    const launch = async (sandbox: Sandbox, body: object) => {
      const answer = await postRaw(`${sandbox.url}/_sandbox/nextengine/launch`, { clientId, uid: TANAKA, ...body });
      return (await answer.json()) as Record<string, string>;
    };
    const free = await startNextEngine();
    expect((await launch(free, {}))['error']).toContain('"redirectUri"');
    expect((await launch(free, { redirectUri: 'javascript:alert(1)' }))['error']).toContain('"redirectUri"');
    expect((await launch(free, { redirectUri: CALLBACK }))['url']).toMatch(/^https:\/\/app\.example\/callback\?/);
    const bound = await startNextEngine({ redirectUri: CALLBACK });
    expect((await launch(bound, { redirectUri: 'https://app.example/other' }))['error']).toContain('"redirectUri"');
    expect((await launch(bound, { uid: 'nobody' }))['error']).toContain('"uid"');
  });
});

describe('states', () => {
  it('that are out can be ended at once', async () => {
    const sandbox = await startNextEngine();
    const [first, second] = [TANAKA, SUZUKI].map((uid) => sandbox.nextengine.signIn(clientId, uid));
    expect(sandbox.nextengine.expireStates(clientId)).toBe(2);
    for (const signedIn of [first, second]) expect((await exchange(sandbox, signedIn ?? {})).code).toBe('001002');
    const later = sandbox.nextengine.signIn(clientId, TANAKA);
    expect((await exchange(sandbox, later)).result).toBe('success');
    const answer = await postRaw(`${sandbox.url}/_sandbox/nextengine/expire-states`, { clientId });
    expect(await answer.json()).toEqual({ expired: 0 });
  });

  it('that are too old are not counted among them', async () => {
    const sandbox = await startNextEngine();
    sandbox.nextengine.signIn(clientId, TANAKA);
    sandbox.advance(5 * MINUTE);
    sandbox.nextengine.signIn(clientId, TANAKA);
    expect(sandbox.nextengine.expireStates(clientId)).toBe(1);
  });
});

describe('a user who comes while the sandbox runs', () => {
  const NEW: NextEngineUser = { uid: 'user-new', companyId: '7', companyName: '新店' };

  it('can sign in and call, and shares what befell the company', async () => {
    const sandbox = await startNextEngine();
    sandbox.nextengine.addUser(clientId, NEW);
    expect(await page(sandbox)).toContain('user-new');
    expect((await call(sandbox, issue(sandbox, 'user-new'))).data[0]).toMatchObject({ uid: 'user-new' });
    sandbox.nextengine.company(clientId, '7', { suspended: '003003' });
    sandbox.nextengine.addUser(clientId, { ...NEW, uid: 'user-newer' });
    expect((await call(sandbox, issue(sandbox, 'user-newer'))).code).toBe('003003');
  });

  it('may hold a pair, and is checked like a configured one', async () => {
    const sandbox = await startNextEngine();
    const add = (user: object) => postRaw(`${sandbox.url}/_sandbox/nextengine/user`, { clientId, ...user });
    const pair = { accessToken: 'a'.repeat(128), refreshToken: 'b'.repeat(128) };
    expect((await add({ ...NEW, pair })).status).toBe(200);
    expect((await call(sandbox, pair)).result).toBe('success');
    for (const [user, name] of [
      [NEW, '"uid"'],
      [{ uid: '' }, '"uid"'],
      [{ uid: 'x', colour: 'red' }, '"colour"'],
      [{ uid: 'x', suspended: true }, '"suspended"'],
    ] as const) {
      const answer = await add(user);
      expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([
        400,
        expect.stringContaining(name),
      ]);
    }
  });

  it('is gone after a reset', async () => {
    const sandbox = await startNextEngine();
    sandbox.nextengine.addUser(clientId, NEW);
    sandbox.reset();
    expect(() => issue(sandbox, 'user-new')).toThrow('"uid"');
    expect(await page(sandbox)).not.toContain('user-new');
  });
});
