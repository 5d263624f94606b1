import type { Token } from '@evertoken/core';
import type { CommandResult } from '../command-result.js';
import { EXIT } from '../exit-code.js';
import { findAccount, findSource, mainKind } from '../find-source.js';
import { printable } from '../program-io.js';
import { type CommandContext, withSession } from '../session.js';
import { distanceText } from '../time-text.js';

/** Arguments of `evertoken get`. */
export interface GetArguments {
  readonly account: string;
  readonly kind?: string | undefined;
  readonly subject?: string | undefined;
  /** Show the value. */
  readonly reveal: boolean;
}

/** `evertoken get`: makes sure that there is a token that lives, and tells its facts; its value only with `reveal`. */
export function get(context: CommandContext, { account, kind, subject, reveal }: GetArguments): Promise<CommandResult> {
  return withSession(context, {}, async ({ manager, accounts, now }) => {
    const source = findSource(accounts, { account, kind: kind ?? mainKind(findAccount(accounts, account)), subject });
    await manager.start();
    const token = await manager.get(source, { signal: context.interruption.signal });
    const of = { account, kind: source.kind, ...(subject !== undefined && { subject }) };
    return {
      exitCode: EXIT.ok,
      document: { ...of, ...factsOfToken(token), ...(reveal && { value: token.value }) },
      text: reveal ? `${token.value}\n` : describe(of, token, now()),
    };
  });
}

function factsOfToken({ issuedAt, expiresAt, extra }: Token) {
  return {
    issuedAt,
    ...(expiresAt !== undefined && { expiresAt }),
    // Their names only: what a platform sends along may be personal.
    extra: Object.keys(extra ?? {}),
  };
}

function describe(of: { account: string; kind: string; subject?: string }, token: Token, now: number): string {
  const { issuedAt, expiresAt, extra } = factsOfToken(token);
  const lines = [
    ...Object.entries(of),
    ['issued', instant(issuedAt, now)],
    ['expires', expiresAt === undefined ? 'unknown' : instant(expiresAt, now)],
    ...(extra.length > 0 ? [['extra', extra.join(', ')]] : []),
  ];
  return lines.map(([name = '', value = '']) => `${name.padEnd(8)} ${printable(value)}\n`).join('');
}

function instant(at: number, now: number): string {
  return `${new Date(at).toISOString()} (${distanceText(at, now)})`;
}
