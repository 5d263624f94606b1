import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DINGTALK_ERRORS, DingTalkError } from '../src/index.js';
import { failureFrom } from './support.js';
import { appIn, LAN, OA, visit, world } from './world.js';

/** The sheet's tables as data: what each code demands, whatever our own table says. */
interface Row {
  readonly code: string;
  readonly class: 'R' | 'S' | 'T' | 'U' | 'B' | 'H' | 'Q' | 'C' | 'K';
  readonly api: 'api' | 'oapi';
  readonly status?: number;
  readonly where?: 'call' | 'token';
}
const { rows } = JSON.parse(readFileSync(new URL('error-table.json', import.meta.url), 'utf8')) as { rows: Row[] };
const on = (place: 'call' | 'token', ...classes: Row['class'][]) =>
  rows
    .filter((row) => (row.where ?? place) === place && classes.includes(row.class))
    .map((row) => [row.code, row.status ?? 200, row] as const);

const there = world();
const PATH = { api: '/v1.0/contact/users/{unionId}', oapi: '/topapi/v2/user/get' } as const;
const PLAIN = '/user/get';
const TOKEN = { api: '/v1.0/oauth2/accessToken', oapi: '/gettoken' } as const;

function setUp(api: Row['api'] = 'api') {
  const app = appIn(there, { api: api === 'api' ? 'v1' : 'legacy' });
  const manager = there.manage(app);
  const client = app.client(manager);
  // A read, and a write: the client cannot know that this POST only reads.
  const read = () =>
    api === 'api' ? client.api.get('/v1.0/contact/users/u1') : client.oapi.get(PLAIN, { query: { userid: 'u1' } });
  const write = () =>
    api === 'api'
      ? client.api.post('/v1.0/robot/oToMessages/batchSend', {})
      : client.oapi.post(PATH.oapi, { userid: 'u1' });
  const readPath = api === 'api' ? PATH.api : PLAIN;
  const writePath = api === 'api' ? '/v1.0/robot/oToMessages/batchSend' : PATH.oapi;
  const calls = () => [there.calls(readPath) + there.calls(writePath), there.calls(TOKEN[api])];
  const refuse = ({ code, status }: Row, endpoint: string, count: number | 'always' = 1) =>
    there.sandbox.fault({ kind: 'code', code, endpoint, count, ...(status !== undefined && { status }) });
  return { app, manager, read, write, readPath, writePath, calls, refuse };
}

describe('on a call', () => {
  it('every code of the sheet is in our table, with its source', () => {
    const known = new Set(DINGTALK_ERRORS.flatMap(({ codes }) => codes));
    expect(rows.length).toBeGreaterThan(100);
    expect(rows.filter(({ code }) => !known.has(code))).toEqual([]);
    expect(DINGTALK_ERRORS.filter(({ source }) => source === '')).toEqual([]);
  });

  it.each(on('call', 'R'))(
    '%s (HTTP %i), class R: one refresh and one replay, of a write too',
    async (_code, _status, row) => {
      const { app, manager, write, writePath, calls, refuse } = setUp(row.api);
      const dead = await manager.get(app.accessToken);
      there.sandbox.dingtalk.revoke(OA.appKey);
      refuse(row, writePath);
      await write();
      expect(calls()).toEqual([2, 2]);
      expect((await manager.get(app.accessToken)).value).not.toBe(dead.value);
    },
  );

  it.each(on('call', 'R'))(
    '%s (HTTP %i), class R, again after the refresh: told, not tried a third time',
    async (code, _status, row) => {
      const { app, manager, read, readPath, calls, refuse } = setUp(row.api);
      await manager.get(app.accessToken);
      there.sandbox.dingtalk.revoke(OA.appKey);
      refuse(row, readPath, 'always');
      const error = await failureFrom(read());
      expect(error).toMatchObject({ code, reason: 'token', retryable: false });
      expect((error as Error).message).toMatch(/renewed just before; it is not tried a third time/);
      expect(calls()).toEqual([2, 2]);
    },
  );

  it.each(on('call', 'R'))(
    '%s (HTTP %i), class R, and the refetch brings the same token: no replay',
    async (_code, _status, row) => {
      const { app, manager, read, readPath, calls, refuse } = setUp(row.api);
      await manager.get(app.accessToken);
      refuse(row, readPath, 'always');
      const error = await failureFrom(read());
      expect(error).toMatchObject({ code: 'ERR_TOKEN_REJECTED_AGAIN', account: 'oa' });
      expect(calls()).toEqual([1, 2]);
    },
  );

  it.each(on('call', 'B', 'H'))(
    '%s (HTTP %i), classes B and H: a read is repeated, three times at most',
    async (code, _status, row) => {
      const { read, readPath, calls, refuse } = setUp(row.api);
      refuse(row, readPath, 3);
      await read();
      expect(calls()).toEqual([4, 1]);
      refuse(row, readPath, 'always');
      expect(await failureFrom(read())).toMatchObject({
        code: row.code === '15' ? expect.any(String) : code,
        retryable: true,
      });
      expect(calls()).toEqual([8, 1]);
    },
  );

  it.each(on('call', 'H'))('%s (HTTP %i), class H: a write is repeated, too', async (_code, _status, row) => {
    const { write, writePath, calls, refuse } = setUp(row.api);
    refuse(row, writePath, 3);
    await write();
    expect(calls()).toEqual([4, 1]);
  });

  it.each(on('call', 'B'))(
    '%s (HTTP %i), class B: a write only where the platform has done nothing',
    async (code, _status, row) => {
      const { write, writePath, calls, refuse } = setUp(row.api);
      refuse(row, writePath);
      const uncertain = code === 'server.error' || code === 'unknownError';
      if (uncertain) expect(await failureFrom(write())).toMatchObject({ code, retryable: true });
      else await write();
      expect(calls()[0]).toBe(uncertain ? 1 : 2);
    },
  );

  it.each(on('call', 'Q', 'C', 'S', 'T', 'U', 'K'))(
    '%s (HTTP %i), not the token’s fault: told at once, token untouched',
    async (code, _status, row) => {
      const { read, readPath, calls, refuse } = setUp(row.api);
      refuse(row, readPath, 'always');
      const error = await failureFrom(read());
      expect(error).toBeInstanceOf(DingTalkError);
      const REASONS = {
        Q: 'quota',
        C: 'refused',
        S: 'suiteToken',
        T: 'suiteTicket',
        U: 'reauthorize',
        K: 'clock',
      } as const;
      expect(error).toMatchObject({ code, reason: REASONS[row.class as 'Q'], retryable: false, account: 'oa' });
      expect((error as DingTalkError).retryAt).toBeUndefined();
      expect(calls()).toEqual([1, 1]);
    },
  );

  // Codes of the gateway itself are never wrapped.
  const wrapped = on('call', 'R', 'S', 'T', 'U', 'H', 'Q', 'C', 'K').filter(
    ([code, , { api }]) => api === 'oapi' && code !== '22',
  );
  it.each(wrapped)('%s (HTTP %i) means the same wrapped in 88 as plain', async (code, _status, row) => {
    const { write, read, writePath, readPath, refuse } = setUp('oapi');
    refuse(row, readPath, 'always');
    refuse(row, writePath, 'always');
    const [plain, inside] = [await failureFrom(read()), await failureFrom(write())];
    const { reason } = plain as DingTalkError;
    if (row.class === 'R') expect(plain).toMatchObject({ code: 'ERR_TOKEN_REJECTED_AGAIN' });
    else expect(plain).toMatchObject({ code, reason });
    expect(inside).toMatchObject({ code: (plain as DingTalkError).code, ...(reason !== undefined && { reason }) });
  });
});

