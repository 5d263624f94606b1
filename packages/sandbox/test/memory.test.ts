import { describe, expect, it } from 'vitest';
import { SANDBOX_ACCOUNTS, sandboxUrls } from '../src/index.js';
import { HOUR, postJson, query, START, startSandbox } from './support.js';
import { post as component, componentToken, startComponent } from './wechat/open-platform-support.js';
import { legacy } from './wechat/support.js';
import { post as weCom } from './wecom/support.js';

const { openPlatform, wecom, dingtalkSuite: isv } = SANDBOX_ACCOUNTS;
const [suite] = wecom.suites;
const [authorizer] = openPlatform.authorizers;
const CUSTOMER = 'wwcustomer';

interface Page {
  readonly from: number;
  readonly calls: readonly { readonly outcome: string }[];
  readonly next: number;
}

async function control<T>(url: string, path: string): Promise<T> {
  return (await (await fetch(`${url}/_sandbox/${path}`)).json()) as T;
}

describe('a sandbox that follows another', () => {
  it('goes on with an authorizer’s refresh token and the ticket', async () => {
    const first = await startComponent();
    const { authorizer_refresh_token: refreshToken } = await first.authorize();
    const { openPlatform: controls } = first.sandbox;
    expect(controls.refreshToken(openPlatform.appId, authorizer.appId)).toBe(refreshToken);
    expect(controls.refreshToken(openPlatform.appId, openPlatform.authorizers[1].appId)).toBeUndefined();
    const verifyTicket = controls.currentTicket(openPlatform.appId);
    if (!verifyTicket) throw new Error('no ticket');

    const authorizers = [{ ...authorizer, authorized: true, refreshToken }];
    const second = await startSandbox({ openPlatforms: [{ ...openPlatform, verifyTicket, authorizers }] });
    expect(second.openPlatform.currentTicket(openPlatform.appId)).toEqual(verifyTicket);
    const { component_access_token: token } = await componentToken(second, {
      component_verify_ticket: verifyTicket.ticket,
    });
    const refreshed = await component(second, `api_authorizer_token?component_access_token=${token}`, {
      component_appid: openPlatform.appId,
      authorizer_appid: authorizer.appId,
      authorizer_refresh_token: refreshToken,
    });
    expect(refreshed).toMatchObject({ authorizer_refresh_token: refreshToken });
  });

  it('goes on with a WeCom suite’s ticket and permanent codes', async () => {
    const first = await startSandbox();
    const { ticket } = first.wecom.pushTicket(suite.suiteId);
    first.wecom.install(suite.suiteId, { corpId: CUSTOMER });
    const permanentCode = first.wecom.permanentCode(suite.suiteId, CUSTOMER);
    expect(permanentCode).toBeTypeOf('string');
    expect(first.wecom.permanentCode(suite.suiteId, 'wwnobody')).toBeUndefined();
    const remembered = first.wecom.currentTicket(suite.suiteId);
    if (!remembered || !permanentCode) throw new Error('no ticket, or no permanent code');

    const suites = [{ ...suite, ticket: remembered, corps: [{ corpId: CUSTOMER, permanentCode }] }];
    const second = await startSandbox({ wecom: [{ ...wecom, suites }] });
    expect(second.wecom.permanentCode(suite.suiteId, CUSTOMER)).toBe(permanentCode);
    const asked = { suite_id: suite.suiteId, suite_secret: suite.secret, suite_ticket: ticket };
    const { suite_access_token: token } = await weCom(second, '/cgi-bin/service/get_suite_token', asked);
    const corp = { auth_corpid: CUSTOMER, permanent_code: permanentCode };
    const answer = await weCom(second, '/cgi-bin/service/get_corp_token', corp, { suite_access_token: token });
    expect(answer.access_token).toBeTypeOf('string');
    second.wecom.uninstall(suite.suiteId, CUSTOMER);
    expect(second.wecom.permanentCode(suite.suiteId, CUSTOMER)).toBeUndefined();
  });

  it('goes on with a DingTalk suite’s ticket, whose successor comes when it would have', async () => {
    const first = await startSandbox();
    const ticket = first.dingtalkSuite.currentTicket(isv.suiteKey);
    const [corp] = isv.corps ?? [];
    if (!ticket || !corp) throw new Error('no ticket, or no organisation');
    const permanentCode = first.dingtalkSuite.permanentCode(isv.suiteKey, corp.corpId);
    expect(permanentCode).toBeTypeOf('string');

    const corps = [{ ...corp, permanentCode: permanentCode ?? '' }];
    const second = await startSandbox({ dingtalkSuites: [{ ...isv, ticket, corps }] });
    expect(second.dingtalkSuite.permanentCode(isv.suiteKey, corp.corpId)).toBe(permanentCode);
    expect(second.dingtalkSuite.currentTicket(isv.suiteKey)).toEqual(ticket);
    second.advance(5 * HOUR - 1);
    expect(second.dingtalkSuite.currentTicket(isv.suiteKey)).toEqual(ticket);
    second.advance(1);
    expect(second.dingtalkSuite.currentTicket(isv.suiteKey)).not.toEqual(ticket);
    second.dingtalkSuite.cancel(isv.suiteKey, corp.corpId);
    expect(second.dingtalkSuite.permanentCode(isv.suiteKey, corp.corpId)).toBeUndefined();
  });

  it.each([
    [{ openPlatforms: [{ ...openPlatform, verifyTicket: { ticket: '', createTime: 1 } }] }, 'verifyTicket.ticket'],
    [{ openPlatforms: [{ ...openPlatform, authorizers: [{ ...authorizer, refreshToken: 'R' }] }] }, 'authorized'],
    [{ wecom: [{ ...wecom, suites: [{ ...suite, ticket: { ticket: 'T', timestamp: -1 } }] }] }, 'ticket.timestamp'],
    [{ dingtalkSuites: [{ ...isv, ticket: { ticket: 'T', at: 0.5 } }] }, 'ticket.at'],
  ])('takes nothing that cannot have been told: %#', async (options, member) => {
    await expect(startSandbox(options)).rejects.toThrow(`"${member}"`);
  });
});

