import { existsSync } from 'node:fs';
import { SANDBOX_ACCOUNTS, type SandboxCall } from '@evertoken/sandbox';
import { type Browser, chromium, type Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { afterwards, HOUR_MS, runOnSandbox, UID } from './support.js';

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const HOURS = 72;
const { clientId } = SANDBOX_ACCOUNTS.nextengine;

/** A line of the page's table, as the browser has it. */
interface Line {
  readonly account: string;
  readonly kind: string;
  readonly subject: string;
  readonly state: string;
  readonly livesMs: number;
}

/** What is used of a row in the browser. */
interface Row {
  readonly dataset: Readonly<Record<string, string>>;
}

beforeAll(() => {
  if (existsSync(CHROMIUM)) return;
  throw new Error(
    `No browser at ${CHROMIUM}. Install one: apt-get install chromium, or set CHROMIUM_PATH to its program`,
  );
});

async function openBrowser(): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  afterwards(() => browser.close());
  return browser;
}

async function linesOf(page: Page): Promise<Line[]> {
  const now = await clockOf(page);
  const lines = await page
    .locator('#tokens tr')
    .evaluateAll((rows: readonly Row[]) => rows.map(({ dataset }) => ({ ...dataset })));
  return lines.map(({ account = '', kind = '', subject = '', state = '', expiresAt }: Row['dataset']) => ({
    account,
    kind,
    subject,
    state,
    livesMs: Number(expiresAt || Number.NaN) - now,
  }));
}

/** The time the page shows, Unix ms. */
async function clockOf(page: Page): Promise<number> {
  return Number(await page.locator('[data-now]').getAttribute('data-now'));
}

/** Presses a button of the sandbox's card, and waits until the page shows by itself what came of it. */
async function advance(page: Page, button: '+1 minute' | '+1 hour'): Promise<void> {
  const target = (await clockOf(page)) + (button === '+1 hour' ? HOUR_MS : 60_000);
  await press(page, button);
  await eventually(() => clockOf(page)).toBeGreaterThanOrEqual(target);
}

/** Presses a button and waits until it is back: the request it sends has been answered, a step's refresh has ended. */
async function press(page: Page, name: string): Promise<void> {
  const button = page.getByRole('button', { name, exact: true });
  await button.click();
  await eventually(() => button.isEnabled()).toBe(true);
}

/** Looks again and again: the page is told of changes, and not asked to load anew. */
function eventually<T>(look: () => Promise<T>) {
  return expect.poll(look, { interval: 10, timeout: 10_000 });
}

function activeLines(page: Page): Promise<number> {
  return page.locator('#tokens tr[data-state="active"]').count();
}

/** What calls of all platforms are answered with, made by the page in the visitor's session. */
function callAll(page: Page): Promise<number[]> {
  return page.evaluate(
    (paths) => Promise.all(paths.map(async (path) => (await fetch(path)).status)),
    [
      '/wechat/followers',
      '/wechat/js-sdk?url=https://shop.example/',
      '/dingtalk/user?userid=manager1',
      '/nextengine/orders',
    ],
  );
}

const isDead = ({ state, livesMs }: Line) => state !== 'active' || !(livesMs > 0);
const named = (calls: readonly SandboxCall[]) => calls.map(({ platform, endpoint }) => `${platform} ${endpoint}`);
const countOf = (names: readonly string[]) =>
  Object.fromEntries([...new Set(names)].sort().map((name) => [name, names.filter((other) => other === name).length]));

