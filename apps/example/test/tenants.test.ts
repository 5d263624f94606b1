import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createSandbox, SANDBOX_ACCOUNTS } from '@evertoken/sandbox';
import { describe, expect, it } from 'vitest';
import { SANDBOX_TENANT } from '../src/sandbox/sandbox-accounts.js';
import { afterwards, run, runOnSandbox, temporaryDirectory, Visitor } from './support.js';

const { wechat } = SANDBOX_ACCOUNTS;
const TENANT = { appId: 'wx000000000000tenant', secret: 'sandbox-tenant-secret' };

/** The example with an official account of its own, on a platform that knows a tenant's too. */
async function runWithTenants() {
  const sandbox = await createSandbox({ wechat: [wechat, TENANT] });
  afterwards(() => sandbox.close());
  const env = {
    DATA_DIR: await temporaryDirectory(),
    WECHAT_APPID: wechat.appId,
    WECHAT_SECRET: wechat.secret,
    WECHAT_BASE_URL: sandbox.urls.wechat,
  };
  const example = await run(env);
  return { ...example, env, sandbox };
}

function send(method: string, url: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  return fetch(url, { method, headers: { 'content-type': 'application/json', ...headers }, ...init });
}

const named = (lines: readonly { readonly account: string }[]) => [...new Set(lines.map(({ account }) => account))];

describe('tenants', () => {
  it('come while the application runs, and are kept fresh like any account', async () => {
    const { url, sandbox, tokens } = await runWithTenants();
    const added = await send('PUT', `${url}/tenants/acme`, TENANT);
    expect([added.status, await added.json()]).toEqual([200, { name: 'acme', appId: TENANT.appId }]);
    expect(await (await fetch(`${url}/tenants/acme/followers`)).json()).toEqual({ name: 'acme', total: 2 });
    await tokens.refreshDue();
    expect(sandbox.calls({ account: TENANT.appId, endpoint: '/cgi-bin/ticket/getticket' })).toHaveLength(2);

    const list = await (await fetch(`${url}/tenants`)).text();
    expect(JSON.parse(list)).toMatchObject({ tenants: [{ name: 'acme', appId: TENANT.appId }] });
    expect(list).not.toContain(TENANT.secret);
  });

  it('can be tried in sandbox mode, whose clock and platform are theirs too', async () => {
    const { url, sandbox, tokens } = await runOnSandbox();
    expect((await send('PUT', `${url}/tenants/acme`, SANDBOX_TENANT)).status).toBe(200);
    await tokens.refreshDue();
    for (let step = 0; step < 3; step++) await new Visitor(url).post('/sandbox/advance', { minutes: '60' });
    expect(await (await fetch(`${url}/tenants/acme/followers`)).json()).toEqual({ name: 'acme', total: 2 });
    const calls = sandbox.calls({ account: SANDBOX_TENANT.appId, endpoint: '/cgi-bin/stable_token' });
    // At first, and after two hours: before its end, and nobody waited for it.
    expect(calls.map(({ outcome }) => outcome)).toEqual(['ok', 'ok']);
  });

  it('are there again after a restart, in a file that only its owner reads', async () => {
    const { url, env, close } = await runWithTenants();
    await send('PUT', `${url}/tenants/acme`, TENANT);
    expect((await stat(join(env.DATA_DIR, 'tenants.json'))).mode & 0o777).toBe(0o600);
    await close();
    const again = await run(env);
    expect(await (await fetch(`${again.url}/tenants/acme/followers`)).json()).toEqual({ name: 'acme', total: 2 });
  });

  it('go while the application runs', async () => {
    const { url, tokens } = await runWithTenants();
    await send('PUT', `${url}/tenants/acme`, TENANT);
    expect(named(await inspected(tokens))).toEqual(['shop', 'acme']);
    expect((await send('DELETE', `${url}/tenants/acme`)).status).toBe(204);
    expect((await fetch(`${url}/tenants/acme/followers`)).status).toBe(404);
    expect(tokens.accounts().map(({ name }) => name)).toEqual(['shop']);
    expect((await send('DELETE', `${url}/tenants/acme`)).status).toBe(404);
  });

  it.each([
    ['Acme', TENANT, /lower-case/],
    ['acme', { appId: TENANT.appId }, /"secret" is missing/],
    ['acme', { ...TENANT, secret: ' ' }, /"secret"/],
    ['shop', TENANT, /"shop"/],
  ])('are refused where they cannot be: %s %o', async (name, body, message) => {
    const { url, tokens } = await runWithTenants();
    const answer = await send('PUT', `${url}/tenants/${name}`, body);
    const { message: said } = (await answer.json()) as { message: string };
    expect([answer.status, said]).toEqual([400, expect.stringMatching(message)]);
    expect(said).not.toContain(TENANT.secret);
    expect(await (await fetch(`${url}/tenants`)).json()).toEqual({ tenants: [] });
    expect(tokens.accounts().map((account) => account.name)).toEqual(['shop']);
  });

  it('are nobody’s to add from other sites', async () => {
    const { url } = await runWithTenants();
    const answer = await send('PUT', `${url}/tenants/acme`, TENANT, { 'sec-fetch-site': 'cross-site' });
    expect(answer.status).toBe(403);
  });
});

async function inspected(tokens: Awaited<ReturnType<typeof run>>['tokens']) {
  const lines: { readonly account: string }[] = [];
  for await (const line of tokens.inspect()) lines.push(line);
  return lines;
}
