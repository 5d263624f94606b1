import { fingerprint, memoryStore, TokenError } from '@evertoken/core';
import { Controller, Get, Injectable, Module, Scope } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  type CommitEvent,
  getTokenManagerToken,
  OnTokenEvent,
  type ReauthorizeEvent,
  type StateEvent,
  TokenManager,
  TokenModule,
  type TokenModuleOptions,
} from '../src/index.js';
import { AT_ONCE, failureOf, silence, started, testAccount } from './support.js';

const root = (options: TokenModuleOptions) =>
  TokenModule.forRoot({ store: memoryStore(), schedule: false, ...options });

const SUBJECT = 'someone@example.com';

/** A user whose grant the platform refuses. */
async function refused(log = silence(), providers: NonNullable<Parameters<typeof started>[1]>['providers'] = []) {
  const erp = testAccount({
    name: 'erp',
    grants: 'too',
    issue: () => {
      throw new TokenError('ERR_TOKEN_REAUTHORIZATION_REQUIRED', 'refused', { platformCode: '002002' });
    },
  });
  const options = { accounts: [erp], allowVolatileGrants: true, ...AT_ONCE };
  const app = await started([root(options)], { log, providers });
  const tokens = app.get(TokenManager);
  const source = erp.user(SUBJECT);
  await tokens.adopt(source, { value: 'VALUE', lifetimeMs: 7_200_000, refreshToken: 'SECRET' }, { grant: true });
  await tokens.refresh(source);
  return { tokens, log, source };
}

describe('@OnTokenEvent', () => {
  it('calls methods of providers and controllers, with the instance as this', async () => {
    const heard: string[] = [];
    @Injectable()
    class Watcher {
      readonly name = 'watcher';
      @OnTokenEvent('reauthorize')
      tell({ account, subject, cause, platformCode }: ReauthorizeEvent) {
        heard.push(`${this.name}: ${account} ${subject} ${cause} ${platformCode}`);
      }
    }
    await refused(silence(), [Watcher, { provide: 'alias', useExisting: Watcher }]);
    expect(heard).toEqual([`watcher: erp ${SUBJECT} refused 002002`]);
  });

  it('may stand on inherited methods, several times on one, and in modules that know nothing of us', async () => {
    const heard: string[] = [];
    abstract class Base {
      @OnTokenEvent('commit')
      @OnTokenEvent('state')
      either(event: CommitEvent | StateEvent) {
        heard.push('to' in event ? event.to : event.cause);
      }
    }
    @Controller()
    class Api extends Base {
      @Get()
      nothing() {}
    }
    @Module({ controllers: [Api] })
    class ApiModule {}
    const shop = testAccount({ name: 'shop' });
    const app = await started([ApiModule, root({ accounts: [shop] })]);
    await app.get(TokenManager).get(shop.accessToken);
    expect(heard).toEqual(['issue']);
  });

  it('means the manager without a name unless it says which', async () => {
    const heard: string[] = [];
    @Injectable()
    class Watcher {
      @OnTokenEvent('commit')
      own({ account }: CommitEvent) {
        heard.push(`own ${account}`);
      }
      @OnTokenEvent('commit', 'partners')
      theirs({ account }: CommitEvent) {
        heard.push(`theirs ${account}`);
      }
    }
    const [a, b] = [testAccount({ name: 'a' }), testAccount({ name: 'b' })];
    const modules = [root({ accounts: [a] }), root({ accounts: [b], managerName: 'partners' })];
    const app = await started(modules, { providers: [Watcher] });
    await app.get(TokenManager).get(a.accessToken);
    await app.get<TokenManager>(getTokenManagerToken('partners')).get(b.accessToken);
    expect(heard).toEqual(['own a', 'theirs b']);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('mail server down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('mail server down'))],
  ])('logs what a handler %s, and nothing else suffers', async (_how, fail) => {
    const heard: string[] = [];
    @Injectable()
    class Watcher {
      @OnTokenEvent('reauthorize')
      broken(_event: ReauthorizeEvent) {
        return fail();
      }
      @OnTokenEvent('reauthorize')
      next({ account }: ReauthorizeEvent) {
        heard.push(account);
      }
    }
    const { log } = await refused(silence(), [Watcher]);
    expect(heard).toEqual(['erp']);
    expect(log.lines.filter(({ text }) => text.startsWith('Watcher.broken failed on "reauthorize"'))).toHaveLength(1);
  });

  it.each([Scope.REQUEST, Scope.TRANSIENT])(
    'is refused on a class of scope %s, whose method nobody would call',
    async (scope) => {
      @Injectable({ scope })
      class Watcher {
        @OnTokenEvent('state')
        never() {}
      }
      @Module({ providers: [Watcher] })
      class WatcherModule {}
      const error = await failureOf(WatcherModule, root({}));
      expect(error.message).toMatch(/^@OnTokenEvent on Watcher\.never would never be called/);
    },
  );
});

describe('the log', () => {
  it('tells failures, state changes and dead grants, with subjects as fingerprints and never a value', async () => {
    const { log } = await refused();
    const key = `erp user_token #${fingerprint(SUBJECT)}`;
    expect(log.lines).toContainEqual({
      level: 'error',
      context: 'Evertoken',
      text: `${key}: a person must sign in again, cause refused, platform code 002002`,
    });
    expect(log.lines).toContainEqual({
      level: 'log',
      context: 'Evertoken',
      text: expect.stringContaining(`${key}: active -> reauthorize`),
    });
    const everything = JSON.stringify(log.lines);
    for (const secret of [SUBJECT, 'VALUE', 'SECRET']) expect(everything).not.toContain(secret);
  });

  it('says when the next attempt may be made', async () => {
    const log = silence();
    const down = testAccount({
      name: 'shop',
      issue: () => {
        throw new TokenError('ERR_TOKEN_BUSY', 'busy: someone@example.com', { platformCode: '-1', requestId: 'r-1' });
      },
    });
    const app = await started([root({ accounts: [down], managerName: 'partners' })], { log });
    await app
      .get<TokenManager>(getTokenManagerToken('partners'))
      .get(down.accessToken)
      .catch(() => {});
    const line = log.lines.find(({ level }) => level === 'warn');
    expect(line?.context).toBe('Evertoken(partners)');
    expect(line?.text).toMatch(
      /^shop access_token: attempt 1 failed, code ERR_TOKEN_BUSY, platform code -1, request r-1, next attempt 2\d{3}-\d\d-\d\dT/,
    );
  });
});
