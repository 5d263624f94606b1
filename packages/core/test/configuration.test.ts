import { describe, expect, it } from 'vitest';
import {
  type Account,
  defineTokens,
  type Journal,
  memoryStore,
  type StoreTraits,
  TokenError,
  TokenManager,
  type TokenManagerOptions,
  type TokenStore,
} from '../src/index.js';
import { ManualClock } from '../src/testing/index.js';
import { ModelPlatform, modelAccount, network } from './model-platform.js';

const clock = new ManualClock();
const account = (issuance: ConstructorParameters<typeof ModelPlatform>[1], options = {}) =>
  modelAccount(new ModelPlatform(clock, issuance), options);
const storeOf = (traits: StoreTraits, facts: Partial<TokenStore> = {}): TokenStore => {
  const replaced: Partial<TokenStore> = { name: 'someStore', open: async () => traits, ...facts };
  return new Proxy(memoryStore({ clock }), {
    get: (target, name) => {
      if (name in replaced) return replaced[name as keyof TokenStore];
      const own = Reflect.get(target, name);
      return name === 'watch' ? undefined : typeof own === 'function' ? own.bind(target) : own;
    },
  });
};
const journal = (sealed = false): Journal => ({
  name: 'someJournal',
  sealed,
  open: async () => {},
  append: async () => 'id',
  entries: async () => [],
  remove: async () => {},
  close: async () => {},
});

