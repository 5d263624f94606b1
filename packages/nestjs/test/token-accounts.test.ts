import { setImmediate as turn } from 'node:timers/promises';
import { memoryStore } from '@evertoken/core';
import { fixedTokens, ManualClock } from '@evertoken/core/testing';
import { Inject, Injectable } from '@nestjs/common';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Test, type TestingModule } from '@nestjs/testing';
import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import {
  getTokenAccountsToken,
  getTokenManagerToken,
  InjectTokenAccounts,
  type TokenAccountEntry,
  TokenAccounts,
  type TokenAccountsLoader,
  TokenManager,
  TokenModule,
  type TokenModuleOptions,
} from '../src/index.js';
import { AT_ONCE, ending, silence, started, type TestAccount, type TestClient, testAccount } from './support.js';

/** Never during a test. */
const NEW_YEAR = { cron: '0 0 0 1 1 *' };
const entry = (name: string, more: Partial<TokenAccountEntry> & { readonly id?: string } = {}): TokenAccountEntry => {
  const { id, ...rest } = more;
  return { name, account: () => testAccount({ name, ...(id && { id }) }), ...rest };
};

/** An application whose accounts are the rows of a list. */
async function world(rows: TokenAccountEntry[], options: Partial<TokenModuleOptions> = {}) {
  const log = silence();
  const accountsFrom: TokenAccountsLoader = vi.fn(() => rows);
  const registered = TokenModule.forRoot({
    accountsFrom,
    store: memoryStore(),
    schedule: NEW_YEAR,
    ...AT_ONCE,
    ...options,
  });
  const app = await started([ScheduleModule.forRoot(), registered], { log });
  const accounts = app.get<TokenAccounts<TestAccount>>(TokenAccounts);
  return { app, log, accounts, tokens: app.get(TokenManager), tick: () => tickOf(app), accountsFrom };
}

const tickOf = async (app: TestingModule) => app.get(SchedulerRegistry).getCronJob('evertoken:refresh').fireOnTick();
const texts = (log: ReturnType<typeof silence>, level: string) =>
  log.lines.filter((line) => line.level === level).map(({ text }) => text);

