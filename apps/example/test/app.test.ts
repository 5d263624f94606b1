import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createSandbox, SANDBOX_ACCOUNTS } from '@evertoken/sandbox';
import { describe, expect, it, vi } from 'vitest';
import type { Status } from '../src/status/status.js';
import { afterwards, HOUR_MS, run, runOnSandbox, shared, temporaryDirectory, UID, Visitor } from './support.js';

const { wechat, dingtalk, nextengine } = SANDBOX_ACCOUNTS;
const PROGRAM = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const NAMES = ['shop', 'platform', 'corp', 'suite', 'oa', 'isv', 'erp'];
/** Most tests do each other no harm. */
const example = shared(() => runOnSandbox());

describe('the index page', () => {
  it('has a line for every kind of token, those of nobody included', async () => {
    const { url } = await example();
    const page = await (await fetch(url)).text();
    const lines = [...page.matchAll(/data-account="(\w+)" data-kind="(\w+)"/g)].map(([, ...ids]) => ids.join(' '));
    expect([...new Set(lines.map((line) => line.split(' ')[0]))]).toEqual(NAMES);
    expect(lines).toEqual(
      expect.arrayContaining([
        'shop jsapi_ticket',
        'platform authorizer_access_token',
        'suite permanent_code',
        'isv permanent_code',
        'erp access_token',
      ]),
    );
    expect(page).toContain('nobody has signed in yet');
  });

  it('shows no token, no ticket and no secret, in any form', async () => {
    const { url, tokens, platforms, sandbox } = await example();
    const { shop, oa, erp } = platforms.accounts;
    const visitor = new Visitor(url);
    await visitor.signIn(UID);
    if (!shop || !oa || !erp) throw new Error('sandbox mode has all accounts');
    const sources = [shop.accessToken, shop.jsapiTicket, oa.accessToken, oa.jsapiTicket, erp.user(UID).accessToken];
    const values = await Promise.all(sources.map(async (source) => (await tokens.get(source)).value));
    const refreshToken = sandbox.nextengine.currentPair(nextengine.clientId, UID)?.refreshToken ?? '';
    const secrets = [...values, refreshToken, wechat.secret, dingtalk.appSecret, nextengine.clientSecret];
    const shown = (
      await Promise.all(['/', '/api/status'].map(async (path) => (await visitor.get(path)).text()))
    ).join();
    expect(shown).toContain(UID);
    expect(secrets.filter((secret) => secret.length < 16 || shown.includes(secret))).toEqual([]);
  });
});

