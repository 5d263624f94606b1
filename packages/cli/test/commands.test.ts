import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { CLIENT, DAY, type ErpProject, erpConfig, erpProject, FakeIO } from './support.js';

/** No key holds as much. */
const LONG = 'u'.repeat(600);

/** No run may show any of them. */
function expectNoToken(erp: ErpProject, text: string, ...uids: string[]): void {
  for (const uid of uids) {
    const pair = erp.sandbox.nextengine.currentPair(CLIENT.clientId, uid);
    expect(text).not.toContain(pair?.accessToken);
    expect(text).not.toContain(pair?.refreshToken);
  }
}

describe('evertoken status', () => {
  it('shows what is stored, sorted, and never a token', async () => {
    const erp = await erpProject(['u10', 'u2']);
    await erp.signIn('u10', 'u2');
    const { code, stdout, stderr } = await erp.run('status');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [head, ...rows] = stdout.trimEnd().split('\n');
    expect(head).toMatch(/^account +kind +subject +state +expires +refresh token ends +next refresh$/);
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatch(/^erp +access_token +u2 +active +in 23 h 59 min +in 2 d 23 h/);
    expect(rows[1]).toMatch(/^erp +access_token +u10 +active/);
    expectNoToken(erp, stdout, 'u10', 'u2');
  });

  it('shows what is asked for, by account, kind, subject and state', async () => {
    const erp = await erpProject(['u1', 'u2']);
    await erp.signIn('u1', 'u2');
    const subjects = async (...argv: string[]) => {
      const { stdout } = await erp.run('status', ...argv, '--json');
      return (JSON.parse(stdout) as { tokens: { subject: string }[] }).tokens.map(({ subject }) => subject);
    };
    expect(await subjects()).toEqual(['u1', 'u2']);
    expect(await subjects('erp', '--kind', 'access_token')).toEqual(['u1', 'u2']);
    expect(await subjects('--subject', 'u2')).toEqual(['u2']);
    expect(await subjects('--state', 'active')).toEqual(['u1', 'u2']);
    expect(await subjects('--state', 'reauthorize')).toEqual([]);
  });

  it('tells by --check what a refresh would end with, and asks nobody', async () => {
    const erp = await erpProject(['u1', 'u2']);
    await erp.signIn('u1', 'u2');
    expect((await erp.run('status', '--check')).code).toBe(0);
    await erp.advance(2 * DAY);
    expect((await erp.run('status', '--check')).code).toBe(0);
    await erp.advance(2 * DAY);
    expect(await erp.run('status')).toMatchObject({ code: 0 });
    expect(await erp.run('status', '--check')).toMatchObject({ code: 1 });
    expect(erp.renewals()).toBe(0);
    expect((await erp.run('refresh')).code).toBe(3);
    const { code, stdout } = await erp.run('status', '--check', '--json');
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      at: expect.any(Number),
      tokens: [
        { subject: 'u1', state: 'reauthorize', failure: { platformCode: '002004' } },
        { subject: 'u2', state: 'reauthorize' },
      ],
    });
  });

  it('fails with 1 where the store does', async () => {
    const erp = await erpProject(['u1']);
    const broken = `new Proxy(fileStore({ directory: path('./tokens'), clock }), {
      get: (store, name) => name === 'list' ? async () => { throw new Error('EIO') } : store[name]?.bind?.(store) ?? store[name],
    })`;
    await erp.write('tokens.config.ts', erpConfig(erp.sandbox).replace(/fileStore\(\{.*clock \}\)/, broken));
    const { code, stdout, stderr } = await erp.run('status', '--json');
    expect(code).toBe(1);
    expect(stderr).toContain('fileStore');
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'ERR_TOKEN_STORE' } });
  });
});

