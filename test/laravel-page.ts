import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import type { ServerKind } from '@evertoken/test-servers';

// The page packages/dingtalk/docs/laravel-snippet.md, and what its tests have in common.

export const repository = fileURLToPath(new URL('../', import.meta.url));
export const page = readFileSync(new URL('../packages/dingtalk/docs/laravel-snippet.md', import.meta.url), 'utf8');

/** The page's block of that name; where there are several, the one with `word` in it. */
export function blockOf(name: string, word = ''): string {
  const blocks = [...page.matchAll(/```(?:js|ts)\n(\/\/ (\S+)\n.*?)```/gs)].filter(([, , each]) => each === name);
  const found = blocks.find(([, code]) => code?.includes(word));
  if (found?.[1] === undefined) throw new Error(`the page has no block ${name} ${word}`);
  return found[1];
}

/** The numbers of a row of the page's tables, a column each. */
export function rowOf(title: string): number[] {
  const rows = page.split('\n').map((line) => line.split('|').slice(1, -1));
  const row = rows.find(([first]) => first?.trim() === title);
  if (row === undefined) throw new Error(`the page has no row "${title}"`);
  return row.slice(1).map((cell) => Number.parseInt(cell, 10));
}

/** Where the snippet's cache was, and so where our store is. */
export interface Place {
  readonly place: 'file' | 'mysql' | 'redis';
  readonly store: 'fileStore' | 'mysqlStore' | 'redisStore';
  readonly server?: ServerKind;
}

export const PLACES: readonly Place[] = [
  { place: 'file', store: 'fileStore' },
  { place: 'mysql', store: 'mysqlStore', server: 'mariadb' },
  { place: 'redis', store: 'redisStore', server: 'redis' },
];

export const { appKey, appSecret } = SANDBOX_ACCOUNTS.dingtalk;
export const V1_TOKEN = '/v1.0/oauth2/accessToken';
export const USER = '/topapi/v2/user/get';

/** The calls for an app's access token, of either host. */
export const fetchesOf = (sandbox: Sandbox) =>
  sandbox.calls().filter(({ endpoint }) => endpoint === '/gettoken' || endpoint === V1_TOKEN);

/** Where the platform's hosts lead. */
export const hostsOf = ({ urls }: Sandbox) => ({
  'https://oapi.dingtalk.com': urls.dingtalkOapi,
  'https://api.dingtalk.com': urls.dingtalkApi,
});
