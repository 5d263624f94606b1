import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TokenManager } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { ManualClock } from '@evertoken/core/testing';
import { nextEngineApp } from '@evertoken/nextengine';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { sharedDatabase, whyMissing } from '@evertoken/test-servers';
import mysql from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Query, vendorTables } from '../packages/nextengine/examples/vendor-tables/adapter.js';
import { takeOverPairs, vendorPairs, writeJsonLines } from '../packages/nextengine/examples/vendor-tables/migration.js';

/** The example against a real server: the vendor's tables, an adapter over them, and the way of living pairs out of them. */
const missing = whyMissing('mariadb');
const HOUR_MS = 3_600_000;
const CLIENT = { clientId: 'vendor', clientSecret: 'vendor-secret' };
const USERS = [
  { uid: 'Tanaka', companyId: '11', companyNeId: 'ne-1', picNeId: 'p1', picMailAddress: 'tanaka@example.com' },
  { uid: 'tanaka', companyId: '12', companyNeId: 'ne-1', picNeId: 'p2', picMailAddress: 'other@example.com' },
  { uid: 'suzuki', companyId: '11', companyNeId: 'ne-1', picNeId: 'p3' },
  { uid: '佐藤', companyId: '13', companyNeId: 'ne-3', picNeId: 'p4' },
];