function refusal(options: unknown): string {
  try {
    new TokenManager(options as TokenManagerOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(TokenError);
    expect((error as TokenError).code).toBe('ERR_TOKEN_CONFIGURATION');
    return (error as TokenError).message;
  }
  throw new Error('the options were accepted');
}

describe('the constructor refuses, naming the option and what was expected', () => {
  it.each([
    [{ acounts: [] }, /^"acounts" is no option of TokenManager; expected "accounts", "store"/],
    [{ storeTimeoutMs: 0 }, /^"storeTimeoutMs" must be a positive number, got 0/],
    [{ skewMs: '60' }, /^"skewMs" must be a positive number, got string/],
    [{ leaseTtlMs: 15_000 }, /^"leaseTtlMs" must be at least "requestTimeoutMs" \+ "settleMs" \(20000\), got 15000/],
    [{ checkAfterMs: 60_000 }, /^"checkAfterMs" must be at most "maxUncheckedMs" \(30000\)/],
    [{ store: {} }, /^"store" must be a TokenStore, such as fileStore\(\{ directory \}\); its "open" is missing/],
    [{ journal: {} }, /^"journal" must be a Journal, such as fileJournal\(\{ directory \}\); its "open" is missing/],
    [{ clock: Date }, /^"clock" must be an object|^"clock.monotonic" must be a function/],
    [{ random: 4 }, /^"random" must be a function, got 4/],
    [{ refresh: { refreshBeforeExpiry: 1 } }, /^"refresh.refreshBeforeExpiry" is no option of refresh/],
    [{ refresh: { kinds: 'access_token' } }, /^"refresh.kinds" must be a list of kinds/],
    [{ singleInstance: 'yes' }, /^"singleInstance" must be true or false/],
    [
      { accounts: [undefined] },
      /^"accounts" must hold accounts, such as officialAccount/.source.replace('officialAccount', '\\w+'),
    ],
    [{ accounts: [{ name: 'x' }] }, /^"accounts" must hold accounts/],
    [{ accounts: 3 }, /^"accounts" must be a list of accounts, got number/],
    [{ accounts: {} }, /^"accounts" must be a list of accounts, got object/],
    [undefined, /^"options" must be an object/],
  ])('%o', (options, message) => {
    expect(refusal(options)).toMatch(message instanceof RegExp ? message : new RegExp(message));
  });

  it('a problem of an account, with the account’s name', () => {
    const missing = account('idempotent', {
      name: 'shop',
      problems: ['"secret" must be a non-empty string, it is missing'],
    });
    expect(refusal({ accounts: [missing] })).toBe(
      '"secret" must be a non-empty string, it is missing (account "shop")',
    );
  });

  it('two accounts of one name, and one app under two names', () => {
    expect(refusal({ accounts: [account('idempotent'), account('idempotent', { id: 'other' })] })).toMatch(
      /^"name" of an account must be unique: there are two called "model"/,
    );
    expect(refusal({ accounts: [account('idempotent'), account('idempotent', { name: 'again' })] })).toMatch(
      /^"again" and "model" are the same model app/,
    );
  });

  it('a grant without a durable store, with the line to add', () => {
    expect(refusal({ accounts: [account('rotating', { name: 'erp' })] })).toMatch(
      /^"grantStore" must be a durable store for account "erp".*Add: grantStore: fileStore\(\{ directory/,
    );
  });

  it('a plain journal beside an encrypted store', () => {
    const store = storeOf({ durable: 'synced', scope: 'fleet' }, { name: 'encrypted(someStore)', sealed: true });
    const accounts = [account('rotating')];
    expect(refusal({ accounts, store, journal: journal() })).toMatch(
      /^"journal" must be encrypted, as encrypted\(someStore\) is.*keys, activeKeyId/,
    );
    expect(new TokenManager({ accounts, store, journal: journal(true) }).accounts()).toHaveLength(1);
  });

  it('a store whose own options are wrong, with the store’s name', () => {
    const store = storeOf(
      { durable: 'synced', scope: 'fleet' },
      { problems: () => ['"url" must be a non-empty string'] },
    );
    expect(refusal({ store })).toBe('"url" must be a non-empty string (someStore)');
  });

  it('a superseding token on the default store, unless there is one process only', () => {
    expect(refusal({ accounts: [account('superseding')] })).toMatch(
      /^"store" must be shared by all processes that use account "model".*singleInstance: true/,
    );
    expect(new TokenManager({ accounts: [account('superseding')], singleInstance: true }).accounts()).toHaveLength(1);
  });
});

describe('an open store is refused before the first call', () => {
  const fails = async (options: TokenManagerOptions, message: RegExp) => {
    const manager = new TokenManager({ clock, fetch: network, ...options });
    await expect(manager.start()).rejects.toThrow(message);
    const [first] = manager.accounts() as [Account & { token: Parameters<TokenManager['get']>[0] }];
    await expect(manager.get(first.token)).rejects.toThrow(message);
  };

  it('that forgets grants', () =>
    fails(
      { accounts: [account('rotating')], grantStore: storeOf({ durable: false, scope: 'fleet' }) },
      /^"grantStore" must be a durable store.*someStore forgets it/,
    ));

  it('that may lose the last writes, for grants without a journal, with what its settings say', () =>
    fails(
      {
        accounts: [account('rotating')],
        grantStore: storeOf({ durable: 'relaxed', scope: 'fleet', because: 'appendfsync is everysec' }),
      },
      /^"journal" must be given for account "model": someStore \(appendfsync is everysec\) may lose.*journal: fileJournal\(/,
    ));

  it('but not with a journal', async () => {
    const store = storeOf({ durable: 'relaxed', scope: 'fleet' });
    await new TokenManager({ accounts: [account('rotating')], store, journal: journal(), clock }).start();
  });

  it('that is not shared, for a superseding token', () =>
    fails(
      { accounts: [account('superseding')], store: storeOf({ durable: 'synced', scope: 'process' }) },
      /someStore has process scope/,
    ));

  it('whose copies would be served longer than a superseded token works', () =>
    fails(
      {
        accounts: [account('superseding', { overlapMs: 20_000 })],
        store: storeOf({ durable: 'synced', scope: 'fleet' }),
      },
      /^"maxUncheckedMs" must be below 20000/,
    ));

  it('but not one that keeps its promises', async () => {
    const manager = new TokenManager({
      accounts: [account('rotating')],
      store: storeOf({ durable: 'synced', scope: 'fleet' }),
      clock,
    });
    await manager.start();
  });
});

describe('accounts at run time', () => {
  it('are added and removed; what is stored stays', async () => {
    const store = memoryStore({ clock });
    const manager = new TokenManager({ clock, store, fetch: network });
    const shop = account('idempotent');
    manager.add(shop, { refresh: { retryIntervalMs: 5_000 } });
    expect(manager.optionsOf('model')).toEqual({ retryIntervalMs: 5_000 });
    await manager.get(shop.token);
    expect(manager.remove('model')).toBe(true);
    expect(manager.remove('model')).toBe(false);
    expect(manager.optionsOf('model')).toBeUndefined();
    await expect(manager.get(shop.token, { minValidityMs: 1e9 })).rejects.toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
    });
    expect((await store.read(shop.token.key)).record?.token?.value).toBe('T1');
  });

  it('may replace the options of an account of the same id, not the account', () => {
    const manager = new TokenManager({ accounts: [account('idempotent')], clock });
    manager.add(account('idempotent'), { refresh: { retryIntervalMs: 9_000 } });
    expect(manager.optionsOf('model')?.retryIntervalMs).toBe(9_000);
    expect(() => manager.add(account('idempotent', { id: 'other' }))).toThrow(/^"name" of an account must be unique/);
    expect(() => manager.add(account('superseding', { name: 'new', id: 'new' }))).toThrow(/^"store" must be shared/);
    expect(manager.accounts().map(({ name }) => name)).toEqual(['model']);
  });

  it('looks only at what is added: thousands of accounts may come one by one', async () => {
    const shop = account('idempotent');
    let looks = 0;
    const counted: Account = Object.create(shop, {
      kinds: {
        get: () => {
          looks++;
          return shop.kinds;
        },
      },
    });
    const manager = new TokenManager({ accounts: [counted], store: memoryStore({ clock }), clock });
    await manager.start();
    const before = looks;
    for (let at = 0; at < 100; at++) manager.add(account('idempotent', { name: `tenant${at}`, id: `id${at}` }));
    expect(looks).toBe(before);
  });
});

describe('construction', () => {
  it('touches nothing: no store is opened, nothing is asked', () => {
    const untouched = new Proxy(memoryStore(), {
      get: (target, name) =>
        name === 'open'
          ? () => {
              throw new Error('opened');
            }
          : Reflect.get(target, name),
    });
    new TokenManager({ accounts: [account('idempotent')], store: untouched });
  });

  it('reads its options once', async () => {
    const options = { accounts: [account('idempotent')], clock, fetch: network, refresh: { kinds: ['access_token'] } };
    const manager = new TokenManager(options);
    options.refresh.kinds.length = 0;
    expect(manager.optionsOf('model')?.kinds).toEqual(['access_token']);
  });

  it('takes what defineTokens gives', () => {
    const options = defineTokens({ accounts: [account('idempotent')] });
    expect(new TokenManager(options).accounts()).toEqual(options.accounts);
  });
});
