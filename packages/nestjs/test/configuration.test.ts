import { type Account, memoryStore } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { describe, expect, it } from 'vitest';
import {
  OnTokenEvent,
  type TokenFeatureAsyncOptions,
  type TokenFeatureOptions,
  TokenModule,
  type TokenModuleAsyncOptions,
  type TokenModuleFactoryOptions,
  type TokenModuleOptions,
} from '../src/index.js';
import { SCHEDULE_MODULE_MISSING } from '../src/token.messages.js';
import { failureOf, started, testAccount } from './support.js';

const schedule = ScheduleModule.forRoot();
const shop = testAccount({ name: 'shop' });
const store = memoryStore();

const wrong = (options: object) => TokenModule.forRoot({ store, ...options } as TokenModuleOptions);
const made = (options: object, accountNames: readonly string[] = []) =>
  TokenModule.forRootAsync({ accountNames, useFactory: () => ({ store, ...options }) as TokenModuleFactoryOptions });

describe('a wrong option fails the start with its name and the way out', () => {
  it.each<[string, object, RegExp]>([
    [
      'an unknown one',
      { acounts: [shop] },
      /^"acounts" is no option of TokenModule; expected .*"schedule".*"accounts"/,
    ],
    ['one of the asynchronous form', { accountNames: [] }, /^"accountNames" is no option/],
    ['one below schedule', { schedule: { corn: '* * * * *' } }, /^"schedule\.corn" is no option.*"schedule\.?.*"cron"/],
    ['a schedule', { schedule: true }, /^"schedule" must be an object, got boolean/],
    ['a cron that never comes', { schedule: { cron: '0 0 0 30 2 *' } }, /^"schedule\.cron" must be a cron expression/],
    [
      'a malformed cron',
      { schedule: { cron: 'every minute' } },
      /^"schedule\.cron" must be a cron expression.*'every minute'/,
    ],
    [
      'a cron of the wrong kind',
      { schedule: { cron: 30 } },
      /^"schedule\.cron" must be a non-empty string, got number/,
    ],
    ['a time zone', { schedule: { timeZone: 'Tokyo' } }, /^"schedule\.timeZone" must be an IANA time zone.*'Tokyo'/],
    ['a job name', { schedule: { name: '' } }, /^"schedule\.name" must be/],
    ['a start', { startOn: 'later' }, /^"startOn" must be 'bootstrap' or 'signal'/],
    ['a manager name', { managerName: '' }, /^"managerName" must be a non-empty string/],
    ['isGlobal', { isGlobal: 'yes' }, /^"isGlobal" must be true or false/],
    ['accounts', { accounts: shop }, /^"accounts" must be a list of accounts, got object/],
    [
      'an account',
      { accounts: [shop, undefined] },
      /^"accounts\[1\]" must be an account, got undefined; .*import each other/,
    ],
    [
      'an account without a name',
      { accounts: [shop, testAccount({ name: ' ' })] },
      /^"accounts\[1\]\.name" must be a non-empty string/,
    ],
    ['a source of accounts', { accountsFrom: [] }, /^"accountsFrom" must be a function/],
    [
      'two accounts of one name',
      { accounts: [shop, testAccount({ name: 'shop', id: 'x' })] },
      /^"name" of an account must be unique.*"shop"/,
    ],
    [
      'a missing secret',
      { accounts: [testAccount({ name: 'shop', problems: ['"secret" must be a non-empty string, it is missing'] })] },
      /^"secret" must be.*\(account "shop"\)$/,
    ],
    ['a number of the manager', { skewMs: '60' }, /^"skewMs" must be a positive number/],
    ['a store', { store: {} }, /^"store" must be a TokenStore/],
    [
      'grants without a durable store',
      { accounts: [testAccount({ name: 'erp', grants: 'too' })] },
      /^"grantStore" must be a durable store for account "erp"/,
    ],
  ])('%s', async (_title, options, message) => {
    const error = await failureOf(schedule, wrong(options));
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION' });
  });

  it('in a factory’s result too', async () => {
    expect((await failureOf(schedule, made({ sched: {} }))).message).toMatch(/^"sched" is no option of TokenModule/);
    expect((await failureOf(schedule, made({ managerName: 'a' }))).message).toMatch(
      /^"managerName" must stand beside "useFactory"/,
    );
    expect(
      (await failureOf(schedule, TokenModule.forRootAsync({ accountNames: [], useFactory: () => undefined as never })))
        .message,
    ).toMatch(/^"options" must be an object/);
  });

  it('without ScheduleModule, with the line to add', async () => {
    const error = await failureOf(wrong({ accounts: [shop] }));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION', message: SCHEDULE_MODULE_MISSING });
    expect(error.message).toMatch(/^"schedule".*ScheduleModule\.forRoot\(\).*"schedule": false/);
  });

  it('and nothing of it while a decorator’s argument is evaluated', () => {
    for (const options of [{ acounts: 1 }, { accounts: shop }, { accounts: [undefined] }, { schedule: 3 }]) {
      expect(() => wrong(options)).not.toThrow();
    }
    expect(() => TokenModule.forFeature(undefined as never)).not.toThrow();
  });
});

describe('what stands beside a factory', () => {
  const beside = (options: object) => failureOf(TokenModule.forRootAsync(options as TokenModuleAsyncOptions));
  const useFactory = () => ({ store, schedule: false }) as const;

  it.each<[string, object, RegExp]>([
    [
      'a misspelt name',
      { acountNames: [], useFactory },
      /^"acountNames" is no option of TokenModule\.forRootAsync; .*"accountNames"/,
    ],
    [
      'an option that the factory should make',
      { schedule: false, useFactory },
      /^"schedule" must stand in what "useFactory"/,
    ],
    ['a manager’s option', { store, useFactory }, /^"store" must stand in what "useFactory"/],
    ['a manager name', { managerName: ' ', useFactory }, /^"managerName" must be a non-empty string/],
    ['isGlobal', { isGlobal: 1, useFactory }, /^"isGlobal" must be true or false, got number/],
    [
      'nothing that makes options',
      { accountNames: [] },
      /^"useFactory" must be given to TokenModule\.forRootAsync, or/,
    ],
  ])('%s', async (_title, options, message) => {
    const error = await beside(options);
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION' });
  });

  it('of a feature', async () => {
    const root = TokenModule.forRoot({ store, schedule: false });
    const late = (options: object) => failureOf(root, TokenModule.forFeatureAsync(options as TokenFeatureAsyncOptions));
    const accounts = () => [shop];
    expect((await late({ names: ['shop'], useFactory: accounts })).message).toMatch(
      /^"names" is no option of TokenModule\.forFeatureAsync; .*"accountNames", "managerName"$/,
    );
    expect((await late({ accountNames: ['shop'] })).message).toMatch(
      /^"useFactory" must be given to TokenModule\.forFeatureAsync/,
    );
    const now = await failureOf(root, TokenModule.forFeature([shop], { manager: 'a' } as TokenFeatureOptions));
    expect(now.message).toBe('"manager" is no option of TokenModule.forFeature; expected "imports", "managerName"');
  });
});

describe('names that stand beside a factory', () => {
  it('are checked against the accounts it makes', async () => {
    const missing = await failureOf(made({ accounts: [shop], schedule: false }, ['shop', 'erp']));
    expect(missing.message).toBe('"accountNames" has "erp", but the factory made "shop"');
    const unnamed = await failureOf(made({ accounts: [shop], schedule: false }));
    expect(unnamed.message).toMatch(/^"accountNames" must name every account.*"shop"/);
    const noList = await failureOf(made({ schedule: false }, 'shop' as never));
    expect(noList.message).toMatch(/^"accountNames" must be a list/);
  });

  it('are checked for features too', async () => {
    const root = TokenModule.forRoot({ store, schedule: false });
    const error = await failureOf(root, TokenModule.forFeatureAsync({ accountNames: ['a'], useFactory: () => [shop] }));
    expect(error.message).toBe('"accountNames" has "a", but the factory made "shop"');
  });
});

describe('a feature', () => {
  const root = TokenModule.forRoot({ accounts: [shop], store, schedule: false });

  it('with a name that another account has is refused', async () => {
    const error = await failureOf(root, TokenModule.forFeature([testAccount({ name: 'shop' })]));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION', account: 'shop' });
    expect(error.message).toMatch(/^"forFeature" has an account "shop".*rename/);
  });

  it('whose accounts have problems, or are none, is refused', async () => {
    const broken = testAccount({ name: 'b', problems: ['"secret" must be a non-empty string, it is missing'] });
    expect((await failureOf(root, TokenModule.forFeature([broken]))).message).toMatch(/^"secret" must be/);
    expect((await failureOf(root, TokenModule.forFeature(3 as never))).message).toMatch(/^"accounts" must be a list/);
    const hole = [undefined as unknown as Account];
    expect((await failureOf(root, TokenModule.forFeature(hole))).message).toMatch(
      /^"accounts\[0\]" must be an account/,
    );
  });

  it('with grants needs a durable store like any other', async () => {
    const erp = testAccount({ name: 'erp', grants: 'only' });
    expect((await failureOf(root, TokenModule.forFeature([erp]))).message).toMatch(/^"grantStore" must be/);
    const durable = fileStore({ directory: 'never-opened' });
    expect(() => TokenModule.forRoot({ grantStore: durable, accounts: [erp] })).not.toThrow();
  });
});

describe('@OnTokenEvent on what could never be called', () => {
  it.each<[string, string, string | undefined, RegExp]>([
    [
      'no such event',
      'reauthorise',
      undefined,
      /^@OnTokenEvent on Handlers\.handle means event "reauthorise".*"reauthorize"/,
    ],
    ['no such manager', 'state', 'partners', /^@OnTokenEvent on Handlers\.handle means manager "partners"/],
  ])('%s', async (_title, event, manager, message) => {
    class Handlers {
      @OnTokenEvent(event as 'state', manager)
      handle() {}
    }
    @Module({ providers: [Handlers] })
    class HandlersModule {}
    const error = await failureOf(TokenModule.forRoot({ store, schedule: false }), HandlersModule);
    expect(error.message).toMatch(message);
  });

  it('the manager without a name, where all have one', async () => {
    class Handlers {
      @OnTokenEvent('state')
      handle() {}
    }
    @Module({ providers: [Handlers] })
    class HandlersModule {}
    const error = await failureOf(TokenModule.forRoot({ store, schedule: false, managerName: 'a' }), HandlersModule);
    expect(error.message).toMatch(/^@OnTokenEvent on Handlers\.handle means the manager without a name/);
  });
});

it.each([undefined, 'partners'])('two modules whose managers have one name (%s) are refused', async (managerName) => {
  const module = () => TokenModule.forRoot({ store, schedule: false, ...(managerName && { managerName }) });
  expect((await failureOf(module(), module())).message).toMatch(/^"managerName" must tell the managers.*apart/);
});

it('nothing at all need be given but a place for tokens', async () => {
  await started([schedule, TokenModule.forRoot({ store })]);
});
