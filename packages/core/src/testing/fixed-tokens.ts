import { systemClock } from '../clock.js';
import { TokenError } from '../errors.js';
import { TokenManager } from '../manager.js';
import { idsOf, labelOf } from '../platform-request.js';
import type { TokenSource } from '../source.js';
import { nothingDone } from '../sweep.js';
import type { Token } from '../token.js';
import type { RefreshReport, RefreshResult, TakeOverOutcome, TokenStatus } from '../tokens.js';
import { ManualClock } from './manual-clock.js';

/** A refused value, as a client reported it. */
export interface Rejection {
  /** Whose token it was. */
  readonly source: TokenSource;
  /** What was refused. */
  readonly value: string;
}

/** A whole `TokenManager` that answers with given values and never talks to a platform or a store. */
export interface FixedTokens extends TokenManager {
  /** What `reject` was called with, in order. */
  readonly rejections: readonly Rejection[];
  /** What `adopt` was called with: source and value, in order. */
  readonly adoptions: readonly Rejection[];
}

/**
 * Doubles the manager in users' tests. Each source has its value, or a list: `reject` moves on to the next one, and fails
 * with `ERR_TOKEN_REJECTED_AGAIN` at the end of the list. `start`, `refreshDue`, `drain` and `close` do nothing.
 */
export function fixedTokens(values: Iterable<readonly [TokenSource, string | readonly string[]]>): FixedTokens {
  return new Fixed(values);
}

class Fixed extends TokenManager implements FixedTokens {
  readonly rejections: Rejection[] = [];
  readonly adoptions: Rejection[] = [];
  readonly #values = new Map<string, string[]>();

  constructor(values: Iterable<readonly [TokenSource, string | readonly string[]]>) {
    super({ accounts: [], clock: new ManualClock() });
    for (const [source, value] of values)
      this.#values.set(source.key, typeof value === 'string' ? [value] : [...value]);
  }

  override async get(source: TokenSource): Promise<Token> {
    const token = this.peek(source);
    if (token) return token;
    throw new TokenError(
      'ERR_TOKEN_CONFIGURATION',
      `${labelOf(source)}: fixedTokens was given no value for it`,
      idsOf(source),
    );
  }

  override peek(source: TokenSource): Token | undefined {
    const value = this.#values.get(source.key)?.[0];
    return value === undefined ? undefined : { value, issuedAt: systemClock.now() };
  }

  override async reject(source: TokenSource, refused: Token | string): Promise<Token> {
    const value = typeof refused === 'string' ? refused : refused.value;
    this.rejections.push({ source, value });
    const values = this.#values.get(source.key);
    if (values?.[0] === value) {
      if (values.length < 2) {
        throw new TokenError(
          'ERR_TOKEN_REJECTED_AGAIN',
          `${labelOf(source)}: fixedTokens has no other value`,
          idsOf(source),
        );
      }
      values.shift();
    }
    return this.get(source);
  }

  override async adopt(source: TokenSource, issued: { readonly value: string }): Promise<void> {
    this.adoptions.push({ source, value: issued.value });
    this.#values.set(source.key, [issued.value]);
  }

  override async takeOver(source: TokenSource, issued: { readonly value: string }): Promise<TakeOverOutcome> {
    if (this.#values.get(source.key)?.[0] === issued.value) return 'same';
    await this.adopt(source, issued);
    return 'taken';
  }

  override async authorize(source: TokenSource, exchange: Parameters<TokenManager['authorize']>[1]): Promise<Token> {
    const issued = await exchange({
      parents: [],
      fetch: globalThis.fetch,
      signal: new AbortController().signal,
      now: () => systemClock.now(),
      random: () => 0.5,
    });
    await this.adopt(source, issued);
    return this.get(source);
  }

  override async revoke(source: TokenSource): Promise<void> {
    this.#values.delete(source.key);
  }

  override async forget(source: TokenSource): Promise<void> {
    this.#values.delete(source.key);
  }

  override async refresh(source: TokenSource): Promise<RefreshResult> {
    return { ...idsOf(source), outcome: 'unchanged' } as RefreshResult;
  }

  override async refreshAll(): Promise<RefreshReport> {
    return this.refreshDue();
  }

  override async refreshDue(): Promise<RefreshReport> {
    return nothingDone();
  }

  override async *inspect(): AsyncGenerator<TokenStatus> {}

  override add(): void {}

  override async start(): Promise<void> {}

  override refreshEvery(): () => void {
    return () => {};
  }

  override async drain(): Promise<void> {}

  override async close() {
    return { unanswered: [] };
  }
}
