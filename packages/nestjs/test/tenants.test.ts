import { createRequire } from 'node:module';
import { TokenManager } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { postgresStore } from '@evertoken/store-sql/postgres';
import { sharedDatabase, whyMissing } from '@evertoken/test-servers';
import { type OfficialAccount, officialAccount } from '@evertoken/wechat';
import { Inject, Injectable, Module, type OnApplicationShutdown, type Provider } from '@nestjs/common';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import type { TestingModule } from '@nestjs/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TokenAccountEntry, TokenAccounts, TokenModule } from '../src/index.js';
import { silence, started } from './support.js';

// A hundred tenants in a table of PostgreSQL, and two instances of an application that serves them all.

interface Row {
  readonly name: string;
  readonly app_id: string;
  readonly secret: string | null;
  readonly version: number;
}
interface Pool {
  query<Answer>(text: string, values?: unknown[]): Promise<{ rows: Answer[] }>;
  end(): Promise<void>;
}
const { Pool } = createRequire(import.meta.url)('pg') as {
  Pool: new (options: { connectionString: string; max: number }) => Pool;
};

/** A busy machine is not what is tested. */
const PATIENT = { max: 5, connectionTimeoutMillis: 60_000, query_timeout: 60_000, statement_timeout: 60_000 };
const TENANTS = 100;
const HOUR_MS = 3_600_000;
const names = Array.from({ length: TENANTS }, (_, i) => `tenant-${i}`);
const appOf = (name: string) => `wx-${name}`;
const secretOf = (name: string) => `secret of ${name}`;

const missing = whyMissing('postgres');
let clock: ManualClock;
let sandbox: Sandbox;
let database: string;
let pool: Pool;

beforeAll(async () => {
  if (missing) return;
  clock = new ManualClock();
  const wechat = [...names, 'newcomer'].map((name) => ({ appId: appOf(name), secret: secretOf(name) }));
  sandbox = await createSandbox({ clock, wechat });
  database = await sharedDatabase('postgres');
  pool = new Pool({ connectionString: database, max: 4 });
  await pool.query(
    'CREATE TABLE tenants (name text PRIMARY KEY, app_id text NOT NULL, secret text, version int NOT NULL DEFAULT 1)',
  );
  await pool.query(
    'INSERT INTO tenants (name, app_id, secret) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])',
    [names, names.map(appOf), names.map((name) => (name === 'tenant-13' ? null : secretOf(name)))],
  );
});
afterAll(async () => {
  await pool?.end();
  await sandbox?.close();
});

@Injectable()
class Tenants implements OnApplicationShutdown {
  readonly #pool = new Pool({ connectionString: database, max: 2 });

  async entries(): Promise<TokenAccountEntry[]> {
    const { rows } = await this.#pool.query<Row>('SELECT * FROM tenants ORDER BY name');
    return rows.map(({ name, app_id: appId, secret, version }) => ({
      name,
      version,
      account: () =>
        officialAccount({ name, appId, secret: secret ?? undefined, endpoint: 'token', baseUrl: sandbox.urls.wechat }),
    }));
  }

  async onApplicationShutdown() {
    await this.#pool.end();
  }
}

@Module({ providers: [Tenants], exports: [Tenants] })
class TenantsModule {}

/** A service as an application has one: which tenant is known with the request only. */
@Injectable()
class Followers {
  constructor(@Inject(TokenAccounts) private readonly tenants: TokenAccounts<OfficialAccount>) {}

  async count(tenant: string): Promise<number> {
    return (await this.tenants.client(tenant).get<{ total: number }>('/cgi-bin/user/get')).total;
  }
}

/** One instance of the application. Nest has one logger for all in a process. */
async function instance(log: ReturnType<typeof silence>) {
  const providers: Provider[] = [Followers];
  const app = await started(
    [
      ScheduleModule.forRoot(),
      TokenModule.forRootAsync({
        imports: [TenantsModule],
        inject: [Tenants],
        useFactory: (tenants: Tenants) => ({
          accountsFrom: () => tenants.entries(),
          store: postgresStore({ url: database, clock, poolOptions: PATIENT }),
          schedule: { cron: '0 0 0 1 1 *' },
          clock,
          random: () => 0,
          refresh: { kinds: ['access_token'] },
          storeTimeoutMs: 60_000,
        }),
      }),
    ],
    { log, providers },
  );
  return { app, followers: app.get(Followers), accounts: app.get<TokenAccounts<OfficialAccount>>(TokenAccounts) };
}

/** Ticks of the job, of all instances at one time. */
async function tick(...apps: { app: TestingModule }[]): Promise<void> {
  let done = false;
  const ticks = Promise.all(
    apps.map(async ({ app }) => app.get(SchedulerRegistry).getCronJob('evertoken:refresh').fireOnTick()),
  ).finally(() => {
    done = true;
  });
  // Whoever waits for another one's lease waits on this clock; slowly, so that no limit passes because the machine is busy.
  while (!done) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await clock.advance(10);
  }
  await ticks;
}

