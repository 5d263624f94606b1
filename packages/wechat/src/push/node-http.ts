import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallbackReply, CallbackRequest } from '@evertoken/core';

/** How a request is read. */
export interface CallbackRequestOptions {
  /** Largest body, bytes; reading ends there. Default 1 MiB. */
  readonly maxBytes?: number | undefined;
}

const MAX_BYTES = 1024 * 1024;
const NO_BODY = new Uint8Array();

/**
 * A request of `node:http`, or of a framework whose request is one (Express), as `openPush` and accounts' callbacks
 * take it. Never rejects: a body that is too large or breaks off is handed on as an empty one, which is refused.
 * Values that come several times are joined by a comma, which no signature covers. The stream must not have been read
 * by anybody else; a `body` that a framework left as bytes (`express.raw()`) is used as it is.
 */
export async function callbackRequest(
  request: IncomingMessage,
  { maxBytes = MAX_BYTES }: CallbackRequestOptions = {},
): Promise<CallbackRequest> {
  const { method = 'GET', url = '/' } = request;
  return { method, query: queryOf(url), headers: headersOf(request), body: await bodyOf(request, maxBytes) };
}

/** Sends what `openPush` or a callback answered. */
export function sendReply(response: ServerResponse, { status, headers, body }: CallbackReply): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function queryOf(url: string): Record<string, string> {
  const query: Record<string, string> = Object.create(null);
  const start = url.indexOf('?');
  if (start === -1) return query;
  for (const [name, value] of new URLSearchParams(url.slice(start + 1))) {
    query[name] = query[name] === undefined ? value : `${query[name]},${value}`;
  }
  return query;
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const joined: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) joined[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return joined;
}

function bodyOf(request: IncomingMessage & { readonly body?: unknown }, maxBytes: number): Promise<Uint8Array> {
  if (request.body instanceof Uint8Array) {
    return Promise.resolve(request.body.length > maxBytes ? NO_BODY : request.body);
  }
  // Read already, or broken off: no event will come.
  if (request.readableEnded || request.destroyed) return Promise.resolve(NO_BODY);
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    request.on('data', (chunk: Uint8Array) => {
      size += chunk.length;
      if (size <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      // What still comes is read past, so that the reply can be sent, but not kept.
      chunks.length = 0;
      resolve(NO_BODY);
    });
    request.on('end', () => resolve(size > maxBytes ? NO_BODY : Buffer.concat(chunks, size)));
    request.on('error', () => resolve(NO_BODY));
    request.on('close', () => resolve(NO_BODY));
  });
}
