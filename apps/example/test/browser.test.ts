import { SANDBOX_ACCOUNTS, type SandboxCall } from '@evertoken/sandbox';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import {
  advance,
  barsOf,
  eventually,
  type Line,
  linesOf,
  navigationsOf,
  openBrowser,
  press,
  problemsOf,
} from './browser.js';
import { HOUR_MS, runOnSandbox, UID } from './support.js';

const HOURS = 72;
const DINGTALK_TICKET_HOURS = 5;
const { clientId } = SANDBOX_ACCOUNTS.nextengine;
const [AUTHORIZER] = SANDBOX_ACCOUNTS.openPlatform.authorizers;

/** What is there once the platforms have pushed, a tenant of each has authorized and a user has signed in. */
const TOKENS = [
  'shop stable_access_token',
  'shop jsapi_ticket',
  'shop card_ticket',
  'platform component_verify_ticket',
  'platform component_access_token',
  `platform authorizer_access_token ${AUTHORIZER.appId}`,
  `platform authorizer_jsapi_ticket ${AUTHORIZER.appId}`,
  `platform authorizer_card_ticket ${AUTHORIZER.appId}`,
  'corp access_token 1000002',
  'corp access_token contacts',
  'suite suite_ticket',
  'suite suite_access_token',
  'suite permanent_code wwsandboxcustomer1',
  'suite corp_access_token wwsandboxcustomer1',
  'oa access_token',
  'oa jsapi_ticket',
  'isv suite_ticket',
  'isv suite_access_token',
  'isv corp_authorization dingsandboxcorp1',
  'isv permanent_code dingsandboxcorp1',
  'isv corp_access_token dingsandboxcorp1',
  `erp access_token ${UID}`,
];

/** Calls with the tokens of each account, one of each. */
const CALLS = [
  '/wechat/followers',
  '/wechat/js-sdk?url=https://shop.example/',
  `/open-platform/authorizers/${AUTHORIZER.appId}/followers`,
  '/wecom/user?userid=zhang',
  '/wecom-suite/corps/wwsandboxcustomer1/departments',
  '/dingtalk/user?userid=manager1',
  '/dingtalk-suite/corps/dingsandboxcorp1/user?userid=manager1',
  '/nextengine/orders',
];

/** What brings new tokens, by how long those live. Tickets of WeChat are asked for by one path, for shop and authorizer two each. */
const EVERY_TWO_HOURS = {
  'dingtalk /v1.0/oauth2/accessToken': 1,
  'dingtalk /v1.0/oauth2/corpAccessToken': 1,
  'dingtalk /v1.0/oauth2/jsapiTickets': 1,
  'dingtalk /v1.0/oauth2/suiteAccessToken': 1,
  'wechat /cgi-bin/component/api_authorizer_token': 1,
  'wechat /cgi-bin/component/api_component_token': 1,
  'wechat /cgi-bin/stable_token': 1,
  'wechat /cgi-bin/ticket/getticket': 4,
  'wecom /cgi-bin/gettoken': 2,
  'wecom /cgi-bin/service/get_corp_token': 1,
  'wecom /cgi-bin/service/get_suite_token': 1,
};
const EVERY_DAY = { 'nextengine /api_app/company': 1, 'nextengine /api_v1_login_user/info': 1 };
const BUSINESS: ReadonlySet<string> = new Set([
  'wechat /cgi-bin/user/get',
  'wecom /cgi-bin/user/get',
  'wecom /cgi-bin/department/list',
  'dingtalk /topapi/v2/user/get',
  'nextengine /api_v1_receiveorder_base/search',
]);

/** An agent that has a secret and no number is known by the secret's fingerprint, too. */
const nameOf = ({ account, kind, subject }: Line) => `${account} ${kind} ${subject.replace(/~.*/, '')}`.trim();
const isDead = ({ state, livesMs }: Line) => state !== 'active' || livesMs <= 0;
const named = (calls: readonly SandboxCall[]) => calls.map(({ platform, endpoint }) => `${platform} ${endpoint}`);
const countOf = (names: readonly string[]) =>
  Object.fromEntries([...new Set(names)].sort().map((name) => [name, names.filter((other) => other === name).length]));

async function signIn(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Sign in to NextEngine' }).click();
  await page.getByRole('link', { name: UID }).click();
  await page.getByText(`Signed in as ${UID}`).waitFor();
  await page.getByText('live', { exact: true }).waitFor();
}

/** What calls of all platforms are answered with, made by the page in the visitor's session. */
function callAll(page: Page): Promise<number[]> {
  return page.evaluate((paths) => Promise.all(paths.map(async (path) => (await fetch(path)).status)), CALLS);
}

