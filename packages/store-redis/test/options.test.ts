import { execFileSync } from 'node:child_process';
import { inspect } from 'node:util';
import { createClient, createClientPool, createCluster, createSentinel } from '@redis/client';
import { describe, expect, it } from 'vitest';
import { type RedisStoreOptions, redisStore } from '../src/index.js';

const MISSING = '"url" must be a redis:// or rediss:// URL, it is missing (or pass "client" or "cluster")';
const WRONG_URL = '"url" must be a redis:// or rediss:// URL, such as redis://127.0.0.1:6379/0';
const WRONG_CLIENT = '"client" must be a client or cluster client of node-redis 5';

/** Options as a program without types may pass them. */
function loose(options: object): RedisStoreOptions {
  return options as RedisStoreOptions;
}

describe('options of redisStore', () => {
  it.each<[string, object, readonly string[]]>([
    ['nothing', {}, [MISSING]],
    ['an unset variable', { url: undefined }, [MISSING]],
    ['an empty URL', { url: '' }, [WRONG_URL]],
    ['a URL of another kind', { url: 'http://host:6379' }, [WRONG_URL]],
    ['a URL without host', { url: 'redis://' }, [WRONG_URL]],
    ['a URL whose database is no number', { url: 'redis://u:s3cret@host/x' }, [WRONG_URL]],
    ['a URL with a broken escape', { url: 'redis://u:s3cret%zz@host' }, [WRONG_URL]],
    ['no URL at all', { url: 's3cret' }, [WRONG_URL]],
    ['a number', { url: 5 }, [WRONG_URL]],
    ['a client that is none', { client: {} }, [WRONG_CLIENT]],
    ['a client that is a number', { client: 5 }, [WRONG_CLIENT]],
    ['no client', { client: null }, [WRONG_CLIENT]],
    ['a pool', { client: createClientPool() }, [WRONG_CLIENT]],
    ["a sentinel's client", { client: createSentinel({ name: 'x', sentinelRootNodes: [] }) }, [WRONG_CLIENT]],
    [
      'a cluster without nodes',
      { cluster: { rootNodes: [] } },
      ['"cluster" must be { rootNodes: [...] } with at least one node'],
    ],
    [
      'two ways at once',
      { url: 'redis://host', cluster: { rootNodes: [{}] } },
      ['"url" and "cluster" must not be given together: pass the one that leads to Redis'],
    ],
    [
      'braces in the prefix',
      { url: 'redis://host', keyPrefix: 'a{b}' },
      ['"keyPrefix" must be a non-empty string without braces: the hash tag comes after it'],
    ],
    ['a promise nobody knows', { url: 'redis://host', durable: true }, ['"durable" must be "relaxed" or "synced"']],
    ['no time', { url: 'redis://host', timeoutMs: 0 }, ['"timeoutMs" must be a positive number of milliseconds']],
    ['a clock without time', { url: 'redis://host', clock: {} }, ['"clock" must have a method "now"']],
    [
      'an unknown option',
      { url: 'redis://host', prefix: 'x' },
      ['"prefix" is no option; expected "url", "client", "cluster", "keyPrefix", "durable", "timeoutMs", "clock"'],
    ],
  ])('tells of %s, when asked and on opening, and does not throw', async (_what, options, problems) => {
    const store = redisStore(loose(options));
    expect(store.problems?.()).toEqual(problems);
    const error = await store.open().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION', message: `${problems.join('; ')} (redisStore)` });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('s3cret');
    await store.close();
  });

  it.each<[string, object]>([
    ['a URL', { url: 'redis://user:pass%20word@host:6380/3' }],
    ['a URL with TLS and a variable that is unset', { url: 'rediss://[::1]', client: undefined, cluster: undefined }],
    ['a client', { client: createClient() }],
    ['a cluster client', { client: createCluster({ rootNodes: [{}] }) }],
    ['a cluster', { cluster: { rootNodes: [{ url: 'redis://host' }] } }],
    [
      'everything else',
      { url: 'redis://host', keyPrefix: 'x', durable: 'synced', timeoutMs: 1, clock: { now: Date.now } },
    ],
  ])('finds nothing wrong with %s', (_what, options) => {
    expect(redisStore(loose(options)).problems?.()).toEqual([]);
  });

  it('connects to nothing and loads no client until it is opened', () => {
    const script = `
      const { redisStore } = require('@evertoken/store-redis');
      redisStore({ url: 'redis://127.0.0.1:1' }).watch(() => {});
      const loaded = Object.keys(require.cache).filter((file) => file.includes('@redis'));
      console.log(JSON.stringify([loaded, process.getActiveResourcesInfo()]));
    `;
    const cwd = new URL('..', import.meta.url);
    const output = execFileSync(process.execPath, ['--no-warnings', '-e', script], { cwd, encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual([[], []]);
  });
});
