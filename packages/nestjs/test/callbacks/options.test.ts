import { TokenError } from '@evertoken/core';
import { fixedTokens } from '@evertoken/core/testing';
import { type CanActivate, Injectable, Module, SetMetadata, UseGuards, UseInterceptors } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import {
  type TokenCallbackFactoryOptions,
  TokenCallbackModule,
  type TokenCallbackModuleOptions,
  type TokenCallbackOptionsFactory,
} from '../../src/callbacks/index.js';
import { TokenManager } from '../../src/index.js';
import { ending, failureOf, started, testAccount } from '../support.js';
import { callbackAccount, EchoHandler, serve, tokenModule } from './support.js';

const shop = callbackAccount('shop', () => ({ status: 200, body: 'success' }));
const plain = testAccount({ name: 'plain' });
@Module({ providers: [EchoHandler, { provide: 'nothing', useValue: {} }] })
class HandlerModule {}
const modules = [tokenModule([shop, plain]), HandlerModule];
const echo = { path: 'a', handler: EchoHandler };

@Injectable()
class Never implements CanActivate {
  canActivate() {
    return false;
  }
}

/** Everything that can be wrong, as somebody without types would write it, and the beginning of what is said about it. */
const WRONG: [string, unknown, RegExp][] = [
  ['no routes', {}, /^"routes" must be a list of routes, got undefined$/],
  ['unknown options', { routes: [], route: [] }, /^"route" is no option of TokenCallbackModule; expected "routes"/],
  ['a manager without name', { routes: [], managerName: '' }, /^"managerName" must be a non-empty string, got string$/],
  ['no route', { routes: [echo, undefined] }, /^"routes\[1\]" must be an object, got undefined$/],
  [
    'an unknown option of a route',
    { routes: [{ ...echo, method: 'GET' }] },
    /^"routes\[0\]\.method" is no option of "routes\[0\]"; expected "path", "methods"/,
  ],
  [
    'a path from a missing variable',
    { routes: [{ path: undefined, account: 'shop' }] },
    /^"routes\[0\]\.path" must be a non-empty string, got undefined$/,
  ],
  ['an empty path', { routes: [{ path: '', account: 'shop' }] }, /^"routes\[0\]\.path" must be a non-empty string/],
  ...[
    '*',
    'hooks/*',
    'hooks/{*all}',
    '/',
    'a//b',
    'a/',
    '//a',
    'a?b=1',
    'a#b',
    'a b',
    '../a',
    'a/..',
    'hooks/:a-b',
    'x:y',
    'ä',
  ].map((path): [string, unknown, RegExp] => [
    `the path ${path}`,
    { routes: [{ path, account: 'shop' }] },
    /^"routes\[0\]\.path" must be a path of letters, digits, .* such as 'hooks\/wechat', got '/,
  ]),
  [
    'one path twice',
    { routes: [echo, { path: '/A', account: 'shop' }] },
    /^"routes\[1\]\.path" must be another one than "routes\[0\]\.path": both are 'A'$/,
  ],
  [
    'one path twice, with parameters',
    {
      routes: [
        { path: ':a/x', handler: EchoHandler },
        { path: ':b/x', handler: EchoHandler },
      ],
    },
    /^"routes\[1\]\.path" must be another one than "routes\[0\]\.path"/,
  ],
  [
    'nobody to answer',
    { routes: [{ path: 'a' }] },
    /^"routes\[0\]" must say who answers: "account", "accounts" or "handler"/,
  ],
  [
    'a handler that is not there yet',
    { routes: [{ path: 'a', handler: undefined }] },
    /^"routes\[0\]" must say who answers/,
  ],
  [
    'two to answer',
    { routes: [{ ...echo, account: 'shop' }] },
    /^"routes\[0\]" must have one of "account", "accounts" and "handler", and no more$/,
  ],
  [
    'an account itself',
    { routes: [{ path: 'a', account: shop }] },
    /^"routes\[0\]\.account" must be a non-empty string, got object$/,
  ],
  [
    'an unknown account',
    { routes: [echo, { path: 'b', account: 'shpo' }] },
    /^"routes\[1\]\.account" must be the name of an account, got "shpo"; the manager has "shop", "plain"\. One that is added later wants "optional": true$/,
  ],
  [
    'an account without callback',
    { routes: [{ path: 'a', account: 'plain' }] },
    /^"routes\[0\]\.account" names account "plain", which takes no callbacks$/,
  ],
  [
    'an optional account without callback',
    { routes: [{ path: 'a', account: 'plain', optional: true }] },
    /^"routes\[0\]\.account" names account "plain"/,
  ],
  [
    'a parameter for one account',
    { routes: [{ path: 'a/:account', account: 'shop' }] },
    /^"routes\[0\]\.path" must have no parameters, got 'a\/:account': .* pass "accounts" instead/,
  ],
  [
    'several accounts without a parameter',
    { routes: [{ path: 'a', accounts: ['shop'] }] },
    /^"routes\[0\]\.path" must have ':account' in it/,
  ],
  [
    'several accounts with another',
    { routes: [{ path: ':account/:b', accounts: ['shop'] }] },
    /^"routes\[0\]\.path" must have ':account' in it, and no other parameter/,
  ],
  [
    'an unknown one of several',
    { routes: [{ path: ':account', accounts: ['shop', 'x'] }] },
    /^"routes\[0\]\.accounts\[1\]" must be the name of an account, got "x"/,
  ],
  [
    'all accounts',
    { routes: [{ path: ':account', accounts: '*' }] },
    /^"routes\[0\]\.accounts" must be a list of names or \{ platform \}, got string$/,
  ],
  [
    'an unknown choice',
    { routes: [{ path: ':account', accounts: { platform: 'test', kind: 'x' } }] },
    /^"routes\[0\]\.accounts\.kind" is no option/,
  ],
  [
    'a missing platform',
    { routes: [{ path: ':account', accounts: {} }] },
    /^"routes\[0\]\.accounts\.platform" must be a non-empty string/,
  ],
  [
    'a wrong "optional"',
    { routes: [{ path: 'a', account: 'shop', optional: 1 }] },
    /^"routes\[0\]\.optional" must be true or false, got number$/,
  ],
  [
    'an optional handler',
    { routes: [{ ...echo, optional: true }] },
    /^"routes\[0\]\.optional" is no option of "routes\[0\]"/,
  ],
  [
    'a handler that is no provider',
    { routes: [{ path: 'a', handler: Never }] },
    /^"routes\[0\]\.handler" must be a provider of the application, and no module provides Never$/,
  ],
  [
    'a provider that is no handler',
    { routes: [{ path: 'a', handler: 'nothing' }] },
    /^"routes\[0\]\.handler" must have a method "handle", and nothing has none$/,
  ],
  [
    'an unknown method',
    { routes: [{ ...echo, methods: ['GET', 'post'] }] },
    /^"routes\[0\]\.methods\[1\]" must hold some of "GET", "POST", .* got 'post'$/,
  ],
  [
    'no method',
    { routes: [{ ...echo, methods: [] }] },
    /^"routes\[0\]\.methods" must be a list of methods with one or more/,
  ],
  [
    'a method that is no list',
    { routes: [{ ...echo, methods: 'GET' }] },
    /^"routes\[0\]\.methods" must be a list of methods, got string$/,
  ],
  ...[0, -1, 1.5, Number.NaN, '1mb'].map((maxBytes): [string, unknown, RegExp] => [
    `a limit of ${maxBytes}`,
    { routes: [{ ...echo, maxBytes }] },
    /^"routes\[0\]\.maxBytes" must be a positive whole number of bytes/,
  ]),
  [
    'a guard that is none',
    { routes: [{ ...echo, guards: [Never, {}] }] },
    /^"routes\[0\]\.guards\[1\]" must be a guard: a class or an object with "canActivate"$/,
  ],
  [
    'guards that are no list',
    { routes: [{ ...echo, guards: Never }] },
    /^"routes\[0\]\.guards" must be a list of guards, got function$/,
  ],
  ['a guard of all that is none', { routes: [], guards: [undefined] }, /^"guards\[0\]" must be a guard/],
  [
    'a decorator that was not called',
    { routes: [{ ...echo, decorators: [{}] }] },
    /^"routes\[0\]\.decorators\[0\]" must be a decorator: call it, as in Public\(\)$/,
  ],
  [
    'a decorator that throws',
    {
      routes: [
        {
          ...echo,
          decorators: [
            () => {
              throw new Error('no');
            },
          ],
        },
      ],
    },
    /^"routes\[0\]\.decorators\[0\]" could not be applied: no$/,
  ],
  [
    'a decorator of all that throws',
    {
      routes: [],
      decorators: [
        () => {
          throw new Error('no');
        },
      ],
    },
    /^"decorators\[0\]" could not be applied: no$/,
  ],
];