/** All texts that a member called secret, token or key has, at any depth. */
function secretsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    typeof member === 'string' && /secret|token|key$/i.test(name) && name !== 'appKey' && name !== 'suiteKey'
      ? [member]
      : secretsIn(member),
  );
}

/** What whoever begins to watch is told. */
async function firstEventOf(url: string): Promise<string> {
  let text = '';
  for await (const chunk of (await fetch(`${url}/api/events`)).body ?? []) {
    text += Buffer.from(chunk).toString();
    if (/^event: status\n(?:.*\n)*?\n/m.test(text)) break;
  }
  return text;
}

function focused(page: Page): Promise<unknown> {
  return page.evaluate('document.activeElement?.textContent');
}

/** Goes on by keyboard until the element of this text has the focus. */
async function tabTo(page: Page, text: string, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  for (let step = 0; step < 120; step++) {
    if ((await focused(page)) === text) return;
    await page.keyboard.press(key);
  }
  throw new Error(`the keyboard does not get to "${text}"`);
}

/** How well texts stand out from what is behind them: 4.5 is what WCAG 2.2 (1.4.3, AA) asks of text of this size. */
function contrastsIn(page: Page, selector: string): Promise<{ readonly text: string; readonly ratio: number }[]> {
  return page.evaluate(`(() => {
    const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
    const light = (color) => {
      const [r, g, b] = numbers(color).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
      const color = getComputedStyle(element).backgroundColor;
      return numbers(color)[3] === 0 && element.parentElement ? behind(element.parentElement) : color;
    };
    return [...document.querySelectorAll(${JSON.stringify(selector)})]
      .filter((element) => element.checkVisibility() && element.textContent.trim() !== '')
      .map((element) => {
        const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
        return { text: element.textContent, ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) };
      });
  })()`);
}

