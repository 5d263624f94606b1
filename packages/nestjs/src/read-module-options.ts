import {
  type Account,
  type Clock,
  DEFAULTS,
  MANAGER_OPTIONS,
  systemClock,
  type TokenManagerOptions,
} from '@evertoken/core';
import { CronTime } from 'cron';
import type {
  TokenModuleFactoryOptions,
  TokenModuleStaticOptions,
} from './interfaces/token-module-options.interface.js';
import { DEFAULT_CRON, DEFAULT_JOB_NAME } from './token.constants.js';
import {
  accountNotMade,
  accountNotNamed,
  configurationError,
  malformedCron,
  notAnAccount,
  staticOption,
  unknownOption,
  unknownTimeZone,
  wrongType,
} from './token.messages.js';

/** The refresh job, checked. */
export interface JobSettings {
  readonly cron: string;
  readonly timeZone: string | undefined;
  readonly name: string;
  /** How long until the next tick, ms. */
  readonly untilNextMs: () => number;
}

/** The module's options, read once. */
export interface ModuleSettings {
  /** What the manager gets. It checks these itself. */
  readonly manager: TokenManagerOptions & { readonly accounts: readonly Account[] };
  readonly managerName: string | undefined;
  readonly job: JobSettings | undefined;
  readonly startOn: 'bootstrap' | 'signal';
  readonly clock: Clock;
  /** How long each shutdown hook waits. */
  readonly closeTimeoutMs: number;
}

const OWN_OPTIONS = ['schedule', 'startOn'];
const STATIC_OPTIONS = ['managerName', 'isGlobal'];
const SCHEDULE_OPTIONS = ['cron', 'timeZone', 'name'];

/**
 * Checks the options the module adds to the manager's, and refuses unknown ones. `accountNames`: what an asynchronous
 * registration promised.
 *
 * @throws TokenError `ERR_TOKEN_CONFIGURATION`; its message begins with the quoted option.
 */
export function readModuleOptions(
  options: TokenModuleFactoryOptions,
  { managerName, isGlobal, accountNames }: TokenModuleStaticOptions & { readonly accountNames?: readonly string[] },
): ModuleSettings {
  const given = object('options', options);
  const isAsync = accountNames !== undefined;
  const misplaced = Object.keys(given).find((name) => isAsync && STATIC_OPTIONS.includes(name));
  if (misplaced !== undefined) throw configurationError(staticOption(misplaced));
  known(given, [...OWN_OPTIONS, ...(isAsync ? [] : STATIC_OPTIONS), ...MANAGER_OPTIONS], 'TokenModule');
  if (managerName !== undefined) text('managerName', managerName);
  if (isGlobal !== undefined && typeof isGlobal !== 'boolean') {
    throw configurationError(wrongType('isGlobal', 'true or false', isGlobal));
  }
  const { schedule, startOn = 'bootstrap', ...manager } = options;
  if (startOn !== 'bootstrap' && startOn !== 'signal') {
    throw configurationError(wrongType('startOn', "'bootstrap' or 'signal'", startOn));
  }
  const accounts = readAccounts(options.accounts, accountNames);
  return {
    manager: { ...manager, accounts },
    managerName,
    job: schedule === false ? undefined : readSchedule(schedule, managerName),
    startOn,
    clock: options.clock ?? systemClock,
    closeTimeoutMs: options.closeTimeoutMs ?? DEFAULTS.closeTimeoutMs,
  };
}

/** The accounts as a list; with `names`, exactly the promised ones. */
export function readAccounts(accounts: Iterable<Account> = [], names?: readonly string[]): readonly Account[] {
  if (typeof accounts !== 'object' || accounts === null || !(Symbol.iterator in accounts)) {
    throw configurationError(wrongType('accounts', 'a list of accounts', accounts));
  }
  const made = [...accounts];
  for (const account of made) {
    if (typeof account !== 'object' || account === null) throw configurationError(notAnAccount(account));
  }
  if (names === undefined) return made;
  if (!Array.isArray(names)) throw configurationError(wrongType('accountNames', 'a list of names', names));
  const madeNames = made.map(({ name }) => name);
  const missing = names.find((name) => !madeNames.includes(name));
  if (missing !== undefined) throw configurationError(accountNotMade(missing, madeNames));
  const unnamed = madeNames.find((name) => !names.includes(name));
  if (unnamed !== undefined) throw configurationError(accountNotNamed(unnamed));
  return made;
}

function readSchedule(schedule: TokenModuleFactoryOptions['schedule'], managerName: string | undefined): JobSettings {
  const given = object('schedule', schedule ?? {});
  known(given, SCHEDULE_OPTIONS, '"schedule"', 'schedule.');
  const cron = text('schedule.cron', given['cron'] ?? DEFAULT_CRON);
  const timeZone = given['timeZone'] === undefined ? undefined : text('schedule.timeZone', given['timeZone']);
  const time = cronTime(cron, timeZone);
  const jobName = managerName === undefined ? DEFAULT_JOB_NAME : `${DEFAULT_JOB_NAME}:${managerName}`;
  return {
    cron,
    timeZone,
    name: text('schedule.name', given['name'] ?? jobName),
    untilNextMs: () => Math.max(0, time.getTimeout()),
  };
}

function cronTime(cron: string, timeZone: string | undefined): CronTime {
  let time: CronTime;
  try {
    time = new CronTime(cron);
    // The 30th of February parses as well as any day, and fails when the job is started.
    time.getTimeout();
  } catch (error) {
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw configurationError(malformedCron(cron, reason));
  }
  try {
    return timeZone === undefined ? time : new CronTime(cron, timeZone);
  } catch {
    throw configurationError(unknownTimeZone(timeZone ?? ''));
  }
}

function known(
  given: Readonly<Record<string, unknown>>,
  accepted: readonly string[],
  owner: string,
  prefix = '',
): void {
  const unknown = Object.keys(given).find((name) => !accepted.includes(name));
  if (unknown !== undefined) throw configurationError(unknownOption(prefix + unknown, owner, accepted));
}

function object(path: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw configurationError(wrongType(path, 'an object', value));
  }
  return value as Readonly<Record<string, unknown>>;
}

function text(path: string, value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '') {
    throw configurationError(wrongType(path, 'a non-empty string', value));
  }
  return value;
}
