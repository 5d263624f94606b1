import type { PlatformRequest } from './platform-request.js';

/** Shorter values are no secrets, and are found by chance. */
const SHORTEST = 8;

/**
 * Whether an error, or what caused it, quotes a value of the request's headers or body: `fetch` does so with a header that it
 * cannot send, and a `fetch` of the user's own may do so with anything.
 */
export function quotesRequest(
  cause: unknown,
  { headers = {}, body }: Pick<PlatformRequest, 'headers' | 'body'>,
): boolean {
  const values = [...Object.values(headers), ...valuesIn(body)].map((value) => value.trim());
  const telling = values
    .filter((value) => value.length >= SHORTEST)
    .flatMap((value) => [value, encodeURIComponent(value)]);
  for (let at = cause; at instanceof Error; at = at.cause) {
    const { message } = at;
    if (telling.some((value) => message.includes(value))) return true;
  }
  return false;
}

function valuesIn(body: PlatformRequest['body']): string[] {
  if (body instanceof URLSearchParams || body instanceof FormData)
    return [...body.values()].filter((value) => typeof value === 'string');
  if (typeof body !== 'string') return [];
  try {
    return textsIn(JSON.parse(body));
  } catch {
    return [...new URLSearchParams(body).values()];
  }
}

function textsIn(json: unknown): string[] {
  if (typeof json === 'string') return [json];
  return typeof json === 'object' && json !== null ? Object.values(json).flatMap(textsIn) : [];
}
