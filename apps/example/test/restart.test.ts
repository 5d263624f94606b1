import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TokenStatus } from '@evertoken/core';
import { SANDBOX_ACCOUNTS } from '@evertoken/sandbox';
import { describe, expect, it } from 'vitest';
import { afterwards, HOUR_MS, runOnSandbox, temporaryDirectory, UID, Visitor } from './support.js';

const PROGRAM = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const { clientId } = SANDBOX_ACCOUNTS.nextengine;

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

  it('loses no pair when it is killed', async () => {
    const data = await temporaryDirectory();
    const first = await start(data);
    await new Visitor(first.url).signIn(UID);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');

    const { platforms, tokens, sandbox } = await runOnSandbox(data);
    const user = platforms.accounts.erp?.user(UID).client(tokens);
    expect(await user?.call('/api_v1_login_user/info')).toMatchObject({ result: 'success' });
    expect(sandbox.nextengine.currentPair(clientId, UID)).toBeDefined();
    expect(sandbox.calls({ endpoint: '/api_neauth' })).toEqual([]);
  });
});
