import { malformedAnswer, sendToPlatform, type Token, TokenError, type Tokens } from '@evertoken/core';
import type { AppContext } from './app-context.js';
import { type Ids, isUndecided, mayRepeat, NextEngineError, refusesToken } from './nextengine-errors.js';
import {
  callRequest,
  isReading,
  type NextEngineParams,
  readAnswer,
  type WireAnswer,
  type WireRequest,
} from './nextengine-wire.js';
import { patientFetch } from './patient-fetch.js';
import { pause } from './pause.js';
import { issuedPair, pairOf, UserTokenSource } from './user-token-source.js';

/** How a call is made. */
export interface CallOptions {
  /** Ends this call, and the wait before it is repeated. */
  readonly signal?: AbortSignal;
  /** Where the main function is overloaded, wait up to 60 min for it instead of failing (`wait_flag=1`). Default false. */
  readonly waitFlag?: boolean;
  /** How long the platform may take for one request, ms. Default 10 s, with `waitFlag` 65 min. */
  readonly timeoutMs?: number;
  /** How often a call is repeated at most, where that is safe. Default 2. */
  readonly retries?: number;
}

/** How a search is made. */
export interface SearchOptions extends CallOptions {
  /** Rows asked for at a time. Default 1000. */
  readonly pageSize?: number;
}

/** A row of a search: all values are texts or null. */
export type NextEngineRow = Readonly<Record<string, string | null>>;

/** A successful answer as NextEngine spells it, without its token fields. */
export interface NextEngineAnswer {
  /** Always this: what fails is an error. */
  readonly result: 'success';
  /** Number of rows, as text on most endpoints. */
  readonly count?: string | number;
  /** Rows found. */
  readonly data?: readonly NextEngineRow[];
  readonly [field: string]: unknown;
}

const TIMEOUT_MS = 10_000;
/** 65 min: the platform waits 60, and then does the work (sheet §4). */
const WAITING_TIMEOUT_MS = 65 * 60_000;
const RETRIES = 2;
/** 1000 rows: what other clients found practical (§9). */
const PAGE_SIZE = 1_000;

/** One call on its way, whatever is repeated of it. */
interface Call extends CallOptions {
  readonly path: string;
  readonly request: (accessToken: string) => WireRequest;
}

/** Calls NextEngine's API as one user. Cheap, holds no state; any number of calls may be made at once. */
export class NextEngineUserClient {
  readonly #context: AppContext;
  readonly #tokens: Tokens;
  readonly #source: UserTokenSource;

  constructor(context: AppContext, tokens: Tokens, uid: string | undefined) {
    this.#context = context;
    this.#tokens = tokens;
    this.#source = new UserTokenSource(context, uid);
    context.usage.keepIn(tokens);
  }

