import { setImmediate as oneTurn, setTimeout as sleep } from 'node:timers/promises';
import {
  type Account,
  type CommitEvent,
  type ConflictEvent,
  type FailureEvent,
  type GrantEndingEvent,
  type IssueEvent,
  type ReauthorizeEvent,
  type RejectEvent,
  type StateEvent,
  type TokenEvents,
  TokenManager,
} from '@evertoken/core';
import { OnTokenEvent } from '@evertoken/nestjs';
import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import {
  auditTime,
  defer,
  exhaustMap,
  from,
  merge,
  type Observable,
  ReplaySubject,
  Subject,
  share,
  takeUntil,
  timer,
} from 'rxjs';
import { PLATFORMS, type Platforms } from '../platforms.js';
import type { ExampleSandbox, SandboxTenant } from '../sandbox/example-sandbox.js';
import { Connections } from './connections.js';
import type { Status, TokenRow } from './status.js';
import { TokenHistory } from './token-history.js';

/** Events come in bunches: one new picture for each, ms. */
const SETTLE_MS = 80;
/** Business calls make no event of ours: look again after this, ms. */
const BEAT_MS = 2_000;
/** How long a list of the sandbox's tenants is good for, ms. */
const TENANTS_MS = 10_000;

/** Tells how all tokens are, now and whenever that changes, and what happened to them since the start. */
@Injectable()
export class StatusService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #history = new TokenHistory();
  readonly #changes = new Subject<void>();
  readonly #closing = new ReplaySubject<void>(1);
  readonly #logger = new Logger(StatusService.name);
  #isStale = false;
  #tenants: { readonly until: number; readonly all: readonly SandboxTenant[] } = { until: 0, all: [] };
  #connections: Connections | undefined;

  /** One look for all who watch, the first at once; nobody asks while nobody does. */
  readonly stream: Observable<Status>;

  constructor(
    @Inject(TokenManager) private readonly tokens: TokenManager,
    @Inject(PLATFORMS) private readonly platforms: Platforms,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {
    const looks = merge(this.#changes.pipe(auditTime(SETTLE_MS)), timer(BEAT_MS, BEAT_MS)).pipe(
      // What happens during a look is seen by the next, which follows at once: a slow store delays pictures and drops none.
      exhaustMap(() => from(this.#looks())),
      takeUntil(this.#closing),
      share(),
    );
    this.stream = defer(() => {
      queueMicrotask(() => this.changed());
      return looks;
    });
  }

  /** What happened to the tokens since the start, as far as events and looks have told. */
  get history(): TokenHistory {
    return this.#history;
  }

  /** The manager's accounts, those added at run time included. */
  get accounts(): readonly Account[] {
    return this.tokens.accounts();
  }

  /** How the tokens are now. */
  async read(): Promise<Status> {
    const { clock } = this.platforms;
    const { heard } = this.#history;
    const [tokens, sandbox] = await Promise.all([this.#rows(), this.#sandbox()]);
    this.#history.see(tokens, clock.now(), heard);
    return { now: clock.now(), tokens, ...(sandbox && { sandbox }) };
  }

  /** Something happened that the page shows. */
  changed(): void {
    this.#isStale = true;
    this.#changes.next();
  }

  @OnTokenEvent('commit')
  committed(event: CommitEvent): void {
    this.#hear('commit', event);
  }

  @OnTokenEvent('issue')
  issued(event: IssueEvent): void {
    this.#hear('issue', event);
  }

  @OnTokenEvent('conflict')
  conflicted(event: ConflictEvent): void {
    this.#hear('conflict', event);
  }

  @OnTokenEvent('failure')
  failed(event: FailureEvent): void {
    this.#hear('failure', event);
  }

  @OnTokenEvent('state')
  turned(event: StateEvent): void {
    this.#hear('state', event);
  }

  @OnTokenEvent('reject')
  refused(event: RejectEvent): void {
    this.#hear('reject', event);
  }

  @OnTokenEvent('reauthorize')
  lost(event: ReauthorizeEvent): void {
    this.#hear('reauthorize', event);
  }

  @OnTokenEvent('grantEnding')
  ending(event: GrantEndingEvent): void {
    this.#hear('grantEnding', event);
  }

  onApplicationBootstrap(): void {
    this.#connections = new Connections(this.host.httpAdapter.getHttpServer());
  }

  /** Ends open streams, and their connections before the server closes: they would hold it up. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#closing.next();
    await oneTurn();
    this.#connections?.end();
  }

  /** One that runs elsewhere may be down: the tokens are shown all the same. */
  async #sandbox(): Promise<Status['sandbox']> {
    const { sandbox } = this.platforms;
    if (!sandbox) return undefined;
    const { url, offsetMs, isShared } = sandbox;
    try {
      const [calls, tenants] = await Promise.all([sandbox.calls(), this.#tenantsOf(sandbox)]);
      return { url, offsetMs, isShared, calls, tenants };
    } catch (error) {
      return { url, offsetMs, isShared, calls: [], tenants: [], problem: messageOf(error) };
    }
  }

  /** Who there is changes rarely, and who has authorized is seen by the tokens. */
  async #tenantsOf(sandbox: ExampleSandbox): Promise<readonly SandboxTenant[]> {
    if (performance.now() > this.#tenants.until) {
      this.#tenants = { until: performance.now() + TENANTS_MS, all: await sandbox.tenants() };
    }
    return this.#tenants.all;
  }

  #hear<Name extends keyof TokenEvents>(name: Name, event: TokenEvents[Name]): void {
    this.#history.hear(name, event);
    this.changed();
  }

  async *#looks(): AsyncGenerator<Status> {
    for (let isFirst = true; isFirst || this.#isStale; isFirst = false) {
      if (!isFirst) await sleep(SETTLE_MS);
      this.#isStale = false;
      try {
        yield await this.read();
      } catch (error) {
        this.#logger.warn(`cannot tell the tokens' state: ${messageOf(error)}`);
        return;
      }
    }
  }

  /** In the order of the accounts and their kinds. What needs a person or a push is a line without subject until that has come. */
  async #rows(): Promise<TokenRow[]> {
    const stored = new Map<string, TokenRow[]>();
    for await (const { key: _key, ...status } of this.tokens.inspect()) {
      const name = `${status.account} ${status.kind}`;
      const rows = stored.get(name);
      if (rows) rows.push(status);
      else stored.set(name, [status]);
    }
    return this.tokens.accounts().flatMap(({ name, platform, kinds }) =>
      kinds.flatMap(({ kind, keep }): TokenRow[] => {
        const own = stored.get(`${name} ${kind}`) ?? [];
        if (own.length > 0 || keep !== 'grant') return own.sort(bySubject);
        return [{ platform, account: name, kind, state: 'absent' }];
      }),
    );
  }
}

function bySubject({ subject: a = '' }: TokenRow, { subject: b = '' }: TokenRow): number {
  return a.localeCompare(b);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
