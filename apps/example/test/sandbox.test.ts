import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { describe, expect, it, vi } from 'vitest';
import { sandboxAccounts } from '../src/sandbox/sandbox-accounts.js';
import { SandboxControl } from '../src/sandbox/sandbox-control.js';
import type { Status } from '../src/status/status.js';
import { afterwards, HOUR_MS, run, runOnSandbox, temporaryDirectory, UID, Visitor } from './support.js';

const AUTHORIZER = 'wx000000authorizer1';
const CUSTOMER = 'wwsandboxcustomer1';
const CORP = 'dingsandboxcorp1';
/** A call, and the form of the button that ends the token it is made with. */
const KILLS: readonly (readonly [path: string, form: Record<string, string>])[] = [
  ['/wechat/followers', { account: 'shop' }],
  [`/open-platform/authorizers/${AUTHORIZER}/followers`, { account: 'platform', subject: AUTHORIZER }],
  ['/wecom/user?userid=zhangsan', { account: 'corp' }],
  [`/wecom-suite/corps/${CUSTOMER}/departments`, { account: 'suite', subject: CUSTOMER }],
  ['/dingtalk/user?userid=manager1', { account: 'oa' }],
  [`/dingtalk-suite/corps/${CORP}/user?userid=manager1`, { account: 'isv', subject: CORP }],
];

/** What a tenant's authorization is stored as. */
const GRANTS = { platform: 'authorizer_access_token', suite: 'permanent_code', isv: 'permanent_code' } as const;

/** The states of an account's tokens, by kind and subject. */
async function statesOf(url: string, account: string): Promise<Record<string, string>> {
  const { tokens } = (await (await fetch(`${url}/api/status`)).json()) as Status;
  const own = tokens.filter((row) => row.account === account);
  return Object.fromEntries(own.map(({ kind, subject, state }) => [[kind, subject].filter(Boolean).join(' '), state]));
}

/** Until everything that comes by itself is there. */
function alive(url: string): Promise<boolean> {
  const look = async () => {
    const { tokens } = (await (await fetch(`${url}/api/status`)).json()) as Status;
    return tokens.length >= 22 && tokens.every(({ account, state }) => account === 'erp' || state === 'active');
  };
  return vi.waitUntil(look, { interval: 20, timeout: 20_000 });
}

/** A sandbox of its own, as if it ran elsewhere. */
async function startSandbox(): Promise<Sandbox> {
  const sandbox = await createSandbox(sandboxAccounts());
  afterwards(() => sandbox.close());
  return sandbox;
}

