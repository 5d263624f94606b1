import { type Clock, systemClock } from '@evertoken/core';
import { configurationError, unknownOption, wrongOption } from '../token.messages.js';
import { TOKEN_HEALTH_REASONS, type TokenHealthReasonName } from './token-health-report.js';

/** How a manager's health is found out. */
export interface TokenHealthOptions {
  /** How long an answer of the stores is good for, ms. Default 10 s; and where they have much to tell, ten times as long as they took. */
  readonly maxAgeMs?: number | undefined;
  /** How long a check waits for the stores, ms; it then tells what was known before. Default 1 s. */
  readonly timeoutMs?: number | undefined;
  /** How many attempts in a row have to fail before a token that still lives is `failing`. Default 3. */
  readonly failuresInARow?: number | undefined;
  /** How soon a grant has to end to be `grantEnding`, ms. Default 24 h. */
  readonly grantEndingMs?: number | undefined;
  /** Replaces the clock. Default: the one of the manager's `TokenModule`; without one the machine's. */
  readonly clock?: Clock | undefined;
}

/** Which part of a manager's health is meant; what is left out means all. */
export interface TokenHealthFilter {
  /** Account names. */
  readonly accounts?: readonly string[] | undefined;
  /** Kinds of tokens. */
  readonly kinds?: readonly string[] | undefined;
  /** Reasons that do not count: users who never come back stay `reauthorize` for ever, say. */
  readonly ignore?: readonly TokenHealthReasonName[] | undefined;
}

/** The options, checked, with every default filled in. */
export interface HealthSettings {
  readonly maxAgeMs: number;
  readonly timeoutMs: number;
  readonly failuresInARow: number;
  readonly grantEndingMs: number;
  readonly clock: Clock;
}

/** Every number with its reason. */
const DEFAULTS: HealthSettings = Object.freeze({
  /** 10 s: probes come as often, from several sides. */
  maxAgeMs: 10_000,
  /** 1 s: what probes wait by default (Kubernetes). */
  timeoutMs: 1_000,
  /** 3: with the default distances two minutes, in which platforms restart. */
  failuresInARow: 3,
  /** 24 h: as core warns. */
  grantEndingMs: 24 * 60 * 60_000,
  clock: systemClock,
});

const NUMBERS = ['maxAgeMs', 'timeoutMs', 'failuresInARow', 'grantEndingMs'] as const;

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TokenError `ERR_TOKEN_CONFIGURATION`; its message begins with the quoted option.
 */
export function readHealthOptions(options: TokenHealthOptions, owner: string): HealthSettings {
  if (typeof options !== 'object' || options === null) throw configurationError(wrongOption('options', 'an object'));
  known(options, [...NUMBERS, 'clock'], owner);
  const settings: Record<string, unknown> = { ...DEFAULTS };
  for (const name of NUMBERS) {
    const value = options[name];
    if (value === undefined) continue;
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
      throw configurationError(wrongOption(name, 'a positive number'));
    }
    settings[name] = value;
  }
  const { clock = systemClock } = options;
  if (typeof clock?.now !== 'function' || typeof clock.monotonic !== 'function' || typeof clock.after !== 'function') {
    throw configurationError(wrongOption('clock', 'a clock, such as systemClock'));
  }
  return { ...settings, clock } as unknown as HealthSettings;
}

/** Checks a filter. */
export function readFilter({ accounts, kinds, ignore }: TokenHealthFilter): TokenHealthFilter {
  for (const [name, value] of Object.entries({ accounts, kinds, ignore })) {
    if (value !== undefined && !(Array.isArray(value) && value.every((each) => typeof each === 'string'))) {
      throw configurationError(wrongOption(name, 'a list of names'));
    }
  }
  const wrong = ignore?.find((reason) => !TOKEN_HEALTH_REASONS.includes(reason));
  if (wrong !== undefined) {
    const expected = `reasons: ${TOKEN_HEALTH_REASONS.map((reason) => `"${reason}"`).join(', ')}`;
    throw configurationError(wrongOption('ignore', expected));
  }
  return { accounts, kinds, ignore };
}

/** Refuses names that are none of `accepted`. */
export function known(given: object, accepted: readonly string[], owner: string): void {
  const unknown = Object.keys(given).find((name) => !accepted.includes(name));
  if (unknown !== undefined) throw configurationError(unknownOption(unknown, owner, accepted));
}
