import { createHmac } from 'node:crypto';
import type { SandboxRequest } from '../request.js';
import { OapiError } from './oapi-errors.js';

/** Who signed a request, and what the platform expects of the signature. */
export interface Signer {
  readonly secret: string;
  readonly now: number;
  readonly toleranceMs: number;
  /** What is signed behind the timestamp, if anything: a suite ticket. */
  readonly ticket?: string;
}

/**
 * Checks `timestamp` and `signature` of the query: base64 of HMAC-SHA256 over the timestamp, or over the timestamp, a line
 * feed and the suite ticket. The URL must carry it percent-encoded, once.
 */
export function checkSignature({ query }: SandboxRequest, { secret, now, toleranceMs, ticket }: Signer): void {
  const timestamp = query.get('timestamp') ?? '';
  if (!/^\d{1,16}$/.test(timestamp)) throw new OapiError(853001);
  if (Math.abs(Number(timestamp) - now) > toleranceMs) throw new OapiError(853002);
  const message = ticket === undefined ? timestamp : `${timestamp}\n${ticket}`;
  const wanted = createHmac('sha256', secret).update(message).digest('base64');
  if (query.get('signature') !== wanted) throw new OapiError(853004);
}
