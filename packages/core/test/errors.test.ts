import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { DEFAULTS, malformedAnswer, optionProblems, sendToPlatform, TOKEN_ERRORS, TokenError } from '../src/index.js';

const SECRET = 'S3CR3T';
const shown = (error: unknown) =>
  [
    inspect(error, { depth: 9, showHidden: true }),
    JSON.stringify(error),
    String((error as Error).stack),
    String((error as Error).message),
  ].join('\n');

describe('TokenError', () => {
  it('is retryable by its code, unless it is said otherwise', () => {
    expect(new TokenError('ERR_TOKEN_BUSY', 'm').retryable).toBe(true);
    expect(new TokenError('ERR_TOKEN_REFUSED', 'm').retryable).toBe(false);
    expect(new TokenError('ERR_TOKEN_REFUSED', 'm', { retryable: true }).retryable).toBe(true);
  });

  it('has one row for each code of the closed list', () => {
    expect(Object.keys(TOKEN_ERRORS)).toHaveLength(13);
    for (const code of Object.keys(TOKEN_ERRORS)) expect(code).toMatch(/^ERR_TOKEN_[A-Z_]+$/);
    expect(() => Object.assign(TOKEN_ERRORS, { x: 1 })).toThrow();
    expect(Object.isFrozen(DEFAULTS)).toBe(true);
  });

  it('keeps its cause out of what a logger prints, and URLs out of the cause', () => {
    const cause = new Error(`request to https://api.invalid/token?secret=${SECRET} failed`, {
      cause: new TypeError(`bad url https://x.invalid/?a=${SECRET}`),
    });
    const error = new TokenError('ERR_TOKEN_TRANSPORT', 'm', { cause });
    expect(Object.keys(error)).not.toContain('cause');
    expect(shown(error)).not.toContain(SECRET);
    expect((error.cause as Error).message).toBe('request to <url> failed');
    expect(((error.cause as Error).cause as Error).name).toBe('TypeError');
  });
});

describe('send', () => {
  const request = { url: `https://platform.invalid/token?secret=${SECRET}`, account: 'shop', kind: 'access_token' };

  it('reads JSON whatever its content type says, and the platform’s time', async () => {
    const answer = await sendToPlatform({
      ...request,
      fetch: async () =>
        new Response('{"a":1}', { headers: { 'content-type': 'text/plain', date: 'Thu, 01 Jan 2026 00:00:05 GMT' } }),
    });
    expect(answer).toMatchObject({ status: 200, json: { a: 1 }, answeredAt: Date.UTC(2026, 0, 1, 0, 0, 5) });
  });

  it('has no JSON where the platform sent a page', async () => {
    const answer = await sendToPlatform({ ...request, fetch: async () => new Response('<html>', { status: 502 }) });
    expect(answer.json).toBeUndefined();
    expect(answer.status).toBe(502);
  });

  it('tells a network failure that may have reached the platform from one that cannot have', async () => {
    const failing = (code: string) => async () => {
      throw Object.assign(new TypeError('fetch failed'), {
        cause: Object.assign(new Error(`connect ${request.url}`), { code }),
      });
    };
    const reset = await sendToPlatform({ ...request, fetch: failing('ECONNRESET') }).catch(
      (error: TokenError) => error as TokenError,
    );
    const refused = await sendToPlatform({ ...request, fetch: failing('ECONNREFUSED') }).catch(
      (error: TokenError) => error as TokenError,
    );
    expect(reset).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'network', uncertain: true, account: 'shop' });
    expect(refused).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'network', uncertain: false });
    expect(shown(reset)).not.toContain(SECRET);
    expect(shown((reset as TokenError).cause)).not.toContain(SECRET);
  });

  it('tells a timeout from a caller who gave up', async () => {
    const hanging: typeof fetch = (_url, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
      });
    await expect(sendToPlatform({ ...request, fetch: hanging, signal: AbortSignal.timeout(1) })).rejects.toMatchObject({
      code: 'ERR_TOKEN_TRANSPORT',
      reason: 'timeout',
    });
    const stop = new AbortController();
    const asked = sendToPlatform({ ...request, fetch: hanging, signal: stop.signal });
    stop.abort();
    await expect(asked).rejects.toMatchObject({ code: 'ERR_TOKEN_ABORTED' });
  });

  it('names what is malformed, never its value', () => {
    expect(malformedAnswer(request, '"expires_in" is missing', { status: 200 }).message).toBe(
      'account "shop", access_token: the platform\'s answer is malformed: "expires_in" is missing (HTTP 200)',
    );
  });
});

describe('optionProblems', () => {
  it('names what is missing, empty or unknown, and never shows a value', () => {
    const problems = optionProblems(
      { name: 'shop', secret: '  ', scret: SECRET, id: 7 },
      { required: ['name', 'id', 'secret', 'key'], optional: ['baseUrl'] },
    );
    expect(problems).toEqual([
      '"id" must be a non-empty string, got number',
      '"secret" must be a non-empty string, got blanks',
      '"key" must be a non-empty string, it is missing',
      '"scret" is no option; expected "name", "id", "secret", "key", "baseUrl"',
    ]);
  });
});