describe('on a token endpoint', () => {
  const CODES: Readonly<Record<Row['class'], string>> = {
    R: 'ERR_TOKEN_REFUSED',
    S: 'ERR_TOKEN_REFUSED',
    T: 'ERR_TOKEN_WAITING',
    U: 'ERR_TOKEN_REFUSED',
    B: 'ERR_TOKEN_BUSY',
    H: 'ERR_TOKEN_BUSY',
    Q: 'ERR_TOKEN_QUOTA',
    C: 'ERR_TOKEN_REFUSED',
    K: 'ERR_TOKEN_REFUSED',
  };
  const all = on('token', 'R', 'S', 'T', 'U', 'B', 'H', 'Q', 'C', 'K');

  it.each(all)('%s (HTTP %i): told with its code, and the next callers ask nobody', async (_code, _status, row) => {
    const { app, manager, refuse } = setUp(row.api);
    refuse(row, TOKEN[row.api], 'always');
    expect(await failureFrom(manager.get(app.accessToken))).toMatchObject({ code: CODES[row.class], account: 'oa' });
    await Promise.all(Array.from({ length: 5 }, () => failureFrom(manager.get(app.accessToken))));
    expect(there.calls(TOKEN[row.api])).toBe(1);
  });

  it.each(on('token', 'B', 'H', 'Q'))(
    '%s (HTTP %i): asked again when its time has come',
    async (_code, _status, row) => {
      const { app, manager, refuse } = setUp(row.api);
      refuse(row, TOKEN[row.api]);
      const { retryAt = 0 } = (await failureFrom(manager.get(app.accessToken))) as { retryAt?: number };
      expect(retryAt).toBeGreaterThanOrEqual(there.clock.now() + 1_000);
      await there.clock.advance(retryAt - there.clock.now() + 1);
      expect((await manager.get(app.accessToken)).value).not.toBe('');
    },
  );

  it.each(on('token', 'U').filter(([, , { api }]) => api === 'api'))(
    '%s (HTTP %i), class U, for a user’s refresh token: a person has to sign in',
    async (code, status) => {
      const app = appIn(there, { userTokens: true });
      const manager = there.manage(app);
      const client = app.client(manager);
      const start = client.signIn({ redirectUri: 'https://app.example/' });
      await client.handleCallback(await visit(start), start.binding);
      await there.clock.advance(3 * 3_600_000);
      there.sandbox.fault({ kind: 'code', code, status, endpoint: '/v1.0/oauth2/userAccessToken' });
      expect(await failureFrom(manager.get(app.user({ unionId: LAN }).accessToken))).toMatchObject({
        code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      });
    },
  );
});
