import { createInterface } from 'node:readline/promises';
import type { TokenManager, TokenSource, TokenStatus } from '@evertoken/core';
import type { CommandResult } from '../command-result.js';
import { EXIT } from '../exit-code.js';
import { findSource } from '../find-source.js';
import { printable } from '../program-io.js';
import { type CommandContext, withSession } from '../session.js';
import { UsageError } from '../usage-error.js';

/** Arguments of `evertoken forget`. */
export interface ForgetArguments {
  readonly account: string;
  readonly kind?: string | undefined;
  readonly subject?: string | undefined;
  /** Confirmed beforehand. */
  readonly yes: boolean;
}

/** `evertoken forget`: takes a stored token away and leaves a tombstone; a grant only once that is confirmed. */
export function forget(context: CommandContext, { yes, ...named }: ForgetArguments): Promise<CommandResult> {
  return withSession(context, {}, async ({ manager, accounts }) => {
    const source = findSource(accounts, named);
    const { account, kind, subject } = source;
    const of = { account, kind, ...(subject !== undefined && { subject }) };
    const which = `${kind} of ${printable(subject === undefined ? account : `${subject} (${account})`)}`;
    await manager.start();
    if (!(await isStored(manager, source)))
      return { exitCode: EXIT.ok, document: { ...of, outcome: 'absent' }, text: `nothing is stored: ${which}\n` };
    if (source.keep === 'grant' && !yes && !(await isConfirmed(context, which)))
      return {
        exitCode: context.interruption.happened ? EXIT.interrupted : EXIT.ok,
        document: { ...of, outcome: 'kept' },
        text: `kept: ${which}\n`,
      };
    await manager.forget(source, { grant: true });
    return { exitCode: EXIT.ok, document: { ...of, outcome: 'forgotten' }, text: `forgotten: ${which}\n` };
  });
}

async function isStored(manager: TokenManager, { key, account, kind, subject }: TokenSource): Promise<boolean> {
  const filter = { accounts: [account], kinds: [kind], ...(subject !== undefined && { subjects: [subject] }) };
  let found: TokenStatus | undefined;
  for await (const status of manager.inspect(filter)) if (status.key === key) found = status;
  return found !== undefined && found.generation > 0 && found.state !== 'gone';
}

/** Asks on the terminal, through stderr: stdout holds the answer alone. */
async function isConfirmed({ io, interruption }: CommandContext, which: string): Promise<boolean> {
  if (!io.stdin.isTTY) throw new UsageError(`--yes must be given to forget a grant without a terminal: ${which}`);
  // Line by line: Ctrl-C stays a signal.
  const terminal = createInterface({ input: io.stdin, output: io.stderr, terminal: false });
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  const question = `Forget ${which}? A person must sign in again then. Type "yes": `;
  try {
    const answer = await Promise.race([terminal.question(question, { signal: interruption.signal }), closed]);
    return answer.trim().toLowerCase() === 'yes';
  } catch (error) {
    if (interruption.happened) return false;
    throw error;
  } finally {
    terminal.close();
  }
}
