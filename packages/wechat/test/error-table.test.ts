import { readFileSync } from 'node:fs';
import { TokenManager } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { officialAccount, WeChatError } from '../src/index.js';
import { issueError, WECHAT_ERRORS } from '../src/wechat-errors.js';
import { failureOf, hastyClock, NOON } from './support.js';

/** The sheet's table as data: what each code demands, whatever our own table says. */
interface Row {
  readonly code: number;
  readonly class: 'R' | 'B' | 'Q' | 'C' | 'P' | 'U';
  readonly where?: 'call' | 'token';
  readonly meaning: string;
}
const { rows } = JSON.parse(readFileSync(new URL('error-table.json', import.meta.url), 'utf8')) as { rows: Row[] };
const onCalls = rows.filter(({ where = 'call' }) => where === 'call');
const ofClass = (...classes: Row['class'][]) =>
  onCalls.filter((row) => classes.includes(row.class)).map(({ code }) => code);

const app = { name: 'shop', appId: 'wx1', secret: 'sandbox-secret' };
const PATH = '/cgi-bin/user/get';
const TOKEN = '/cgi-bin/stable_token';

let clock: ManualClock;
let sandbox: Sandbox;
let manager: TokenManager | undefined;

beforeAll(async () => {
  clock = new ManualClock(NOON);
  sandbox = await createSandbox({ clock, wechat: [{ appId: app.appId, secret: app.secret }] });
});
afterAll(() => sandbox.close());
beforeEach(() => sandbox.reset());
afterEach(() => manager?.close());

function setUp() {
  const shop = officialAccount({ ...app, baseUrl: sandbox.urls.wechat, clock: hastyClock() });
  manager = new TokenManager({ accounts: [shop], clock });
  return { shop, manager, wechat: shop.client(manager) };
}

const calls = (endpoint: string) => sandbox.calls({ endpoint }).length;
const refuse = (code: number, endpoint: string, count = 1) => sandbox.fault({ kind: 'code', code, endpoint, count });

describe('on a call', () => {
  it('every code of the sheet is in our table', () => {
    expect(rows.length).toBeGreaterThan(50);
    expect(rows.filter(({ code }) => WECHAT_ERRORS[code] === undefined)).toEqual([]);
  });

  it.each(ofClass('R'))('%i, class R: one refresh and one retry', async (code) => {
    const { shop, manager, wechat } = setUp();
    const dead = await manager.get(shop.accessToken);
    // The platform says it and means it: the token is dead there.
    sandbox.wechat.revoke(app.appId);
    refuse(code, PATH);
    expect(await wechat.get(PATH)).toMatchObject({ total: 2 });
    expect([calls(PATH), calls(TOKEN)]).toEqual([2, 2]);
    expect((await manager.get(shop.accessToken)).value).not.toBe(dead.value);
  });

  it.each(ofClass('R'))('%i, class R, again after the refresh: reported, not tried a third time', async (code) => {
    const { shop, manager, wechat } = setUp();
    await manager.get(shop.accessToken);
    sandbox.wechat.revoke(app.appId);
    refuse(code, PATH, 9);
    const error = await failureOf(wechat.get(PATH));
    expect(error).toMatchObject({ errcode: code, reason: 'token', retryable: false });
    expect((error as Error).message).toMatch(/another program may be using this app’s secret/);
    expect([calls(PATH), calls(TOKEN)]).toEqual([2, 2]);
  });

  it.each(ofClass('B'))('%i, class B: repeated with distance, token untouched', async (code) => {
    const { wechat } = setUp();
    refuse(code, PATH, 3);
    expect(await wechat.post(PATH)).toMatchObject({ total: 2 });
    expect([calls(PATH), calls(TOKEN)]).toEqual([4, 1]);
  });

  it.each(ofClass('Q'))('%i, class Q: not repeated, and told until when', async (code) => {
    const { wechat } = setUp();
    refuse(code, PATH, 9);
    const error = await failureOf(wechat.get(PATH));
    expect(error).toMatchObject({ errcode: code, reason: 'quota' });
    expect((error as WeChatError).retryAt).toBeGreaterThan(NOON);
    expect([calls(PATH), calls(TOKEN)]).toEqual([1, 1]);
  });

  it.each(ofClass('C'))('%i, class C: raised at once, with the account’s name', async (code) => {
    const { wechat } = setUp();
    refuse(code, PATH, 9);
    const error = await failureOf(wechat.get(PATH));
    expect(error).toBeInstanceOf(WeChatError);
    expect(error).toMatchObject({ errcode: code, reason: 'refused', retryable: false, account: 'shop' });
    expect((error as WeChatError).retryAt).toBeUndefined();
    expect((error as Error).message).toMatch(/^account "shop", \/cgi-bin\/user\/get: /);
    expect([calls(PATH), calls(TOKEN)]).toEqual([1, 1]);
  });

  it.each(ofClass('P'))('%i, class P: the token at hand is not to blame and stays', async (code) => {
    const { wechat } = setUp();
    refuse(code, PATH, 9);
    expect(await failureOf(wechat.get(PATH))).toMatchObject({ errcode: code, reason: 'parent' });
    expect([calls(PATH), calls(TOKEN)]).toEqual([1, 1]);
  });

  it.each(ofClass('U'))('%i, class U: raised at once, for a person', async (code) => {
    const { wechat } = setUp();
    refuse(code, PATH, 9);
    const error = (await failureOf(wechat.get(PATH))) as WeChatError;
    expect(error).toMatchObject({ errcode: code, retryable: false });
    expect(['reauthorize', 'suspended', 'blocked']).toContain(error.reason);
    expect([calls(PATH), calls(TOKEN)]).toEqual([1, 1]);
  });

  it('40001 from the ticket endpoint renews the parent first, once, and then the ticket', async () => {
    const { shop, manager } = setUp();
    await manager.get(shop.accessToken);
    sandbox.wechat.revoke(app.appId);
    expect((await manager.get(shop.jsapiTicket)).value).not.toBe('');
    expect([calls('/cgi-bin/ticket/getticket'), calls(TOKEN)]).toEqual([2, 2]);
  });
});