describe('another process', () => {
  it('is told of the clock when somebody has moved it', async () => {
    const { url, advance } = await startSandbox();
    const clock = control(url, 'clock?unlessOffsetMs=0&waitMs=30000');
    await control(url, 'clock');
    advance(HOUR);
    expect(await clock).toEqual({ now: START + HOUR, offsetMs: HOUR });
    expect(await control(url, 'clock?unlessOffsetMs=0&waitMs=30000')).toMatchObject({ offsetMs: HOUR });
    expect(await control(url, `clock?unlessOffsetMs=${HOUR}&waitMs=1`)).toMatchObject({ offsetMs: HOUR });
    expect(await control(url, `clock?unlessOffsetMs=${HOUR}&waitMs=60000`)).toMatchObject({
      error: expect.stringContaining('"waitMs"'),
    });
  });

  it('is told each call once, and all of them again once the log was cleared', async () => {
    const sandbox = await startSandbox();
    const page = (after: number) => control<Page>(sandbox.url, `calls?after=${after}`);
    expect(await page(0)).toEqual({ from: 0, calls: [], next: 0 });
    await legacy(sandbox);
    await legacy(sandbox);
    expect(await page(1)).toMatchObject({ from: 1, calls: [{ outcome: 'ok' }], next: 2 });
    expect(await page(2)).toEqual({ from: 2, calls: [], next: 2 });
    sandbox.reset();
    await legacy(sandbox);
    expect(await page(2)).toMatchObject({ from: 0, calls: [{ outcome: 'ok' }], next: 1 });
    expect(await page(-1)).toMatchObject({ error: expect.stringContaining('"after"') });
    expect(await control(sandbox.url, 'calls?after=0&platform=wechat')).toMatchObject({
      error: expect.stringContaining('"after"'),
    });
  });

  it('finds the platforms from the address alone', async () => {
    const { url, urls } = await startSandbox();
    expect(sandboxUrls(url)).toEqual(urls);
    expect(await postJson(`${urls.wechat}/cgi-bin/stable_token?${query({})}`, {})).toHaveProperty('errcode');
  });
});