describe('accountsFrom', () => {
  it('is asked before the start ends: its accounts are refreshed by the first sweep, and used by name', async () => {
    const { accounts, tokens, tick, log } = await world([entry('a'), entry('b')], {
      accounts: [testAccount({ name: 'own' })],
    });
    expect(tokens.accounts().map(({ name }) => name)).toEqual(['own', 'a', 'b']);
    await tick();
    expect(tokens.peek(accounts.get('b').accessToken)?.value).toBe('b-1');
    expect(await accounts.client('a').token()).toBe('a-1');
    expect(await accounts.client('own').token()).toBe('own-1');
    expect(accounts.names()).toEqual(['a', 'b']);
    expect([accounts.has('own'), accounts.has('c')]).toEqual([true, false]);
    expect(() => accounts.get('c')).toThrow(expect.objectContaining({ code: 'ERR_TOKEN_CONFIGURATION', account: 'c' }));
    expect(texts(log, 'log')).toContain('accounts: 2 added, 0 removed');
    expectTypeOf(accounts.client('a')).toEqualTypeOf<TestClient>();
  });

  it.each<[string, (rows: TokenAccountEntry[]) => ReturnType<TokenAccountsLoader>]>([
    ['a list that comes later', async (rows) => rows],
    [
      'a generator',
      function* (rows) {
        yield* rows;
      },
    ],
    [
      'a stream of rows',
      async function* (rows) {
        for (const row of rows) yield Promise.resolve(row);
      },
    ],
  ])('may be %s', async (_title, answer) => {
    const { accounts } = await world([], { accountsFrom: () => answer([entry('a'), entry('b')]) });
    expect(accounts.names()).toEqual(['a', 'b']);
  });

  it('is followed with each sweep: what came, what changed and what is gone', async () => {
    const rows = [entry('a', { version: 1 }), entry('b', { version: new Date(1) }), entry('c')];
    const { accounts, tokens, tick } = await world(rows);
    const before = { a: accounts.get('a'), b: accounts.get('b'), c: accounts.get('c') };
    await tick();
    expect(accounts.get('a')).toBe(before.a);
    expect(accounts.get('b')).toBe(before.b);
    // Without a version nobody can tell that it is the same.
    expect(accounts.get('c')).not.toBe(before.c);
    rows.splice(0, 3, entry('a', { version: 2 }), entry('b', { version: new Date(1) }), entry('d'));
    await tick();
    expect(tokens.accounts().map(({ name }) => name)).toEqual(['a', 'b', 'd']);
    expect(accounts.get('a')).not.toBe(before.a);
    expect(accounts.get('b')).toBe(before.b);
    expect(tokens.accounts()[0]).toBe(accounts.get('a'));
    expect(before.c.calls()).toBe(0);
  });

  it('may be asked at once, and by whom it concerns told what changed', async () => {
    const rows = [entry('a', { version: 1 }), entry('b', { version: 1 })];
    const { accounts } = await world(rows);
    rows.splice(1, 1, entry('c', { version: 1 }), entry('broken', { account: () => undefined as never }));
    rows[0] = entry('a', { version: 2 });
    expect(await accounts.reload()).toEqual({
      added: ['c'],
      replaced: ['a'],
      removed: ['b'],
      failed: [{ name: 'broken', error: expect.objectContaining({ code: 'ERR_TOKEN_CONFIGURATION' }) }],
    });
  });

  it('asked while a load is under way is asked again: a row written before is seen', async () => {
    const rows = [entry('a')];
    let release = () => {};
    let reads = 0;
    const accountsFrom = async () => {
      reads++;
      const seen = [...rows];
      if (reads === 2) await new Promise<void>((resolve) => (release = resolve));
      return seen;
    };
    const { accounts } = await world([], { accountsFrom });
    const first = accounts.reload();
    await vi.waitFor(() => expect(reads).toBe(2));
    rows.push(entry('b'));
    const [second, third] = [accounts.reload(), accounts.reload()];
    release();
    expect((await first).added).toEqual([]);
    expect((await second).added).toEqual(['b']);
    expect(await third).toBe(await second);
    expect(reads).toBe(3);
  });

  it('keeps what is stored of an account that is gone: back again, it needs no platform call', async () => {
    const rows = [entry('a')];
    const { accounts, tick } = await world(rows);
    await tick();
    const [row] = rows.splice(0) as [TokenAccountEntry];
    await tick();
    expect(accounts.has('a')).toBe(false);
    rows.push(row);
    await tick();
    expect(await accounts.client('a').token()).toBe('a-1');
    expect(accounts.get('a').calls()).toBe(0);
  });

  it('takes another app under the same name for another account, two that change places included', async () => {
    const rows = [entry('a', { id: '1', version: 1 }), entry('b', { id: '2', version: 1 })];
    const { accounts, tokens } = await world(rows);
    rows.splice(0, 2, entry('a', { id: '2', version: 2 }), entry('b', { id: '1', version: 2 }));
    expect(await accounts.reload()).toMatchObject({ replaced: ['a', 'b'], failed: [] });
    expect(tokens.accounts().map(({ name, id }) => `${name}${id}`)).toEqual(['a2', 'b1']);
  });
});

