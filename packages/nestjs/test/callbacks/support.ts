import { type CallbackReply, type CallbackRequest, memoryStore } from '@evertoken/core';
import type {
  DynamicModule,
  INestApplication,
  LoggerService,
  ModuleMetadata,
  NestApplicationOptions,
} from '@nestjs/common';
import { Controller, Injectable, Module, Post, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { TokenCallbackHandler, TokenCallbackHttp } from '../../src/callbacks/index.js';
import { TokenModule, type TokenModuleOptions } from '../../src/index.js';
import { ending, silence, type TestAccount, testAccount } from '../support.js';

export const ADAPTERS = ['Express', 'Fastify'] as const;
export type AdapterName = (typeof ADAPTERS)[number];

/** A running application. */
export interface Served {
  readonly app: INestApplication;
  readonly url: string;
  readonly log: ReturnType<typeof silence>;
  send(path: string, init?: RequestInit): Promise<{ status: number; text: string; headers: Headers }>;
}

export interface ServeOptions extends Omit<ModuleMetadata, 'imports'> {
  readonly adapter?: ExpressAdapter | FastifyAdapter;
  readonly nest?: NestApplicationOptions;
  readonly configure?: (app: INestApplication) => unknown;
}

/** An application with these imports on a port of its own, ended after the test. */
export async function serve(
  name: AdapterName,
  imports: NonNullable<ModuleMetadata['imports']>,
  { adapter, nest = {}, configure, ...metadata }: ServeOptions = {},
): Promise<Served> {
  @Module({ imports, ...metadata })
  class AppModule {}
  const log = silence();
  const http = adapter ?? (name === 'Express' ? new ExpressAdapter() : new FastifyAdapter());
  const app = ending(
    await NestFactory.create<INestApplication>(AppModule, http, {
      logger: log as LoggerService,
      abortOnError: false,
      forceCloseConnections: true,
      ...nest,
    }),
  );
  await configure?.(app);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const send = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(url + path, { redirect: 'manual', ...init });
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  return { app, url, log, send };
}

/** Says what it was given, and keeps it. */
@Injectable()
export class EchoHandler implements TokenCallbackHandler {
  readonly received: { request: CallbackRequest; http: TokenCallbackHttp }[] = [];
  reply: CallbackReply | undefined;

  handle(request: CallbackRequest, http: TokenCallbackHttp): CallbackReply {
    this.received.push({ request, http });
    return this.reply ?? { status: 200, body: Buffer.from(request.body).toString('base64') };
  }
}

/** A controller beside ours, whose requests are parsed as the application says. */
@Controller('orders')
export class OrdersController {
  @Post()
  create(@Req() request: { body?: unknown; rawBody?: Buffer }) {
    return { body: request.body ?? null, raw: request.rawBody?.toString() ?? null };
  }
}

/** An account whose callback answers what the test says. */
export function callbackAccount(
  name: string,
  answer: (request: CallbackRequest) => CallbackReply | Promise<CallbackReply>,
): TestAccount {
  return { ...testAccount({ name }), callback: () => async (request) => answer(request) };
}

/** What an application with accounts imports. */
export function tokenModule(
  accounts: readonly TestAccount[],
  options: Partial<TokenModuleOptions> = {},
): DynamicModule {
  return TokenModule.forRoot({ accounts, schedule: false, store: memoryStore(), ...options });
}

/** A promise, and what resolves it. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
