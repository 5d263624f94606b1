import { execFile } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { memoryStore } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { CacheModule } from '@nestjs/cache-manager';
import { Controller, Get, Inject, Injectable, Module, type OnModuleDestroy } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { InjectClient, TokenManager, TokenModule, type TokenModuleOptions } from '../src/index.js';
import { Adapter, keyvOver } from './doubles.js';
import { AT_ONCE, silence, started, type TestClient, testAccount } from './support.js';

const schedule = ScheduleModule.forRoot();
const root = (options: TokenModuleOptions) => TokenModule.forRoot({ schedule: false, ...AT_ONCE, ...options });

afterEach(() => {
  vi.restoreAllMocks();
});

/** A promise that is settled from outside. */
function held<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe('the start', () => {
  it('opens the store and loads what is known, with the application', async () => {
    const store = memoryStore();
    const open = vi.spyOn(store, 'open');
    await started([root({ accounts: [testAccount({ name: 'shop' })], store })]);
    expect(open).toHaveBeenCalledTimes(1);
  });

  it('waits for the signal where it is told to', async () => {
    const store = memoryStore();
    const open = vi.spyOn(store, 'open');
    await started([root({ store, startOn: 'signal' })]);
    expect(open).not.toHaveBeenCalled();
  });

  it('is not prevented by a store that is down: a warning, and the next tick tries again', async () => {
    const shop = testAccount({ name: 'shop' });
    const store = memoryStore();
    vi.spyOn(store, 'open').mockRejectedValueOnce(new Error('connect ECONNREFUSED redis://user:hidden@host'));
    const log = silence();
    const tokens = TokenModule.forRoot({ accounts: [shop], store, schedule: { cron: '0 0 0 1 1 *' }, ...AT_ONCE });
    const app = await started([schedule, tokens], { log });
    expect(log.lines).toEqual([
      {
        level: 'warn',
        context: 'Evertoken',
        text: 'started without its store, code ERR_TOKEN_STORE: memoryStore: open failed',
      },
    ]);
    await app.get(SchedulerRegistry).getCronJob('evertoken:refresh').fireOnTick();
    expect(shop.calls()).toBe(1);
  });
});

describe('the end', () => {
  it('requests that are still coming in are answered from memory, until the server is closed', async () => {
    const shop = testAccount({ name: 'shop' });
    const answers: string[] = [];
    @Controller()
    class Tokens {
      constructor(@InjectClient('shop') private readonly client: TestClient) {}
      @Get()
      token() {
        return this.client.token();
      }
    }
    @Injectable()
    class Late {
      async beforeApplicationShutdown() {
        answers.push(await (await fetch(url)).text());
      }
    }
    @Module({
      imports: [root({ accounts: [shop], store: memoryStore() })],
      controllers: [Tokens],
      providers: [Late],
    })
    class AppModule {}
    const app = await NestFactory.create(AppModule, { logger: false });
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    expect(await (await fetch(url)).text()).toBe('shop-1');
    await app.close();
    expect(answers).toEqual(['shop-1']);
    await expect(fetch(url)).rejects.toThrow();
  });

  it('waits until a request under way has been answered and its token stored', async () => {
    const { promise, resolve } = held<void>();
    const shop = testAccount({
      name: 'shop',
      issue: () => promise.then(() => ({ value: 'T', lifetimeMs: 7_200_000 })),
    });
    const store = memoryStore();
    const app = await started([root({ accounts: [shop], store })]);
    const getting = app.get(TokenManager).get(shop.accessToken);
    await vi.waitFor(() => expect(shop.calls()).toBe(1));
    const closing = app.close();
    await turn();
    resolve();
    await closing;
    expect((await getting).value).toBe('T');
    expect((await store.read(shop.accessToken.key)).record?.token?.value).toBe('T');
  });

  it('does not wait for ever, and says what it leaves behind', async () => {
    const clock = new ManualClock();
    const { promise } = held<never>();
    const erp = testAccount({ name: 'erp', grants: 'too', issue: () => promise });
    const log = silence();
    const options = { accounts: [erp], store: memoryStore({ clock }), allowVolatileGrants: true, clock };
    const app = await started([root(options)], { log });
    const tokens = app.get(TokenManager);
    const user = erp.user('someone@example.com');
    await tokens.adopt(user, { value: 'a', lifetimeMs: 1_000, refreshToken: 'r' }, { grant: true });
    await clock.advance(2_000);
    tokens.get(user).catch(() => {});
    for (let i = 0; i < 20; i++) await turn();
    const closing = app.close();
    for (let i = 0; i < 3; i++) await clock.advance(10_000);
    await closing;
    await app.close();
    expect(log.lines.filter(({ level }) => level === 'warn').map(({ text }) => text)).toEqual([
      'still busy after 10000 ms; goes on shutting down',
      'closed with requests unanswered: 1 user_token of account "erp"',
    ]);
  });

  it('a sweep that is only about to begin does not hold it up', async () => {
    const clock = new ManualClock();
    const shop = testAccount({ name: 'shop' });
    const cron = { cron: '0 0 0 1 1 *' };
    const options = { accounts: [shop], store: memoryStore({ clock }), clock, random: () => 0.5, schedule: cron };
    const log = silence();
    const app = await started([schedule, TokenModule.forRoot(options)], { log });
    const tick = app.get(SchedulerRegistry).getCronJob('evertoken:refresh').fireOnTick();
    await app.close();
    await tick;
    expect(shop.calls()).toBe(0);
    expect(log.lines).toEqual([]);
  });

  it('comes to its end even if nothing but a store’s own farewell keeps the process alive', async () => {
    const program = `import 'reflect-metadata';
      import { memoryStore } from '@evertoken/core';
      import { TokenModule } from '@evertoken/nestjs';
      import { NestFactory } from '@nestjs/core';
      const store = memoryStore();
      store.close = () => new Promise((resolve) => setTimeout(resolve, 100).unref());
      const app = await NestFactory.createApplicationContext(TokenModule.forRoot({ store, schedule: false }), { logger: false });
      await app.close();
      console.log('closed');`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      cwd: import.meta.dirname,
    });
    expect(stdout).toBe('closed\n');
  });

  it('a store that cannot be closed is a line in the log', async () => {
    const store = memoryStore();
    store.close = () => Promise.reject(new Error('already gone'));
    const log = silence();
    const app = await started([root({ store })], { log });
    await app.close();
    expect(log.lines).toEqual([
      {
        level: 'error',
        context: 'Evertoken',
        text: expect.stringMatching(/^could not close its stores Error: already gone/),
      },
    ]);
  });

  it('is not held up by a store that does not close, and says so', async () => {
    const clock = new ManualClock();
    const store = memoryStore({ clock });
    store.close = () => held<void>().promise;
    const log = silence();
    const app = await started([root({ store, clock, closeTimeoutMs: 3_000, storeTimeoutMs: 1_000 })], { log });
    let closed = false;
    const closing = app.close().then(() => {
      closed = true;
    });
    for (let i = 0; i < 20; i++) await turn();
    await clock.advance(3_900);
    expect(closed).toBe(false);
    await clock.advance(100);
    await closing;
    expect(log.lines.map(({ text }) => text)).toEqual([
      'its stores have not closed after 4000 ms; goes on shutting down',
    ]);
  });

  it('comes with a signal where shutdown hooks are enabled', async () => {
    const store = memoryStore();
    const close = vi.spyOn(store, 'close');
    const app = await NestFactory.createApplicationContext(root({ store }), { logger: false });
    app.enableShutdownHooks(['SIGUSR2']);
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    process.emit('SIGUSR2', 'SIGUSR2');
    await vi.waitFor(() => expect(kill).toHaveBeenCalledWith(process.pid, 'SIGUSR2'));
    expect(close).toHaveBeenCalledTimes(1);
  });
});

