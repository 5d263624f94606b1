import { type Token, TokenError } from '@evertoken/core';
import { configurationError, wrongOption } from '../token.messages.js';
import { fetchAnswer } from './fetch-answer.js';
import { type Followed, follow, type Redirectable } from './follow-redirects.js';
import { originOf } from './origins.js';
import { isStream, sendWithToken } from './send-with-token.js';
import { REQUEST_OPTIONS, readRequestOptions, type TokenRequestOptions } from './token-request-options.js';

/** Options of `fetchWithToken`. */
export interface FetchWithTokenOptions extends TokenRequestOptions<Request> {
  /** What sends: a `fetch` with a proxy of its own, say. Default: the global one at the time of the call. */
  readonly fetch?: typeof fetch | undefined;
}

/**
 * A `fetch` that puts a source's token into requests to `origins`, and reports to the manager what the platform refuses. The
 * request is then sent again, once, with the better token; not where its body is a stream. A `Request`'s own body is read
 * into memory before.
 *
 * It rejects as `fetch` does, and with `TokenError` where no token is to be had. Where there is no better one, the platform's
 * refusal is what it resolves with. No token is shown by the answer's `url`.
 *
 * @throws TokenError `ERR_TOKEN_CONFIGURATION` for a wrong option.
 * @example
 * const api = fetchWithToken({ tokens, source: shop.accessToken, place: { query: 'access_token' }, origins: ['https://api.weixin.qq.com'] });
 * await api('https://api.weixin.qq.com/cgi-bin/user/get');
 */
export function fetchWithToken(options: FetchWithTokenOptions): typeof fetch {
  const settings = readRequestOptions(options, { owner: 'fetchWithToken', known: [...REQUEST_OPTIONS, 'fetch'] });
  if (options.fetch !== undefined && typeof options.fetch !== 'function') {
    throw configurationError(wrongOption('fetch', 'a function'));
  }
  const sender = () => options.fetch ?? globalThis.fetch;
  return async (input, init) => {
    const url = addressOf(input);
    const origin = originOf(url);
    if (origin === undefined || !settings.origins.has(origin)) return sender()(input, init);
    const source = await settings.sourceOf(() => withoutBody(input, init));
    if (!source) return sender()(input, init);
    const request = await redirectable(input, init);
    const signal = request.init.signal ?? undefined;
    const send = (token: Token) => follow(request, token, { settings, fetch: sender() });
    const replayable = !isStream(request.init.body);
    const look = ({ response, hadToken }: Followed) => (hadToken ? fetchAnswer(response) : undefined);
    const discard = ({ response }: Followed) => void response.body?.cancel().catch(() => {});
    try {
      const { answer } = await sendWithToken(settings, { source, signal, replayable, send, look, discard });
      return answer.response;
    } catch (error) {
      // What ended the wait is told as fetch tells it.
      if (signal?.aborted && error instanceof TokenError && error.code === 'ERR_TOKEN_ABORTED') throw signal.reason;
      throw error;
    }
  };
}

function addressOf(input: Parameters<typeof fetch>[0]): string {
  return typeof input === 'string' ? input : input instanceof URL ? input.href : input.url;
}

/** For a function that looks for the source: all but the body, which only one can read. */
function withoutBody(input: Parameters<typeof fetch>[0], init: RequestInit = {}): Request {
  const { body: _, ...rest } = init;
  if (typeof input === 'string' || input instanceof URL) return new Request(input, rest);
  return new Request(input.url, { method: input.method, headers: input.headers, signal: input.signal, ...rest });
}

/** Address and options of a request that may have to be sent several times. */
async function redirectable(input: Parameters<typeof fetch>[0], init: RequestInit = {}): Promise<Redirectable> {
  if (typeof input === 'string' || input instanceof URL) return { url: new URL(input), init };
  const { method, headers, signal, redirect, keepalive, integrity } = input;
  const ownBody = input.body !== null && (init.body ?? null) === null;
  // As bytes, so that it is sent with its length, as it would be without us.
  const body = ownBody ? { body: new Uint8Array(await input.arrayBuffer()) } : {};
  return {
    url: new URL(input.url),
    init: { method, headers, signal, redirect, keepalive, integrity, ...body, ...init },
  };
}
