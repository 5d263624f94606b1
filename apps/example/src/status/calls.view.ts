import type { SandboxCall } from '@evertoken/sandbox';
import { html } from '../web/html.js';
import { moment } from '../web/layout.js';
import type { Item } from './picture.js';

/** How many calls are shown one by one. */
const LATEST = 10;

interface Count {
  readonly platform: string;
  readonly endpoint: string;
  calls: number;
  lastAt: number;
}

/** How often each endpoint was called. */
export function countItems(calls: readonly SandboxCall[]): Item[] {
  return countsOf(calls).map(({ platform, endpoint, calls: count, lastAt }) => {
    const id = `${platform} ${endpoint}`;
    return {
      id,
      content: html`<tr data-id="${id}"><td>${platform}</td><td><code>${endpoint}</code></td><td class="number">${count}</td><td>${moment(lastAt)}</td></tr>`,
    };
  });
}

/** The calls that came last, newest first. */
export function latestItems(calls: readonly SandboxCall[]): Item[] {
  const first = Math.max(0, calls.length - LATEST);
  return calls
    .slice(first)
    .map(({ at, endpoint, outcome, subject }, index) => ({
      id: String(first + index),
      content: html`<tr data-id="${first + index}"><td>${moment(at)}</td><td><code>${endpoint}</code>${subject !== undefined && html`<small>${subject}</small>`}</td><td><span class="badge ${outcome === 'ok' ? 'active' : 'retrying'}">${outcome}</span></td></tr>`,
    }))
    .reverse();
}

function countsOf(calls: readonly SandboxCall[]): Count[] {
  const counts = new Map<string, Count>();
  for (const { platform, endpoint, at } of calls) {
    const count = counts.get(`${platform} ${endpoint}`) ?? { platform, endpoint, calls: 0, lastAt: at };
    counts.set(`${platform} ${endpoint}`, count);
    count.calls += 1;
    count.lastAt = at;
  }
  return [...counts.values()].sort((a, b) =>
    `${a.platform} ${a.endpoint}`.localeCompare(`${b.platform} ${b.endpoint}`),
  );
}