describe('on a token endpoint', () => {
  const STATES: Readonly<Record<Row['class'], readonly string[]>> = {
    R: ['ERR_TOKEN_REFUSED'],
    B: ['ERR_TOKEN_BUSY'],
    Q: ['ERR_TOKEN_QUOTA'],
    C: ['ERR_TOKEN_REFUSED'],
    P: ['ERR_TOKEN_WAITING'],
    U: ['ERR_TOKEN_REFUSED', 'ERR_TOKEN_SUSPENDED'],
  };
  const there = rows.filter(({ where = 'token' }) => where === 'token').map((row) => [row.code, row.class] as const);

  it.each(there)(
    '%i, class %s: the failure is told, and the platform is not asked again by the next callers',
    async (code, letter) => {
      const { shop, manager } = setUp();
      refuse(code, TOKEN, 9);
      const error = await failureOf(manager.get(shop.accessToken));
      expect(error).toMatchObject({ platformCode: String(code), account: 'shop' });
      expect(STATES[letter]).toContain((error as { code: string }).code);
      await Promise.all(Array.from({ length: 5 }, () => failureOf(manager.get(shop.accessToken))));
      expect(calls(TOKEN)).toBe(1);
      for await (const { failure } of manager.inspect({ kinds: ['stable_access_token'] })) {
        expect(failure?.platformCode).toBe(String(code));
      }
    },
  );

  it.each(there.filter(([, letter]) => letter === 'B' || letter === 'Q'))(
    '%i, class %s: asked again when its time has come, and had then',
    async (code) => {
      const { shop, manager } = setUp();
      refuse(code, TOKEN);
      const { retryAt = 0 } = (await failureOf(manager.get(shop.accessToken))) as { retryAt?: number };
      expect(retryAt).toBeGreaterThan(clock.now());
      await clock.advance(retryAt - clock.now() + 1);
      expect((await manager.get(shop.accessToken)).value).not.toBe('');
      expect(calls(TOKEN)).toBe(2);
    },
  );

  it('class U: where a person authorized, the state asks for one', () => {
    const grants = ofClass('U').map((errcode) => [
      errcode,
      issueError({ errcode, errmsg: '' }, { account: 'shop' }, { now: NOON, secrets: [], grant: true }).code,
    ]);
    const reauthorize = grants
      .filter(([, code]) => code === 'ERR_TOKEN_REAUTHORIZATION_REQUIRED')
      .map(([code]) => code);
    expect(reauthorize).toEqual([40029, 40163, 42003, 40030, 42002, 42007, 50001, 61003, 61009, 61010, 61023]);
  });
});
