import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallbackReply, CallbackRequest } from './account.js';

/**
 * Why a request is handed on without its body. `tooLarge`: larger than `maxBytes`. `brokenOff`: the client went away.
 * `readBefore`: somebody else has read it and left no bytes, as `express.json()` does.
 */
export type BodyProblem = 'tooLarge' | 'brokenOff' | 'readBefore';

/** How a request is read. */
export interface CallbackRequestOptions {
  /** Largest body, bytes; nothing beyond is kept. Default 1 MiB. */
  readonly maxBytes?: number | undefined;
  /** Told why the body is handed on as an empty one. Default: nobody is told; an account refuses such a request. */
  readonly onBodyProblem?: ((problem: BodyProblem) => void) | undefined;
}

/** A request of `node:http`, with what a framework may have read of it already. */
export type ReadableRequest = IncomingMessage & {
  /** Bytes (`express.raw()`) or text (`express.text()`), as they came. */
  readonly body?: unknown;
  /** Bytes kept beside a parsed body, by Nest's `rawBody: true` or a serverless platform. */
  readonly rawBody?: unknown;
};

const MAX_BYTES = 1024 * 1024;
const NO_BODY = new Uint8Array();

/**
 * A request of `node:http`, or of a framework whose request is one (Express), as accounts' callbacks take it.
 *
 * Never rejects: a body that is too large, breaks off or was used up by somebody else is handed on as an empty one, which
 * an account refuses. A body that a framework left as bytes or text is used as it is. One that was parsed as JSON is not written out again:
 * that would not be what the sender signed, and its large numbers have been rounded by then. Values and headers that come several times are
 * joined by a comma, which no signature covers.
 *
 * @example
 * createServer(async (request, response) => sendReply(response, await answer(await callbackRequest(request))))
 */
export async function callbackRequest(
  request: ReadableRequest,
  { maxBytes = MAX_BYTES, onBodyProblem }: CallbackRequestOptions = {},
): Promise<CallbackRequest> {
  const { method = 'GET', url = '/' } = request;
  const body = await bodyOf(request, maxBytes);
  if (typeof body === 'string') onBodyProblem?.(body);
  return {
    method,
    query: queryOf(url),
    headers: headersOf(request),
    body: typeof body === 'string' ? NO_BODY : body,
  };
}

/** Sends what a callback answered. Does nothing where the request was answered by somebody else meanwhile: after a time limit, say. */
export function sendReply(response: ServerResponse, { status, headers, body }: CallbackReply): void {
  if (response.headersSent || response.writableEnded) return;
  const sent: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers ?? {}))
    sent[name] = typeof value === 'string' ? value : [...value];
  response.writeHead(status, { ...sent, 'content-length': String(Buffer.byteLength(body)) });
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

function bodyOf(
  request: ReadableRequest,
  maxBytes: number,
): BodyProblem | Uint8Array | Promise<BodyProblem | Uint8Array> {
  const given = givenBody(request);
  if (given) return given.length > maxBytes ? 'tooLarge' : given;
  if (request.readableEnded) return bodyAnnounced(request) ? 'readBefore' : NO_BODY;
  // No event would come.
  if (request.destroyed) return 'brokenOff';
  return read(request, maxBytes);
}

function givenBody({ body, rawBody }: ReadableRequest): Uint8Array | undefined {
  for (const given of [body, rawBody]) {
    if (given instanceof Uint8Array) return given;
    if (typeof given === 'string') return Buffer.from(given);
  }
  return undefined;
}

function bodyAnnounced({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function read(request: IncomingMessage, maxBytes: number): Promise<BodyProblem | Uint8Array> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    request.on('data', (chunk: Uint8Array | string) => {
      // Text, where somebody has set an encoding.
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk, request.readableEncoding ?? 'utf8') : chunk;
      size += bytes.length;
      if (size <= maxBytes) {
        chunks.push(bytes);
        return;
      }
      // What still comes is read past, so that the reply can be sent, but not kept.
      chunks.length = 0;
      resolve('tooLarge');
    });
    request.on('end', () => resolve(size > maxBytes ? 'tooLarge' : Buffer.concat(chunks, size)));
    request.on('error', () => resolve('brokenOff'));
    request.on('close', () => resolve('brokenOff'));
    // Where somebody has paused it, for the time of a look-up.
    request.resume();
  });
}