describe('evertoken get', () => {
  it('tells a token’s facts and not its value', async () => {
    const erp = await erpProject(['u1']);
    await erp.signIn('u1');
    const { code, stdout } = await erp.run('get', 'erp', '--subject', 'u1');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^account +erp\nkind +access_token\nsubject +u1\nissued .+\nexpires +\S+ \(in 23 h 59 min\)\n/,
    );
    expectNoToken(erp, stdout, 'u1');
  });

  it('prints the value alone with --reveal', async () => {
    const erp = await erpProject(['u1']);
    await erp.signIn('u1');
    const { stdout } = await erp.run('get', 'erp', 'access_token', '--subject', 'u1', '--reveal');
    expect(stdout).toBe(`${erp.sandbox.nextengine.currentPair(CLIENT.clientId, 'u1')?.accessToken}\n`);
  });

  it('makes sure that the token lives: an expired pair is renewed first', async () => {
    const erp = await erpProject(['u1']);
    await erp.signIn('u1');
    await erp.advance(DAY + 1_000);
    const { stdout } = await erp.run('get', 'erp', '--subject', 'u1', '--reveal', '--json');
    expect(erp.renewals('u1')).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      account: 'erp',
      kind: 'access_token',
      subject: 'u1',
      value: erp.sandbox.nextengine.currentPair(CLIENT.clientId, 'u1')?.accessToken,
    });
  });

  it('ends with 3 where somebody must sign in, with 1 where the platform fails, and shows the names of extra facts only', async () => {
    const erp = await erpProject(['u1', 'u2']);
    await erp.signIn('u1');
    const missing = await erp.run('get', 'erp', '--subject', 'u2', '--json');
    expect(missing.code).toBe(3);
    expect(JSON.parse(missing.stdout)).toMatchObject({ error: { code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED' } });
    await erp.advance(DAY + 1_000);
    erp.sandbox.fault({ kind: 'code', code: '002007', subject: 'u1' });
    expect((await erp.run('get', 'erp', '--subject', 'u1')).code).toBe(1);
    await erp.write('one.json', JSON.stringify([{ ...erp.pairOf('u2'), extra: { companyNeId: 'NE-company' } }]));
    await erp.run('import', 'one.json');
    const { stdout } = await erp.run('get', 'erp', '--subject', 'u2');
    expect(stdout).toContain('companyNeId');
    expect(stdout).not.toContain('NE-company');
  });

  it('gives up waiting when it is interrupted, and what the renewal under way brings is stored', async () => {
    const erp = await erpProject(['u1']);
    await erp.signIn('u1');
    await erp.advance(DAY);
    erp.sandbox.fault({ kind: 'late', hold: true });
    const io = new FakeIO(erp.directory);
    const running = erp.runOn(io, 'get', 'erp', '--subject', 'u1');
    while (erp.sandbox.state().late === 0) await pause(5);
    io.send('SIGINT');
    await pause(50);
    erp.sandbox.runLate();
    expect(await running).toMatchObject({ code: 130, stdout: '' });
    expect((await erp.run('refresh', 'erp')).stdout).toContain('1 not yet renewable');
  });

  it.each([
    [['get', 'erp'], 'belongs to subjects: name one with --subject'],
    [['get', 'erp', 'ticket', '--subject', 'u1'], 'no kind "ticket": expected "access_token"'],
    [['get', 'shop'], 'no account "shop" in the configuration: there are "erp"'],
    [['get', 'erp', '--subject', LONG], 'has no subject'],
    [['status', 'shop'], 'no account "shop"'],
    [['refresh', '--kind', 'ticket'], '--kind: the configuration has no "ticket"'],
  ])('refuses what cannot be meant (%#)', async (argv, expected) => {
    const erp = await erpProject(['u1']);
    const { code, stdout, stderr } = await erp.run(...argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(expected);
  });
});

describe('evertoken forget', () => {
  it('takes a grant away with --yes, and leaves a tombstone that no import replaces', async () => {
    const erp = await erpProject(['u1']);
    await erp.signIn('u1');
    const pair = erp.pairOf('u1');
    expect(await erp.run('forget', 'erp', '--subject', 'u1', '--yes')).toMatchObject({
      code: 0,
      stdout: 'forgotten: access_token of u1 (erp)\n',
    });
    expect((await erp.run('status')).stdout).toMatch(/u1 +gone/);
    await erp.write('late.json', JSON.stringify([pair]));
    expect(await erp.run('import', 'late.json')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1 gone\n/) });
    expect(await erp.run('forget', 'erp', '--subject', 'u1', '--yes', '--json')).toMatchObject({
      code: 0,
      stdout: '{"account":"erp","kind":"access_token","subject":"u1","outcome":"absent"}\n',
    });
  });

  it('is a usage error for a grant without --yes and without a terminal', async () => {
    const erp = await erpProject(['u1']);
    await erp.signIn('u1');
    const { code, stderr } = await erp.run('forget', 'erp', '--subject', 'u1');
    expect(code).toBe(2);
    expect(stderr).toContain('--yes');
    expect((await erp.run('status')).stdout).toMatch(/u1 +active/);
  });

  it.each([
    ['yes\n', 'forgotten', 'gone'],
    ['no\n', 'kept', 'active'],
    ['\n', 'kept', 'active'],
    ['', 'kept', 'active'],
  ])('asks on a terminal: %j leaves it %s', async (typed, outcome, state) => {
    const erp = await erpProject(['u1']);
    await erp.signIn('u1');
    const io = new FakeIO(erp.directory, { terminal: true });
    io.stdin.end(typed);
    const { code, stdout, stderr } = await erp.runOn(io, 'forget', 'erp', '--subject', 'u1');
    expect(code).toBe(0);
    expect(stdout).toBe(`${outcome}: access_token of u1 (erp)\n`);
    expect(stderr).toContain('Type "yes"');
    expect((await erp.run('status')).stdout).toMatch(new RegExp(`u1 +${state}`));
  });

  it('keeps the grant when the question is interrupted', async () => {
    const erp = await erpProject(['u1']);
    await erp.signIn('u1');
    const io = new FakeIO(erp.directory, { terminal: true });
    io.stderr.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('Type')) io.send('SIGINT');
    });
    expect(await erp.runOn(io, 'forget', 'erp', '--subject', 'u1')).toMatchObject({ code: 130 });
    expect((await erp.run('status')).stdout).toMatch(/u1 +active/);
  });
});

