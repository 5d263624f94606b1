import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TokenStatus } from '@evertoken/core';
import { describe, expect, it, vi } from 'vitest';
import type { Status } from '../src/status/status.js';
import { afterwards, HOUR_MS, runOnSandbox, temporaryDirectory, UID, Visitor } from './support.js';

const PROGRAM = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** The one line of NextEngine's tokens. */
async function pairOf({ tokens }: Awaited<ReturnType<typeof runOnSandbox>>): Promise<TokenStatus | undefined> {
  const pairs: TokenStatus[] = [];
  for await (const status of tokens.inspect({ accounts: ['erp'], kinds: ['access_token'] })) pairs.push(status);
  expect(pairs).toHaveLength(1);
  return pairs[0];
}

describe('a restart', () => {
  it('keeps the pair: it works at once, is renewed when due, and nobody signs in again', async () => {
    const data = await temporaryDirectory();
    const first = await runOnSandbox(data);
    await new Visitor(first.url).signIn(UID);
    first.sandbox.advance(20 * HOUR_MS);
    const before = await pairOf(first);
    await first.close();

    const second = await runOnSandbox(data);
    expect(await pairOf(second)).toMatchObject({ state: 'active', subject: UID, generation: before?.generation });
    const user = second.platforms.accounts.erp?.user(UID).client(second.tokens);
    const search = () => user?.call('/api_v1_receiveorder_base/search', { fields: 'receive_order_id' });
    expect(await search()).toMatchObject({ result: 'success' });

    second.sandbox.advance(5 * HOUR_MS);
    await second.tokens.refreshDue();
    expect((await pairOf(second))?.generation).toBeGreaterThan(before?.generation ?? Number.POSITIVE_INFINITY);
    expect(await search()).toMatchObject({ result: 'success' });
    expect(second.sandbox.calls({ endpoint: '/api_neauth' })).toEqual([]);
  });

  it('keeps the sandbox’s clock: time does not go back', async () => {
    const data = await temporaryDirectory();
    const first = await runOnSandbox(data);
    await new Visitor(first.url).post('/sandbox/advance', { minutes: '60' });
    const before = first.sandbox.now();
    await first.close();
    expect((await runOnSandbox(data)).sandbox.now()).toBeGreaterThanOrEqual(before);
  });
});

describe('the program', () => {
  interface Running {
    readonly child: ChildProcess;
    readonly url: string;
    readonly lines: readonly string[];
  }

  async function start(data: string): Promise<Running> {
    const child = spawn(process.execPath, [PROGRAM], {
      env: { PATH: process.env['PATH'], PORT: '0', DATA_DIR: data },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    afterwards(async () => child.kill('SIGKILL'));
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line.startsWith('Sandbox: ')) break;
    }
    return { child, lines, url: lines[0]?.replace('Evertoken example: ', '') ?? '' };
  }

  it('prints where it is, and ends on SIGTERM while a page is open', async () => {
    const { child, url, lines } = await start(await temporaryDirectory());
    expect(lines).toEqual([
      expect.stringMatching(/^Evertoken example: http:/),
      expect.stringMatching(/^Sandbox: http:/),
    ]);
    const exited = once(child, 'exit');
    let asked = Number.NaN;
    for await (const chunk of (await fetch(`${url}/api/events`)).body ?? []) {
      if (!Number.isNaN(asked) || !Buffer.from(chunk).includes('event: status')) continue;
      asked = performance.now();
      child.kill('SIGTERM');
    }
    expect(await exited).toEqual([null, 'SIGTERM']);
    // Not held up by the open stream: an idle connection would be kept for 5 s.
    expect(performance.now() - asked).toBeLessThan(4_000);
  });

  it('loses no grant when it is killed: all accounts go on, and nobody authorizes anything again', async () => {
    const data = await temporaryDirectory();
    const first = await start(data);
    await new Visitor(first.url).signIn(UID);
    const before = await living(first.url, KEYS);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');

    const second = await runOnSandbox(data);
    // What belongs to tenants and can be asked for again is asked for when it is wanted.
    const ofTenants = before.filter(({ subject, kind }) => subject !== undefined && OBTAINABLE.has(kind));
    await living(second.url, KEYS - ofTenants.length);
    const { platforms, tokens, sandbox } = second;
    const visitor = new Visitor(second.url);
    const user = platforms.accounts.erp?.user(UID).client(tokens);
    for (let hours = 0; hours <= 4; hours += 2) {
      const answers = await Promise.all(CALLS.map(async (path) => [path, (await visitor.get(path)).status]));
      expect(answers).toEqual(CALLS.map((path) => [path, 200]));
      expect(await user?.call('/api_v1_login_user/info')).toMatchObject({ result: 'success' });
      for (const minutes of ['60', '60']) await visitor.post('/sandbox/advance', { minutes });
    }
    expect(await living(second.url, KEYS)).toEqual(before);
    // No code was exchanged, and none was asked for: the platforms remember whom they know. What they gave an authorizer for two hours they do not.
    expect(sandbox.calls().filter(({ endpoint }) => EXCHANGES.test(endpoint))).toEqual([]);
    expect(sandbox.pushLog().filter(({ event }) => AUTHORIZATIONS.has(event))).toEqual([]);
    const refused = sandbox.calls().filter(({ outcome }) => outcome !== 'ok');
    expect(refused.map(({ endpoint, outcome }) => [endpoint, outcome])).toEqual([['/cgi-bin/user/get', '40001']]);
  });
});

/** Calls of all accounts that somebody has authorized before, NextEngine's apart, which need a session. */
const CALLS: readonly string[] = [
  '/wechat/followers',
  '/open-platform/authorizers/wx000000authorizer1/followers',
  '/wecom/user?userid=zhangsan',
  '/wecom-suite/corps/wwsandboxcustomer1/departments',
  '/dingtalk/user?userid=manager1',
  '/dingtalk-suite/corps/dingsandboxcorp1/user?userid=manager1',
];
const EXCHANGES = /api_query_auth|permanent_code|api_neauth|authInfo/;
const AUTHORIZATIONS: ReadonlySet<string> = new Set([
  'authorized',
  'updateauthorized',
  'create_auth',
  'org_suite_auth',
]);

/** The lines of the page, once there are so many and every token lives. */
function living(url: string, count: number): Promise<readonly TokenLine[]> {
  const look = async () => {
    const { tokens } = (await (await fetch(`${url}/api/status`)).json()) as Status;
    const isWhole = tokens.length === count && tokens.every(({ state }) => state === 'active');
    return isWhole && tokens.map(({ account, kind, subject }) => ({ account, kind, subject }));
  };
  return vi.waitUntil(look, { interval: 20, timeout: 20_000 });
}

interface TokenLine {
  readonly account: string;
  readonly kind: string;
  readonly subject: string | undefined;
}
const OBTAINABLE: ReadonlySet<string> = new Set([
  'authorizer_jsapi_ticket',
  'authorizer_card_ticket',
  'corp_access_token',
]);
/** Tokens, tickets and authorizations of the seven accounts and one user. */
const KEYS = 22;
