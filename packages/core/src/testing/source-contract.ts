import { inspect } from 'node:util';
import { TokenError } from '../errors.js';
import type { IssueRequest, PresentedToken, TokenSource } from '../source.js';
import type { IssuedToken, Token } from '../token.js';
import type { TestRunner } from './store-contract.js';

/** What the suite needs of a source. */
export interface SourceContractOptions {
  /** What its tests are called. */
  readonly name: string;
  /** A source whose platform is well, and what its request needs: the stored pair, the parents' tokens. */
  readonly create: () => Promise<SourceUnderTest> | SourceUnderTest;
  /** Leads to that platform: a sandbox. Default: the real `fetch`. */
  readonly fetch?: typeof fetch;
  /** What must never show. */
  readonly secrets: readonly string[];
}

/** A source and what it is asked with. */
export interface SourceUnderTest {
  /** The source. */
  readonly source: TokenSource;
  /** What `issue` presents. */
  readonly current?: PresentedToken;
  /** Tokens of `dependsOn`, in that order. */
  readonly parents?: readonly Token[];
}

/** Answers that are none, whatever the platform. */
const NONSENSE: readonly (readonly [name: string, body: string, status: number])[] = [
  ['an empty body', '', 200],
  ['a page', '<html><body>Bad Gateway</body></html>', 200],
  ['an empty object', '{}', 200],
  ['a list', '[]', 200],
  ['null', 'null', 200],
  ['half a body', '{"access_token":"abc', 200],
  ['a server error with a page', '<html><body>Bad Gateway</body></html>', 502],
  ['a server error without a body', '', 503],
];

/** Everything `issue` owes, whatever its platform says, as tests. */
export function sourceContract({ describe, it, expect }: TestRunner, options: SourceContractOptions): void {
  const send = options.fetch ?? globalThis.fetch;

  const ask = async (
    { source, current, parents = [] }: SourceUnderTest,
    use: typeof fetch,
    signal = new AbortController().signal,
  ) => {
    const request: IssueRequest = {
      ...(current && { current }),
      parents,
      fetch: use,
      signal,
      now: () => Date.UTC(2026, 0, 1),
      random: () => 0.5,
    };
    return source.issue(request).then(
      (issued) => ({ issued, error: undefined }),
      (error: unknown) => ({ issued: undefined, error }),
    );
  };

  const failsWell = (
    { issued, error }: { issued: IssuedToken | undefined; error: unknown },
    { source }: SourceUnderTest,
  ) => {
    expect(issued).toBeUndefined();
    expect(error instanceof TokenError).toBe(true);
    const { account, kind, subject, cause } = error as TokenError;
    expect({ account, kind, subject }).toEqual({ account: source.account, kind: source.kind, subject: source.subject });
    const shown = [error, cause]
      .map(
        (value) =>
          inspect(value, { depth: 9, showHidden: true }) +
          String(JSON.stringify(value)) +
          String((value as Error)?.stack),
      )
      .join();
    expect(options.secrets.filter((secret) => shown.includes(secret))).toEqual([]);
    return error as TokenError;
  };

  describe(`${options.name} keeps the contract of TokenSource`, () => {
    it('brings a token that lives, by one request through the fetch it is given', async () => {
      let requests = 0;
      const { issued, error } = await ask(await options.create(), (input, init) => {
        requests++;
        return send(input, init);
      });
      expect(error).toBeUndefined();
      expect(requests).toBe(1);
      expect(typeof issued?.value).toBe('string');
      expect(issued?.value.length).toBeGreaterThan(0);
      if (issued?.lifetimeMs !== undefined) expect(issued.lifetimeMs).toBeGreaterThan(0);
    });

    for (const [name, body, status] of NONSENSE) {
      it(`takes ${name} for no answer: a failure that may pass, never a token and never a verdict`, async () => {
        const subject = await options.create();
        const error = failsWell(await ask(subject, async () => new Response(body, { status })), subject);
        expect(['ERR_TOKEN_TRANSPORT', 'ERR_TOKEN_BUSY'].includes(error.code)).toBe(true);
        expect(error.retryable).toBe(true);
      });
    }

    it('says that the network failed, and nothing of where it went', async () => {
      const subject = await options.create();
      const error = failsWell(
        await ask(subject, async (input) => {
          throw Object.assign(new TypeError(`fetch failed: ${String(input instanceof Request ? input.url : input)}`), {
            cause: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
          });
        }),
        subject,
      );
      expect({ code: error.code, reason: error.reason, uncertain: error.uncertain }).toEqual({
        code: 'ERR_TOKEN_TRANSPORT',
        reason: 'network',
        uncertain: true,
      });
    });

    it('ends when its time is up', async () => {
      const subject = await options.create();
      const stop = new AbortController();
      const hanging: typeof fetch = (_input, init) =>
        new Promise((_resolve, reject) => {
          const signal = init?.signal;
          if (signal?.aborted) reject(signal.reason);
          signal?.addEventListener('abort', () => reject(signal.reason));
        });
      const asked = ask(subject, hanging, stop.signal);
      const timeout = new TokenError('ERR_TOKEN_TRANSPORT', 'time is up', {
        reason: 'timeout',
        account: subject.source.account,
      });
      stop.abort(timeout);
      expect((await asked).error).toBe(timeout);
    });
  });
}
