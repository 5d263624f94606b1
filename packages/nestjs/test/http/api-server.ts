import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { TokenManager } from '@evertoken/core';
import { testAccount } from '../support.js';

/** A request, as a server saw it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server of an API with tokens: real HTTP on this machine. */
export interface ApiServer {
  readonly origin: string;
  /** All requests, in order. */
  readonly seen: Seen[];
  /** Tokens that it takes; others are answered 401. */
  readonly valid: Set<string>;
  /** Holds back answers to `/slow`. */
  release(): void;
  close(): Promise<void>;
}

export async function apiServer(): Promise<ApiServer> {
  const seen: Seen[] = [];
  const valid = new Set<string>();
  const held: (() => void)[] = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost');
    const body = await text(request).catch(() => '');
    const { method = '', headers } = request;
    seen.push({ method, path: url.pathname, query: url.searchParams, headers, body });
    if (url.pathname === '/slow') await new Promise<void>((resolve) => held.push(resolve));
    answer({ request, response, url, valid });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    valid,
    release: () => {
      for (const go of held.splice(0)) go();
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly valid: ReadonlySet<string>;
}

function answer({ request, response, url, valid }: Exchange): void {
  const send = (status: number, headers: Record<string, string>, body: string) =>
    response.writeHead(status, headers).end(body);
  const to = url.searchParams.get('to');
  if (to !== null) return void send(Number(url.searchParams.get('status') ?? 302), { location: to }, '');
  if (url.pathname === '/loop') return void send(302, { location: '/loop' }, '');
  if (url.pathname === '/open') return void send(200, { 'content-type': 'application/json' }, '{"open":true}');
  if (url.pathname === '/forbidden') return void send(403, {}, 'no');
  const token = tokenIn(request, url);
  if (token !== undefined && valid.has(token)) {
    return void send(200, { 'content-type': 'application/json' }, '{"ok":true}');
  }
  if (url.pathname === '/code')
    return void send(200, { 'content-type': 'text/plain' }, '{"errcode":40001,"errmsg":"invalid credential"}');
  send(401, { 'www-authenticate': 'Bearer realm="api", error="invalid_token"' }, '{"error":"invalid_token"}');
}

function tokenIn({ headers }: IncomingMessage, url: URL): string | undefined {
  const own = headers['x-access-token'];
  if (typeof own === 'string') return own;
  return url.searchParams.get('access_token') ?? headers.authorization?.replace(/^Bearer /, '');
}

/** The value of a token by the number of its issue: with all that an address has to encode. */
export const tokenOf = (call: number) => `token-${call}/+=&%`;

/** An account and a manager whose platform issues `tokenOf(1)`, then `tokenOf(2)`, and so on. */
export function shopTokens() {
  const shop = testAccount({ name: 'shop', issue: (call) => ({ value: tokenOf(call), lifetimeMs: 7_200_000 }) });
  return { shop, tokens: new TokenManager({ accounts: [shop] }) };
}

/** How a token may be written down. */
export function writtenForms(value: string): string[] {
  return [value, encodeURIComponent(value), new URLSearchParams([['', value]]).toString().slice(1)];
}
