import type { EpochMs, TokenExtra } from '@evertoken/core';
import { quoted, UsageError } from './usage-error.js';

/** A living token or pair of another system, as it stands in the file. */
export interface ImportEntry {
  /** The account's name in the configuration. */
  readonly account: string;
  /** May be left out where the account has one. */
  readonly kind?: string;
  /** Whose token it is, where the kind has subjects. */
  readonly subject?: string;
  /** The access token. */
  readonly value: string;
  /** The refresh token. */
  readonly refreshToken?: string;
  /** End of validity: ISO 8601 with an offset (`2026-11-21T10:00:00+09:00`, `…Z`), or Unix ms. Left out: no end is known. */
  readonly expiresAt?: string | number;
  /** The same, of the refresh token. */
  readonly refreshTokenExpiresAt?: string | number;
  /** Facts that travel with the token: no secrets, every caller of `get` sees them. */
  readonly extra?: TokenExtra;
}

/** An entry that has been checked: its times in Unix ms, and where it stands. */
export interface CheckedEntry extends Omit<ImportEntry, 'expiresAt' | 'refreshTokenExpiresAt'> {
  /** End of validity, Unix ms. */
  readonly expiresAt?: EpochMs;
  /** When it can no longer be renewed, Unix ms. */
  readonly refreshTokenExpiresAt?: EpochMs;
  /** `line 3` of JSON lines, `entry 3` of an array. */
  readonly place: string;
}

/** Problems that are told at a time. */
const MOST_PROBLEMS = 20;

/**
 * Reads a JSON array, or JSON lines, of `ImportEntry`; a single one may stand on several lines. Everything is checked before anything is answered.
 *
 * @throws UsageError that names the places and fields that are wrong, and never a value.
 */
export function parseImport(text: string): readonly CheckedEntry[] {
  const problems: string[] = [];
  const entries = placed(text.replace(/^\uFEFF/, '').trim()).flatMap(({ place, value }) => {
    const wrong = problemsOf(value);
    problems.push(...wrong.map((problem) => `${place}: ${problem}`));
    return wrong.length > 0 ? [] : [checked(value as ImportEntry, place)];
  });
  refuse(problems);
  return entries;
}

/**
 * @throws UsageError where there are problems: all of them in one message, or as many as fit.
 */
export function refuse(problems: readonly string[]): void {
  if (problems.length === 0) return;
  const rest = problems.length - MOST_PROBLEMS;
  throw new UsageError([...problems.slice(0, MOST_PROBLEMS), ...(rest > 0 ? [`and ${rest} more`] : [])].join('; '));
}

interface Placed {
  readonly place: string;
  readonly value: unknown;
}

function placed(text: string): readonly Placed[] {
  if (text === '') throw new UsageError('the file is empty: expected a JSON array, or an object on each line');
  if (text.startsWith('[')) {
    const array = parsed(text) as readonly unknown[] | undefined;
    if (array) return array.map((value, at) => ({ place: `entry ${at + 1}`, value }));
    throw new UsageError('the file begins as a JSON array and is not valid JSON');
  }
  const single = parsed(text);
  if (single !== undefined) return [{ place: 'line 1', value: single }];
  return text.split('\n').flatMap((line, at) => {
    const place = `line ${at + 1}`;
    if (line.trim() === '') return [];
    const value = parsed(line);
    if (value === undefined) throw new UsageError(`${place}: not valid JSON`);
    return [{ place, value }];
  });
}

/** Undefined where it is no JSON: the parser's own message quotes what it has read. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type Check = (value: unknown) => string | undefined;

const TEXT: Check = (value) => (typeof value === 'string' && value !== '' ? undefined : 'a non-empty string');

const FIELDS: Readonly<Record<keyof ImportEntry, Check>> = {
  account: TEXT,
  kind: TEXT,
  subject: TEXT,
  value: TEXT,
  refreshToken: TEXT,
  expiresAt: instantProblem,
  refreshTokenExpiresAt: instantProblem,
  extra: (value) => (isObject(value) ? undefined : 'an object'),
};

const REQUIRED: readonly (keyof ImportEntry)[] = ['account', 'value'];

function problemsOf(value: unknown): string[] {
  if (!isObject(value)) return ['expected an object'];
  const missing = REQUIRED.filter((name) => value[name] === undefined).map((name) => `"${name}" is missing`);
  const wrong = Object.entries(value).flatMap(([name, field]) => {
    if (!Object.hasOwn(FIELDS, name))
      return [`${fieldName(name)} is no field: expected ${quoted(Object.keys(FIELDS))}`];
    const expected = FIELDS[name as keyof ImportEntry](field);
    return expected === undefined ? [] : [`"${name}" must be ${expected}`];
  });
  return [...missing, ...new Set(wrong)];
}

/** A file that is put together wrongly may have a token where a name should be. */
function fieldName(name: string): string {
  return /^[a-z_]{1,32}$/i.test(name) ? `"${name}"` : 'one of its names';
}

function checked({ expiresAt, refreshTokenExpiresAt, ...entry }: ImportEntry, place: string): CheckedEntry {
  return {
    ...entry,
    place,
    ...(expiresAt !== undefined && { expiresAt: instantOf(expiresAt) }),
    ...(refreshTokenExpiresAt !== undefined && { refreshTokenExpiresAt: instantOf(refreshTokenExpiresAt) }),
  };
}

/** A date, `T`, a time, and an offset: without one nobody knows which day it is. */
const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/;
/** September 2001 in ms; in seconds, any year up to 33658. */
const EARLIEST_MS = 1e12;

function instantProblem(value: unknown): string | undefined {
  if (typeof value === 'number') return value >= EARLIEST_MS ? undefined : 'Unix milliseconds, not seconds';
  if (typeof value === 'string' && ISO.test(value) && !Number.isNaN(instantOf(value))) return undefined;
  return 'ISO 8601 with an offset, such as 2026-11-21T10:00:00+09:00, or Unix milliseconds';
}

function instantOf(instant: string | number): EpochMs {
  return typeof instant === 'number' ? instant : Date.parse(instant.replace(/([+-]\d{2})(\d{2})$/, '$1:$2'));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
