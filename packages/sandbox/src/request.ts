import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { assertRecord } from './check.js';

const MAX_BODY_BYTES = 1024 * 1024;

/** A request as a simulator sees it: the body read, the path without its mount. */
export interface SandboxRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as it came. */
  readonly bytes: Buffer;
  /** Address of the caller, without the IPv4-in-IPv6 prefix. */
  readonly ip: string;
}

/** Reads a request to its end. Rejects if the caller goes away or sends more than 1 MiB. */
export async function readRequest(message: IncomingMessage): Promise<SandboxRequest> {
  const url = new URL(message.url ?? '/', 'http://sandbox');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new RangeError('the request body is larger than 1 MiB');
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  return {
    method: message.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: message.headers,
    text: bytes.toString('utf8'),
    bytes,
    ip: (message.socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
  };
}

/** The body as a JSON object, whatever its content type says; undefined if it is none. */
export function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The body as a JSON object; throws a `TypeError` if it is none. */
export function jsonBody(request: SandboxRequest): Record<string, unknown> {
  return assertRecord('body', jsonObject(request.text));
}

/** The fields of a form body; empty if the content type is not that of a form. */
export function formFields(request: SandboxRequest): URLSearchParams {
  return new URLSearchParams(isForm(request) ? request.text : '');
}

export function isForm(request: SandboxRequest): boolean {
  return (request.headers['content-type'] ?? '').toLowerCase().startsWith('application/x-www-form-urlencoded');
}

/** A field that is a non-empty string, otherwise undefined. */
export function textField(fields: Record<string, unknown> | undefined, name: string): string | undefined {
  const value = fields?.[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A path without its trailing slashes: `/api_neauth/` and `/api_neauth` are one endpoint. */
export function trimSlashes(path: string): string {
  return path.replace(/\/+$/, '') || '/';
}