describe('a wrong option fails the start and says where it stands', () => {
  it.each(WRONG)('%s', async (_, options, message) => {
    const failure = await failureOf(...modules, TokenCallbackModule.forRoot(options as TokenCallbackModuleOptions));
    expect(failure).toBeInstanceOf(TokenError);
    expect(failure).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION', message: expect.stringMatching(message) });
  });

  it('in what a factory makes, too', async () => {
    const names = [
      'no routes',
      'unknown options',
      'an unknown account',
      'a guard that is none',
      'a decorator that throws',
    ];
    for (const [name, options, message] of WRONG.filter(([of]) => names.includes(of))) {
      const useFactory = () => options as TokenCallbackFactoryOptions;
      const failure = await failureOf(...modules, TokenCallbackModule.forRootAsync({ useFactory }));
      expect([name, failure.code, failure.message]).toEqual([
        name,
        'ERR_TOKEN_CONFIGURATION',
        expect.stringMatching(message),
      ]);
    }
  });

  it.each([
    ['guards', { ...echo, guards: [Never] }],
    ['guards', { ...echo, decorators: [UseGuards(Never)] }],
    ['interceptors', { ...echo, decorators: [UseInterceptors(class {} as never)] }],
  ])('a class among the %s of a route that a factory makes, which Nest would pass over', async (kind, route) => {
    const failure = await failureOf(
      ...modules,
      TokenCallbackModule.forRootAsync({ useFactory: () => ({ routes: [route] }) }),
    );
    expect(failure.message).toMatch(
      new RegExp(`^"routes\\[0\\]" binds a class \\(${kind}\\), which a route that a factory makes cannot have`),
    );
  });

  it.each(['guards', 'decorators', 'imports'])('"%s" in what a factory makes', async (name) => {
    const useFactory = () => ({ routes: [], [name]: [] });
    const failure = await failureOf(...modules, TokenCallbackModule.forRootAsync({ useFactory }));
    expect(failure.message).toMatch(new RegExp(`^"${name}" must stand beside "useFactory"`));
  });

  it('no TokenModule, or none of that name', async () => {
    const routes = [{ path: 'a', account: 'shop' }];
    expect((await failureOf(TokenCallbackModule.forRoot({ routes }))).message).toMatch(
      /^"routes\[0\]\.account" needs a TokenModule, and the application has none without a "managerName"$/,
    );
    const named = TokenCallbackModule.forRoot({ routes, managerName: 'partners' });
    expect((await failureOf(...modules, named)).message).toBe(
      '"managerName" is "partners", and no TokenModule has that name',
    );
  });

  it('a path that another registration has', async () => {
    const [one, other] = ['/hooks/A', 'hooks/a'].map((path) =>
      TokenCallbackModule.forRoot({ routes: [{ path, account: 'shop' }] }),
    );
    const failure = await serve('Express', [...modules, one as never, other as never]).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      message: expect.stringMatching(
        /^"routes\[0\]\.path" must be another one than those of .*: 'hooks\/a' is there twice$/i,
      ),
    });
  });

  it('nothing is thrown where it is written: that is read with every import', () => {
    for (const [, options] of WRONG)
      expect(() => TokenCallbackModule.forRoot(options as TokenCallbackModuleOptions)).not.toThrow();
    expect(() => TokenCallbackModule.forRoot(undefined as never)).not.toThrow();
  });
});

