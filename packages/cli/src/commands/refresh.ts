import type { CloseReport, RefreshResult } from '@evertoken/core';
import { type CommandResult, factsOf } from '../command-result.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { ExpectedKeys } from '../expected-keys.js';
import { keyFilter } from '../key-filter.js';
import { coloursFor, type ProgramIO, printable } from '../program-io.js';
import { progressOn } from '../progress.js';
import { countsText, type NotFresh, OUTCOMES, type Outcome, RefreshTally } from '../refresh-tally.js';
import { type CommandContext, type Session, withSession } from '../session.js';
import { table } from '../table.js';
import { distanceText, elapsedText } from '../time-text.js';

/** Arguments of `evertoken refresh`; what is left out means all. */
export interface RefreshArguments {
  readonly account?: string | undefined;
  readonly subject?: string | undefined;
  readonly kind?: string | undefined;
  /** Platform requests at a time, all accounts together. Default: the configuration's `concurrencyPerAccount`, else 10. */
  readonly concurrency?: number | undefined;
}

/** What a refresh did, before it is put into words. */
interface Done {
  readonly tally: RefreshTally;
  readonly expected: number;
  readonly unanswered: CloseReport['unanswered'];
  readonly interrupted: boolean;
  readonly durationMs: number;
  readonly now: number;
}

/** `evertoken refresh`: asks the platforms for everything that is stored or configured, most urgent first. */
export function refresh(context: CommandContext, { concurrency, ...named }: RefreshArguments): Promise<CommandResult> {
  let expected: ExpectedKeys | undefined;
  const options = { concurrency, onRecords: (records: Parameters<ExpectedKeys['add']>[0]) => expected?.add(records) };
  return withSession(context, options, async (session) => {
    const { manager, accounts } = session;
    const filter = keyFilter(accounts, named);
    const tally = new RefreshTally((result) => lives(session, result));
    const { signal } = context.interruption;
    const progress = await progressOn(context.io, signal);
    await manager.start();
    const keys = new ExpectedKeys(accounts);
    expected = keys;
    keys.begin(filter);
    try {
      await manager.refreshAll(filter, {
        concurrency: session.concurrency,
        signal,
        onProgress: (result) => {
          tally.add(result);
          // Of one subject nothing is listed: the manager reads its keys by name.
          progress.at(tally.done, Math.max(tally.done, keys.count), countsText(tally.counts));
        },
      });
    } finally {
      progress.end();
    }
    // Signals count until everything is stored.
    const unanswered = await session.close();
    const done = {
      tally,
      expected: keys.count,
      unanswered,
      interrupted: context.interruption.happened,
      durationMs: session.elapsedMs(),
      now: session.now(),
    };
    const missing = named.subject !== undefined && tally.done === 0 && !done.interrupted;
    return {
      exitCode: missing ? EXIT.failed : exitCodeOf(done),
      document: documentOf(done),
      text: missing ? `nothing is stored of subject ${printable(named.subject ?? '')}\n` : textOf(done, context.io),
    };
  });
}

/** A platform that pushes is not asked: what the manager has read while it looked says whether the token lives. */
function lives({ manager, accounts }: Session, { account, kind, subject }: RefreshResult): boolean {
  const source = accounts.find(({ name }) => name === account)?.source(kind, subject);
  return source?.issuance === 'pushed' && manager.peek(source) !== undefined;
}

function exitCodeOf({ tally, interrupted, unanswered }: Done): ExitCode {
  if (interrupted) return EXIT.interrupted;
  if (tally.counts.reauthorize > 0) return EXIT.signIn;
  return tally.notFresh.length > 0 || unanswered.length > 0 ? EXIT.failed : EXIT.ok;
}

function documentOf({ tally, expected, unanswered, interrupted, durationMs }: Done) {
  return {
    interrupted,
    durationMs: Math.round(durationMs),
    counts: tally.counts,
    notAsked: Math.max(0, expected - tally.done),
    notFresh: tally.notFresh.map(({ error, ...key }) => ({ ...key, ...(error && factsOf(error)) })),
    unanswered,
  };
}

function textOf(done: Done, io: ProgramIO): string {
  const { tally, expected, unanswered, interrupted, durationMs, now } = done;
  const notAsked = expected - tally.done;
  const summary = [
    `${interrupted ? 'interrupted after ' : ''}${tally.done} in ${elapsedText(durationMs)}: ${countsText(tally.counts)}`,
    ...(notAsked > 0 ? [`not asked any more: ${notAsked}`] : []),
    ...unanswered.map(
      ({ account, kind, subject }) =>
        `no answer yet: ${kind} of ${printable(subject ?? account)}; it is stored when it comes`,
    ),
  ];
  const list = tally.notFresh.length === 0 ? '' : `\n${notFreshTable(tally.notFresh, io, now)}`;
  return `${summary.join('\n')}\n${list}`;
}

/** Without a time for the next attempt these rest until somebody has signed in. */
const NEEDS_A_PERSON: readonly Outcome[] = ['reauthorize', 'suspended'];

function notFreshTable(keys: readonly NotFresh[], io: ProgramIO, now: number): string {
  const colours = coloursFor(io, io.stdout);
  const rows = keys.map(({ error, ...key }) => ({ ...key, ...(error && factsOf(error)) }));
  return table(rows, [
    { head: 'account', cell: ({ account }) => account },
    { head: 'kind', cell: ({ kind }) => kind },
    { head: 'subject', cell: ({ subject }) => subject },
    {
      head: 'outcome',
      cell: ({ outcome }) => OUTCOMES[outcome],
      paint: (text, { outcome }) => (outcome === 'reauthorize' ? colours.red(text) : colours.yellow(text)),
    },
    { head: 'code', cell: ({ code }) => code },
    { head: 'reason', cell: ({ reason }) => reason },
    { head: 'platform code', cell: ({ platformCode }) => platformCode },
    {
      head: 'next attempt',
      cell: ({ outcome, retryAt }) =>
        retryAt === undefined && NEEDS_A_PERSON.includes(outcome) ? 'after a sign-in' : distanceText(retryAt, now),
    },
  ]);
}
