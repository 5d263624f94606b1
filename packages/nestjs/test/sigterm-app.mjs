// A Nest application for sigterm.test.ts: says on stdout what happens to it, line by line, with the time.
import 'reflect-metadata';
import { fileStore } from '@evertoken/core/file';
import { TokenManager, TokenModule } from '@evertoken/nestjs';
import { officialAccount } from '@evertoken/wechat';
import { Controller, Get, Inject, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ScheduleModule } from '@nestjs/schedule';

const { adapter, directory, baseUrl, secret, hangs, closeTimeoutMs } = JSON.parse(process.argv[2]);
const say = (what, more = {}) => process.stdout.write(`${JSON.stringify({ what, at: Date.now(), ...more })}\n`);
const account = (name) => officialAccount({ name, appId: `wx-${name}`, secret, baseUrl, endpoint: 'token' });
const [ready, slow, late] = ['ready', 'slow', 'late'].map(account);

/** A store that stops answering once it is told to. */
function hanging(store) {
  let hung = false;
  process.once('SIGTERM', () => {
    hung = hangs;
  });
  const never = new Promise(() => {});
  const handler = {
    get: (target, name) => {
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? (...parts) => (hung ? never : value.apply(target, parts)) : value;
    },
  };
  return new Proxy(store, handler);
}

class Api {
  constructor(tokens) {
    this.tokens = tokens;
  }
  async token() {
    await this.tokens.get(ready.accessToken);
    return { ok: true };
  }
  beforeApplicationShutdown() {
    say('closing');
  }
}
Inject(TokenManager)(Api, undefined, 0);
Get('token')(Api.prototype, 'token', Object.getOwnPropertyDescriptor(Api.prototype, 'token'));
Controller()(Api);

class AppModule {}
Module({
  imports: [
    ScheduleModule.forRoot(),
    TokenModule.forRoot({
      accounts: [ready, slow],
      store: hanging(fileStore({ directory })),
      schedule: { cron: '* * * * * *' },
      // Nothing is on its way before whoever watches knows where to ask.
      startOn: 'signal',
      closeTimeoutMs,
      random: () => 0,
    }),
  ],
  controllers: [Api],
})(AppModule);

const app = await NestFactory.create(AppModule, adapter === 'fastify' ? new FastifyAdapter() : new ExpressAdapter(), {
  // Nest writes warnings to stdout, which is ours.
  logger: { log() {}, warn: console.error, error: console.error },
});
app.enableShutdownHooks();
const tokens = app.get(TokenManager);
tokens.on('commit', ({ account: name }) => say('commit', { account: name }));
await tokens.get(ready.accessToken);
await app.listen(0, '127.0.0.1');
// Wants a token from now on: whatever begins after this moment begins too late.
process.once('SIGTERM', () => tokens.add(late));
say('listening', { url: await app.getUrl() });
await tokens.start();
