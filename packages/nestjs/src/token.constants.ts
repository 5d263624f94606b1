/** What the options factory of `forRoot` and `forRootAsync` resolved with, as the user wrote it. */
export const TOKEN_MODULE_OPTIONS = Symbol('evertoken:options');
/** The same, checked, with every default filled in. */
export const TOKEN_MODULE_SETTINGS = Symbol('evertoken:settings');
/** The manager of this `TokenModule`, whatever it is called outside. */
export const MODULE_TOKEN_MANAGER = Symbol('evertoken:manager');
/** The instance whose method carries `@Cron`. */
export const REFRESH_JOB = Symbol('evertoken:refresh-job');
/** The module's `Logger`; not Nest's own class as a token, which tests like to replace. */
export const TOKEN_LOGGER = Symbol('evertoken:logger');
/** Keeps the manager's accounts as `accountsFrom` says; null without that option. */
export const ACCOUNTS_LOAD = Symbol('evertoken:accounts-load');
/** Accounts of a `forFeature`, once the manager has them. */
export const FEATURE_ACCOUNTS = Symbol('evertoken:feature-accounts');
/** Metadata of methods decorated with `@OnTokenEvent`. */
export const TOKEN_EVENT_METADATA = 'evertoken:on-token-event';

/**
 * The injection token of @nestjs/cache-manager, an optional peer that must not be imported: neither at run time, where it
 * may be missing, nor for its types, which not every compiler setting accepts.
 */
export const CACHE_MANAGER = 'CACHE_MANAGER';

/** Twice a minute: tokens are due half an hour before their end, so a missed beat or ten cost nothing. */
export const DEFAULT_CRON = '*/30 * * * * *';
/** What the job is called in `SchedulerRegistry`; followed by the manager's name where it has one. */
export const DEFAULT_JOB_NAME = 'evertoken:refresh';
/** The part of the time to its next tick within which a refresh begins, so that instances do not all begin at once. */
export const JITTER = 0.1;
/** How long the start and a sweep wait for `accountsFrom`, ms; what it says later is taken then. */
export const LOAD_TIMEOUT_MS = 10_000;
/** How many accounts are made at a time. */
export const ACCOUNTS_AT_A_TIME = 10;
