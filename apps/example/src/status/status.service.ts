import { setImmediate as oneTurn } from 'node:timers/promises';
import { TokenManager, type TokenStatus } from '@evertoken/core';
import { OnTokenEvent } from '@evertoken/nestjs';
import type { SandboxCall } from '@evertoken/sandbox';
import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import {
  auditTime,
  catchError,
  EMPTY,
  from,
  merge,
  type Observable,
  Subject,
  share,
  switchMap,
  takeUntil,
  timer,
} from 'rxjs';
import { PLATFORMS, type Platforms } from '../platforms.js';

/** A line of the page: a token, or a kind of token that an account has none of yet. */
export type TokenRow = Pick<TokenStatus, 'platform' | 'account' | 'kind' | 'state'> & Partial<Omit<TokenStatus, 'key'>>;

/** What the page shows. Never a token, never a secret. */
export interface Status {
  /** The manager's clock, Unix ms. */
  readonly now: number;
  readonly tokens: readonly TokenRow[];
  /** In sandbox mode only. */
  readonly sandbox?: {
    readonly url: string;
    /** How far its clock is ahead of the system's, ms. */
    readonly offsetMs: number;
    /** The platform calls so far, oldest first. */
    readonly calls: readonly SandboxCall[];
  };
}

/** Events come in bunches: one new picture for each, ms. */
const SETTLE_MS = 50;
/** Business calls make no event of ours: look again after this, ms. */
const BEAT_MS = 2_000;

/** Tells how all tokens are, now and whenever that changes. */
@Injectable()
export class StatusService implements BeforeApplicationShutdown {
  readonly #changes = new Subject<void>();
  readonly #closing = new Subject<void>();
  readonly #logger = new Logger(StatusService.name);

  /** One picture for all who watch; nobody asks while nobody does. */
  readonly stream: Observable<Status> = merge(this.#changes, timer(0, BEAT_MS)).pipe(
    auditTime(SETTLE_MS),
    switchMap(() => from(this.read()).pipe(catchError((error: unknown) => this.#skip(error)))),
    takeUntil(this.#closing),
    share(),
  );

  constructor(
    @Inject(TokenManager) private readonly tokens: TokenManager,
    @Inject(PLATFORMS) private readonly platforms: Platforms,
  ) {}

  async read(): Promise<Status> {
    const { clock, sandbox } = this.platforms;
    const tokens = await this.#rows();
    return {
      now: clock.now(),
      tokens,
      ...(sandbox && {
        sandbox: {
          url: sandbox.handle.url,
          offsetMs: sandbox.handle.state().offsetMs,
          calls: sandbox.handle.calls(),
        },
      }),
    };
  }

  /** Something happened that the page shows. */
  @OnTokenEvent('commit')
  @OnTokenEvent('failure')
  @OnTokenEvent('state')
  @OnTokenEvent('reject')
  @OnTokenEvent('reauthorize')
  changed(): void {
    this.#changes.next();
  }

  /** Ends open streams, and lets their connections fall idle before the server closes: busy ones would hold it up. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#closing.next();
    await oneTurn();
  }

  /** In the order of the accounts and their kinds. What belongs to users is a line without subject until somebody signs in. */
  async #rows(): Promise<TokenRow[]> {
    const stored: TokenRow[] = [];
    for await (const { key: _key, ...status } of this.tokens.inspect()) stored.push(status);
    return this.tokens.accounts().flatMap(({ name, platform, kinds }) =>
      kinds.flatMap(({ kind, keep }): TokenRow[] => {
        const own = stored.filter((row) => row.account === name && row.kind === kind);
        if (own.length > 0 || keep !== 'grant') return own.sort(bySubject);
        return [{ platform, account: name, kind, state: 'absent' }];
      }),
    );
  }

  #skip(error: unknown): Observable<never> {
    this.#logger.warn(`cannot tell the tokens' state: ${error instanceof Error ? error.message : String(error)}`);
    return EMPTY;
  }
}

function bySubject({ subject: a = '' }: TokenRow, { subject: b = '' }: TokenRow): number {
  return a.localeCompare(b);
}