describe('evertoken import', () => {
  it('compares first: taken, same, kept and gone, by name', async () => {
    const erp = await erpProject(['u1', 'u2', 'u3', 'u4']);
    const [old, same, gone] = [erp.pairOf('u1'), erp.pairOf('u2'), erp.pairOf('u4')];
    await erp.advance(1_000);
    await erp.signIn('u1', 'u4');
    await erp.write('same.json', JSON.stringify([same]));
    await erp.run('import', 'same.json');
    await erp.run('forget', 'erp', '--subject', 'u4', '--yes');
    await erp.write('all.json', JSON.stringify([old, same, erp.pairOf('u3'), gone]));
    const { code, stdout } = await erp.run('import', 'all.json', '--json');
    expect(code).toBe(0);
    const entry = (at: number, subject: string, outcome: string) => ({
      place: `entry ${at}`,
      account: 'erp',
      kind: 'access_token',
      subject,
      outcome,
    });
    expect(JSON.parse(stdout)).toEqual({
      dryRun: false,
      interrupted: false,
      counts: { taken: 1, same: 1, kept: 1, gone: 1, failed: 0 },
      notBegun: 0,
      entries: [entry(1, 'u1', 'kept'), entry(2, 'u2', 'same'), entry(3, 'u3', 'taken'), entry(4, 'u4', 'gone')],
    });
    // The newer pair still stands: it is renewed, and the platform knows it.
    await erp.advance(DAY);
    expect((await erp.run('refresh', '--subject', 'u1')).code).toBe(0);
  });

  it('says with --dry-run what would happen, and stores nothing', async () => {
    const erp = await erpProject(['u1']);
    const pair = erp.pairOf('u1');
    await erp.write('one.json', JSON.stringify([pair]));
    const { code, stdout } = await erp.run('import', 'one.json', '--dry-run');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^dry run, nothing is stored: 1 taken\n/);
    expect(stdout).not.toContain(pair.value);
    expect((await erp.run('status')).stdout).toContain('nothing is stored');
  });

  it('reads stdin, and takes a value without a known end', async () => {
    const erp = await erpProject(['u1']);
    const { value, refreshToken } = erp.pairOf('u1');
    const io = new FakeIO(erp.directory);
    io.stdin.end(JSON.stringify({ account: 'erp', subject: 'u1', value, refreshToken }));
    expect(await erp.runOn(io, 'import', '-')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1 taken\n/) });
    expect((await erp.run('get', 'erp', '--subject', 'u1', '--reveal')).stdout).toBe(`${value}\n`);
  });

  it('checks every entry before it takes the first', async () => {
    const erp = await erpProject(['u1', 'u2']);
    const [first, second] = [erp.pairOf('u1'), erp.pairOf('u2')];
    const lines = [
      first,
      { ...first, kind: 'access_token' },
      { ...second, refreshToken: undefined },
      { ...second, account: 'shop' },
      { ...second, kind: 'ticket' },
      { ...second, subject: undefined },
    ];
    await erp.write('wrong.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'));
    const { code, stdout, stderr } = await erp.run('import', 'wrong.jsonl');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('wrong.jsonl: line 2: names the same token as line 1');
    expect(stderr).toContain('line 3: "refreshToken" is missing');
    expect(stderr).toContain('line 4: there is no account "shop"');
    expect(stderr).toContain('line 5: account "erp" has no kind "ticket"');
    expect(stderr).toContain('line 6: "access_token" of account "erp" belongs to subjects');
    expectNoToken(erp, stderr, 'u1', 'u2');
    expect((await erp.run('status')).stdout).toContain('nothing is stored');
  });

  it('names a file that is not there', async () => {
    const erp = await erpProject([]);
    expect(await erp.run('import', 'none.json')).toMatchObject({
      code: 2,
      stderr: 'evertoken: none.json cannot be read: ENOENT\n',
    });
  });

  it('ends the wait for stdin when it is interrupted', async () => {
    const erp = await erpProject([]);
    const io = new FakeIO(erp.directory);
    setTimeout(() => io.send('SIGTERM'), 50);
    expect(await erp.runOn(io, 'import', '-')).toMatchObject({ code: 130 });
    expect(io.listening).toBe(0);
  });
});