describe.each(['in the process', 'elsewhere'])('a sandbox %s', (place) => {
  async function start() {
    if (place === 'in the process') return runOnSandbox();
    const sandbox = await startSandbox();
    const example = await run({ SANDBOX_URL: sandbox.url, DATA_DIR: await temporaryDirectory() });
    return { ...example, sandbox };
  }

  it('brings all accounts to life by itself, and has a button for what may happen to each', async () => {
    const { url, sandbox, platforms } = await start();
    const visitor = new Visitor(url);
    await alive(url);
    expect(platforms.sandbox?.isShared).toBe(place === 'elsewhere');

    for (const [path, form] of KILLS) {
      expect([path, (await visitor.get(path)).status]).toEqual([path, 200]);
      const before = sandbox.calls().length;
      expect((await visitor.post('/sandbox/kill', form)).status).toBe(303);
      expect([path, (await visitor.get(path)).status]).toEqual([path, 200]);
      const [refused, ...others] = sandbox.calls().slice(before);
      expect(refused?.outcome).not.toBe('ok');
      expect([path, others.map(({ outcome }) => outcome)]).toEqual([path, others.map(() => 'ok')]);
    }

    await visitor.signIn(UID);
    await visitor.post('/sandbox/kill', { account: 'erp', subject: UID });
    expect((await visitor.get('/nextengine/orders')).status).toBe(401);
    const launched = await visitor.post('/sandbox/launch', { uid: UID });
    expect([launched.status, launched.headers.get('location')]).toEqual([
      303,
      expect.stringContaining(`${url}/nextengine/callback?uid=${UID}`),
    ]);

    for (const account of ['platform', 'suite', 'isv']) {
      const pushed = sandbox.pushLog().length;
      await visitor.post('/sandbox/ticket', { account });
      expect(sandbox.pushLog().slice(pushed)).toMatchObject([
        { event: expect.stringContaining('ticket'), outcome: 'success' },
      ]);
    }
    const [, second] = SANDBOX_ACCOUNTS.openPlatform.authorizers;
    for (const form of [
      { account: 'platform', subject: second.appId },
      { account: 'suite', subject: 'wwsandboxcustomer2' },
      { account: 'isv', subject: 'dingsandboxcorp2' },
    ] as const) {
      const tenant = async () =>
        (await platforms.sandbox?.tenants())?.find(
          ({ account, subject }) => account === form.account && subject === form.subject,
        );
      expect(await tenant()).toMatchObject({ authorized: false });
      await visitor.post('/sandbox/authorize', form);
      expect(await tenant()).toMatchObject({ authorized: true });
      const state = async () => (await statesOf(url, form.account))[`${GRANTS[form.account]} ${form.subject}`];
      await vi.waitUntil(async () => (await state()) === 'active', { timeout: 10_000 });
      await visitor.post('/sandbox/cancel', form);
      expect(await tenant()).toMatchObject({ authorized: false });
      await vi.waitUntil(async () => (await state()) === 'gone', { timeout: 10_000 });
    }
  });

  it('refuses what does not exist', async () => {
    const { url } = await start();
    const visitor = new Visitor(url);
    for (const [path, form, member] of [
      ['kill', { account: 'nobody' }, '"account"'],
      ['kill', { account: 'platform', subject: 'wx1' }, '"authorizerAppId"'],
      ['kill', { account: 'erp' }, '"uid"'],
      ['ticket', { account: 'shop' }, '"account"'],
      ['authorize', { account: 'platform', subject: 'wx1' }, '"authorizerAppId"'],
      ['cancel', { account: 'suite' }, '"subject"'],
      ['launch', {}, '"uid"'],
    ] as const) {
      const answer = await visitor.post(`/sandbox/${path}`, form);
      expect([path, answer.status, await answer.json()]).toMatchObject([
        path,
        400,
        { message: expect.stringContaining(member) },
      ]);
    }
  });
});

describe('a shared sandbox', () => {
  it('has an instance refresh what is due when somebody else lets time pass', async () => {
    const sandbox = await startSandbox();
    const { url } = await run({ SANDBOX_URL: sandbox.url, DATA_DIR: await temporaryDirectory() });
    await alive(url);
    const before = sandbox.calls({ endpoint: '/cgi-bin/stable_token' }).length;
    await new SandboxControl(sandbox.url).post('clock', { advanceMs: 2 * HOUR_MS });
    const swept = async () => {
      const { offsetMs, sweptOffsetMs } = (await (await fetch(`${url}/sandbox/clock`)).json()) as Record<
        string,
        number
      >;
      return offsetMs === 2 * HOUR_MS && sweptOffsetMs === offsetMs;
    };
    await vi.waitUntil(swept, { interval: 20, timeout: 20_000 });
    expect(sandbox.calls({ endpoint: '/cgi-bin/stable_token' })).toHaveLength(before + 1);
  });

  it('is told of where none answers', async () => {
    const sandbox = await startSandbox();
    await sandbox.close();
    await expect(run({ SANDBOX_URL: sandbox.url, DATA_DIR: await temporaryDirectory() })).rejects.toThrow(
      `the sandbox at ${sandbox.url} does not answer`,
    );
  });

  it('outlives the instances', async () => {
    const sandbox = await startSandbox();
    const data = await temporaryDirectory();
    const first = await run({ SANDBOX_URL: sandbox.url, DATA_DIR: data });
    await alive(first.url);
    await first.close();
    const { url } = await run({ SANDBOX_URL: sandbox.url, DATA_DIR: data });
    expect((await fetch(`${url}/open-platform/authorizers/${AUTHORIZER}/followers`)).status).toBe(200);
    expect(sandbox.pushLog().filter(({ event }) => event === 'authorized')).toHaveLength(1);
  });
});
