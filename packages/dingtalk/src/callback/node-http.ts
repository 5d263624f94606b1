import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallbackReply, CallbackRequest } from '@evertoken/core';

/** How a request is read. */
export interface CallbackRequestOptions {
  /** Largest body, bytes; nothing beyond is kept. Default 1 MiB. */
  readonly maxBytes?: number | undefined;
}

const MAX_BYTES = 1024 * 1024;
const NO_BODY = new Uint8Array();

/**
 * A request of `node:http`, or of a framework whose request is one (Express), as `openCallback` and accounts' callbacks take it. Never
 * rejects: a body that is too large, breaks off or was read by somebody else comes as an empty one, which is refused. A `body` that a
 * framework left as bytes (`express.raw()`) is used as it is. A value that comes several times is joined by commas,
 * which no signature covers.
 */
export async function callbackRequest(
  request: IncomingMessage & { readonly body?: unknown },
  { maxBytes = MAX_BYTES }: CallbackRequestOptions = {},
): Promise<CallbackRequest> {
  const { method = 'GET', url = '/', body } = request;
  const bytes = body instanceof Uint8Array ? body : await bodyOf(request, maxBytes);
  return {
    method,
    query: queryOf(url),
    headers: headersOf(request),
    body: bytes.length > maxBytes ? NO_BODY : bytes,
  };
}

/** Sends what `openCallback` or an account's callback answered. */
export function sendReply(response: ServerResponse, { status, headers, body }: CallbackReply): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function queryOf(url: string): Record<string, string> {
  const query: Record<string, string> = Object.create(null);
  const [, text = ''] = url.split(/\?(.*)/s);
  for (const [name, value] of new URLSearchParams(text)) {
    query[name] = name in query ? `${query[name]},${value}` : value;
  }
  return query;
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const joined: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) joined[name] = String(value);
  return joined;
}

/** What comes after `maxBytes` is read past, so that the reply can be sent, but not kept. */
async function bodyOf(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
    }
  } catch {
    return NO_BODY;
  }
  return size > maxBytes ? NO_BODY : Buffer.concat(chunks, size);
}