describe('an account that is wrong', () => {
  const wrong: [string, TokenAccountEntry, string, RegExp][] = [
    [
      'lacks its secret',
      entry('bad', { account: () => testAccount({ name: 'bad', problems: ['"secret" must be a non-empty string'] }) }),
      'bad',
      /^account "bad" could not be taken: "secret" must be a non-empty string \(account "bad"\)$/,
    ],
    [
      'cannot be made',
      entry('bad', { account: () => JSON.parse('{"secret": T0PSECRET') }),
      'bad',
      /^account "bad" could not be taken: SyntaxError in "account", see problems\(\) of TokenAccounts$/,
    ],
    [
      'has another name',
      entry('bad', { account: () => testAccount({ name: 'good' }) }),
      'bad',
      /must make the account "bad", got "good"$/,
    ],
    [
      'has a name of the configuration',
      entry('own'),
      'own',
      /"accountsFrom" has "own", but an account of the configuration/,
    ],
    ['is there twice', entry('good'), 'good', /has "good" more than once: the first one counts$/],
    [
      'has no name',
      { account: () => testAccount({ name: 'x' }) } as never,
      'accountsFrom[1]',
      /"accountsFrom\[1\]\.name" must be/,
    ],
    [
      'is nothing',
      null as never,
      'accountsFrom[1]',
      /"accountsFrom\[1\]\.name" must be a non-empty string, got undefined$/,
    ],
    ['has nothing that makes it', { name: 'bad' } as never, 'bad', /"accountsFrom\[1\]\.account" must be a function/],
    ['is the app of another one', entry('bad', { id: 'id-of-good' }), 'bad', /"bad" and "good" are the same test app/],
  ];

  it.each(wrong)(
    'because it %s harms no other, is told once by name, and shows no secret',
    async (_title, row, name, text) => {
      const { accounts, log, tick } = await world([entry('good', { version: 1 }), row], {
        accounts: [testAccount({ name: 'own' })],
      });
      await tick();
      await tick();
      expect(accounts.get('good').calls()).toBe(1);
      expect(accounts.problems().map((problem) => problem.name)).toEqual([name]);
      const told = texts(log, 'error');
      expect(told).toEqual([expect.stringMatching(text)]);
      expect(JSON.stringify(log.lines)).not.toContain('T0PSECRET');
    },
  );

  it('because it keeps grants where none are safe is refused once the store has said so', async () => {
    const rows = [entry('good', { version: 1 })];
    const { accounts, log, tick } = await world(rows);
    rows.push(entry('bad', { account: () => testAccount({ name: 'bad', grants: 'too' }) }));
    await tick();
    expect(accounts.get('good').calls()).toBe(1);
    expect(texts(log, 'error')).toEqual([
      expect.stringMatching(/"grantStore" must be a durable store for account "bad"/),
    ]);
  });

  it('goes on as it was where it was right before, and is taken once it is right again', async () => {
    const rows = [entry('a', { version: 1 })];
    const { accounts, log, tick } = await world(rows);
    const before = accounts.get('a');
    rows[0] = entry('a', {
      version: 2,
      account: () => testAccount({ name: 'a', id: 'moved', problems: ['"secret" is missing'] }),
    });
    await tick();
    expect(accounts.get('a')).toBe(before);
    expect(before.calls()).toBe(1);
    rows[0] = entry('a', { version: 3, id: 'moved' });
    await tick();
    expect(accounts.get('a').id).toBe('moved');
    expect(accounts.problems()).toEqual([]);
    expect(texts(log, 'error')).toHaveLength(1);
  });
});

describe('accountsFrom that fails', () => {
  it('at the start is an error in the log; the next sweep tries again', async () => {
    const rows = [entry('a')];
    const accountsFrom = vi
      .fn<TokenAccountsLoader>(() => rows)
      .mockImplementationOnce(() => {
        throw new Error('the database is starting up');
      });
    const { accounts, log, tick } = await world([], { accountsFrom });
    expect(texts(log, 'error')).toEqual([
      expect.stringMatching(/^accountsFrom failed; the accounts stay as they are Error: the database is starting up/),
    ]);
    await tick();
    expect(accounts.get('a').calls()).toBe(1);
    expect(texts(log, 'log')).toContain('accountsFrom answers again');
  });

  it('later on, half-way or altogether, changes nothing; sweeps go on, and it is said once', async () => {
    let failing = false;
    async function* accountsFrom() {
      yield entry('a', { version: 1 });
      if (failing) throw new Error('connection lost');
      yield entry('b', { version: 1 });
    }
    const { accounts, log, tick } = await world([], { accountsFrom });
    failing = true;
    await tick();
    await tick();
    expect(accounts.names()).toEqual(['a', 'b']);
    expect(accounts.get('b').calls()).toBe(1);
    expect(texts(log, 'error')).toHaveLength(1);
    await expect(accounts.reload()).rejects.toThrow('connection lost');
  });

  it('never answers: the start and the sweeps go on without, and what it says at last is taken', async () => {
    const clock = new ManualClock();
    let answer = (_rows: TokenAccountEntry[]) => {};
    const accountsFrom = vi.fn(() => new Promise<TokenAccountEntry[]>((resolve) => (answer = resolve)));
    const own = testAccount({ name: 'own' });
    const starting = world([], { accountsFrom, accounts: [own], clock, store: memoryStore({ clock }) });
    await vi.waitFor(() => expect(accountsFrom).toHaveBeenCalled());
    await clock.advance(10_000);
    const { accounts, log, tick } = await starting;
    expect(texts(log, 'warn')).toEqual(['accountsFrom has not answered within 10000 ms; goes on without']);
    const ticking = tick();
    await vi.waitFor(async () => {
      await clock.advance(1);
      expect(own.calls()).toBe(1);
    });
    await ticking;
    expect(accountsFrom).toHaveBeenCalledTimes(1);
    answer([entry('a')]);
    await vi.waitFor(() => expect(accounts.names()).toEqual(['a']));
  });

  it('does not hold up the end of the application', async () => {
    let asked = 0;
    const accountsFrom = () => (++asked === 1 ? [] : new Promise<never>(() => {}));
    const { app, tick, log } = await world([], { accountsFrom });
    const ticking = tick();
    await vi.waitFor(() => expect(asked).toBe(2));
    await app.close();
    await ticking;
    expect(log.lines).toEqual([]);
  });
});