describe('three days in a browser', () => {
  it('shows tokens of all three platforms and keeps them fresh, without reloading', async () => {
    const { url, sandbox } = await runOnSandbox();
    const page = await (await openBrowser()).newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on(
      'console',
      (message) =>
        message.type() === 'error' && message.location().url.startsWith(url) && problems.push(message.text()),
    );

    await page.goto(url);
    await page.getByText('nobody has signed in yet').waitFor();
    await page.getByRole('link', { name: 'Sign in to NextEngine' }).click();
    await page.getByRole('link', { name: UID }).click();
    await page.getByText(`Signed in as ${UID}`).waitFor();
    await page.getByText('live', { exact: true }).waitFor();
    await eventually(() => activeLines(page)).toBe(6);
    expect((await linesOf(page)).map(({ account, kind, subject }) => [account, kind, subject])).toEqual([
      ['shop', 'stable_access_token', ''],
      ['shop', 'jsapi_ticket', ''],
      ['shop', 'card_ticket', ''],
      ['oa', 'access_token', ''],
      ['oa', 'jsapi_ticket', ''],
      ['erp', 'access_token', UID],
    ]);

    const navigations: string[] = [];
    page.on('framenavigated', (frame) => navigations.push(frame.url()));
    const started = sandbox.now();
    const first = sandbox.calls().length;
    // So that each later step falls just behind the end of what lives whole hours.
    await advance(page, '+1 minute');
    for (let hour = 1; hour <= HOURS; hour++) {
      const seen = sandbox.calls().length;
      await advance(page, '+1 hour');
      await eventually(async () => (await linesOf(page)).filter(isDead)).toEqual([]);
      expect(await activeLines(page)).toBe(6);
      expect(await callAll(page)).toEqual([200, 200, 200, 200]);

      // One call for each token that had ended, the two tickets of WeChat by the same path, and no other.
      const names = named(sandbox.calls().slice(seen)).filter((name) => !BUSINESS.has(name));
      expect(countOf(names)).toEqual({ ...(hour % 2 === 0 && EVERY_TWO_HOURS), ...(hour % 24 === 0 && EVERY_DAY) });
    }

    expect(sandbox.now() - started).toBeGreaterThan(HOURS * HOUR_MS);
    expect(navigations).toEqual([]);
    expect(problems).toEqual([]);
    // Every call of three days was answered: no token was used after its end.
    expect(
      sandbox
        .calls()
        .slice(first)
        .filter(({ outcome }) => outcome !== 'ok'),
    ).toEqual([]);
    const users = sandbox.state().nextengine.find((app) => app.clientId === clientId)?.users;
    expect(users?.find(({ uid }) => uid === UID)).toMatchObject({ signIns: 1, renewals: 3 });
    expect(sandbox.calls({ endpoint: '/api_neauth' })).toHaveLength(1);
  }, 120_000);

  it('shows a killed token healing', async () => {
    const { url, sandbox } = await runOnSandbox();
    const page = await (await openBrowser()).newPage();
    await page.goto(url);
    await eventually(() => activeLines(page)).toBe(5);
    await press(page, 'Kill WeChat token');
    await page.getByRole('link', { name: 'Count followers' }).click();
    await page.getByRole('heading', { name: 'WeChat followers' }).waitFor();
    await page.getByRole('link', { name: 'All tokens' }).click();
    const latest = page.locator('#latest td:is(:nth-child(2), :nth-child(3))');
    await eventually(async () => (await latest.allTextContents()).slice(0, 6)).toEqual([
      ...['/cgi-bin/user/get', 'ok'],
      ...['/cgi-bin/stable_token', 'ok'],
      ...['/cgi-bin/user/get', '40001'],
    ]);
    expect(sandbox.calls({ endpoint: '/cgi-bin/stable_token' })).toHaveLength(2);
  });
});

const BUSINESS: ReadonlySet<string> = new Set([
  'wechat /cgi-bin/user/get',
  'dingtalk /topapi/v2/user/get',
  'nextengine /api_v1_receiveorder_base/search',
]);
const EVERY_TWO_HOURS = {
  'wechat /cgi-bin/stable_token': 1,
  'wechat /cgi-bin/ticket/getticket': 2,
  'dingtalk /v1.0/oauth2/accessToken': 1,
  'dingtalk /v1.0/oauth2/jsapiTickets': 1,
};
const EVERY_DAY = { 'nextengine /api_app/company': 1, 'nextengine /api_v1_login_user/info': 1 };