describe('WeChat', () => {
  it('signs the JS-SDK configuration of a page with the ticket', async () => {
    const { url, tokens, platforms } = await example();
    const page = 'https://shop.example/list?page=1';
    const config = (await (await fetch(`${url}/wechat/js-sdk?url=${encodeURIComponent(`${page}#top`)}`)).json()) as {
      readonly appId: string;
      readonly timestamp: number;
      readonly nonceStr: string;
      readonly signature: string;
    };
    const ticket = platforms.accounts.shop && (await tokens.get(platforms.accounts.shop.jsapiTicket));
    const signed = `jsapi_ticket=${ticket?.value}&noncestr=${config.nonceStr}&timestamp=${config.timestamp}&url=${page}`;
    expect(config.appId).toBe(wechat.appId);
    expect(config.signature).toBe(createHash('sha1').update(signed).digest('hex'));
  });

  it('signs nothing but http and https URLs', async () => {
    const { url } = await example();
    const queries = [
      '',
      '?url=',
      '?url=shop.example',
      '?url=javascript:alert(1)',
      '?url=https://a.example/&url=https://b.example/',
    ];
    for (const query of queries) {
      const answer = await fetch(`${url}/wechat/js-sdk${query}`);
      expect([query, answer.status, await answer.json()]).toMatchObject([
        query,
        400,
        { message: expect.stringContaining('"url"') },
      ]);
    }
  });

  it('heals a token that was killed, with one more call of each', async () => {
    const { url, sandbox, tokens } = await example();
    const visitor = new Visitor(url);
    await tokens.refreshDue();
    expect(await visitor.json('/wechat/followers')).toEqual({ total: 2 });
    const before = sandbox.calls({ account: wechat.appId }).length;
    expect((await visitor.post('/sandbox/kill', { account: 'shop' })).status).toBe(303);
    expect(await visitor.json('/wechat/followers')).toEqual({ total: 2 });
    const calls = sandbox.calls({ account: wechat.appId }).slice(before);
    expect(calls.map(({ endpoint, outcome }) => `${endpoint} ${outcome}`)).toEqual([
      '/cgi-bin/user/get 40001',
      '/cgi-bin/stable_token ok',
      '/cgi-bin/user/get ok',
    ]);
  });
});

describe('Nest’s HTTP client', () => {
  it('carries the account’s token, and heals one that was killed', async () => {
    const { url, sandbox, tokens } = await runOnSandbox();
    const visitor = new Visitor(url);
    await tokens.refreshDue();
    const addresses = (await visitor.json('/wechat/callback-addresses')) as { addresses: string[] };
    expect(addresses.addresses.length).toBeGreaterThan(0);
    await visitor.post('/sandbox/kill', { account: 'shop' });
    expect(await visitor.json('/wechat/callback-addresses')).toEqual(addresses);
    const calls = sandbox.calls({ platform: 'wechat', endpoint: '/cgi-bin/getcallbackip' });
    expect(calls.map(({ outcome }) => outcome)).toEqual(['ok', '40001', 'ok']);
  });
});

describe('DingTalk', () => {
  it('looks a user up, also after the token was killed', async () => {
    const { url } = await example();
    const visitor = new Visitor(url);
    const manager = { userid: 'manager1', unionid: 'union-manager1', name: '员工 manager1' };
    expect(await visitor.json('/dingtalk/user?userid=manager1')).toEqual(manager);
    await visitor.post('/sandbox/kill', { account: 'oa' });
    expect(await visitor.json('/dingtalk/user?userid=manager1')).toEqual(manager);
  });
});

describe('WeCom', () => {
  it('calls as an agent of the corp, also after its token was killed', async () => {
    const { url, sandbox } = await example();
    const visitor = new Visitor(url);
    const member = { userid: 'zhang', name: expect.stringContaining('zhang') };
    expect(await visitor.json('/wecom/user?userid=zhang')).toEqual(member);
    await visitor.post('/sandbox/kill', { account: 'corp' });
    expect(await visitor.json('/wecom/user?userid=zhang')).toEqual(member);
    const calls = sandbox.calls({ endpoint: '/cgi-bin/user/get', platform: 'wecom' });
    expect(calls.map(({ outcome }) => outcome)).toEqual(['ok', '40014', 'ok']);
    const sent = await visitor.post('/wecom/message', { touser: 'zhang', text: 'The parcel is here' });
    expect([sent.status, await sent.json()]).toEqual([201, { msgid: 'msg-1000002' }]);
  });

  it('sends no messages for other sites', async () => {
    const { url } = await example();
    const body = new URLSearchParams({ touser: 'zhang', text: 'Buy now' });
    const answer = await fetch(`${url}/wecom/message`, {
      method: 'POST',
      body,
      headers: { 'sec-fetch-site': 'cross-site' },
    });
    expect(answer.status).toBe(403);
  });
});

describe('NextEngine', () => {
  it('points to the sign-in where nobody is signed in', async () => {
    const { url } = await example();
    const answer = await new Visitor(url).get('/nextengine/orders');
    expect([answer.status, await answer.json()]).toMatchObject([401, { signIn: '/nextengine/sign-in' }]);
  });

  it('searches orders for the user who signed in', async () => {
    const { url } = await example();
    const visitor = new Visitor(url);
    const back = await visitor.signIn(UID);
    expect([back.status, back.headers.get('location')]).toEqual([302, '/']);
    const answer = (await visitor.json('/nextengine/orders')) as { data: unknown[] };
    expect(answer.data).toHaveLength(10);
    expect(answer.data[0]).toMatchObject({ receive_order_id: '1', receive_order_total_amount: '1000' });
  });

  it('takes no callback from a browser that began no sign-in, and no callback twice', async () => {
    const { url, sandbox } = await example();
    const { uid, state } = sandbox.nextengine.signIn(nextengine.clientId, UID);
    const before = sandbox.calls({ endpoint: '/api_neauth' }).length;
    const planted = new Visitor(url);
    const answer = await planted.get(`/nextengine/callback?uid=${uid}&state=${state}`);
    expect([answer.status, answer.headers.get('location')]).toEqual([302, expect.stringMatching('/users/sign_in/')]);
    expect((await planted.get('/nextengine/orders')).status).toBe(401);
    expect(sandbox.calls({ endpoint: '/api_neauth' })).toHaveLength(before);

    const visitor = new Visitor(url);
    await visitor.signIn(UID);
    const again = await visitor.get(`/nextengine/callback?uid=${uid}&state=${state}`);
    expect(again.headers.get('location')).toMatch('/users/sign_in/');
    expect(sandbox.calls({ endpoint: '/api_neauth' })).toHaveLength(before + 1);
  });

  it('signs in who comes from NextEngine’s menu, by way of the sign-in page', async () => {
    const { url, sandbox } = await example();
    const visitor = new Visitor(url);
    const launched = await visitor.get(
      sandbox.nextengine.launch(nextengine.clientId, UID, `${url}/nextengine/callback`).url,
    );
    const chosen = await fetch(`${launched.headers.get('location')}&uid=${UID}`, { redirect: 'manual' });
    const back = await visitor.get(chosen.headers.get('location') ?? '');
    expect([back.status, back.headers.get('location')]).toEqual([302, '/']);
    expect((await visitor.get('/nextengine/orders')).status).toBe(200);
  });

  it('gives the session of a signed-in user another id', async () => {
    const { url } = await example();
    const visitor = new Visitor(url);
    const begun = (await visitor.get('/nextengine/sign-in')).headers.getSetCookie();
    const signedIn = (await visitor.signIn(UID)).headers.getSetCookie();
    expect(signedIn).toHaveLength(1);
    expect(signedIn).not.toEqual(begun);
  });

  it('asks for a sign-in once the pair is lost, and works again after it', async () => {
    const { url, sandbox, tokens } = await runOnSandbox();
    const visitor = new Visitor(url);
    await visitor.signIn(UID);
    // Nobody refreshed for three days.
    sandbox.advance(73 * HOUR_MS);
    await tokens.refreshDue();
    expect((await visitor.get('/nextengine/orders')).status).toBe(401);
    await visitor.signIn(UID);
    expect((await visitor.get('/nextengine/orders')).status).toBe(200);
  });
});

describe('errors', () => {
  it('show account and platform code of a wrong secret, and not the secret', async () => {
    const sandbox = await createSandbox();
    afterwards(() => sandbox.close());
    const { url } = await run({
      DATA_DIR: await temporaryDirectory(),
      WECHAT_APPID: wechat.appId,
      WECHAT_SECRET: 'a-mistyped-secret',
      WECHAT_BASE_URL: sandbox.urls.wechat,
    });
    const answer = await fetch(`${url}/wechat/followers`);
    expect([answer.status, await answer.json()]).toMatchObject([
      502,
      { code: 'ERR_TOKEN_REFUSED', account: 'shop', platformCode: '40125', retryable: false },
    ]);
    const page = await (await fetch(`${url}/wechat/followers`, { headers: { accept: 'text/html' } })).text();
    for (const part of ['ERR_TOKEN_REFUSED', 'shop', '40125']) expect(page).toContain(part);
    expect(page).not.toContain('a-mistyped-secret');
  });

  it('say that a platform is busy, and when to come back', async () => {
    const { url, sandbox } = await runOnSandbox();
    // The client is patient with a platform that is busy for a moment.
    sandbox.fault({ kind: 'busy', platform: 'dingtalk', endpoint: '/topapi/v2/user/get', count: 'always' });
    const answer = await fetch(`${url}/dingtalk/user?userid=manager1`);
    expect([answer.status, await answer.json()]).toMatchObject([503, { account: 'oa', retryable: true }]);
    expect(answer.headers.get('retry-after')).toMatch(/^[12]$/);
  });

  it('escape what a visitor sent', async () => {
    const { url } = await example();
    const answer = await fetch(`${url}/%3Cscript%3Ealert(1)%3C/script%3E`, { headers: { accept: 'text/html' } });
    expect([answer.status, await answer.text()]).toEqual([404, expect.not.stringContaining('<script>')]);
  });
});

describe('with credentials', () => {
  it('talks to the platforms they are for, and has no others and no sandbox', async () => {
    const sandbox = await createSandbox();
    afterwards(() => sandbox.close());
    const { url, tokens } = await run({
      DATA_DIR: await temporaryDirectory(),
      DINGTALK_APP_KEY: dingtalk.appKey,
      DINGTALK_APP_SECRET: dingtalk.appSecret,
      DINGTALK_API_URL: sandbox.urls.dingtalkApi,
      DINGTALK_OAPI_URL: sandbox.urls.dingtalkOapi,
    });
    expect(tokens.accounts().map(({ name }) => name)).toEqual(['oa']);
    expect((await fetch(`${url}/dingtalk/user?userid=manager1`)).status).toBe(200);
    const visitor = new Visitor(url);
    for (const path of ['/wechat/followers', '/nextengine/sign-in']) expect((await visitor.get(path)).status).toBe(404);
    expect((await visitor.post('/sandbox/advance', { minutes: '60' })).status).toBe(404);
    expect(await (await visitor.get('/')).text()).toContain('Real platforms');
  });

  it.each([
    [{ WECHAT_APPID: 'wx1' }, [/"WECHAT_SECRET" is missing: account "shop"/]],
    [
      { WECHAT_APPID: 'wx1', WECHAT_SECRET: 's', WECHAT_PUSH_TOKEN: 't' },
      [/"WECHAT_PUSH_KEY" is missing: account "shop"/],
    ],
    [{ COMPONENT_SECRET: 's', COMPONENT_PUSH_TOKEN: 't' }, [/"COMPONENT_APPID" .*"platform"/, /"COMPONENT_PUSH_KEY"/]],
    [{ WECOM_CORPID: 'ww1', WECOM_AGENTID: '1' }, [/"WECOM_SECRET" .*"corp"/]],
    [{ WECOM_CONTACTS_SECRET: 's' }, [/"WECOM_CORPID" .*"corp"/]],
    [
      { WECOM_SUITE_ID: 'ww1', WECOM_SUITE_SECRET: 's' },
      [/"WECOM_SUITE_PUSH_TOKEN" .*"suite"/, /"WECOM_SUITE_PUSH_KEY"/],
    ],
    [{ DINGTALK_APP_SECRET: 's' }, [/"DINGTALK_APP_KEY" .*"oa"/]],
    [{ DINGTALK_SUITE_KEY: 'suite1' }, [/"DINGTALK_SUITE_SECRET" .*"isv"/]],
    [{ NE_CLIENT_SECRET: 's', WECHAT_SECRET: 's' }, [/"NE_CLIENT_ID" .*"erp"/, /"WECHAT_APPID" .*"shop"/]],
  ])('does not start with half of them, and names what is missing: %o', async (env, messages) => {
    const refusal = await run({ DATA_DIR: await temporaryDirectory(), ...env }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(TypeError);
    for (const message of messages) expect((refusal as Error).message).toMatch(message);
  });

  it('does not start with what cannot be one, and does not show it', async () => {
    const env = { WECHAT_APPID: 'wx1', WECHAT_SECRET: 's', WECHAT_PUSH_TOKEN: 't', WECHAT_PUSH_KEY: 'hunter2' };
    const refusal = await run({ DATA_DIR: await temporaryDirectory(), ...env }).catch((error: unknown) => error);
    expect((refusal as Error).message).toMatch(/"push.encodingAESKey" must be the 43 characters.*"shop"/);
    expect((refusal as Error).message).not.toContain('hunter2');
  });
});

describe('the sandbox’s controls', () => {
  it('let time pass in steps of at most an hour', async () => {
    const { url, sandbox } = await example();
    for (const minutes of [undefined, '0', '61', 'x']) {
      const fields = minutes === undefined ? {} : { minutes };
      expect((await new Visitor(url).post('/sandbox/advance', fields)).status).toBe(400);
    }
    expect(sandbox.state().offsetMs).toBe(0);
  });

  it('are closed to the forms of other sites', async () => {
    const { url, sandbox } = await example();
    const answer = await fetch(`${url}/sandbox/advance`, {
      method: 'POST',
      body: new URLSearchParams({ minutes: '60' }),
      headers: { 'sec-fetch-site': 'cross-site' },
    });
    expect([answer.status, sandbox.state().offsetMs]).toEqual([403, 0]);
  });
});

describe('the program', () => {
  it('has all accounts alive by itself, says nothing but where it is, and ends when it is told to', async () => {
    const child = spawn(process.execPath, [PROGRAM], {
      env: { PATH: process.env['PATH'], PORT: '0', DATA_DIR: await temporaryDirectory() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    afterwards(async () => child.kill('SIGKILL'));
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()));
    await vi.waitUntil(() => said.includes('Sandbox: '), { timeout: 20_000 });
    const url = /^Evertoken example: (\S+)$/m.exec(said)?.[1];
    const alive = async () => {
      const { tokens } = (await (await fetch(`${url}/api/status`)).json()) as Pick<Status, 'tokens'>;
      return new Set(tokens.filter(({ state }) => state === 'active').map(({ account }) => account));
    };
    // Nobody has signed in to NextEngine.
    const others = NAMES.filter((name) => name !== 'erp');
    await expect.poll(async () => [...(await alive())].sort(), { timeout: 20_000 }).toEqual([...others].sort());
    const exited = once(child, 'exit');
    child.kill('SIGINT');
    expect(await exited).toEqual([null, 'SIGINT']);
    expect(said.trim().split('\n')).toEqual([
      expect.stringMatching(/^Evertoken example: http:/),
      expect.stringMatching(/^Sandbox: http:/),
    ]);
  });
});