async function all<T>(items: AsyncIterable<T> | Iterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe.skipIf(missing)('the vendor’s tables', () => {
  let pool: mysql.Pool;
  let sandbox: Sandbox;
  let directory = '';
  let url = '';
  const clock = new ManualClock();
  const query: Query = async (sql, params = []) => (await pool.execute(sql, [...params]))[0] as never;

  beforeAll(async () => {
    url = await sharedDatabase('mariadb');
    pool = mysql.createPool({ uri: url, connectionLimit: 2 });
    const schema = new URL('../packages/nextengine/examples/vendor-tables/schema.sql', import.meta.url);
    for (const statement of (await readFile(schema, 'utf8')).split(';\n')) if (statement.trim()) await query(statement);
    sandbox = await createSandbox({ clock, nextengine: [{ ...CLIENT, users: USERS }] });
  });
  afterAll(async () => {
    await pool?.end();
    await sandbox?.close();
  });

  let managers: TokenManager[] = [];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'evertoken-vendor-'));
    for (const table of ['users', 'companies']) await query(`DELETE FROM ${table}`);
  });
  afterEach(async () => {
    for (const tokens of managers.splice(0)) await tokens.close();
    managers = [];
    await rm(directory, { recursive: true, force: true });
  });

  function erp(options = {}) {
    const baseUrls = { api: sandbox.urls.nextengineApi, base: sandbox.urls.nextengineBase };
    const app = nextEngineApp({ name: 'erp', ...CLIENT, baseUrls, clock, users: vendorTables(query), ...options });
    const store = fileStore({ directory: join(directory, 'tokens'), clock });
    const tokens = new TokenManager({ accounts: [app], store, clock });
    managers.push(tokens);
    const nextEngine = app.client(tokens);
    const signIn = (uid: string) =>
      nextEngine.exchange({
        ...sandbox.nextengine.signIn(CLIENT.clientId, uid),
        binding: nextEngine.signIn().binding,
      });
    return { app, tokens, nextEngine, signIn };
  }

  /** A row as the vendor's application writes it, its dates in Japan time, in a session of any zone. */
  async function vendorRow(uid: string, values: { access?: string | null; refresh?: string | null; end?: string }) {
    const {
      companyId = '',
      companyNeId = '',
      picNeId = '',
      picMailAddress = '',
    } = USERS.find((user) => user.uid === uid) ?? {};
    await query('INSERT IGNORE INTO companies (main_function_id, platform_id) VALUES (?, ?)', [companyId, companyNeId]);
    await query(
      `INSERT INTO users (company_id, uid, next_engine_id, email, access_token, refresh_token, access_token_end_date)
        SELECT id, ?, ?, ?, ?, ?, ? FROM companies WHERE main_function_id = ?`,
      [
        uid,
        picNeId,
        picMailAddress,
        values.access ?? null,
        values.refresh ?? null,
        values.end ?? '2026-01-02 09:00:00',
        companyId,
      ],
    );
  }

  it('keep the users who sign in, and no token', async () => {
    const { nextEngine, signIn } = erp();
    for (const { uid } of USERS) await signIn(uid);
    await signIn('Tanaka');
    const rows = await query(
      'SELECT u.*, c.main_function_id, c.platform_id FROM users u JOIN companies c ON c.id = u.company_id ORDER BY u.id',
    );
    expect(rows).toMatchObject(
      USERS.map(({ uid, companyId, companyNeId, picNeId }) => ({
        uid,
        main_function_id: companyId,
        platform_id: companyNeId,
        next_engine_id: picNeId,
        email: '',
        access_token: null,
        refresh_token: null,
      })),
    );
    expect(await query('SELECT COUNT(*) AS n FROM companies')).toEqual([{ n: 3 }]);
    const listed = await all(nextEngine.users.list({ companyId: '11' }));
    expect(listed.map(({ uid, state }) => [uid, state])).toEqual([
      ['Tanaka', 'active'],
      ['suzuki', 'active'],
    ]);
    expect(await nextEngine.users.find('tanaka')).toMatchObject({ uid: 'tanaka', companyId: '12', picNeId: 'p2' });
    await nextEngine.users.forget('tanaka');
    await nextEngine.users.forget('tanaka');
    expect(await query('SELECT uid FROM users WHERE uid IN (?, ?)', ['tanaka', 'Tanaka'])).toEqual([{ uid: 'Tanaka' }]);
    expect(await nextEngine.users.find('tanaka')).toEqual({ uid: 'tanaka', state: 'gone' });
  });

  it('keep the mail address where it is asked for, and lose nothing that an answer does not tell', async () => {
    const { signIn } = erp({ keepMailAddress: true });
    await signIn('Tanaka');
    await vendorTables(query).save({ uid: 'Tanaka', companyId: '11' });
    await vendorTables(query).save({ uid: 'nobody-knows-the-company', picNeId: 'p9' });
    expect(await all(await vendorTables(query).list())).toEqual([USERS[0]]);
  });

  it('are brought up to date by sync', async () => {
    const { nextEngine, signIn } = erp();
    await signIn('suzuki');
    await query('DELETE FROM users');
    expect(await nextEngine.users.sync()).toEqual({ saved: 1, failed: [] });
    expect(await query('SELECT uid FROM users')).toEqual([{ uid: 'suzuki' }]);
  });

  it('hand their living pairs over: read as Japan time, compared, and renewed from then on', async () => {
    const pair = sandbox.nextengine.issuePair(CLIENT.clientId, 'Tanaka');
    await vendorRow('Tanaka', {
      access: pair.accessToken,
      refresh: pair.refreshToken,
      end: pair.accessTokenEndDate,
    });
    await vendorRow('suzuki', { access: 'a', refresh: null });
    await vendorRow('佐藤', { access: null, refresh: 'r' });
    const skipped: string[] = [];
    const pairs = () => vendorPairs(query, { account: 'erp', onSkip: (uid) => skipped.push(uid) });
    expect(await all(pairs())).toEqual([
      {
        account: 'erp',
        kind: 'access_token',
        subject: 'Tanaka',
        value: pair.accessToken,
        refreshToken: pair.refreshToken,
        expiresAt: pair.accessTokenExpiresAt,
        refreshTokenExpiresAt: pair.refreshTokenExpiresAt,
        extra: { companyId: '11', companyNeId: 'ne-1', picNeId: 'p1' },
      },
    ]);
    expect(skipped).toEqual(['suzuki', '佐藤']);

    const { app, tokens, nextEngine } = erp();
    const taken = (dryRun = false) => all(takeOverPairs(pairs(), { tokens, app, dryRun }));
    expect(await taken(true)).toEqual([{ uid: 'Tanaka', outcome: 'taken' }]);
    expect(await taken()).toEqual([{ uid: 'Tanaka', outcome: 'taken' }]);
    expect(await taken()).toEqual([{ uid: 'Tanaka', outcome: 'same' }]);
    await clock.advance(26 * HOUR_MS);
    expect(await nextEngine.refreshUsers()).toMatchObject({ renewed: 1, results: [{ uid: 'Tanaka' }] });
    // The old table still holds the spent pair: it must not come back over the new one.
    expect(await taken()).toEqual([{ uid: 'Tanaka', outcome: 'kept' }]);
    expect((await tokens.get(app.user('Tanaka').accessToken)).value).toBe(
      sandbox.nextengine.currentPair(CLIENT.clientId, 'Tanaka')?.accessToken,
    );
  });

  it('are read the same whatever zone the server’s sessions have', async () => {
    const other = mysql.createPool({ uri: url, connectionLimit: 1 });
    const inTokyo: Query = async (sql, params = []) => (await other.execute(sql, [...params]))[0] as never;
    try {
      await inTokyo("SET time_zone = '+09:00'");
      await inTokyo("INSERT INTO companies (main_function_id, platform_id) VALUES ('11', 'ne-1')");
      await inTokyo(
        `INSERT INTO users (company_id, uid, next_engine_id, email, access_token, refresh_token, access_token_end_date)
          SELECT id, 'Tanaka', '', '', 'a', 'r', '2017-04-19 11:21:13' FROM companies`,
      );
      expect(await all(vendorPairs(inTokyo, { account: 'erp' }))).toMatchObject([
        { expiresAt: Date.UTC(2017, 3, 19, 2, 21, 13), refreshTokenExpiresAt: Date.UTC(2017, 3, 21, 2, 21, 13) },
      ]);
    } finally {
      await other.end();
    }
  });

  it('are written as JSON lines, for the owner alone', async () => {
    for (let i = 0; i < 3; i++) await vendorRow(USERS[i]?.uid ?? '', { access: `a${i}`, refresh: `r${i}` });
    const file = join(directory, 'pairs.jsonl');
    expect(await writeJsonLines(vendorPairs(query, { account: 'erp', keepMailAddress: true }), file)).toBe(3);
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      await all(vendorPairs(query, { account: 'erp', keepMailAddress: true })),
    );
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await expect(writeJsonLines(vendorPairs(query, { account: 'erp' }), file)).rejects.toMatchObject({
      code: 'EEXIST',
    });
  });

  it('are read to the last of many rows', async () => {
    await query("INSERT INTO companies (main_function_id, platform_id) VALUES ('11', 'ne-1')");
    const numbers = Array.from({ length: 1_101 }, (_, i) => i);
    await query(
      `INSERT INTO users (company_id, uid, next_engine_id, email, access_token, refresh_token)
        SELECT c.id, n.uid, '', '', 'a', 'r' FROM companies c,
          (${numbers.map((n) => `SELECT 'u${n}' AS uid`).join(' UNION ALL ')}) n`,
    );
    const subjects = (await all(vendorPairs(query, { account: 'erp' }))).map(({ subject }) => subject);
    expect(new Set(subjects).size).toBe(1_101);
  });
});
