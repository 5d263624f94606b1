import { TokenError } from '@evertoken/core';

/** The error of a wrong option: begins with the quoted option, says what was expected and the way out. */
export function configurationError(message: string, account?: string): TokenError {
  return new TokenError('ERR_TOKEN_CONFIGURATION', message, account === undefined ? {} : { account });
}

export const unknownOption = (path: string, owner: string, known: readonly string[]) =>
  `"${path}" is no option of ${owner}; expected ${known.map((name) => `"${name}"`).join(', ')}`;

export const staticOption = (name: string) =>
  `"${name}" must stand beside "useFactory", "useClass" or "useExisting", not in what they make: injection tokens depend on it`;

export const misplacedOption = (name: string) =>
  `"${name}" must stand in what "useFactory", "useClass" or "useExisting" make, not beside them`;

export const noFactory = (form: string) =>
  `"useFactory" must be given to TokenModule.${form}, or "useClass" or "useExisting"`;

export const wrongType = (path: string, expected: string, got: unknown) =>
  `"${path}" must be ${expected}, got ${got === null ? 'null' : typeof got}`;

/** For `problems()` of a store: without the value. */
export const wrongOption = (path: string, expected: string) => `"${path}" must be ${expected}`;

export const managersNotApart = (managerName: string | undefined) =>
  `"managerName" must tell the managers of an application apart: several TokenModules have ${managerName === undefined ? 'none' : `"${managerName}"`}`;

export const notAnAccount = (index: number, got: unknown) =>
  `"accounts[${index}]" must be an account, got ${got === null ? 'null' : typeof got}; undefined is what two files see that import each other`;

export const malformedCron = (cron: string, reason: string) =>
  `"schedule.cron" must be a cron expression, such as '*/30 * * * * *'; got '${cron}' (${reason})`;

export const unknownTimeZone = (timeZone: string) =>
  `"schedule.timeZone" must be an IANA time zone, such as 'Asia/Tokyo'; got '${timeZone}'`;

export const accountNotMade = (name: string, made: readonly string[]) =>
  `"accountNames" has "${name}", but the factory made ${list(made)}`;

export const accountNotNamed = (name: string) =>
  `"accountNames" must name every account of the factory: add "${name}", or it cannot be injected`;

export const featureAccountTaken = (name: string) =>
  `"forFeature" has an account "${name}", but the manager has another one of that name already: rename one of them`;

export const noLoader = () => '"accountsFrom" is not given: without it there is nothing to load accounts from';

export const unknownAccount = (name: string) => `there is no account "${name}"`;

export const notAnEntry = (path: string, got: unknown) =>
  `"${path}.account" must be a function that makes the account, got ${got === null ? 'null' : typeof got}`;

export const notTheAccount = (name: string, got: unknown) =>
  `"account" must make the account "${name}", got ${typeof got === 'string' ? `"${got}"` : 'none'}`;

export const accountTwice = (name: string) => `"accountsFrom" has "${name}" more than once: the first one counts`;

export const accountConfigured = (name: string) =>
  `"accountsFrom" has "${name}", but an account of the configuration has that name already: rename one of them`;

export const SCHEDULE_MODULE_MISSING =
  '"schedule" needs the ScheduleModule: add ScheduleModule.forRoot() to the imports of your application\'s module ' +
  '(import { ScheduleModule } from \'@nestjs/schedule\'), or pass "schedule": false to refresh on demand only';

export const CACHE_MISSING =
  '"store" is not given, and the application has no cache-manager to take its place: add ' +
  "CacheModule.register({ isGlobal: true }) from @nestjs/cache-manager to the imports of your application's module, before " +
  "TokenModule, or pass a store: store: fileStore({ directory: 'data/tokens' }) from @evertoken/core/file";

export const severalCaches = (count: number) =>
  `"store" is not given, and the application has ${count} cache-managers: make one of them global ` +
  '(CacheModule.register({ isGlobal: true })), or say which: store: cacheStore(cache) in forRootAsync, with inject: [CACHE_MANAGER]';

export const WRONG_CACHE =
  '"cache" must be the cache of cache-manager 7 (inject CACHE_MANAGER), whose stores are Keyv 5.5 or newer';

export const noSuchManager = (where: string, managerName: string | undefined) =>
  managerName === undefined
    ? `@OnTokenEvent on ${where} means the manager without a name, and there is none: name one, or leave out "managerName" of a TokenModule`
    : `@OnTokenEvent on ${where} means manager "${managerName}", and no TokenModule has that "managerName"`;

export const noSuchEvent = (where: string, event: string, known: readonly string[]) =>
  `@OnTokenEvent on ${where} means event "${event}", and there is none of that name; expected ${list(known)}`;

export const severalInstances = (where: string) =>
  `@OnTokenEvent on ${where} would never be called: its class is made anew for each request or use. Move the method to a provider of default scope`;

const list = (names: readonly string[]) => (names.length === 0 ? 'none' : names.map((name) => `"${name}"`).join(', '));
