import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { afterwards, HOUR_MS } from './support.js';

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';

/** A line of the page's table, as the browser has it. */
export interface Line {
  readonly account: string;
  readonly kind: string;
  readonly subject: string;
  readonly state: string;
  readonly livesMs: number;
}

/** A bar of the timeline, as the browser has it. */
export interface Bar {
  readonly classes: readonly string[];
  readonly from: number;
  /** `NaN` where no end is known. */
  readonly to: number;
  /** Where it is on the screen: share of the line, from left to right. */
  readonly left: number;
  readonly right: number;
}

/** What is used of elements in the browser; the tests' types have no DOM. */
interface Rectangle {
  readonly left: number;
  readonly right: number;
  readonly width: number;
}
interface Shape {
  readonly dataset: Readonly<Record<string, string | undefined>>;
  readonly classList: Iterable<string>;
  readonly ownerSVGElement: Shape;
  getBoundingClientRect(): Rectangle;
}

/** A browser that ends with the test. Rejects where there is none, and says how to get one. */
export async function openBrowser(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) {
    throw new Error(
      `No browser at ${CHROMIUM}. Install one: apt-get install chromium, or set CHROMIUM_PATH to its program`,
    );
  }
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

/** What goes wrong in a page of `url`: errors, complaints on its console, what its Content-Security-Policy has stopped. */
export function problemsOf(page: Page, url: string): readonly string[] {
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    const isComplaint = message.type() === 'error' || message.type() === 'warning';
    if (isComplaint && (message.location().url.startsWith(url) || message.text().includes('Content Security Policy')))
      problems.push(message.text());
  });
  return problems;
}

/** Where a page goes from now on: empty while it is not loaded anew. */
export function navigationsOf(page: Page): readonly string[] {
  const navigations: string[] = [];
  page.on('framenavigated', (frame) => navigations.push(frame.url()));
  return navigations;
}

export async function linesOf(page: Page): Promise<Line[]> {
  const now = await clockOf(page);
  const lines = await page
    .locator('#tokens tr[data-account]')
    .evaluateAll((rows: readonly Shape[]) => rows.map(({ dataset }) => ({ ...dataset })));
  return lines.map(({ account = '', kind = '', subject = '', state = '', expiresAt }: Shape['dataset']) => ({
    account,
    kind,
    subject,
    state,
    livesMs: Number(expiresAt || Number.NaN) - now,
  }));
}

/** The bars of a line of the timeline (`shop/jsapi_ticket/`) that can be seen, oldest first. */
export function barsOf(page: Page, line: string): Promise<Bar[]> {
  return page.locator(`[data-line="${line}"] .bar:not(.away)`).evaluateAll((bars: readonly Shape[]) =>
    bars.map((bar) => {
      const all = bar.ownerSVGElement.getBoundingClientRect();
      const { left, right } = bar.getBoundingClientRect();
      const { from, to } = bar.dataset;
      return {
        classes: [...bar.classList],
        from: Number(from),
        to: Number(to || Number.NaN),
        left: (left - all.left) / all.width,
        right: (right - all.left) / all.width,
      };
    }),
  );
}

/** The time the page shows, Unix ms. */
export async function clockOf(page: Page): Promise<number> {
  return Number(await page.locator('[data-now]').getAttribute('data-now'));
}

/** Presses a button of the sandbox's clock, and waits until the page shows by itself what came of it. */
export async function advance(page: Page, button: '+1 minute' | '+1 hour'): Promise<void> {
  const target = (await clockOf(page)) + (button === '+1 hour' ? HOUR_MS : 60_000);
  await press(page, button);
  await eventually(() => clockOf(page)).toBeGreaterThanOrEqual(target);
}

/** Presses a button and waits until it is back: the request it sends has been answered, a step's refresh has ended. */
export async function press(page: Page, name: string): Promise<void> {
  const button = page.getByRole('button', { name, exact: true });
  await button.click();
  await eventually(() => button.isEnabled()).toBe(true);
}

/** Looks again and again: the page is told of changes, and not asked to load anew. */
export function eventually<T>(look: () => Promise<T>): ReturnType<typeof expect.poll<T>> {
  return expect.poll(look, { interval: 50, timeout: 20_000 });
}