describe('TokenAccounts', () => {
  it('waits for the signal with the manager', async () => {
    const { accounts, tokens, accountsFrom } = await world([entry('a')], { startOn: 'signal' });
    await turn();
    expect(accountsFrom).not.toHaveBeenCalled();
    await tokens.start();
    expect(accounts.names()).toEqual(['a']);
  });

  it('of several managers are kept apart', async () => {
    @Injectable()
    class Service {
      constructor(
        @Inject(TokenAccounts) readonly own: TokenAccounts,
        @InjectTokenAccounts('partners') readonly theirs: TokenAccounts,
      ) {}
    }
    const options = { store: memoryStore(), schedule: false } as const;
    const modules = [
      TokenModule.forRoot({ ...options, accountsFrom: () => [entry('a')] }),
      TokenModule.forRootAsync({
        managerName: 'partners',
        useFactory: () => ({ ...options, accountsFrom: () => [entry('a'), entry('b')] }),
      }),
    ];
    const app = await started(modules, { providers: [Service] });
    const { own, theirs } = app.get(Service);
    expect([own.names(), theirs.names()]).toEqual([['a'], ['a', 'b']]);
    expect(theirs).toBe(app.get(getTokenAccountsToken('partners')));
    expect((theirs.client('a') as TestClient).tokens).toBe(app.get(getTokenManagerToken('partners')));
  });

  it('know all accounts where nothing loads any, and say so when they are asked to', async () => {
    const shop = testAccount({ name: 'shop' });
    const app = await started([TokenModule.forRoot({ accounts: [shop], store: memoryStore(), schedule: false })]);
    const accounts = app.get(TokenAccounts);
    expect(accounts.get('shop')).toBe(shop);
    expect([accounts.names(), accounts.problems()]).toEqual([[], []]);
    await expect(accounts.reload()).rejects.toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
      message: expect.stringMatching(/^"accountsFrom" is not given/),
    });
  });

  it('find an account that was added by hand, and one that a load brings under its name', async () => {
    const rows: TokenAccountEntry[] = [];
    const { accounts, tokens } = await world(rows);
    const added = testAccount({ name: 'a' });
    tokens.add(added);
    expect(accounts.get('a')).toBe(added);
    rows.push(entry('a'));
    expect(await accounts.reload()).toMatchObject({ added: ['a'], failed: [] });
    expect(accounts.get('a')).not.toBe(added);
    tokens.remove('a');
    rows[0] = entry('a', { version: 1 });
    await accounts.reload();
    tokens.remove('a');
    await accounts.reload();
    expect(tokens.accounts()).toEqual([accounts.get('a')]);
  });

  it('have clients of the double in a test, without a platform', async () => {
    const double = fixedTokens([[testAccount({ name: 'a' }).accessToken, 'T1']]);
    const module = await Test.createTestingModule({
      imports: [TokenModule.forRoot({ accountsFrom: () => [entry('a')], schedule: false })],
    })
      .setLogger(silence())
      .overrideProvider(TokenManager)
      .useValue(double)
      .compile();
    await ending(module).init();
    expect(await module.get<TokenAccounts<TestAccount>>(TokenAccounts).client('a').token()).toBe('T1');
  });
});
