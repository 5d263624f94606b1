import type { EpochMs, KeyFilter, TokenStatus } from '@evertoken/core';
import type { CommandResult } from '../command-result.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { keyFilter } from '../key-filter.js';
import { coloursFor } from '../program-io.js';
import { type CommandContext, withSession } from '../session.js';
import { type Column, table } from '../table.js';
import { distanceText } from '../time-text.js';

/** What `--state` may be. */
export const STATES = [
  'active',
  'retrying',
  'doubtful',
  'waiting',
  'suspended',
  'contested',
  'repeated',
  'reauthorize',
  'gone',
  'absent',
] as const satisfies readonly TokenStatus['state'][];

/** Arguments of `evertoken status`; what is left out means all. */
export interface StatusArguments {
  readonly account?: string | undefined;
  readonly subject?: string | undefined;
  readonly kind?: string | undefined;
  readonly state?: TokenStatus['state'] | undefined;
  /** Answer by exit code, for monitoring. */
  readonly check: boolean;
}

/** `evertoken status`: what is stored, and what is configured and not stored. Asks no platform. */
export function status(context: CommandContext, { state, check, ...named }: StatusArguments): Promise<CommandResult> {
  return withSession(context, {}, async ({ manager, accounts, now }) => {
    const keys: TokenStatus[] = [];
    const filter: KeyFilter = keyFilter(accounts, named);
    for await (const key of manager.inspect(filter)) {
      if (context.interruption.happened) return { exitCode: EXIT.interrupted, document: {}, text: '' };
      if (state === undefined || key.state === state) keys.push(key);
    }
    keys.sort(byName);
    const at = now();
    return {
      exitCode: check ? checked(keys, at) : EXIT.ok,
      document: { at, tokens: keys.map(documentOf) },
      text: keys.length === 0 ? 'nothing is stored or configured that was asked for\n' : statusTable(context, keys, at),
    };
  });
}

const collator = new Intl.Collator('en', { numeric: true });

function byName(a: TokenStatus, b: TokenStatus): number {
  return (
    collator.compare(a.account, b.account) ||
    collator.compare(a.kind, b.kind) ||
    collator.compare(a.subject ?? '', b.subject ?? '')
  );
}

/** As `refresh` would end, as far as it can be known without asking: 3 where somebody must sign in, 1 where something does not go well. */
function checked(keys: readonly TokenStatus[], now: EpochMs): ExitCode {
  if (keys.some(({ state }) => state === 'reauthorize')) return EXIT.signIn;
  return keys.some((key) => ailing(key, now)) ? EXIT.failed : EXIT.ok;
}

/** A living pair whose refresh token has ended is not lost before the platform says so, but nobody renewed it in time. */
function ailing({ state, cause, refreshTokenExpiresAt }: TokenStatus, now: EpochMs): boolean {
  if (state === 'gone') return false;
  if (state === 'absent') return cause !== undefined;
  return state !== 'active' || (refreshTokenExpiresAt !== undefined && refreshTokenExpiresAt <= now);
}

/** Of what a platform sent along the names only, as `get` does: it may be personal. */
function documentOf({ extra, retryAt, ...key }: TokenStatus): object {
  return {
    ...key,
    ...(retryAt !== undefined && Number.isFinite(retryAt) && { retryAt }),
    ...(extra && { extra: Object.keys(extra) }),
  };
}

function statusTable({ io }: CommandContext, keys: readonly TokenStatus[], now: EpochMs): string {
  const colours = coloursFor(io, io.stdout);
  const paint = (text: string, { state }: TokenStatus) => {
    if (state === 'active') return colours.green(text);
    if (state === 'reauthorize') return colours.red(text);
    return state === 'gone' || state === 'absent' ? colours.dim(text) : colours.yellow(text);
  };
  const columns: Column<TokenStatus>[] = [
    { head: 'account', cell: ({ account }) => account },
    { head: 'kind', cell: ({ kind }) => kind },
    { head: 'subject', cell: ({ subject }) => subject },
    { head: 'state', cell: ({ state }) => state, paint },
    { head: 'cause', cell: ({ cause }) => cause },
    { head: 'expires', cell: ({ expiresAt }) => distanceText(expiresAt, now) },
    { head: 'refresh token ends', cell: (key) => distanceText(key.refreshTokenExpiresAt, now) },
    { head: 'next refresh', cell: ({ refreshAt, retryAt }) => distanceText(refreshAt ?? retryAt, now) },
    { head: 'failures', cell: ({ failures }) => (failures > 0 ? String(failures) : '') },
    { head: 'last failure', cell: lastFailure },
  ];
  return table(keys, columns);
}

function lastFailure({ failure }: TokenStatus): string {
  if (!failure) return '';
  return failure.platformCode === undefined ? failure.code : `${failure.code} (${failure.platformCode})`;
}