describe('an account that lacks what its callback takes', () => {
  const keyless = {
    ...testAccount({ name: 'keyless' }),
    callback: () => {
      throw new TokenError('ERR_TOKEN_CONFIGURATION', '"push" of account "keyless" is missing');
    },
  };

  it('fails the start, and not each request', async () => {
    const routes = [{ path: 'a', account: 'keyless' }];
    const failure = await failureOf(tokenModule([keyless]), TokenCallbackModule.forRoot({ routes }));
    expect(failure.message).toBe(
      '"routes[0].account" names account "keyless", which cannot take callbacks: "push" of account "keyless" is missing',
    );
  });

  it('is like one that is not there where it is one of a platform', async () => {
    const routes = [{ path: ':account', accounts: { platform: 'test' } }];
    const { send, log } = await serve('Express', [tokenModule([keyless]), TokenCallbackModule.forRoot({ routes })]);
    expect(await send('/keyless', { method: 'POST' })).toMatchObject({ status: 404, text: '' });
    expect(log.lines.map(({ level, text }) => [level, text])).toContainEqual([
      'error',
      `a request to ':account' could not be answered, code ERR_TOKEN_CONFIGURATION: "push" of account "keyless" is missing`,
    ]);
  });

  it('does not keep a test from starting that has no manager, and so no keys', async () => {
    const module = await Test.createTestingModule({
      imports: [tokenModule([keyless]), TokenCallbackModule.forRoot({ routes: [{ path: 'a', account: 'keyless' }] })],
    })
      .overrideProvider(TokenManager)
      .useValue(fixedTokens([]))
      .compile();
    await ending(module).init();
  });
});