describe('three days in a browser', () => {
  it('shows tokens of all seven accounts and keeps them fresh, without reloading', async () => {
    const { url, sandbox } = await runOnSandbox();
    const page = await (await openBrowser()).newPage();
    const problems = problemsOf(page, url);
    await page.goto(url);
    await signIn(page);
    // What could not be had before the first pushes came is had by the next sweep.
    await eventually(async () => (await linesOf(page)).map(nameOf)).toEqual(TOKENS);
    await advance(page, '+1 minute');
    await eventually(async () => (await linesOf(page)).filter(isDead)).toEqual([]);

    // A job's own sweep may come in the moment between a jump and the ticket that it sends; in reality they hardly ever meet.
    sandbox.dingtalkSuite.configure(SANDBOX_ACCOUNTS.dingtalkSuite.suiteKey, { suiteTicketGraceMs: 60_000 });

    const navigations = navigationsOf(page);
    const started = sandbox.now();
    const first = sandbox.calls().length;
    for (let hour = 1; hour <= HOURS; hour++) {
      const seen = sandbox.calls().length;
      if (hour % DINGTALK_TICKET_HOURS === 0) {
        // The jump would end the ticket and send the next one in the same moment, and a sweep may be faster than the push.
        sandbox.advance(HOUR_MS - 60_000);
        await sandbox.pushes();
        await advance(page, '+1 minute');
      } else await advance(page, '+1 hour');
      await sandbox.pushes();
      expect(await callAll(page)).toEqual(CALLS.map(() => 200));
      await eventually(async () => (await linesOf(page)).filter(isDead)).toEqual([]);

      // One call for each token that had ended, and no other.
      const names = named(sandbox.calls().slice(seen)).filter((name) => !BUSINESS.has(name));
      expect(countOf(names)).toEqual({ ...(hour % 2 === 0 && EVERY_TWO_HOURS), ...(hour % 24 === 0 && EVERY_DAY) });
    }
    expect((await linesOf(page)).map(nameOf)).toEqual(TOKENS);
    expect(sandbox.now() - started).toBeGreaterThan(HOURS * HOUR_MS);
    expect(navigations).toEqual([]);
    expect(problems).toEqual([]);
    // Every call of three days was answered: no token was used after its end.
    const calls = sandbox.calls().slice(first);
    expect(calls.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
    const users = sandbox.state().nextengine.find((app) => app.clientId === clientId)?.users;
    expect(users?.find(({ uid }) => uid === UID)).toMatchObject({ signIns: 1, renewals: 3 });
    expect(sandbox.calls({ endpoint: '/api_neauth' })).toHaveLength(1);

    // All of it stands in the timeline: a bar for each of the tokens, one behind the other without a gap, up to now.
    await page.getByRole('button', { name: '14 d' }).click();
    const shop = await barsOf(page, 'shop/stable_access_token/');
    expect(shop).toHaveLength(HOURS / 2 + 1);
    expect(shop.slice(1).map(({ from }, index) => from - (shop[index]?.from ?? 0))).toEqual(
      shop.slice(1).map(() => expect.closeTo(2 * HOUR_MS, -6)),
    );
    const pairs = await barsOf(page, `erp/access_token/${UID}`);
    expect(pairs.map(({ classes }) => classes.includes('current'))).toEqual([false, false, false, true]);
    expect(pairs.slice(1).every(({ left }, index) => left >= (pairs[index]?.right ?? 1) - 0.01)).toBe(true);
  }, 240_000);
});

describe('the page', () => {
  it('shows no secret, no token and no ticket: not in the page, not in what it is told', async () => {
    const { url, tokens, sandbox, platforms } = await runOnSandbox();
    const page = await (await openBrowser()).newPage();
    await page.goto(url);
    await signIn(page);
    await eventually(async () => (await linesOf(page)).map(nameOf)).toEqual(TOKENS);
    // From NextEngine's menu, too: nobody is taken for somebody else, so its sign-in page comes in between.
    await page.getByRole('button', { name: `Start from its menu · ${UID}` }).click();
    await page.getByRole('link', { name: UID }).click();
    await page.getByText(`Signed in as ${UID}`).waitFor();
    await page.getByText('live', { exact: true }).waitFor();
    await press(page, 'Kill WeChat token');
    await press(page, 'Count followers');
    await page.locator('#log').getByText('refused by the platform').waitFor();

    const secrets = secretsIn(platforms.sandbox?.credentials);
    for await (const { account, kind, subject } of tokens.inspect()) {
      const source = tokens
        .accounts()
        .find(({ name }) => name === account)
        ?.source(kind, subject);
      if (!source) throw new Error(`${account} knows no ${kind}`);
      secrets.push((await tokens.get(source)).value);
    }
    secrets.push(sandbox.nextengine.currentPair(clientId, UID)?.refreshToken ?? '');
    secrets.push(sandbox.openPlatform.refreshToken(SANDBOX_ACCOUNTS.openPlatform.appId, AUTHORIZER.appId) ?? '');
    expect(secrets.length).toBeGreaterThan(TOKENS.length + 7);

    const shown = [await page.content(), await firstEventOf(url)];
    for (const path of ['/', '/?account=erp', '/api/status']) shown.push(await (await fetch(url + path)).text());
    for (const text of shown) {
      expect(text).toContain(UID);
      expect(secrets.filter((secret) => secret.length < 8 || text.includes(secret))).toEqual([]);
    }
  });

  it('can be worked with the keyboard alone', async () => {
    const { url } = await runOnSandbox();
    const page = await (await openBrowser()).newPage();
    const problems = problemsOf(page, url);
    await page.goto(url);
    await page.getByText('live', { exact: true }).waitFor();
    const navigations = navigationsOf(page);

    await tabTo(page, '3 d');
    await page.keyboard.press('Enter');
    expect(await page.getByRole('button', { name: '3 d' }).getAttribute('aria-pressed')).toBe('true');
    // Slow, so that its end comes while another button is at work: it must not take the focus from that.
    const lookingUp = page.waitForRequest('**/dingtalk/user?*');
    const killed = new Promise<void>((resolve) => {
      void page.route('**/sandbox/kill', async (route) => {
        const answer = await route.fetch({ maxRedirects: 0 });
        resolve();
        await lookingUp;
        await route.fulfill({ response: answer });
      });
    });
    await tabTo(page, 'Kill DingTalk token');
    await page.keyboard.press('Enter');
    await killed;
    await tabTo(page, 'Look up user', 'Shift+Tab');
    await page.keyboard.press('Space');
    await page.locator('[data-card="oa"] output').getByText('manager1').first().waitFor();
    await eventually(() => focused(page)).toBe('Look up user');
    const bars = () => barsOf(page, 'oa/access_token/');
    await eventually(async () => (await bars()).map(({ classes }) => classes[1])).toEqual(['refused', 'current']);
    expect([navigations, problems]).toEqual([[], []]);
  });

  it('fits a narrow window, light and dark', async () => {
    const { url } = await runOnSandbox();
    const browser = await openBrowser();
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ viewport: { width: 360, height: 740 }, colorScheme });
      const problems = problemsOf(page, url);
      await page.goto(url);
      await page.getByText('live', { exact: true }).waitFor();
      await eventually(async () => (await barsOf(page, 'oa/access_token/')).length).toBeGreaterThan(0);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
      const contrasts = await contrastsIn(
        page,
        '.badge, button, .button, .line code, #axis span, small, th, legend li',
      );
      expect(contrasts.filter(({ ratio }) => !(ratio >= 4.5))).toEqual([]);
      expect(contrasts.length).toBeGreaterThan(30);
      expect(problems).toEqual([]);
    }
  });
});