describe('the application’s cache, which Nest disconnects on the way', () => {
  it.each(['before', 'after'])(
    'listed %s TokenModule: neither read nor written once the manager is drained',
    async (where) => {
      const shop = testAccount({ name: 'shop' });
      const adapter = new Adapter();
      const cache = CacheModule.register({ isGlobal: true, stores: [keyvOver(adapter)] });
      const tokens = root({ accounts: [shop] });
      let drained = { reads: -1, writes: -1 };
      @Injectable()
      class Late {
        constructor(@Inject(TokenManager) private readonly manager: TokenManager) {}
        async beforeApplicationShutdown() {
          drained = { reads: adapter.reads, writes: adapter.writes };
          expect((await this.manager.get(shop.accessToken)).value).toBe('shop-1');
          for await (const _status of this.manager.inspect()) break;
        }
      }
      const app = await started(where === 'before' ? [cache, tokens] : [tokens, cache], { providers: [Late] });
      await app.get(TokenManager).get(shop.accessToken);
      await app.close();
      expect(adapter.disconnected).toBe(true);
      expect({ reads: adapter.reads, writes: adapter.writes }).toEqual(drained);
    },
  );

  it('listed first: a token that arrives while we drain is stored before the cache is disconnected', async () => {
    const { promise, resolve } = held<void>();
    const shop = testAccount({ name: 'shop', issue: () => promise.then(() => ({ value: 'T', lifetimeMs: 60_000 })) });
    const adapter = new Adapter();
    const writtenInTime: boolean[] = [];
    const set = adapter.set.bind(adapter);
    adapter.set = async (...entry) => {
      writtenInTime.push(!adapter.disconnected);
      return set(...entry);
    };
    @Injectable()
    class Traffic implements OnModuleDestroy {
      onModuleDestroy() {
        setImmediate(resolve);
      }
    }
    const cache = CacheModule.register({ isGlobal: true, stores: [keyvOver(adapter)] });
    const app = await started([cache, root({ accounts: [shop] })], { providers: [Traffic] });
    const getting = app.get(TokenManager).get(shop.accessToken);
    await vi.waitFor(() => expect(shop.calls()).toBe(1));
    await app.close();
    expect((await getting).value).toBe('T');
    expect(writtenInTime).toEqual([true]);
  });
});
