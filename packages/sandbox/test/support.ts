import { onTestFinished } from 'vitest';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox, type SandboxOptions } from '../src/index.js';

export const { wechat: WECHAT, dingtalk: DINGTALK, nextengine: NEXTENGINE } = SANDBOX_ACCOUNTS;

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** 2026-11-02 09:30:00 in China, 10:30:00 in Japan. */
export const START = Date.UTC(2026, 10, 2, 1, 30);

/** How long a push may take on a machine that has other things to do. */
export const PATIENCE_MS = 60_000;

/** A sandbox whose time stands still until it is told to advance; closed when the test ends. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await createSandbox({ clock: { now: () => START }, pushTimeoutMs: PATIENCE_MS, ...options });
  onTestFinished(() => sandbox.close());
  return sandbox;
}

/** The members that tests look at. Which of them an answer has depends on the endpoint. */
export interface Body {
  readonly errcode: number;
  readonly errmsg: string;
  readonly sub_code: string;
  readonly access_token: string;
  readonly expires_in: number;
  readonly accessToken: string;
  readonly expireIn: number;
  readonly ticket: string;
  readonly ip_list: string[];
  readonly quota: unknown;
  readonly result: string;
  readonly code: string;
  readonly refresh_token: string;
  readonly access_token_end_date: string;
  readonly refresh_token_end_date: string;
  readonly count: string;
  readonly data: Readonly<Record<string, string | null>>[];
}

export async function getJson(url: string, headers: Record<string, string> = {}): Promise<Body> {
  return (await (await fetch(url, { headers })).json()) as Body;
}

export async function postJson(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Body> {
  return (await (await postRaw(url, body, headers)).json()) as Body;
}

export function postRaw(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const content = { method: 'POST', body: JSON.stringify(body) };
  return fetch(url, { ...content, headers: { 'content-type': 'application/json', ...headers } });
}

export async function postForm(url: string, fields: Record<string, string>): Promise<Body> {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(fields) });
  return (await response.json()) as Body;
}

export function query(fields: Record<string, string>): string {
  return new URLSearchParams(fields).toString();
}
