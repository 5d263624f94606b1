import {
  type Account,
  type IssuedToken,
  type SourceKind,
  type TokenEvents,
  type TokenManagerOptions,
  type TokenSource,
  type Tokens,
  tokenKeyOf,
} from '@evertoken/core';
import type { DynamicModule, LoggerService, ModuleMetadata } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach } from 'vitest';

/** The client of a test account: says what it was made of. */
export class TestClient {
  constructor(
    readonly account: TestAccount,
    readonly tokens: Tokens,
  ) {}

  async token(): Promise<string> {
    return (await this.tokens.get(this.account.accessToken)).value;
  }
}

/** An account with one token of its own, and grants of users where it is asked to have some. */
export interface TestAccount extends Account<TestClient> {
  readonly accessToken: TokenSource;
  user(subject: string): TokenSource;
  /** How often the platform was asked. */
  readonly calls: () => number;
}

export interface TestAccountOptions {
  readonly name: string;
  readonly id?: string;
  readonly problems?: readonly string[];
  readonly superseding?: boolean;
  readonly grants?: 'too' | 'only';
  /** What the platform answers, from the number of the call on. */
  readonly issue?: (call: number) => IssuedToken | Promise<IssuedToken>;
}

/** A platform and an account of it, in memory. */
export function testAccount(options: TestAccountOptions): TestAccount {
  const { name, id = `id-of-${name}`, problems = [], grants } = options;
  let calls = 0;
  const facts = (kind: string, keep: 'obtainable' | 'grant', subject?: string): TokenSource => ({
    key: tokenKeyOf({ platform: 'test', id, kind, ...(subject !== undefined && { subject: [subject] }) }),
    account: name,
    kind,
    ...(subject !== undefined && { subject }),
    issuance: keep === 'grant' ? 'rotating' : options.superseding ? 'superseding' : 'idempotent',
    keep,
    lifetime: 'remaining',
    issue: async () => {
      calls++;
      return (await options.issue?.(calls)) ?? { value: `${name}-${calls}`, lifetimeMs: 7_200_000 };
    },
  });
  const accessToken = facts('access_token', 'obtainable');
  const user = (subject: string) => facts('user_token', 'grant', subject);
  const kindOf = ({ kind, issuance, keep }: TokenSource): SourceKind => ({ kind, issuance, keep });
  const account: TestAccount = {
    platform: 'test',
    name,
    id,
    kinds: [...(grants === 'only' ? [] : [kindOf(accessToken)]), ...(grants ? [kindOf(user('any'))] : [])],
    problems: () => problems,
    sources: () => (grants === 'only' ? [] : [accessToken]),
    source: (kind, subject) =>
      kind === 'access_token' ? accessToken : subject === undefined ? undefined : user(subject),
    client: (tokens) => new TestClient(account, tokens),
    accessToken,
    user,
    calls: () => calls,
  };
  return account;
}

/** What a manager of a test is given besides accounts: nothing waits. */
export const AT_ONCE: TokenManagerOptions = { random: () => 0 };

const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const app of running.splice(0)) await app.close();
});

/** A module, compiled and started as an application is; ended after the test. */
export async function started(
  imports: NonNullable<ModuleMetadata['imports']>,
  rest: Omit<ModuleMetadata, 'imports'> & { readonly log?: LoggerService } = {},
): Promise<TestingModule> {
  const { log, ...metadata } = rest;
  const module = await Test.createTestingModule({ imports, ...metadata })
    .setLogger(log ?? silence())
    .compile();
  running.push(module);
  await module.init();
  return module;
}

/** An application that ends after the test. */
export function ending<App extends { close(): Promise<void> }>(app: App): App {
  running.push(app);
  return app;
}

/** What starting these imports fails with. */
export async function failureOf(...imports: (DynamicModule | NonNullable<ModuleMetadata['imports']>[number])[]) {
  return started(imports).then(
    () => {
      throw new Error('it was expected to fail');
    },
    (error: unknown) => error as Error & { code?: string },
  );
}

export interface Line {
  readonly level: 'log' | 'warn' | 'error' | 'debug';
  readonly context: string;
  readonly text: string;
}

/** A logger that keeps what it is told by Evertoken. */
export function silence(): LoggerService & { readonly lines: Line[] } {
  const lines: Line[] = [];
  const keep =
    (level: Line['level']) =>
    (message: unknown, ...rest: unknown[]) => {
      const context = String(rest.at(-1));
      if (context.startsWith('Evertoken'))
        lines.push({ level, context, text: [message, ...rest.slice(0, -1)].filter(Boolean).join(' ') });
    };
  return { lines, log: keep('log'), warn: keep('warn'), error: keep('error'), debug: keep('debug') };
}

export type EventNamed<Name extends keyof TokenEvents> = TokenEvents[Name];
