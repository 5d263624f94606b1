import { open } from 'node:fs/promises';
import type { TakeOverOutcome, TokenManager } from '@evertoken/core';
import type { NextEngineApp } from '@evertoken/nextengine';
import { factsOf, type Query, type Row } from './adapter.js';

/** One living pair, as `evertoken import` and `TokenManager.takeOver` take it. */
export interface PairEntry {
  readonly account: string;
  readonly kind: 'access_token';
  readonly subject: string;
  readonly value: string;
  readonly refreshToken: string;
  /** Unix ms; absent where the row's date is none: the first renewal tells it. */
  readonly expiresAt?: number;
  readonly refreshTokenExpiresAt?: number;
  readonly extra: Readonly<Record<string, string>>;
}

/** How rows are read. */
export interface MigrationOptions {
  /** The account's `name`. */
  readonly account: string;
  /** Called with the `uid` of each row that lacks one of its tokens: that user has to sign in. */
  readonly onSkip?: (uid: string) => void;
  /** Take the mail address along, for an account with that option. Default false. */
  readonly keepMailAddress?: boolean;
}

/** 48 h: both tokens are issued together, for one day and for three. The tables know the first end only. */
const REFRESH_TOKEN_OUTLIVES_MS = 48 * 3_600_000;
const ROWS_AT_A_TIME = 500;

/** The pairs of the vendor's tables, in the order of their rows. Stop the old application first: it would renew them behind your back. */
export async function* vendorPairs(query: Query, options: MigrationOptions): AsyncGenerator<PairEntry> {
  for (let after = 0; ; ) {
    // As text, in the zone of the session that wrote it: what is written there is Japan time, whatever zone the server has.
    const rows = await query(
      `SELECT u.id, u.uid, u.next_engine_id, u.email, u.access_token, u.refresh_token, c.main_function_id, c.platform_id,
          CAST(u.access_token_end_date AS CHAR) AS access_token_end_date
        FROM users u JOIN companies c ON c.id = u.company_id WHERE u.id > ? ORDER BY u.id LIMIT ${ROWS_AT_A_TIME}`,
      [after],
    );
    for (const row of rows) {
      const entry = entryOf(row, options);
      if (entry) yield entry;
      else options.onSkip?.(String(row['uid']));
    }
    if (rows.length < ROWS_AT_A_TIME) return;
    after = Number(rows.at(-1)?.['id']);
  }
}

/** Writes entries for `evertoken import`, one JSON document a line. The file holds tokens: it is the owner's alone, and to be deleted. */
export async function writeJsonLines(entries: AsyncIterable<PairEntry>, file: string): Promise<number> {
  const handle = await open(file, 'wx', 0o600);
  let written = 0;
  try {
    for await (const entry of entries) {
      await handle.write(`${JSON.stringify(entry)}\n`);
      written++;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return written;
}

/** Takes entries over at once, comparing first: a pair that is stored already and lives longer stays. */
export async function* takeOverPairs(
  entries: AsyncIterable<PairEntry>,
  { tokens, app, dryRun = false }: { tokens: TokenManager; app: NextEngineApp; dryRun?: boolean },
): AsyncGenerator<{ readonly uid: string; readonly outcome: TakeOverOutcome }> {
  for await (const { account: _account, kind: _kind, subject, ...issued } of entries) {
    yield { uid: subject, outcome: await tokens.takeOver(app.user(subject).accessToken, issued, { dryRun }) };
  }
}

function entryOf(row: Row, { account, keepMailAddress = false }: MigrationOptions): PairEntry | undefined {
  const { access_token: value, refresh_token: refreshToken } = row;
  if (typeof value !== 'string' || value === '' || typeof refreshToken !== 'string' || refreshToken === '') {
    return undefined;
  }
  const { uid, picMailAddress, ...facts } = factsOf(row);
  const expiresAt = japanTime(row['access_token_end_date']);
  return {
    account,
    kind: 'access_token',
    subject: uid,
    value,
    refreshToken,
    ...(expiresAt !== undefined && { expiresAt, refreshTokenExpiresAt: expiresAt + REFRESH_TOKEN_OUTLIVES_MS }),
    extra: { ...facts, ...(keepMailAddress && picMailAddress !== undefined && { picMailAddress }) },
  };
}

/** `YYYY-MM-DD HH:MM:SS` in Japan, Unix ms; undefined for anything else, such as a date of zeros. */
function japanTime(text: unknown): number | undefined {
  const [, day, time] = (typeof text === 'string' && /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})/.exec(text)) || [];
  const ms = Date.parse(`${day}T${time}+09:00`);
  return Number.isNaN(ms) ? undefined : ms;
}
