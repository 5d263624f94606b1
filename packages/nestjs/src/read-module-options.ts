import {
  type Account,
  type Clock,
  DEFAULTS,
  MANAGER_OPTIONS,
  systemClock,
  type TokenManagerOptions,
} from '@evertoken/core';
import { CronTime } from 'cron';
import type { TokenAccountsLoader } from './interfaces/token-account-entry.interface.js';
import type {
  TokenModuleFactoryOptions,
  TokenModuleStaticOptions,
} from './interfaces/token-module-options.interface.js';
import { readAccounts } from './read-accounts.js';
import { DEFAULT_CRON, DEFAULT_JOB_NAME } from './token.constants.js';
import {
  configurationError,
  malformedCron,
  misplacedOption,
  staticOption,
  unknownOption,
  unknownTimeZone,
  wrongType,
} from './token.messages.js';
import type { TokenModuleExtras } from './token.module-definition.js';

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
  readonly accountsFrom: TokenAccountsLoader | undefined;
  readonly clock: Clock;
  /** How long each shutdown hook waits. */
  readonly closeTimeoutMs: number;
  /** How long stores may take to close. */
  readonly storeTimeoutMs: number;
}

const OWN_OPTIONS = ['schedule', 'startOn', 'accountsFrom'];
const STATIC_OPTIONS = ['managerName', 'isGlobal'];
/** What Nest takes beside the static ones where options are made by other providers. */
const FACTORY_OPTIONS = ['useFactory', 'useClass', 'useExisting', 'inject', 'imports', 'provideInjectionTokensFrom'];
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
  const { schedule, startOn = 'bootstrap', accountsFrom, ...manager } = options;
  if (startOn !== 'bootstrap' && startOn !== 'signal') {
    throw configurationError(wrongType('startOn', "'bootstrap' or 'signal'", startOn));
  }
  if (accountsFrom !== undefined && typeof accountsFrom !== 'function') {
    throw configurationError(wrongType('accountsFrom', 'a function that says which accounts there are', accountsFrom));
  }
  const accounts = readAccounts(options.accounts, accountNames);
  return {
    manager: { ...manager, accounts },
    managerName,
    job: schedule === false ? undefined : readSchedule(schedule, managerName),
    startOn,
    accountsFrom,
    clock: options.clock ?? systemClock,
    closeTimeoutMs: options.closeTimeoutMs ?? DEFAULTS.closeTimeoutMs,
    storeTimeoutMs: options.storeTimeoutMs ?? DEFAULTS.storeTimeoutMs,
  };
}

/**
 * What is wrong with how the module was registered, beside its options. Said at the start, as everything else is; nothing but
 * the names of options is looked at.
 */
export function registrationProblem({ form, ...given }: TokenModuleExtras): string | undefined {
  // `forRoot` gets its options here as well; `readModuleOptions` checks those.
  if (form !== 'forRootAsync')
    return given.accountNames === undefined
      ? undefined
      : unknownOption('accountNames', 'TokenModule.forRoot', [...OWN_OPTIONS, ...STATIC_OPTIONS, ...MANAGER_OPTIONS]);
  const misplaced = Object.keys(given).find((name) => OWN_OPTIONS.includes(name) || MANAGER_OPTIONS.includes(name));
  if (misplaced !== undefined) return misplacedOption(misplaced);
  return unknownKey(given, [...FACTORY_OPTIONS, 'accountNames', ...STATIC_OPTIONS], 'TokenModule.forRootAsync');
}

/** The same of a feature. */
export function featureProblem(given: object, form: 'forFeature' | 'forFeatureAsync'): string | undefined {
  const options = form === 'forFeature' ? ['imports'] : [...FACTORY_OPTIONS, 'accountNames'];
  return unknownKey(given, [...options, 'managerName'], `TokenModule.${form}`);
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

function known(given: object, accepted: readonly string[], owner: string, prefix?: string): void {
  const problem = unknownKey(given, accepted, owner, prefix);
  if (problem !== undefined) throw configurationError(problem);
}

function unknownKey(given: object, accepted: readonly string[], owner: string, prefix = ''): string | undefined {
  const unknown = Object.keys(given).find((name) => !accepted.includes(name));
  return unknown === undefined ? undefined : unknownOption(prefix + unknown, owner, accepted);
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