describe('TokenCallbackModule', () => {
  it('needs no manager where only handlers answer, and no server where there is none', async () => {
    const app = await started([HandlerModule, TokenCallbackModule.forRoot({ routes: [echo] })]);
    expect(app.get(EchoHandler, { strict: false }).received).toEqual([]);
  });

  it('takes its options from a class', async () => {
    @Injectable()
    class Options implements TokenCallbackOptionsFactory {
      createTokenCallbackOptions() {
        return { routes: [{ path: 'hooks/shop', account: 'shop' }] };
      }
    }
    const { send } = await serve('Express', [...modules, TokenCallbackModule.forRootAsync({ useClass: Options })]);
    expect(await send('/hooks/shop', { method: 'POST' })).toMatchObject({ status: 200, text: 'success' });
  });

  it('serves accounts of features, and of a double that knows none', async () => {
    const feature = callbackAccount('feature', () => ({ status: 200, body: 'of a feature' }));
    const { TokenModule } = await import('../../src/index.js');
    const compiled = await Test.createTestingModule({
      imports: [
        ...modules,
        TokenModule.forFeature([feature]),
        TokenCallbackModule.forRoot({
          routes: [
            { path: 'shop', account: 'shop' },
            { path: 'feature', account: 'feature' },
          ],
        }),
      ],
    })
      .overrideProvider(TokenManager)
      .useValue(fixedTokens([[shop.accessToken, 'T1']]))
      .compile();
    const app = ending(compiled.createNestApplication());
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    expect(await (await fetch(`${url}/shop`)).text()).toBe('success');
    expect(await (await fetch(`${url}/feature`)).text()).toBe('of a feature');
  });

  it('lets tests replace its guards', async () => {
    const compiled = await Test.createTestingModule({
      imports: [
        ...modules,
        TokenCallbackModule.forRoot({ routes: [{ ...echo, guards: [Never] }], decorators: [SetMetadata('a', 1)] }),
      ],
    })
      .overrideGuard(Never)
      .useValue({ canActivate: () => true })
      .compile();
    const app = ending(compiled.createNestApplication());
    await app.listen(0, '127.0.0.1');
    expect((await fetch(`${await app.getUrl()}/a`, { method: 'POST', body: 'x' })).status).toBe(200);
  });
});
