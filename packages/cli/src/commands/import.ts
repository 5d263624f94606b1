import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Account, IssuedToken, TakeOverOutcome, TokenManager, TokenSource } from '@evertoken/core';
import { type CommandResult, factsOf } from '../command-result.js';
import { EXIT } from '../exit-code.js';
import { findSource } from '../find-source.js';
import { type CheckedEntry, parseImport, refuse } from '../import-file.js';
import { coloursFor, type ProgramIO } from '../program-io.js';
import { progressOn } from '../progress.js';
import { isTokenError } from '../project-core.js';
import { type CommandContext, withSession } from '../session.js';
import { table } from '../table.js';
import { UsageError } from '../usage-error.js';

/** Arguments of `evertoken import`. */
export interface ImportArguments {
  /** `-` is stdin. */
  readonly file: string;
  /** Compare, and say what would happen. */
  readonly dryRun: boolean;
}

/** 10: tokens stored at a time. */
const CONCURRENCY = 10;

/** What became of an entry; `failed` with the error. */
interface Imported {
  readonly place: string;
  readonly account: string;
  readonly kind: string;
  readonly subject?: string;
  readonly outcome: TakeOverOutcome | 'failed';
  readonly error?: Error;
}

/** A checked entry and the source that it is a token of. */
interface Task {
  readonly entry: CheckedEntry;
  readonly source: TokenSource;
}

/** `evertoken import`: takes over living tokens and pairs of another system, each compared first with what is stored. */
export function importTokens(context: CommandContext, { file, dryRun }: ImportArguments): Promise<CommandResult> {
  return withSession(context, {}, async ({ manager, accounts }) => {
    const { io, interruption } = context;
    const content = await contentOf(io, file, interruption.signal);
    if (content === undefined) return resultOf([], 0, { io, dryRun, interrupted: true });
    const tasks = tasksOf(file, content, accounts);
    await manager.start();
    const results = await takeAll(manager, tasks, context, dryRun);
    return resultOf(results, tasks.length, { io, dryRun, interrupted: interruption.happened });
  });
}

/** Undefined where the wait for it was interrupted. */
async function contentOf(io: ProgramIO, file: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    if (file === '-') return await text(addAbortSignal(signal, io.stdin));
    return await readFile(resolve(io.cwd(), file), { encoding: 'utf8', signal });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw new UsageError(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}`);
  }
}

/** Every entry is checked before the first is taken: half an import is hard to make good. */
function tasksOf(file: string, content: string, accounts: readonly Account[]): readonly Task[] {
  const places = new Map<string, string>();
  const problems: string[] = [];
  const tasks: Task[] = [];
  try {
    for (const entry of parseImport(content)) {
      const found = sourceOf(entry, accounts);
      if (typeof found === 'string') {
        problems.push(`${entry.place}: ${found}`);
        continue;
      }
      const before = places.get(found.key);
      if (before !== undefined) problems.push(`${entry.place}: names the same token as ${before}`);
      places.set(found.key, entry.place);
      tasks.push({ entry, source: found });
    }
    refuse(problems);
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${file === '-' ? 'stdin' : file}: ${error.message}`);
    throw error;
  }
  return tasks;
}

/** The entry's source, or what is wrong with it. */
function sourceOf(entry: CheckedEntry, accounts: readonly Account[]): TokenSource | string {
  try {
    const source = findSource(accounts, entry);
    if (source.issuance === 'rotating' && entry.refreshToken === undefined)
      return `"refreshToken" is missing: half a pair cannot be renewed`;
    return source;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

async function takeAll(
  manager: TokenManager,
  tasks: readonly Task[],
  { io, interruption }: CommandContext,
  dryRun: boolean,
): Promise<readonly Imported[]> {
  const progress = await progressOn(io, interruption.signal);
  const results: Imported[] = [];
  const queue = tasks.values();
  let broken = false;
  const worker = async () => {
    for (const { entry, source } of queue) {
      if (broken || interruption.happened) return;
      const result = await takeOne(manager, source, entry, dryRun);
      results.push(result);
      // A store that is down is down for all of them; what is stored is found to be the same next time.
      broken ||= isTokenError(result.error) && result.error.code === 'ERR_TOKEN_STORE';
      progress.at(results.length, tasks.length, '');
    }
  };
  try {
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  } finally {
    progress.end();
  }
  const order = new Map(tasks.map(({ entry }, at) => [entry.place, at]));
  return results.sort((a, b) => (order.get(a.place) ?? 0) - (order.get(b.place) ?? 0));
}

async function takeOne(
  manager: TokenManager,
  source: TokenSource,
  { place, value, refreshToken, expiresAt, refreshTokenExpiresAt, extra }: CheckedEntry,
  dryRun: boolean,
): Promise<Imported> {
  const { account, kind, subject } = source;
  const of = { place, account, kind, ...(subject !== undefined && { subject }) };
  const issued: IssuedToken = {
    value,
    ...(refreshToken !== undefined && { refreshToken }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(refreshTokenExpiresAt !== undefined && { refreshTokenExpiresAt }),
    ...(extra && { extra }),
  };
  try {
    return { ...of, outcome: await manager.takeOver(source, issued, { dryRun }) };
  } catch (error) {
    if (!isTokenError(error)) throw error;
    return { ...of, outcome: 'failed', error };
  }
}

const OUTCOMES = ['taken', 'same', 'kept', 'gone', 'failed'] as const;

function resultOf(
  results: readonly Imported[],
  total: number,
  { io, dryRun, interrupted }: { io: ProgramIO; dryRun: boolean; interrupted: boolean },
): CommandResult {
  const counts = Object.fromEntries(
    OUTCOMES.map((outcome) => [outcome, results.filter((result) => result.outcome === outcome).length]),
  ) as Record<(typeof OUTCOMES)[number], number>;
  const notTaken = total - results.length;
  const summary = [
    ...(dryRun ? ['dry run, nothing is stored:'] : []),
    ...(interrupted ? ['interrupted:'] : []),
    OUTCOMES.flatMap((outcome) => (counts[outcome] > 0 ? [`${counts[outcome]} ${outcome}`] : [])).join(', ') ||
      'nothing',
    ...(notTaken > 0 ? [`(${notTaken} not begun)`] : []),
  ].join(' ');
  const failed = counts.failed > 0 || (notTaken > 0 && !interrupted);
  return {
    exitCode: interrupted ? EXIT.interrupted : failed ? EXIT.failed : EXIT.ok,
    document: {
      dryRun,
      interrupted,
      counts,
      notBegun: notTaken,
      entries: results.map(({ error, ...entry }) => ({ ...entry, ...(error && factsOf(error)) })),
    },
    text: `${summary}\n${results.length > 0 ? `\n${importTable(results, io)}` : ''}`,
  };
}

function importTable(results: readonly Imported[], io: ProgramIO): string {
  const colours = coloursFor(io, io.stdout);
  return table(results, [
    { head: 'account', cell: ({ account }) => account },
    { head: 'kind', cell: ({ kind }) => kind },
    { head: 'subject', cell: ({ subject }) => subject },
    {
      head: 'outcome',
      cell: ({ outcome }) => outcome,
      paint: (cell, { outcome }) => (outcome === 'failed' ? colours.red(cell) : cell),
    },
    { head: 'reason', cell: ({ error }) => error?.message },
    { head: 'from', cell: ({ place }) => place },
  ]);
}
