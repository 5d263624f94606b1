import { TokenManager, type TokenSource, type TokenStore, tokenKeyOf } from '@evertoken/core';
import type { TokenRecord } from '@evertoken/core/store';
import { redisStore } from '@evertoken/store-redis';
import { mysqlStore } from '@evertoken/store-sql/mysql';
import { postgresStore } from '@evertoken/store-sql/postgres';
import { type PrivateServer, type ServerKind, startServer, whyMissing } from '@evertoken/test-servers';
import { afterEach, describe, expect, it } from 'vitest';

const STORE_TIMEOUT_MS = 2_000;
/** What a slow machine may add before "within the time limit" counts as broken. */
const MARGIN_MS = 5_000;

const STORES: Record<ServerKind, (url: string) => TokenStore> = {
  redis: (url) => redisStore({ url }),
  postgres: (url) => postgresStore({ url }),
  mariadb: (url) => mysqlStore({ url }),
};

let server: PrivateServer | undefined;
const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  await server?.restart().catch(() => {});
  await Promise.allSettled(open.splice(0).map((one) => one.close()));
  await server?.stop();
  server = undefined;
});

function sourceOf(subject: string, issue: () => Promise<{ value: string; refreshToken?: string }>): TokenSource {
  return {
    key: tokenKeyOf({ platform: 'restart', id: 'app', kind: 'access_token', subject: [subject] }),
    account: 'shop',
    kind: 'access_token',
    subject,
    issuance: 'rotating',
    keep: 'grant',
    lifetime: 'remaining',
    issue: async () => ({ lifetimeMs: 7_200_000, ...(await issue()) }),
  };
}

function managerOn(store: TokenStore): TokenManager {
  const manager = new TokenManager({
    accounts: [
      {
        platform: 'restart',
        name: 'shop',
        id: 'app',
        kinds: [{ kind: 'access_token', issuance: 'rotating', keep: 'grant' }],
        problems: () => [],
        sources: () => [],
        source: () => undefined,
        client: () => undefined,
      },
    ],
    store,
    storeTimeoutMs: STORE_TIMEOUT_MS,
    checkAfterMs: 50,
    maxUncheckedMs: 100,
  });
  open.push(manager);
  return manager;
}

const pair = (value: string) => ({ value, refreshToken: `R-${value}` });
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Repeats until it resolves; how long that took is the test's own limit. */
async function eventually<Value>(work: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await work();
    } catch {
      await wait(50);
    }
  }
}

describe.each(Object.keys(STORES) as ServerKind[])('%s killed and restarted under load', (kind) => {
  const missing = whyMissing(kind);

  it.skipIf(missing)(
    'disturbs no caller with a fresh token, keeps the others waiting no longer than they were told, and loses nothing',
    { timeout: 90_000 },
    async () => {
      server = await startServer(kind);
      const manager = managerOn(STORES[kind](server.url));
      await manager.start();
      const issues: string[] = [];
      const fresh = sourceOf('fresh', async () => pair('F1'));
      const cold = sourceOf('cold', async () => pair('C1'));
      let answer: () => void = () => {};
      const renewed = sourceOf('renewed', async () => {
        const value = `N${issues.push('N')}`;
        if (value === 'N2')
          await new Promise<void>((resolve) => {
            answer = resolve;
          });
        return pair(value);
      });
      const grant = (source: TokenSource, value: string) =>
        manager.adopt(source, { ...pair(value), lifetimeMs: 7_200_000 }, { grant: true });
      await grant(fresh, 'F0');
      await grant(renewed, 'N0');
      expect((await manager.get(fresh)).value).toBe('F0');
      // One renewal has asked the platform when the server goes.
      await manager.refresh(renewed);
      const renewing = manager.refresh(renewed);
      while (issues.length < 2) await wait(5);

      const slowest = { fresh: 0, cold: 0 };
      let stop = false;
      const load = Promise.all(
        Array.from({ length: 20 }, async () => {
          while (!stop) {
            const start = performance.now();
            expect((await manager.get(fresh)).value).toBe('F0');
            slowest.fresh = Math.max(slowest.fresh, performance.now() - start);
            await wait(10);
          }
        }),
      );
      await wait(200);
      await server.kill();
      answer();
      // Asked for while the server is away: an error in time, and no platform call for a grant nobody can read.
      for (let round = 0; round < 3; round++) {
        const start = performance.now();
        await expect(manager.get(cold)).rejects.toMatchObject({ code: 'ERR_TOKEN_STORE' });
        slowest.cold = Math.max(slowest.cold, performance.now() - start);
      }
      expect(slowest.cold).toBeLessThan(STORE_TIMEOUT_MS + MARGIN_MS);
      await renewing;
      expect((await manager.get(renewed)).value).toBe('N2');
      await server.restart();
      await eventually(() => grant(cold, 'C0'));
      expect((await manager.get(cold)).value).toBe('C0');
      stop = true;
      await load;
      expect(slowest.fresh).toBeLessThan(STORE_TIMEOUT_MS + MARGIN_MS);
      // What another process finds: the pair that was answered while the server was away, too.
      const other = STORES[kind](server.url);
      open.push(other);
      await eventually(() => other.open());
      const stored = async (source: TokenSource) => (await other.read(source.key)).record as TokenRecord;
      await expect.poll(async () => (await stored(renewed)).token, { timeout: 20_000 }).toMatchObject(pair('N2'));
      expect((await stored(fresh)).token).toMatchObject(pair('F0'));
    },
  );

  it.skipIf(missing)('has every write that it acknowledged', { timeout: 60_000 }, async () => {
    server = await startServer(kind);
    const store = STORES[kind](server.url);
    open.push(store);
    await store.open();
    const { key } = sourceOf('written', async () => pair('x'));
    const at = Date.now();
    const token = (value: string) => ({
      value,
      issuedAt: at,
      firstSeenAt: at,
      seen: [],
      lineage: { cause: 'issue', actor: 'writer', at, durationMs: 1 } as const,
    });
    let acknowledged = 0;
    let sent = 1;
    await store.commit(key, token('W0'), { predecessor: 0 });
    let generation = (await store.read(key)).record?.generation as number;
    const writing = (async () => {
      for (; ; sent++) {
        const answer = await store.commit(key, token(`W${sent}`), { predecessor: generation });
        if (answer !== 'accepted') throw new Error('lost a race nobody else runs in');
        acknowledged = sent;
        generation++;
      }
    })().catch(() => {});
    await wait(500);
    await server.kill();
    await writing;
    expect(acknowledged).toBeGreaterThan(5);
    await server.restart();
    const { record } = await eventually(() => store.read(key));
    // The last one sent may have been stored without anybody having heard of it.
    expect([`W${acknowledged}`, `W${sent}`]).toContain(record?.token?.value);
  });
});
