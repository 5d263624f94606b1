import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { sendToPlatform, TokenError } from '../src/index.js';

const SECRET = 'tqgZ+7/hQ2w9=Xk1';

/** What a request fails with over a fetch that fails with this. */
async function failure(cause: Error, request: { headers?: Record<string, string>; body?: string | URLSearchParams }) {
  const fetch = () => Promise.reject(cause);
  const url = 'https://platform.invalid/';
  const error = await sendToPlatform({ url, account: 'shop', fetch, ...request }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TokenError);
  return error as TokenError;
}

describe('an error of a fetch that quotes the request', () => {
  const quoting = (text: string) => new Error('proxy', { cause: new Error(`could not send ${text}`) });

  it.each([
    ['a header', { headers: { authorization: SECRET } }, SECRET],
    ['a form', { body: new URLSearchParams({ secret: SECRET }) }, `secret=${encodeURIComponent(SECRET)}`],
    ['a form as text', { body: `secret=${encodeURIComponent(SECRET)}` }, SECRET],
    ['JSON', { body: JSON.stringify({ app: { secret: SECRET } }) }, JSON.stringify({ app: { secret: SECRET } })],
  ])('is told without what it quotes: %s', async (_what, request, quoted) => {
    const error = await failure(quoting(quoted), request);
    const shown = inspect(error, { showHidden: true, depth: Number.POSITIVE_INFINITY });
    expect(shown).not.toContain(SECRET);
    expect(shown).not.toContain(encodeURIComponent(SECRET));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'network' });
    expect((error.cause as Error).message).toBe('fetch failed, and quoted a header or the body');
  });

  it('is told as it is where it quotes nothing', async () => {
    const error = await failure(quoting('it'), { body: `secret=${encodeURIComponent(SECRET)}` });
    expect(((error.cause as Error).cause as Error).message).toBe('could not send it');
  });
});
