import { request as httpRequest } from 'node:http';
import { type CallbackRequest, TokenError, type Tokens } from '@evertoken/core';
import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  type ExceptionFilter,
  type ExecutionContext,
  ForbiddenException,
  HttpException,
  Inject,
  Injectable,
  Module,
  type NestInterceptor,
  NotFoundException,
  RequestMethod,
  RequestTimeoutException,
  Scope,
  SetMetadata,
  UseFilters,
  UseGuards,
  UseInterceptors,
  VersioningType,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, REQUEST, Reflector } from '@nestjs/core';
import { FastifyAdapter, RouteConfig } from '@nestjs/platform-fastify';
import { catchError, map, throwError, timeout } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type TokenCallbackHandler, type TokenCallbackHttp, TokenCallbackModule } from '../../src/callbacks/index.js';
import { getTokenManagerToken, TokenManager } from '../../src/index.js';
import { testAccount } from '../support.js';
import { ADAPTERS, callbackAccount, EchoHandler, gate, OrdersController, serve, tokenModule } from './support.js';

const POST: RequestInit = { method: 'POST', body: 'hello' };
const ok = () => ({ status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'success' });
const echo = { path: 'hooks/echo', handler: EchoHandler };

describe.each(ADAPTERS)('routes on %s', (adapter) => {
  describe('replies', () => {
    it('are what the account says: status, headers, lists of them, text', async () => {
      const shop = callbackAccount('shop', ({ method }) =>
        method === 'POST'
          ? { status: 200, headers: { 'content-type': 'application/json; charset=utf-8' }, body: '{"好":1}' }
          : {
              status: 302,
              headers: { location: '/in?a=1', 'set-cookie': ['a=1; HttpOnly', 'b=2'], 'x-one': '1' },
              body: '',
            },
      );
      const { send } = await serve(adapter, [
        tokenModule([shop]),
        TokenCallbackModule.forRoot({ routes: [{ path: '/hooks/shop', account: 'shop' }] }),
      ]);
      const push = await send('/hooks/shop?nonce=1', POST);
      expect([push.status, push.text]).toEqual([200, '{"好":1}']);
      expect(push.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(push.headers.get('content-length')).toBe(String(Buffer.byteLength('{"好":1}')));
      expect(push.headers.get('etag')).toBeNull();
      const signIn = await send('/hooks/shop');
      expect([signIn.status, signIn.text, signIn.headers.get('location')]).toEqual([302, '', '/in?a=1']);
      expect(signIn.headers.getSetCookie()).toEqual(['a=1; HttpOnly', 'b=2']);
      expect(signIn.headers.get('x-one')).toBe('1');
      // A cache of the caller's makes no 304 of it.
      expect((await send('/hooks/shop', { ...POST, headers: { 'if-none-match': '*' } })).status).toBe(200);
    });

    it('are left alone by global interceptors, which may count, but neither wrap nor withhold', async () => {
      let counted = 0;
      @Injectable()
      class Wrap implements NestInterceptor {
        intercept(_context: ExecutionContext, next: CallHandler) {
          counted++;
          return next.handle().pipe(map((data: unknown) => ({ data: data ?? null })));
        }
      }
      const { send } = await serve(adapter, [TokenCallbackModule.forRoot({ routes: [echo] })], {
        providers: [EchoHandler, { provide: APP_INTERCEPTOR, useClass: Wrap }],
        controllers: [OrdersController],
      });
      const { status, text } = await send('/hooks/echo', POST);
      expect([status, Buffer.from(text, 'base64').toString(), counted]).toEqual([200, 'hello', 1]);
      expect(JSON.parse((await send('/orders', POST)).text)).toHaveProperty('data');
    });

    it('are sent once where an interceptor with a time limit was faster', async () => {
      @Injectable()
      class Limit implements NestInterceptor {
        intercept(_context: ExecutionContext, next: CallHandler) {
          const late = catchError(() => throwError(() => new RequestTimeoutException('too slow')));
          return next.handle().pipe(timeout(20), late);
        }
      }
      const answer = gate();
      const ended = gate();
      @Injectable()
      class Slow implements TokenCallbackHandler {
        async handle() {
          await answer.opened;
          setImmediate(ended.open);
          return ok();
        }
      }
      const warnings: string[] = [];
      const logger = { level: 'warn', stream: { write: (line: string) => void warnings.push(line) } };
      const slow = { path: 'slow', handler: Slow, decorators: [UseInterceptors(Limit)] };
      const { send } = await serve(adapter, [TokenCallbackModule.forRoot({ routes: [slow] })], {
        providers: [Slow],
        ...(adapter === 'Fastify' && { adapter: new FastifyAdapter({ logger }) }),
      });
      expect((await send('/slow', POST)).status).toBe(408);
      answer.open();
      await ended.opened;
      expect(warnings).toEqual([]);
    });

    it('are 405 for methods that a route does not have, HEAD too, and nobody is asked', async () => {
      const { app, send } = await serve(
        adapter,
        [
          TokenCallbackModule.forRoot({
            routes: [echo, { path: 'posts', handler: EchoHandler, methods: ['POST', 'PUT'] }],
          }),
        ],
        { providers: [EchoHandler] },
      );
      const answers = [];
      for (const [path, method] of [
        ['/hooks/echo', 'HEAD'],
        ['/hooks/echo', 'DELETE'],
        ['/posts', 'GET'],
      ] as const) {
        const { status, text, headers } = await send(path, { method });
        answers.push([status, text, headers.get('allow')]);
      }
      expect(answers).toEqual([
        [405, '', 'GET, POST'],
        [405, '', 'GET, POST'],
        [405, '', 'POST, PUT'],
      ]);
      expect(app.get(EchoHandler).received).toEqual([]);
      expect([(await send('/posts', { ...POST, method: 'PUT' })).status, (await send('/hooks/echo')).status]).toEqual([
        200, 200,
      ]);
    });
  });

  describe('guards and decorators', () => {
    const Public = () => SetMetadata('public', true);

    @Injectable()
    class SignedIn implements CanActivate {
      constructor(@Inject(Reflector) private readonly reflector: Reflector) {}

      canActivate(context: ExecutionContext) {
        return this.reflector.getAllAndOverride<boolean>('public', [context.getHandler(), context.getClass()]) ?? false;
      }
    }

    it('global guards run, and a marker on the route, or on all, tells them what it is', async () => {
      const routes = [
        { path: 'open', handler: EchoHandler, decorators: [Public()] },
        { path: 'closed', handler: EchoHandler },
      ];
      const modules = [
        TokenCallbackModule.forRoot({ routes }),
        TokenCallbackModule.forRoot({ routes: [{ path: 'all', handler: EchoHandler }], decorators: [Public()] }),
        TokenCallbackModule.forRootAsync({
          useFactory: () => ({ routes: [{ path: 'made', handler: EchoHandler }] }),
          decorators: [Public()],
        }),
      ];
      const { send } = await serve(adapter, modules, {
        providers: [EchoHandler, { provide: APP_GUARD, useClass: SignedIn }],
      });
      const statuses = [];
      for (const path of ['/open', '/closed', '/all', '/made']) statuses.push((await send(path, POST)).status);
      expect(statuses).toEqual([200, 403, 200, 200]);
    });

    it('guards of a route are made with what "imports" exports, and see the body as bytes', async () => {
      class Allowed {
        readonly address = '127.0.0.1';
      }
      @Module({ providers: [Allowed], exports: [Allowed] })
      class NetworkModule {}
      const bodies: unknown[] = [];
      @Injectable()
      class FromPlatform implements CanActivate {
        constructor(@Inject(Allowed) private readonly allowed: Allowed) {}

        canActivate(context: ExecutionContext) {
          const { ip, body, headers } = context.switchToHttp().getRequest();
          bodies.push(Buffer.isBuffer(body) && body.toString(), headers['content-type'], headers['content-length']);
          return ip === this.allowed.address;
        }
      }
      const never: CanActivate = { canActivate: () => false };
      const routes = [
        { path: 'one', handler: EchoHandler, guards: [FromPlatform] },
        { path: 'two', handler: EchoHandler, guards: [FromPlatform, never] },
        { path: 'three', handler: EchoHandler, decorators: [UseGuards(never)] },
      ];
      const { send } = await serve(adapter, [TokenCallbackModule.forRoot({ imports: [NetworkModule], routes })], {
        providers: [EchoHandler],
      });
      const xml = { ...POST, headers: { 'content-type': 'text/xml' } };
      expect((await send('/one', xml)).status).toBe(200);
      expect(bodies).toEqual(['hello', 'text/xml', '5']);
      expect([(await send('/two', xml)).status, (await send('/three', xml)).status]).toEqual([403, 403]);
    });

    it('guards of all routes may be classes where a factory makes the routes, those of one route instances', async () => {
      @Injectable()
      class Key implements CanActivate {
        constructor(@Inject('KEY') private readonly key: string) {}

        canActivate(context: ExecutionContext) {
          return context.switchToHttp().getRequest().headers['x-key'] === this.key;
        }
      }
      @Module({ providers: [{ provide: 'KEY', useValue: 'k' }], exports: ['KEY'] })
      class KeyModule {}
      const never: CanActivate = { canActivate: () => false };
      const { send } = await serve(
        adapter,
        [
          TokenCallbackModule.forRootAsync({
            imports: [KeyModule],
            inject: ['KEY'],
            guards: [Key],
            useFactory: (key: string) => ({
              routes: [
                { path: `hooks/${key}`, handler: EchoHandler },
                { path: 'never', handler: EchoHandler, guards: [never] },
              ],
            }),
          }),
        ],
        { providers: [EchoHandler] },
      );
      const headers = { 'x-key': 'k' };
      expect((await send('/hooks/k', POST)).status).toBe(403);
      expect((await send('/hooks/k', { ...POST, headers })).status).toBe(200);
      expect((await send('/never', { ...POST, headers })).status).toBe(403);
    });

    it('a request-scoped guard is made for each request, and refused where a factory makes the routes', async () => {
      let made = 0;
      @Injectable({ scope: Scope.REQUEST })
      class Each implements CanActivate {
        constructor(@Inject(REQUEST) readonly request: { method: string }) {
          made++;
        }

        canActivate() {
          return this.request.method === 'POST';
        }
      }
      const providers = [EchoHandler];
      const module = TokenCallbackModule.forRoot({ routes: [{ ...echo, guards: [Each] }] });
      const { send } = await serve(adapter, [module], { providers });
      expect([(await send('/hooks/echo', POST)).status, (await send('/hooks/echo')).status, made]).toEqual([
        200, 403, 2,
      ]);
      const ofFactory = TokenCallbackModule.forRootAsync({ guards: [Each], useFactory: () => ({ routes: [echo] }) });
      await expect(serve(adapter, [ofFactory], { providers })).rejects.toThrow(/^"guards" must not be request-scoped/);
    });

    it('what one registration is marked with is on no other, nor on a second application of the same', async () => {
      const never: CanActivate = { canActivate: () => false };
      const closed = TokenCallbackModule.forRoot({ routes: [echo], guards: [never] });
      const made = TokenCallbackModule.forRootAsync({
        useFactory: () => ({ routes: [{ path: `made/${++made.count}`, handler: EchoHandler }] }),
      }) as ReturnType<typeof TokenCallbackModule.forRootAsync> & { count: number };
      made.count = 0;
      const first = await serve(adapter, [made, closed], { providers: [EchoHandler] });
      const open = TokenCallbackModule.forRoot({ routes: [echo] });
      const second = await serve(adapter, [made, open], { providers: [EchoHandler] });
      const statuses = [];
      for (const { send } of [first, second]) {
        for (const path of ['/made/1', '/made/2', '/hooks/echo']) statuses.push((await send(path, POST)).status);
      }
      expect(statuses).toEqual([200, 404, 403, 404, 200, 200]);
    });

    it('exception filters and route configuration are what they are on any controller', async () => {
      @Catch(ForbiddenException)
      class Filter implements ExceptionFilter {
        catch(_error: ForbiddenException, host: ArgumentsHost) {
          const response = host.switchToHttp().getResponse();
          (response.code ?? response.status).call(response, 418).send('short and stout');
        }
      }
      const never: CanActivate = { canActivate: () => false };
      const decorators = [UseFilters(Filter), RouteConfig({ own: 'kept' })];
      const config: unknown[] = [];
      const { send } = await serve(
        adapter,
        [
          TokenCallbackModule.forRoot({ routes: [{ ...echo, guards: [never], decorators }] }),
          TokenCallbackModule.forRoot({ routes: [{ path: 'open', handler: EchoHandler, decorators }] }),
        ],
        {
          providers: [EchoHandler],
          configure: (app) => {
            if (adapter !== 'Fastify') return;
            const hook = (request: { routeOptions: { config: { own?: string } } }, _: unknown, done: () => void) => {
              config.push(request.routeOptions.config.own);
              done();
            };
            app.getHttpAdapter().getInstance().addHook('onRequest', hook);
          },
        },
      );
      expect(await send('/hooks/echo', POST)).toMatchObject({ status: 418, text: 'short and stout' });
      const { status, text } = await send('/open', { ...POST, headers: { 'content-type': 'text/xml' } });
      expect([status, Buffer.from(text, 'base64').toString()]).toEqual([200, 'hello']);
      expect(config).toEqual(adapter === 'Fastify' ? ['kept', 'kept'] : []);
    });
  });

  describe('addresses', () => {
    it.each([
      ['URI', { type: VersioningType.URI, defaultVersion: '1' }],
      ['a header', { type: VersioningType.HEADER, header: 'x-version', defaultVersion: '1' }],
    ] as const)('have no version, whatever the application does with them: %s', async (_, versioning) => {
      const { send } = await serve(adapter, [TokenCallbackModule.forRoot({ routes: [echo] })], {
        providers: [EchoHandler],
        configure: (app) => app.enableVersioning(versioning),
      });
      expect((await send('/hooks/echo', { ...POST, headers: { 'content-type': 'text/xml' } })).status).toBe(200);
    });

    it('are below the global prefix, or not where it says so', async () => {
      const routes = [echo, { path: 'out', handler: EchoHandler }];
      const { send } = await serve(adapter, [TokenCallbackModule.forRoot({ routes })], {
        providers: [EchoHandler],
        configure: (app) => app.setGlobalPrefix('api', { exclude: [{ path: 'out', method: RequestMethod.ALL }] }),
      });
      const xml = { ...POST, headers: { 'content-type': 'text/xml' } };
      const statuses = [];
      for (const path of ['/api/hooks/echo', '/hooks/echo', '/out', '/api/out'])
        statuses.push((await send(path, xml)).status);
      expect(statuses).toEqual([200, 404, 200, 404]);
    });

    it('with ":account" serve a list or a platform, and tell nobody which names there are', async () => {
      const [a, b, other, plain] = [
        callbackAccount('a', ({ query }) =>
          query['signed'] ? ok() : { status: 403, headers: { 'x-who': 'a' }, body: 'a says no' },
        ),
        callbackAccount('b', ok),
        { ...callbackAccount('other', ok), platform: 'elsewhere' },
        testAccount({ name: 'plain' }),
      ];
      const { app, send, log } = await serve(
        adapter,
        [
          tokenModule([a, b, other, plain]),
          TokenCallbackModule.forRoot({
            routes: [
              { path: 'listed/:account', accounts: ['a', 'later'], optional: true },
              { path: 'tenants/:account/events', accounts: { platform: 'test' } },
              { path: 'listed/own', handler: EchoHandler },
            ],
          }),
        ],
        { providers: [EchoHandler] },
      );
      const of = async (path: string) => {
        const { status, text, headers } = await send(path, POST);
        const said = [...headers].filter(([name]) => !['date', 'x-powered-by'].includes(name));
        return { status, text, said };
      };
      const unknown = await of('/listed/nobody');
      expect(unknown).toMatchObject({ status: 404, text: '' });
      for (const path of [
        '/listed/a',
        '/listed/b',
        '/listed/later',
        '/listed/__proto__',
        '/tenants/plain/events',
        '/tenants/other/events',
      ])
        expect(await of(path)).toEqual(unknown);
      expect(await of('/listed/a?signed=1')).toMatchObject({ status: 200, text: 'success' });
      expect(await of('/listed/own')).toMatchObject({ status: 200 });
      expect(await of('/tenants/b/events')).toMatchObject({ status: 200 });
      // Added and taken away at run time.
      const tokens = app.get(TokenManager);
      tokens.add(callbackAccount('later', ok));
      expect(await of('/listed/later')).toMatchObject({ status: 200 });
      tokens.remove('b');
      expect(await of('/tenants/b/events')).toEqual(unknown);
      expect(log.lines.filter(({ level }) => level === 'debug').map(({ text }) => text)).toContain(
        "a request to 'listed/:account' was refused with 403",
      );
    });

    it('answer 404 while an optional account is not there, and for the account that has taken its name since', async () => {
      const { app, send } = await serve(adapter, [
        tokenModule([]),
        TokenCallbackModule.forRoot({ routes: [{ path: 'later', account: 'later', optional: true }] }),
      ]);
      expect((await send('/later', POST)).status).toBe(404);
      const tokens = app.get(TokenManager);
      tokens.add(callbackAccount('later', ok));
      expect((await send('/later', POST)).status).toBe(200);
      tokens.add(callbackAccount('later', () => ({ status: 202, body: 'another' })));
      expect((await send('/later', POST)).text).toBe('another');
    });
  });

  describe('accounts and handlers', () => {
    it('an account has one callback for all its requests, of the manager that is named', async () => {
      const made: unknown[] = [];
      const account = (name: string) => ({
        ...testAccount({ name }),
        callback: (tokens: unknown) => {
          made.push(tokens);
          return async () => ok();
        },
      });
      const { app, send } = await serve(adapter, [
        tokenModule([account('shop')]),
        tokenModule([account('shop')], { managerName: 'partners', isGlobal: false }),
        TokenCallbackModule.forRoot({ routes: [{ path: 'shop', account: 'shop' }] }),
        TokenCallbackModule.forRoot({ managerName: 'partners', routes: [{ path: 'partner', account: 'shop' }] }),
      ]);
      for (const path of ['/shop', '/partner', '/shop', '/partner']) expect((await send(path, POST)).status).toBe(200);
      expect(made).toEqual([app.get(TokenManager), app.get(getTokenManagerToken('partners'), { strict: false })]);
    });

    it('a handler is any provider, gets the request and the framework’s own objects, and may be made for each request', async () => {
      @Injectable({ scope: Scope.REQUEST })
      class Each implements TokenCallbackHandler {
        constructor(@Inject(REQUEST) private readonly injected: { headers: Record<string, string> }) {}

        handle(_request: unknown, { request }: TokenCallbackHttp) {
          const { params } = request as { params: { appId: string } };
          return { status: 200, body: `${params.appId} ${this.injected === request} ${this.injected.headers['x-a']}` };
        }
      }
      @Module({ providers: [Each, EchoHandler, { provide: 'byText', useExisting: EchoHandler }] })
      class PushModule {}
      const routes = [
        { path: 'wechat/:appId/messages', handler: Each },
        { path: 'text', handler: 'byText' },
      ];
      const { send } = await serve(adapter, [PushModule, TokenCallbackModule.forRoot({ routes })]);
      const { text } = await send('/wechat/wx1/messages', { ...POST, headers: { 'x-a': '1' } });
      expect(text).toBe('wx1 true 1');
      expect((await send('/text', POST)).status).toBe(200);
    });

    it('what a handler throws goes to the exception filters, an answer that is none is a mistake of its own', async () => {
      @Injectable()
      class Failing implements TokenCallbackHandler {
        fails: () => unknown = () => undefined;
        handle() {
          return this.fails() as never;
        }
      }
      const { app, send, log } = await serve(
        adapter,
        [TokenCallbackModule.forRoot({ routes: [{ path: 'f', handler: Failing }] })],
        {
          providers: [Failing],
        },
      );
      const handler = app.get(Failing);
      const statusOf = async (fails: () => unknown) => {
        handler.fails = fails;
        return send('/f', POST);
      };
      const raise = (error: Error) => () => {
        throw error;
      };
      expect(await statusOf(raise(new NotFoundException('no such thing')))).toMatchObject({ status: 404 });
      expect(await statusOf(raise(new HttpException('gone', 410)))).toMatchObject({ status: 410 });
      const broken = await statusOf(raise(new Error('the secret is 1234')));
      expect([broken.status, broken.text]).toEqual([500, expect.not.stringContaining('1234')]);
      expect((await statusOf(() => ({ status: 200 }))).status).toBe(500);
      expect(log.lines).toEqual([]);
    });

    it.each([
      ['ERR_TOKEN_STORE', 'warn'],
      ['ERR_TOKEN_CLOSED', 'warn'],
      ['ERR_TOKEN_CONFIGURATION', 'error'],
    ] as const)(
      'what fails with %s is answered with 503 and nothing else, so that it is sent again',
      async (code, level) => {
        const shop = callbackAccount('shop', () => {
          throw new TokenError(code, 'the store is away');
        });
        const { send, log } = await serve(adapter, [
          tokenModule([shop]),
          TokenCallbackModule.forRoot({ routes: [{ path: 'shop', account: 'shop' }] }),
        ]);
        expect(await send('/shop?sig=s3cret', POST)).toMatchObject({ status: 503, text: '' });
        const lines = log.lines.filter(({ context }) => context === 'EvertokenCallbacks');
        expect(lines).toEqual([
          {
            level,
            context: 'EvertokenCallbacks',
            text: `a request to 'shop' could not be answered, code ${code}: the store is away`,
          },
        ]);
      },
    );
  });

  describe('many at once', () => {
    it('wait for nobody: neither a handler that hangs nor a client that has gone', async () => {
      const hang = gate();
      const entered = gate();
      @Injectable()
      class Sometimes implements TokenCallbackHandler {
        async handle({ query }: { query: Record<string, string | undefined> }) {
          if (query['hang']) {
            entered.open();
            await hang.opened;
          }
          return { status: 200, body: query['n'] ?? '' };
        }
      }
      const { url, send } = await serve(
        adapter,
        [TokenCallbackModule.forRoot({ routes: [{ path: 's', handler: Sometimes }] })],
        {
          providers: [Sometimes],
        },
      );
      const hanging = httpRequest(`${url}/s?hang=1`, { method: 'POST' });
      hanging.on('error', () => {});
      hanging.end('x');
      await entered.opened;
      const answers = Array.from({ length: 20 }, (_, n) =>
        send(`/s?n=${n}`, { ...POST, headers: { 'content-type': 'text/xml' } }),
      );
      expect((await Promise.all(answers)).map(({ text }) => Number(text))).toEqual([...answers.keys()]);
      const closed = new Promise((resolve) => hanging.on('close', resolve));
      hanging.destroy();
      await closed;
      hang.open();
      expect((await send('/s?n=21', POST)).text).toBe('21');
    });
  });

  it('a push that arrives while the application drains is answered as far as memory goes, else declined, so that it is sent again', async () => {
    const account = testAccount({ name: 'shop' });
    const callback = (tokens: Tokens) => async (request: CallbackRequest) => {
      await (request.query['new'] ? tokens.refresh(account.accessToken) : tokens.get(account.accessToken));
      return ok();
    };
    const statuses: number[] = [];
    @Injectable()
    class Late {
      url = '';
      async ask() {
        for (const query of ['', '?new=1']) statuses.push((await fetch(`${this.url}/shop${query}`, POST)).status);
      }
      /** Nest calls it after every `onModuleDestroy`, while the server still answers. */
      beforeApplicationShutdown() {
        return this.ask();
      }
    }
    const modules = [
      tokenModule([{ ...account, callback }]),
      TokenCallbackModule.forRoot({ routes: [{ path: 'shop', account: 'shop' }] }),
    ];
    const { app, url } = await serve(adapter, modules, { providers: [Late] });
    const late = app.get(Late);
    late.url = url;
    await late.ask();
    await app.close();
    expect(statuses).toEqual([200, 200, 200, 503]);
  });
});