  /**
   * Calls `path`, which begins with `/api_`, with the user's access token and `params`.
   *
   * Where the platform refuses the token, a better one is asked for and the call made once more: such a call is refused
   * before it does anything. Busy answers (`busy`, `routing`), which say that nothing was done, are followed by `retries`
   * repetitions, `retryIntervalMs` of the account apart, doubling, with full jitter. Where no answer came, or `999999`, a
   * method that only reads (`search`, `count`, `info`) is called once more, and anything else never: it may have been done.
   *
   * Rejects with `NextEngineError` where the platform answered with an error, with what `Tokens.get` and `Tokens.reject`
   * reject with (`ERR_TOKEN_REAUTHORIZATION_REQUIRED`: the user has to sign in), with `ERR_TOKEN_TRANSPORT` where no
   * answer came or none that makes sense, `ERR_TOKEN_ABORTED` by the signal, and `TypeError` for a wrong path, parameter or option.
   */
  async call<Answer extends object = NextEngineAnswer>(
    path: string,
    params: NextEngineParams = {},
    options: CallOptions = {},
  ): Promise<Answer> {
    // Asked for first: it says where nobody is signed in.
    void this.#source.key;
    checkOptions(options);
    const request = callRequest(this.#context.settings.apiUrl, path, params, options);
    const answer = await this.#answered({ ...options, path, request });
    return answer.fields as Answer;
  }

  /**
   * All rows of a search, page by page until one is not full: `count` is not to be trusted (sheet §5). `fields` of `params`
   * names the columns; `offset` skips rows at the beginning. NextEngine promises no order: what changes between two pages may
   * be missed or come twice.
   *
   * Each page is a `call` with the same rules. Throws `TypeError` at once for a path, parameter or option that is wrong;
   * iterating rejects as `call` does.
   */
  search<Row extends object = NextEngineRow>(
    path: string,
    params: NextEngineParams,
    options: SearchOptions = {},
  ): AsyncGenerator<Row, void, undefined> {
    const { pageSize = PAGE_SIZE, ...how } = options;
    if (!/\/search\/?$/.test(path)) throw new TypeError('"path" must end in "/search"');
    if (!params?.['fields']?.toString()) throw new TypeError('"fields" must name the columns of a search');
    if (params['limit'] !== undefined) throw new TypeError('"limit" is no parameter here: use the option "pageSize"');
    if (!isCount(pageSize, 1)) throw new TypeError('"pageSize" must be a whole number of at least 1');
    const begin = Number(params['offset'] ?? 0);
    if (!isCount(begin, 0)) throw new TypeError('"offset" must be a whole number of at least 0');
    checkOptions(how);
    callRequest(this.#context.settings.apiUrl, path, params, how);
    return this.#rows<Row>({ path, params, how, begin, pageSize });
  }

  /** How many rows a search would find: `path` ends in `/count`. Rejects as `call` does. */
  async count(path: string, params: NextEngineParams = {}, options: CallOptions = {}): Promise<number> {
    if (!/\/count\/?$/.test(path)) throw new TypeError('"path" must end in "/count"');
    const { count } = await this.call(path, params, options);
    const number = typeof count === 'string' && /^\d+$/.test(count) ? Number(count) : count;
    if (!isCount(number, 0)) throw malformedAnswer(this.#ids(), 'no "count"', { uncertain: false });
    return number;
  }

  async *#rows<Row extends object>({
    path,
    params,
    how,
    begin,
    pageSize,
  }: {
    path: string;
    params: NextEngineParams;
    how: CallOptions;
    begin: number;
    pageSize: number;
  }): AsyncGenerator<Row, void, undefined> {
    for (let offset = begin; ; ) {
      const { data } = await this.call<{ data?: unknown }>(path, { ...params, offset, limit: pageSize }, how);
      if (!Array.isArray(data)) throw malformedAnswer(this.#ids(), 'no "data"', { uncertain: false });
      yield* data as Row[];
      if (data.length < pageSize) return;
      offset += data.length;
    }
  }

  /** A success, after whatever may be done to have one. */
  async #answered(call: Call): Promise<WireAnswer> {
    const { signal, path, retries = RETRIES } = call;
    const { clock } = this.#context.settings;
    let token = await this.#token(signal);
    let tokenRefused = false;
    let mayBeSilent = isReading(path);
    for (let repeated = 0; ; ) {
      const { answer, silence } = await this.#attempt(call, token);
      if (answer?.result === 'success') return answer;
      if (answer && refusesToken(answer) && !tokenRefused) {
        tokenRefused = true;
        token = await this.#tokens.reject(this.#source, token);
        continue;
      }
      const undecided = !answer || isUndecided(answer);
      const again = undecided ? mayBeSilent : mayRepeat(answer);
      if (!again || repeated >= retries) {
        throw silence ?? new NextEngineError(answer, { account: this.#source.account, path, accessToken: token.value });
      }
      if (undecided) mayBeSilent = false;
      await pause(clock, this.#delayMs(repeated++), { signal, ids: this.#ids() });
      token = await this.#token(signal);
    }
  }

  #token(signal: AbortSignal | undefined): Promise<Token> {
    return this.#tokens.get(this.#source, signal ? { signal } : {});
  }

  /** One request: the platform's answer, or the error where none came that makes sense. */
  async #attempt(call: Call, token: Token): Promise<Attempt> {
    try {
      return { answer: await this.#send(call, token) };
    } catch (error) {
      if (error instanceof TokenError && error.code === 'ERR_TOKEN_TRANSPORT') return { silence: error };
      throw error;
    }
  }

  async #send({ request, signal, waitFlag, timeoutMs }: Call, token: Token): Promise<WireAnswer> {
    const { settings, usage } = this.#context;
    const ids = this.#ids();
    const timeout = AbortSignal.timeout(timeoutMs ?? (waitFlag ? WAITING_TIMEOUT_MS : TIMEOUT_MS));
    usage.count();
    const reply = await sendToPlatform({
      ...request(token.value),
      ...ids,
      // A fetch of somebody's own has limits of its own.
      fetch: settings.fetch ?? (waitFlag ? patientFetch : fetch),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    const answer = readAnswer(reply.json);
    if (!answer) throw malformedAnswer(ids, 'no JSON object', { status: reply.status });
    await this.#keepPair(answer, token, reply);
    if (answer.result === undefined) throw malformedAnswer(ids, 'no "result"', { status: reply.status });
    return answer;
  }

  /** A pair that came unasked would be lost with this answer: it is handed over before the result is looked at. */
  async #keepPair(answer: WireAnswer, { value, extra }: Token, reply: { readonly answeredAt?: number }): Promise<void> {
    const pair = pairOf(answer);
    if (!pair || pair.accessToken === value) return;
    const issued = { ...issuedPair(pair, answer, reply), ...(extra && { extra }) };
    await this.#tokens.adopt(this.#source, issued, { presented: value });
  }

  /** Full jitter, but for a floor: a zero would be a loop. */
  #delayMs(repeated: number): number {
    const { retryIntervalMs, random } = this.#context.settings;
    return Math.max(retryIntervalMs / 10, retryIntervalMs * 2 ** Math.min(repeated, 10) * random());
  }

  #ids(): Ids {
    const { account, kind, subject } = this.#source;
    return { account, kind, ...(subject !== undefined && { subject }) };
  }
}

type Attempt =
  | { readonly answer: WireAnswer; readonly silence?: never }
  | { readonly silence: TokenError; readonly answer?: never };

function checkOptions({ retries, timeoutMs, waitFlag }: CallOptions): void {
  if (retries !== undefined && !isCount(retries, 0))
    throw new TypeError('"retries" must be a whole number of at least 0');
  if (timeoutMs !== undefined && !(timeoutMs > 0)) throw new TypeError('"timeoutMs" must be a positive number');
  if (waitFlag !== undefined && typeof waitFlag !== 'boolean') throw new TypeError('"waitFlag" must be true or false');
}

function isCount(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}
