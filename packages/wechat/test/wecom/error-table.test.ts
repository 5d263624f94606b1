import { readFileSync } from 'node:fs';
import type { TokenManager } from '@evertoken/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WeChatError } from '../../src/index.js';
import { WECOM_ERRORS } from '../../src/wecom/wecom-errors.js';
import { failureOf, hastyClock } from '../support.js';
import { AGENT, CORP, SUITE, times, World } from './world.js';

/** The sheet's table as data: what each code demands, whatever our own table says. */
interface Row {
  readonly code: number;
  readonly class: 'R' | 'B' | 'Q' | 'C' | 'P' | 'U' | 'T' | 'N';
  readonly of?: 'suite';
  readonly where?: 'call' | 'token';
}
const { rows } = JSON.parse(readFileSync(new URL('error-table.json', import.meta.url), 'utf8')) as { rows: Row[] };
const ofClass = (letter: Row['class'], { of, where = 'call' }: Pick<Row, 'of' | 'where'> = {}) =>
  rows.filter((row) => row.class === letter && row.of === of && (row.where ?? where) === where).map(({ code }) => code);

const PATH = '/cgi-bin/get_api_domain_ip';
const GETTOKEN = '/cgi-bin/gettoken';
const SUITE_TOKEN = '/cgi-bin/service/get_suite_token';
const CORP_TOKEN = '/cgi-bin/service/get_corp_token';
const PRE_AUTH = '/cgi-bin/service/get_pre_auth_code';

let world: World;
const calls = (endpoint: string) => world.calls(endpoint).length;
const refuse = (code: number, endpoint: string, count = 1) =>
  world.sandbox.fault({ platform: 'wecom', kind: 'code', code, endpoint, count });

beforeEach(async () => {
  world = await World.open();
});
afterEach(() => world.close());

it('holds every code of the sheet, and no other', () => {
  expect([...new Set(rows.map(({ code }) => code))].sort()).toEqual(Object.keys(WECOM_ERRORS).map(Number).sort());
});

it('names the source of every row', () => {
  for (const { meaning, source } of Object.values(WECOM_ERRORS)) expect([meaning, source]).not.toContain('');
});

describe('on a call', () => {
  function setUp() {
    const corp = world.corp({ clock: hastyClock() });
    const manager = world.manager(corp);
    return { corp, manager, crm: corp.agent('crm').client(manager) };
  }

  it.each(ofClass('R'))('%i, class R: one refresh and one retry', async (code) => {
    const { crm } = setUp();
    await crm.get(PATH);
    world.sandbox.wecom.killToken(CORP, AGENT);
    refuse(code, PATH);
    expect(await crm.get(PATH)).toMatchObject({ errcode: 0 });
    expect([calls(PATH), calls(GETTOKEN)]).toEqual([3, 2]);
  });

  it.each(ofClass('R'))('%i, class R, again after the refresh: reported, not tried a third time', async (code) => {
    const { crm } = setUp();
    await crm.get(PATH);
    world.sandbox.wecom.killToken(CORP, AGENT);
    refuse(code, PATH, 9);
    expect(await failureOf(crm.get(PATH))).toMatchObject({ errcode: code, reason: 'token' });
    expect([calls(PATH), calls(GETTOKEN)]).toEqual([3, 2]);
  });

  it.each(ofClass('R', { of: 'suite' }))('%i, class R of the suite: its token renewed, one retry', async (code) => {
    const { client } = await world.suiteAtWork();
    await world.ticket();
    await client.preAuthCode();
    world.sandbox.wecom.killToken(SUITE);
    refuse(code, PRE_AUTH);
    expect((await client.preAuthCode()).lifetimeMs).toBe(1_200_000);
    expect([calls(PRE_AUTH), calls(SUITE_TOKEN)]).toEqual([3, 2]);
  });

  it.each(ofClass('B'))('%i, class B: repeated three times at most, token untouched', async (code) => {
    const { crm } = setUp();
    refuse(code, PATH, 3);
    expect(await crm.get(PATH)).toMatchObject({ errcode: 0 });
    refuse(code, PATH, 9);
    expect(await failureOf(crm.get(PATH))).toMatchObject({ errcode: code, reason: 'busy', retryable: true });
    expect([calls(PATH), calls(GETTOKEN)]).toEqual([8, 1]);
  });

  it.each(ofClass('Q'))('%i, class Q: not repeated, and told how long the block lasts at least', async (code) => {
    const clock = hastyClock();
    const corp = world.corp({ clock });
    refuse(code, PATH, 9);
    const error = await failureOf(corp.agent('crm').client(world.manager(corp)).get(PATH));
    expect(error).toMatchObject({ errcode: code, reason: 'quota', retryable: false, retryAt: clock.now() + 60_000 });
    expect([calls(PATH), calls(GETTOKEN)]).toEqual([1, 1]);
  });

  it.each([...ofClass('C'), ...ofClass('N')])('%i: raised at once, with the account’s name', async (code) => {
    const { crm } = setUp();
    refuse(code, PATH, 9);
    const error = await failureOf(crm.get(PATH));
    expect(error).toBeInstanceOf(WeChatError);
    expect(error).toMatchObject({ errcode: code, reason: 'refused', retryable: false, account: 'corp' });
    expect([calls(PATH), calls(GETTOKEN)]).toEqual([1, 1]);
  });

  it.each([...ofClass('P'), ...ofClass('T')])('%i: the token at hand is not to blame and stays', async (code) => {
    const { crm } = setUp();
    refuse(code, PATH, 9);
    expect(await failureOf(crm.get(PATH))).toMatchObject({ errcode: code, reason: 'parent' });
    expect([calls(PATH), calls(GETTOKEN)]).toEqual([1, 1]);
  });

  it.each(ofClass('U'))('%i, class U: raised at once, for a person', async (code) => {
    const { crm } = setUp();
    refuse(code, PATH, 9);
    const error = (await failureOf(crm.get(PATH))) as WeChatError;
    expect(error).toMatchObject({ errcode: code, retryable: false });
    expect(['reauthorize', 'suspended']).toContain(error.reason);
    expect([calls(PATH), calls(GETTOKEN)]).toEqual([1, 1]);
  });
});

