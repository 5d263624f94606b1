import { malformedAnswer, sendToPlatform, type Tokens } from '@evertoken/core';
import type { AppSettings } from './app-settings.js';
import { NextEngineError, refusesToken } from './nextengine-errors.js';
import {
  callRequest,
  type NextEngineParams,
  readAnswer,
  type WireAnswer,
  type WireRequest,
} from './nextengine-wire.js';
import { issuedPair, pairOf, UserTokenSource } from './user-token-source.js';

/** How a call is made. */
export interface CallOptions {
  /** Ends this call. */
  readonly signal?: AbortSignal;
  /** How long the platform may take for one request, ms. Default 10 s; raise it with `wait_flag: 1`, which waits up to 60 min. */
  readonly timeoutMs?: number;
}

/** A successful answer as NextEngine spells it, without its token fields. */
export interface NextEngineAnswer {
  readonly result: 'success';
  /** Number of rows, as text on most endpoints. */
  readonly count?: string | number;
  readonly data?: readonly Readonly<Record<string, string | null>>[];
  readonly [field: string]: unknown;
}

const TIMEOUT_MS = 10_000;

/** Calls NextEngine's API as one user. Cheap, holds no state. */
export class NextEngineUserClient {
  readonly #settings: AppSettings;
  readonly #tokens: Tokens;
  readonly #source: UserTokenSource;

  constructor(settings: AppSettings, tokens: Tokens, uid: string | undefined) {
    this.#settings = settings;
    this.#tokens = tokens;
    this.#source = new UserTokenSource(settings, uid);
  }

  /**
   * Calls `path`, which begins with `/api_`, with the user's access token and `params`.
   *
   * Where the platform refuses the token, a better one is asked for and the call made once more: such a call is refused
   * before it does anything. Nothing else is ever repeated.
   *
   * Rejects with `NextEngineError` where the platform answered with an error, with what `Tokens.get` and `Tokens.reject`
   * reject with (`ERR_TOKEN_REAUTHORIZATION_REQUIRED`: the user has to sign in), with `ERR_TOKEN_TRANSPORT` where no
   * answer came or none that makes sense, `ERR_TOKEN_ABORTED` by the signal, and `TypeError` for a wrong path or parameter.
   */
  async call<Answer extends object = NextEngineAnswer>(
    path: string,
    params: NextEngineParams = {},
    options: CallOptions = {},
  ): Promise<Answer> {
    const source = this.#source;
    // Asked for first: it says where nobody is signed in.
    void source.key;
    const request = callRequest(this.#settings.apiUrl, path, params);
    const token = await this.#tokens.get(source, options.signal ? { signal: options.signal } : {});
    let sent = token.value;
    let answer = await this.#send(request, sent, options);
    if (refusesToken(answer)) {
      sent = (await this.#tokens.reject(source, token)).value;
      answer = await this.#send(request, sent, options);
    }
    if (answer.result !== 'success') {
      throw new NextEngineError(answer, { account: source.account, path, accessToken: sent });
    }
    return answer.fields as Answer;
  }

  async #send(
    request: (accessToken: string) => WireRequest,
    accessToken: string,
    options: CallOptions,
  ): Promise<WireAnswer> {
    const { account, kind, subject } = this.#source;
    const ids = { account, kind, ...(subject !== undefined && { subject }) };
    const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
    const reply = await sendToPlatform({
      ...request(accessToken),
      ...ids,
      fetch: this.#settings.fetch ?? fetch,
      signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
    });
    const answer = readAnswer(reply.json);
    if (!answer) throw malformedAnswer(ids, 'no JSON object', { status: reply.status });
    await this.#keepPair(answer, accessToken, reply);
    if (answer.result === undefined) throw malformedAnswer(ids, 'no "result"', { status: reply.status });
    return answer;
  }

  /** A pair that came unasked would be lost with this answer: it is handed over before the result is looked at. */
  async #keepPair(answer: WireAnswer, sent: string, reply: { readonly answeredAt?: number }): Promise<void> {
    const pair = pairOf(answer);
    if (!pair || pair.accessToken === sent) return;
    await this.#tokens.adopt(this.#source, issuedPair(pair, answer, reply), { presented: sent });
  }
}
