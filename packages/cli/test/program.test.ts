import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { DAY, erpProject, project } from './support.js';

const users = (count: number) => Array.from({ length: count }, (_, at) => `u${at + 1}`);

// Starting takes a while on a busy machine, and some tests start it four times.
describe('the program, as a process of its own', { timeout: 120_000 }, () => {
  it('tells its version and its help, and is a usage error without a command', async () => {
    const here = await project();
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(await here.start(['--version']).ended()).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    const help = await here.start(['refresh', '--help']).ended();
    expect(help.code).toBe(0);
    expect(help.stdout).toContain('--concurrency <n>');
    expect(help.stdout).toContain('--json');
    expect(await here.start([]).ended()).toMatchObject({ code: 2, stdout: '' });
  });

  it.each([
    [['renew'], "unknown command 'renew'"],
    [['refresh', '--colour'], "unknown option '--colour'"],
    [['refresh', 'erp', 'shop'], 'too many arguments'],
    [['refresh', '--concurrency', '0'], 'whole number of at least 1'],
    [['status', '--state', 'dead'], 'Allowed choices are active'],
    [['get'], "missing required argument 'account'"],
  ])('ends with 2 for %j and says why', async (argv, expected) => {
    const here = await project();
    const { code, stdout, stderr } = await here.run(...argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^evertoken: /);
    expect(stderr).toContain(expected);
  });

  it('loads tokens.config.ts, renews, reveals, and ends by itself with 0', async () => {
    const erp = await erpProject(['u1']);
    await erp.signIn('u1');
    await erp.advance(DAY);
    expect(await erp.start(['refresh', 'erp']).ended()).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 renewed'),
      stderr: '',
    });
    const { accessToken } = erp.sandbox.nextengine.currentPair('client-1', 'u1') ?? {};
    expect(await erp.start(['get', 'erp', '--subject', 'u1', '--reveal']).ended()).toEqual({
      code: 0,
      stdout: `${accessToken}\n`,
      stderr: '',
    });
  });

  it('ends with 1, 2 and 3 for what each means', async () => {
    const erp = await erpProject(['u1', 'u2']);
    await erp.signIn('u1');
    await erp.advance(DAY);
    erp.sandbox.fault({ kind: 'status', subject: 'u1' });
    expect((await erp.start(['refresh']).ended()).code).toBe(1);
    expect((await erp.start(['refresh', '--config', 'none.ts']).ended()).code).toBe(2);
    expect((await erp.start(['get', 'erp', '--subject', 'u2']).ended()).code).toBe(3);
  });

  it('colours what FORCE_COLOR asks for, but nothing with NO_COLOR', async () => {
    const erp = await erpProject(['u1']);
    await erp.signIn('u1');
    expect((await erp.start(['status'], { FORCE_COLOR: '1' }).ended()).stdout).toContain('\u001b[32mactive');
    for (const env of [{}, { NO_COLOR: '1' }, { NO_COLOR: '1', FORCE_COLOR: '1' }])
      expect((await erp.start(['status'], env).ended()).stdout).not.toContain('\u001b');
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'finishes what is under way on %s, and ends with 130',
    async (signal) => {
      const erp = await erpProject(users(40));
      await erp.signIn(...users(40));
      await erp.advance(DAY);
      erp.sandbox.fault({ kind: 'delay', delayMs: 100, count: 'always' });
      const running = erp.start(['refresh', 'erp', '--json', '--concurrency', '4']);
      running.child.stderr?.once('data', () => running.child.kill(signal));
      const { code, stdout, stderr } = await running.ended();
      expect(code).toBe(130);
      expect(stderr).toContain('stopping');
      const { counts, notAsked } = JSON.parse(stdout) as { counts: { renewed: number }; notAsked: number };
      expect(counts.renewed).toBe(erp.renewals());
      expect(notAsked).toBe(40 - counts.renewed);
      expect(notAsked).toBeGreaterThan(0);
      const again = JSON.parse((await erp.start(['refresh', 'erp', '--json']).ended()).stdout) as {
        counts: { renewed: number; notYetRenewable: number };
      };
      expect(again.counts).toMatchObject({ renewed: notAsked, notYetRenewable: counts.renewed });
    },
  );

  it('names a request that is not answered in time, waits for it all the same, and stores what it brings', async () => {
    const limits = 'requestTimeoutMs: 100, settleMs: 100, leaseTtlMs: 3_000, closeTimeoutMs: 100,';
    const erp = await erpProject(['u1'], limits);
    await erp.signIn('u1');
    await erp.advance(DAY);
    erp.sandbox.fault({ kind: 'late', hold: true });
    const running = erp.start(['refresh', 'erp', '--json']);
    await once(running.child.stdout as Readable, 'data');
    expect(JSON.parse(running.stdout)).toMatchObject({
      counts: { held: 1 },
      unanswered: [{ account: 'erp', kind: 'access_token', subject: 'u1' }],
    });
    expect(erp.sandbox.runLate()).toBe(1);
    expect((await running.ended()).code).toBe(1);
    expect((await erp.run('refresh', 'erp')).stdout).toContain('1 not yet renewable');
    expect(erp.renewals()).toBe(1);
  });

  it('stores what a request under way brings, though the reader of its output has gone', async () => {
    const erp = await erpProject(users(30));
    await erp.signIn(...users(30));
    await erp.advance(DAY);
    const running = erp.start(['refresh', 'erp']);
    running.child.stdout?.destroy();
    running.child.stderr?.destroy();
    await running.ended();
    expect((await erp.run('refresh', 'erp')).stdout).toContain('30 not yet renewable');
  });
});
