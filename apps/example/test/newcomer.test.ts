import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { SandboxCall } from '@evertoken/sandbox';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { barsOf, clockOf, eventually, linesOf, navigationsOf, openBrowser, problemsOf } from './browser.js';
import { afterwards, HOUR_MS, temporaryDirectory, UID } from './support.js';

const PROGRAM = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const README = fileURLToPath(new URL('../README.md', import.meta.url));
const SHOP = 'shop/stable_access_token/';
const ERP = `erp/access_token/${UID}`;

/** A step of the README's walk. */
interface Step {
  readonly title: string;
  /** What it says to press, in order. */
  readonly presses: readonly string[];
  /** What it quotes: of the page, or of a command. */
  readonly quotes: readonly string[];
}

/** What a step works on. */
interface Walk {
  readonly page: Page;
  readonly port: number;
  readonly data: string;
  readonly problems: readonly string[];
  program?: ChildProcess;
  navigations?: readonly string[];
}

/** Steps in order, by their numbered headings. */
function stepsOf(readme: string): Step[] {
  const [, walk = ''] = readme.split(/^## A walk through it$/m);
  const [inside = ''] = walk.split(/^## /m);
  return inside
    .split(/^### \d+\. /m)
    .slice(1)
    .map((text) => {
      const [title = '', ...rest] = text.split('\n');
      const prose = rest.join('\n').replace(/```.*?```/gs, '');
      const quoted = (pattern: RegExp) => [...prose.matchAll(pattern)].map(([, words = '']) => words);
      return { title, presses: quoted(/\*\*(.+?)\*\*/g), quotes: quoted(/`([^`]+)`/g) };
    });
}

/** The program, as `npm start` starts it once everything is built. Resolves when it says where it is. */
async function start({ port, data }: Walk): Promise<{ program: ChildProcess; lines: readonly string[] }> {
  const program = spawn(process.execPath, [PROGRAM], {
    env: { PATH: process.env['PATH'], PORT: String(port), DATA_DIR: data },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  afterwards(async () => program.kill('SIGKILL'));
  const lines: string[] = [];
  for await (const line of createInterface({ input: program.stdout })) {
    lines.push(line);
    if (line.startsWith('Sandbox: ')) break;
  }
  return { program, lines };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('there is no port');
  return address.port;
}

/** Presses a button or link, whichever has this name, as a newcomer does. */
async function pressNamed(page: Page, name: string): Promise<void> {
  const button = page.getByRole('button', { name, exact: true });
  // The sandbox's pages say more of whom one can be.
  const isButton = (await button.count()) > 0;
  await (isButton ? button : page.getByRole('link', { name })).click();
  // It is back once what it has sent is answered.
  if (isButton) await eventually(() => button.isEnabled()).toBe(true);
}

/** What the application says to programs. */
async function callsOf(page: Page): Promise<readonly SandboxCall[]> {
  const answer = (await page.evaluate("fetch('/api/status').then((answer) => answer.json())")) as {
    readonly sandbox: { readonly calls: readonly SandboxCall[] };
  };
  return answer.sandbox.calls;
}

const described = (calls: readonly SandboxCall[]) => calls.map(({ endpoint, outcome }) => `${endpoint} ${outcome}`);
const states = async (page: Page) => (await linesOf(page)).map(({ account, state }) => `${account} ${state}`);

/** What to do at each step of the README, and what there is to see then. */
const STEPS: Readonly<Record<string, (walk: Walk, step: Step) => Promise<void>>> = {
  'Start it': async (walk) => {
    const { program, lines } = await start(walk);
    walk.program = program;
    expect(lines).toEqual([
      `Evertoken example: http://127.0.0.1:${walk.port}`,
      expect.stringMatching(/^Sandbox: http:\/\/127\.0\.0\.1:\d+$/),
    ]);
  },

  'Open the page': async ({ page, port }, { quotes }) => {
    expect(quotes).toEqual(['active', 'absent']);
    await page.goto(`http://127.0.0.1:${port}`);
    await page.getByText('live', { exact: true }).waitFor();
    await eventually(async () => [...new Set(await states(page))]).toEqual([
      ...['shop', 'platform', 'corp', 'suite', 'oa', 'isv'].map((account) => `${account} active`),
      'erp absent',
    ]);
    expect(await page.locator('[data-line="erp/access_token/"]').textContent()).toContain('nobody has signed in yet');
    await eventually(() => barsOf(page, SHOP)).toHaveLength(1);
    const [bar] = await barsOf(page, SHOP);
    expect((bar?.to ?? 0) - (bar?.from ?? 0)).toBeCloseTo(2 * HOUR_MS, -5);
    // The line of now, at 60 % of the width.
    expect(bar?.left).toBeCloseTo(0.6, 1);
    expect(await page.locator(`[data-line="${SHOP}"] .due:not(.away)`).count()).toBe(1);
  },

  'Sign in to NextEngine': async (walk, { presses }) => {
    const { page } = walk;
    for (const name of presses) await pressNamed(page, name);
    await page.getByText(`Signed in as ${UID}`).waitFor();
    await page.getByText('live', { exact: true }).waitFor();
    await eventually(() => barsOf(page, ERP)).toMatchObject([{ classes: ['bar', 'current', 'active'] }]);
    const [bar] = await barsOf(page, ERP);
    expect((bar?.to ?? 0) - (bar?.from ?? 0)).toBeCloseTo(24 * HOUR_MS, -5);
    expect(await page.locator(`[data-line="${ERP}"] .grant:not(.away)`).count()).toBe(1);
    // From here on the page stays: all that follows comes by itself.
    walk.navigations = navigationsOf(page);
  },

  'Watch a refresh happen': async ({ page }, { presses }) => {
    const before = await barsOf(page, SHOP);
    const pair = await barsOf(page, ERP);
    const asked = (await callsOf(page)).length;
    for (const name of presses) {
      const target = (await clockOf(page)) + HOUR_MS;
      await pressNamed(page, name);
      await eventually(() => clockOf(page)).toBeGreaterThanOrEqual(target);
    }
    await eventually(() => barsOf(page, SHOP)).toMatchObject([
      { classes: ['bar', 'renewed'], from: before[0]?.from },
      { classes: ['bar', 'current', 'active'] },
    ]);
    const [first, second] = await barsOf(page, SHOP);
    expect(first?.left).toBeLessThan((before[0]?.left ?? 0) - 0.2);
    expect(second?.left).toBeGreaterThanOrEqual((first?.right ?? 1) - 0.02);
    expect((await barsOf(page, ERP)).map(({ from }) => from)).toEqual(pair.map(({ from }) => from));
    const calls = described((await callsOf(page)).slice(asked));
    expect(calls.filter((call) => call.startsWith('/cgi-bin/stable_token'))).toEqual(['/cgi-bin/stable_token ok']);
  },

  'Kill a token': async ({ page }, { presses }) => {
    const before = await barsOf(page, SHOP);
    const asked = (await callsOf(page)).length;
    for (const name of presses) await pressNamed(page, name);
    expect((await barsOf(page, SHOP)).map(({ classes, from }) => [classes, from])).toEqual(
      before.map(({ classes, from }) => [classes, from]),
    );
    expect(described((await callsOf(page)).slice(asked))).toEqual([]);
  },

  'See it heal': async ({ page }, { presses, quotes }) => {
    const [, killed] = await barsOf(page, SHOP);
    for (const name of presses) await pressNamed(page, name);
    await page
      .locator('[data-card="shop"] output')
      .getByText(quotes[0] ?? '')
      .waitFor();
    await eventually(() => barsOf(page, SHOP)).toMatchObject([
      { classes: ['bar', 'renewed'] },
      { classes: ['bar', 'refused'], from: killed?.from },
      { classes: ['bar', 'current', 'active'] },
    ]);
    const [, ended, healed] = await barsOf(page, SHOP);
    // It would have lived on for long; it ends where the new one begins.
    expect((killed?.right ?? 0) - (ended?.right ?? 1)).toBeGreaterThan(0.2);
    expect(healed?.left).toBeCloseTo(ended?.right ?? 0, 1);
    expect(await page.locator(`[data-line="${SHOP}"] :is(.refused.mark, .lost):not(.away)`).count()).toBe(2);
    const latest = page.locator('#latest td:is(:nth-child(2), :nth-child(3))');
    await eventually(async () => (await latest.allTextContents()).slice(0, 6)).toEqual([
      ...['/cgi-bin/user/get', 'ok'],
      ...['/cgi-bin/stable_token', 'ok'],
      ...['/cgi-bin/user/get', '40001'],
    ]);
    await page.locator('#log').getByText('refused by the platform; a new one took its place').waitFor();
  },

  'Restart it': async (walk, { quotes }) => {
    const { page, program } = walk;
    expect(quotes.slice(0, 3)).toEqual(['disconnected', 'live', 'active']);
    const before = await clockOf(page);
    const ended = program && once(program, 'exit');
    program?.kill('SIGINT');
    await ended;
    await page.getByText('disconnected', { exact: true }).waitFor();
    walk.program = (await start(walk)).program;
    await page.getByText('live', { exact: true }).waitFor({ timeout: 20_000 });
    await eventually(() => clockOf(page)).toBeGreaterThan(before);
    await eventually(async () => [...new Set(await states(page))].sort()).toEqual(
      ['corp', 'erp', 'isv', 'oa', 'platform', 'shop', 'suite'].map((account) => `${account} active`),
    );
    const signIns = /api_neauth|api_query_auth|get_permanent_code/;
    expect(described(await callsOf(page)).filter((call) => signIns.test(call))).toEqual([]);
    expect(walk.navigations).toEqual([]);
  },
};

it('takes a newcomer through the README, step by step', async () => {
  const steps = stepsOf(readFileSync(README, 'utf8'));
  expect(steps.map(({ title }) => title)).toEqual(Object.keys(STEPS));
  const [port, data, browser] = [await freePort(), await temporaryDirectory(), await openBrowser()];
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  const problems = problemsOf(page, `http://127.0.0.1:${port}`);
  const walk: Walk = { page, port, data, problems };
  for (const step of steps) await STEPS[step.title]?.(walk, step);
  // While the program is down its address does not answer, and the browser says so.
  expect(problems.filter((problem) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED/.test(problem))).toEqual([]);
}, 180_000);