/** Tokens that the platform has issued, by tenant. */
function issued(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { account = '', outcome } of sandbox.calls({ endpoint: '/cgi-bin/token' }))
    if (outcome === 'ok') counts.set(account, (counts.get(account) ?? 0) + 1);
  return counts;
}
const timesIssued = (name: string) => issued().get(appOf(name)) ?? 0;

it.skipIf(missing)(
  '100 tenants come, change and go while two instances keep their tokens, one issue for each need',
  async () => {
    const log = silence();
    const [one, other] = [await instance(log), await instance(log)];
    const errors = () => log.lines.filter(({ level }) => level === 'error').map(({ text }) => text);

    // Together: one platform call for each, and the row without a secret is one line in the log of each.
    await tick(one, other);
    expect(issued().size).toBe(TENANTS - 1);
    expect(new Set(issued().values())).toEqual(new Set([1]));
    const broken =
      'account "tenant-13" could not be taken: "secret" must be a non-empty string, it is missing (account "tenant-13")';
    expect(errors()).toEqual([broken, broken]);
    expect(await other.followers.count('tenant-99')).toBeGreaterThanOrEqual(0);

    // A newcomer is served at once where it came in, and elsewhere from the next sweep on.
    await pool.query('INSERT INTO tenants (name, app_id, secret) VALUES ($1, $2, $3)', [
      'newcomer',
      appOf('newcomer'),
      secretOf('newcomer'),
    ]);
    expect(await one.accounts.reload()).toMatchObject({ added: ['newcomer'], replaced: [], removed: [] });
    expect(await one.followers.count('newcomer')).toBeGreaterThanOrEqual(0);
    expect(other.accounts.has('newcomer')).toBe(false);
    await tick(other);
    expect(await other.followers.count('newcomer')).toBeGreaterThanOrEqual(0);
    expect(timesIssued('newcomer')).toBe(1);

    // The secret that was missing is there; another one is changed, and its token no longer works.
    await pool.query('UPDATE tenants SET secret = $1, version = version + 1 WHERE name = $2', [
      secretOf('tenant-13'),
      'tenant-13',
    ]);
    sandbox.wechat.resetSecret(appOf('tenant-7'), 'another secret', { endTokens: true });
    await pool.query('UPDATE tenants SET secret = $1, version = version + 1 WHERE name = $2', [
      'another secret',
      'tenant-7',
    ]);
    await tick(one, other);
    expect([timesIssued('tenant-13'), timesIssued('tenant-8')]).toEqual([1, 1]);
    for (const { followers } of [one, other]) expect(await followers.count('tenant-7')).toBeGreaterThanOrEqual(0);
    expect(timesIssued('tenant-7')).toBe(2);
    expect(one.accounts.problems()).toEqual([]);

    // Gone while a sweep runs: it is refreshed no more, its token stays, and all others go on.
    await clock.advance(2 * HOUR_MS);
    const sweeping = tick(one);
    await pool.query("DELETE FROM tenants WHERE name = 'tenant-3'");
    await sweeping;
    await tick(one, other);
    const before = timesIssued('tenant-3');
    await clock.advance(2 * HOUR_MS);
    await tick(one, other);
    expect([timesIssued('tenant-3'), timesIssued('tenant-4'), timesIssued('newcomer')]).toEqual([before, 3, 3]);
    expect(one.accounts.has('tenant-3')).toBe(false);
    const left = await pool.query<{ count: string }>(
      "SELECT count(*) FROM evertoken_tokens WHERE account LIKE '%wx-tenant-3'",
    );
    expect(Number(left.rows[0]?.count)).toBe(1);

    // The table is away: the accounts stay, and are refreshed as before.
    await pool.query('ALTER TABLE tenants RENAME TO gone');
    await clock.advance(2 * HOUR_MS);
    await tick(one, other);
    expect([timesIssued('tenant-4'), timesIssued('tenant-13')]).toEqual([4, 4]);
    expect(errors().at(-1)).toMatch(/^accountsFrom failed; the accounts stay as they are .*tenants/);

    expect(JSON.stringify(log.lines)).not.toContain('secret of');
    expect(one.app.get(TokenManager).accounts()).toHaveLength(TENANTS);
    expect(
      new Set(
        [...issued()]
          .filter(([app]) => !['tenant-3', 'tenant-7', 'tenant-13', 'newcomer'].some((name) => app === appOf(name)))
          .map(([, count]) => count),
      ),
    ).toEqual(new Set([4]));
  },
  120_000,
);
