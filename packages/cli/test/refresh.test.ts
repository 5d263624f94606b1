import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { CLIENT, DAY, type ErpProject, erpProject, FakeIO, project, sandboxWith } from './support.js';

const users = (count: number) => Array.from({ length: count }, (_, at) => `u${at + 1}`);

/** Users of whom one is dead, one suspended, one busy for now, and the rest renewable. */
async function mixed(): Promise<ErpProject> {
  const erp = await erpProject(['dead', 'stopped', 'busy', 'fine']);
  await erp.signIn('dead');
  await erp.advance(2 * DAY + DAY / 2);
  await erp.signIn('stopped', 'busy', 'fine');
  await erp.advance(DAY);
  erp.sandbox.fault({ kind: 'code', code: '003003', work: false, subject: 'stopped', count: 'always' });
  erp.sandbox.fault({ kind: 'code', code: '002007', subject: 'busy', count: 'always' });
  return erp;
}

describe('evertoken refresh', () => {
  it('renews what can be renewed, and names everything else', async () => {
    const erp = await mixed();
    const { code, stdout } = await erp.run('refresh', 'erp');
    expect(code).toBe(3);
    const [summary, , head, ...rows] = stdout.trimEnd().split('\n');
    expect(summary).toMatch(/^4 in \d+\.\d s: 1 renewed, 1 sign-in needed, 1 suspended, 1 failed$/);
    expect(head).toMatch(/^account +kind +subject +outcome +code +reason +platform code +next attempt$/);
    expect(rows).toHaveLength(3);
    const rowOf = (subject: string) => rows.find((row) => row.includes(subject));
    expect(rowOf('dead')).toMatch(
      /^erp +access_token +dead +sign-in needed +ERR_TOKEN_REAUTHORIZATION_REQUIRED .*002004 +after a sign-in$/,
    );
    expect(rowOf('stopped')).toMatch(/suspended +ERR_TOKEN_SUSPENDED +.*003003 +in /);
    expect(rowOf('busy')).toMatch(/failed +ERR_TOKEN_MAINTENANCE +.*002007 +in /);
    for (const uid of ['dead', 'stopped', 'busy', 'fine'])
      expect(stdout).not.toContain(erp.sandbox.nextengine.currentPair(CLIENT.clientId, uid)?.accessToken);
  });

  it('says the same as one JSON document', async () => {
    const erp = await mixed();
    const { code, stdout } = await erp.run('refresh', 'erp', '--json');
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      interrupted: false,
      durationMs: expect.any(Number),
      counts: { renewed: 1, reauthorize: 1, suspended: 1, failed: 1, notYetRenewable: 0 },
      notAsked: 0,
      unanswered: [],
    });
    const { notFresh } = JSON.parse(stdout) as { notFresh: { subject: string }[] };
    expect(notFresh.find(({ subject }) => subject === 'busy')).toEqual({
      account: 'erp',
      kind: 'access_token',
      subject: 'busy',
      outcome: 'failed',
      code: 'ERR_TOKEN_MAINTENANCE',
      message: expect.any(String),
      platformCode: '002007',
      retryAt: expect.any(Number),
    });
  });

  it('asks for one subject only, and says where nothing is stored of it', async () => {
    const erp = await mixed();
    const io = new FakeIO(erp.directory, { terminal: true });
    expect(await erp.runOn(io, 'refresh', 'erp', '--subject', 'fine')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^1 in .*: 1 renewed\n$/),
      stderr: expect.stringContaining('1/1 1 renewed'),
    });
    expect(erp.renewals('fine')).toBe(1);
    expect(erp.renewals()).toBe(1);
    const { code, stdout } = await erp.run('refresh', 'erp', '--subject', 'nobody');
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'nothing is stored of subject nobody\n' });
  });

  it('ends with 0 where all are fresh, with 1 where one failed and nobody must sign in', async () => {
    const erp = await erpProject(['u1', 'u2']);
    expect(await erp.run('refresh', 'erp')).toMatchObject({ code: 0 });
    await erp.signIn('u1', 'u2');
    expect(await erp.run('refresh', 'erp')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('2 not yet renewable'),
    });
    await erp.advance(DAY);
    erp.sandbox.fault({ kind: 'status', subject: 'u2' });
    expect(await erp.run('refresh', 'erp')).toMatchObject({ code: 1 });
    expect(await erp.run('refresh', 'erp')).toMatchObject({ code: 0 });
  });

  it('tells what rests until somebody signs in: it is asked for again then', async () => {
    const erp = await erpProject(['u1', 'u2']);
    await erp.signIn('u1', 'u2');
    await erp.advance(DAY);
    // The first renewal brings the users' companies along.
    expect((await erp.run('refresh', 'erp')).code).toBe(0);
    erp.sandbox.nextengine.company(CLIENT.clientId, 'company-of-u1', { cancelled: true });
    await erp.advance(DAY);
    const { code, stdout } = await erp.run('refresh', 'erp');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^2 in .*: 1 renewed, 1 suspended\n/);
    expect(stdout).toMatch(/\nerp +access_token +u1 +suspended +ERR_TOKEN_SUSPENDED +cancelled +after a sign-in\n/);
    expect((await erp.run('status')).stdout).toMatch(/u1 +suspended +cancelled/);
    const { tokens } = JSON.parse((await erp.run('status', '--json')).stdout) as { tokens: object[] };
    expect(tokens[0]).toMatchObject({
      subject: 'u1',
      state: 'suspended',
      extra: expect.arrayContaining(['companyId']),
    });
    expect(JSON.stringify(tokens)).not.toContain('company-of-u1');
    const again = JSON.parse((await erp.run('refresh', '--json')).stdout) as { notFresh: object[] };
    expect(again.notFresh).toMatchObject([{ subject: 'u1', outcome: 'suspended', reason: 'cancelled' }]);
    expect(again.notFresh[0]).not.toHaveProperty('retryAt');
  });

  it('takes what is most urgent first', async () => {
    const erp = await erpProject(users(6));
    for (const uid of ['u3', 'u1', 'u6', 'u2', 'u5', 'u4']) {
      await erp.signIn(uid);
      await erp.advance(60_000);
    }
    await erp.advance(DAY);
    expect((await erp.run('refresh', 'erp', '--concurrency', '1')).code).toBe(0);
    expect(erp.asked()).toEqual(['u3', 'u1', 'u6', 'u2', 'u5', 'u4']);
  });

  it.each([
    ['--concurrency 3', '3', '', 3],
    ['the configuration’s, 2', undefined, 'concurrencyPerAccount: 2,', 2],
    ['the flag over the configuration, 15', '15', 'concurrencyPerAccount: 2,', 15],
    ['10', undefined, '', 10],
  ])('sends so many requests at a time: %s', async (_, flag, more, expected) => {
    const all = users(2 * expected);
    const erp = await erpProject(all, more);
    await erp.signIn(...all);
    await erp.advance(DAY);
    erp.sandbox.fault({ kind: 'late', hold: true, count: 'always' });
    const running = erp.run('refresh', 'erp', ...(flag === undefined ? [] : ['--concurrency', flag]));
    let most = 0;
    // Nobody is answered before as many wait as may, and a moment longer: fewer would wait for ever, more would be seen.
    for (let round = 0; round < 2; round++) {
      while (erp.sandbox.state().late < expected) await pause(5);
      await pause(100);
      most = Math.max(most, erp.sandbox.state().late);
      erp.sandbox.runLate();
    }
    expect((await running).code).toBe(0);
    expect(most).toBe(expected);
  });

  it('shows a few lines of progress where there is no terminal, on stderr', async () => {
    const erp = await erpProject(users(45));
    await erp.signIn(...users(45));
    await erp.advance(DAY);
    const { stderr, stdout } = await erp.run('refresh', 'erp', '--json');
    expect(stderr.trimEnd().split('\n')).toEqual([
      '10/45 10 renewed',
      '20/45 20 renewed',
      '30/45 30 renewed',
      '40/45 40 renewed',
    ]);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  });

  it('shows a bar on a terminal, and colours unless NO_COLOR is set', async () => {
    const erp = await mixed();
    const coloured = new FakeIO(erp.directory, { terminal: true });
    const { stderr, stdout } = await erp.runOn(coloured, 'refresh', 'erp');
    expect(stderr).toContain('4/4');
    expect(stderr).toContain('=====');
    expect(stdout).toContain('\u001b[31msign-in needed\u001b[39m');
    const plain = new FakeIO(erp.directory, { terminal: true, env: { NO_COLOR: '1' } });
    expect((await erp.runOn(plain, 'refresh', 'erp')).stdout).not.toContain('\u001b');
  });

  it('stops at a signal: what is under way is finished, the rest is not begun, and the next run repeats nothing', async () => {
    const erp = await erpProject(users(30));
    await erp.signIn(...users(30));
    await erp.advance(DAY);
    const io = new FakeIO(erp.directory);
    erp.sandbox.fault({ kind: 'delay', delayMs: 20, count: 'always' });
    io.stderr.once('data', () => io.send('SIGINT'));
    const { code, stdout } = await erp.runOn(io, 'refresh', 'erp', '--json', '--concurrency', '5');
    expect(code).toBe(130);
    const first = JSON.parse(stdout) as { interrupted: boolean; counts: { renewed: number }; notAsked: number };
    expect(first.interrupted).toBe(true);
    expect(first.counts.renewed).toBeGreaterThanOrEqual(10);
    expect(first.counts.renewed).toBeLessThan(30);
    expect(first.notAsked).toBe(30 - first.counts.renewed);
    expect(erp.renewals()).toBe(first.counts.renewed);
    expect(io.exits).toEqual([]);
    expect(io.listening).toBe(0);

    const second = JSON.parse((await erp.run('refresh', 'erp', '--json')).stdout) as typeof first & {
      counts: { notYetRenewable: number };
    };
    expect(second.counts).toMatchObject({ renewed: first.notAsked, notYetRenewable: first.counts.renewed });
    expect(erp.renewals()).toBe(30);
  });

  it('takes the bar away before it says that it stops', async () => {
    const erp = await erpProject(users(30));
    await erp.signIn(...users(30));
    await erp.advance(DAY);
    const io = new FakeIO(erp.directory, { terminal: true });
    // A signal comes between two turns, and not out of a write.
    io.stderr.once('data', () => setImmediate(() => io.send('SIGINT')));
    const { code, stderr } = await erp.runOn(io, 'refresh', 'erp', '--concurrency', '2');
    expect(code).toBe(130);
    const [bar, rest] = stderr.split('evertoken: stopping');
    expect(bar).toContain('/30');
    expect(bar?.endsWith('\u001b[2K')).toBe(true);
    expect(rest).not.toContain('/30');
  });

  it('ends at once at the second signal', async () => {
    const erp = await erpProject(['u1']);
    await erp.signIn('u1');
    await erp.advance(DAY);
    erp.sandbox.fault({ kind: 'late', hold: true });
    const io = new FakeIO(erp.directory);
    const running = erp.runOn(io, 'refresh', 'erp');
    while (erp.sandbox.state().late === 0) await pause(5);
    io.send('SIGINT');
    io.send('SIGINT');
    expect(io.exits).toEqual([130]);
    erp.sandbox.runLate();
    expect((await running).code).toBe(130);
  });

  it('goes on with the other accounts where one platform refuses', async () => {
    const sandbox = await sandboxWith({
      wechat: [{ appId: 'wx1', secret: 'right' }],
      nextengine: [{ ...CLIENT, users: [] }],
    });
    const here = await project();
    await here.write(
      'tokens.config.ts',
      `import { defineTokens } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { miniProgram } from '@evertoken/wechat';
const program = (name: string, appId: string, secret: string) => miniProgram({ name, appId, secret, baseUrl: '${sandbox.urls.wechat}' });
export default defineTokens({
  accounts: [program('bad', 'wx2', 'wrong'), program('shop', 'wx1', 'right')],
  store: fileStore({ directory: new URL('./tokens', import.meta.url).pathname }),
});`,
    );
    const { code, stdout } = await here.run('refresh');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^2 in .*: 1 renewed, 1 failed\n/);
    expect(stdout).toMatch(/\nbad +stable_access_token +failed +ERR_TOKEN_REFUSED/);
    const { stdout: revealed } = await here.run('get', 'shop', '--reveal');
    expect(revealed).toMatch(/^\S{50,}\n$/);
  });

  it('takes what is pushed for fresh while it lives, and names what is still waited for', async () => {
    const here = await project();
    await here.write(
      'tokens.config.ts',
      `import { defineTokens, tokenKeyOf } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
const facts = { kind: 'ticket', issuance: 'pushed', keep: 'grant' } as const;
const key = tokenKeyOf({ platform: 'made-up', id: '1', kind: 'ticket' });
const ticket = { ...facts, key, account: 'hall', lifetime: 'remaining', issue: () => Promise.reject(new Error('never')) };
const account = {
  platform: 'made-up', name: 'hall', id: '1', kinds: [facts], problems: () => [],
  sources: () => [ticket], source: () => ticket, client: () => undefined,
};
const store = Object.freeze(fileStore({ directory: new URL('./tokens', import.meta.url).pathname }));
export default defineTokens({ accounts: [account], store });`,
    );
    const waiting = await here.run('refresh');
    expect(waiting.code).toBe(1);
    expect(waiting.stdout).toMatch(/^1 in .*: 1 waiting\n.*\nhall +ticket +waiting +ERR_TOKEN_WAITING\n/s);
    await here.write('ticket.json', JSON.stringify({ account: 'hall', value: 'T', expiresAt: Date.now() + DAY }));
    expect((await here.run('import', 'ticket.json')).stdout).toMatch(/^1 taken\n/);
    const { code, stdout } = await here.run('refresh');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^1 in .*: 1 alive, arrives by push\n$/),
    });
  });
});