describe('where a token is asked for', () => {
  const asked = ['gettoken', 'get_suite_token', 'get_corp_token'] as const;

  async function setUp(
    which: (typeof asked)[number],
  ): Promise<{ get: () => Promise<unknown>; endpoint: string; manager: TokenManager }> {
    if (which === 'gettoken') {
      const corp = world.corp();
      const manager = world.manager(corp);
      return { get: () => manager.get(corp.agent('crm').accessToken), endpoint: GETTOKEN, manager };
    }
    const account = world.suite();
    const manager = world.manager(account);
    const { ticket } = world.sandbox.wecom.pushTicket(SUITE);
    await manager.adopt(account.ticket, { value: ticket, lifetimeMs: 1_800_000 }, { order: 1 });
    if (which === 'get_suite_token')
      return { get: () => manager.get(account.accessToken), endpoint: SUITE_TOKEN, manager };
    const other = account.corp('wwanother');
    // Not as a grant: that would have its token obtained in the background.
    await manager.adopt(other.permanentCode, { value: 'another-permanent-code' }, { order: 1 });
    return { get: () => manager.get(other.accessToken), endpoint: CORP_TOKEN, manager };
  }

  const expected: readonly [letter: Row['class'], codes: readonly string[]][] = [
    ['B', ['ERR_TOKEN_BUSY']],
    ['Q', ['ERR_TOKEN_QUOTA']],
    ['C', ['ERR_TOKEN_REFUSED']],
  ];
  const table = asked.flatMap((which) =>
    expected.flatMap(([letter, codes]) =>
      ofClass(letter, { where: 'token' }).map((code) => [which, code, letter, codes] as const),
    ),
  );

  it.each(table)(
    '%s answers %i, class %s: told once, and the platform is not asked again by the next callers',
    async (which, code, _, codes) => {
      const { get, endpoint } = await setUp(which);
      const before = calls(endpoint);
      refuse(code, endpoint, 9);
      const error = await failureOf(get());
      expect(error).toMatchObject({ platformCode: String(code) });
      expect(codes).toContain((error as { code: string }).code);
      await Promise.all(times(5, () => failureOf(get())));
      expect(calls(endpoint) - before).toBe(1);
    },
  );

  it.each(['40084', '48004'])('get_corp_token answers %s: the corp must install the app again', async (code) => {
    const { get, endpoint, manager } = await setUp('get_corp_token');
    const before = calls(endpoint);
    refuse(Number(code), endpoint, 9);
    for (const _ of times(5, () => 0)) {
      expect(await failureOf(get())).toMatchObject({ code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED', platformCode: code });
    }
    expect(calls(endpoint) - before).toBe(2);
    const states: string[] = [];
    for await (const { kind, subject, state } of manager.inspect({ states: ['reauthorize'] }))
      states.push(`${kind} ${subject} ${state}`);
    expect(states).toContain('permanent_code wwanother reauthorize');
  });

  it.each(ofClass('R', { of: 'suite' }))(
    'get_corp_token answers %i: the suite’s token is renewed, and the corp’s asked for again',
    async (code) => {
      const { client } = await world.suiteAtWork();
      await world.ticket();
      await world.install();
      await client.corp(CORP).get(PATH);
      const before = [calls(CORP_TOKEN), calls(SUITE_TOKEN)] as const;
      world.sandbox.wecom.killToken(SUITE);
      world.sandbox.wecom.killToken(SUITE, CORP);
      refuse(code, CORP_TOKEN);
      expect(await client.corp(CORP).get(PATH)).toMatchObject({ errcode: 0 });
      expect([calls(CORP_TOKEN) - before[0], calls(SUITE_TOKEN) - before[1]]).toEqual([2, 1]);
    },
  );

  it.each(ofClass('P'))('get_suite_token answers %i: waiting for a ticket', async (code) => {
    const { get, endpoint } = await setUp('get_suite_token');
    refuse(code, endpoint, 9);
    expect(await failureOf(get())).toMatchObject({ code: 'ERR_TOKEN_WAITING' });
    await Promise.all(times(5, () => failureOf(get())));
    expect(calls(endpoint)).toBe(1);
  });
});
