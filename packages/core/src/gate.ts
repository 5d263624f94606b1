import { DEFAULTS } from './defaults.js';
import { configurationError, type Settings } from './options.js';
import type { Registered } from './registry.js';
import type { SourceKind } from './source.js';
import type { StoreTraits, TokenStore } from './store/store.js';

const FILE_STORE = "fileStore({ directory: 'data/tokens' }) from @evertoken/core/file";
const SERVERS = 'redisStore from @evertoken/store-redis or postgresStore from @evertoken/store-sql/postgres';
const FILE_JOURNAL = "fileJournal({ directory: 'data/journal' }) from @evertoken/core/file";

/** Refuses what options alone show to lose grants or to make processes evict each other. */
export function checkOptions(accounts: Iterable<Registered>, settings: Settings): void {
  const { journal } = settings;
  const keeper = settings.grantStore ?? settings.store;
  if (journal && !journal.sealed && keeper?.sealed) {
    throw configurationError(
      `"journal" must be encrypted, as ${keeper.name} is: it would show the grants that the store hides. ` +
        "Give fileJournal the store's keys: fileJournal({ directory, keys, activeKeyId })",
    );
  }
  for (const { account } of accounts) {
    for (const kind of account.kinds) {
      if (kind.keep === 'grant') {
        if (!settings.store && !settings.grantStore && !settings.allowVolatileGrants)
          throw volatileGrant(account.name, kind, 'the default store');
      } else if (!settings.store && kind.issuance === 'superseding' && !settings.singleInstance) {
        throw sharedNothing(account.name, kind, 'the default store');
      }
    }
  }
}

/** Refuses what an open store does not promise. `role` says which of the kinds it keeps. */
export function checkTraits(
  accounts: Iterable<Registered>,
  settings: Settings,
  { store, traits, keeps }: { store: TokenStore; traits: StoreTraits; keeps: (kind: SourceKind) => boolean },
): void {
  for (const { account } of accounts) {
    for (const kind of account.kinds) {
      if (!keeps(kind)) continue;
      if (kind.keep === 'grant' && !settings.allowVolatileGrants) {
        if (traits.durable === false) throw volatileGrant(account.name, kind, named(store, traits));
        if (traits.durable === 'relaxed' && !settings.journal)
          throw relaxedGrant(account.name, kind, named(store, traits));
      }
      if (kind.issuance !== 'superseding') continue;
      if (traits.scope === 'process' && !settings.singleInstance) throw sharedNothing(account.name, kind, store.name);
      const unchecked = maxUncheckedMs(kind, settings);
      if (kind.overlapMs !== undefined && kind.overlapMs > 0 && !store.watch && unchecked >= kind.overlapMs) {
        throw configurationError(
          `"maxUncheckedMs" must be below ${kind.overlapMs}, the time a superseded ${kind.kind} of account "${account.name}" still works, got ${unchecked}`,
          { account: account.name },
        );
      }
    }
  }
}

/** What a crash may cost where there is no journal; undefined where there is nothing to lose. */
export function riskWithoutJournal(
  accounts: Iterable<Registered>,
  { allowVolatileGrants }: Settings,
  grantStore: TokenStore,
): string | undefined {
  if (allowVolatileGrants) return undefined;
  const keeper = [...accounts].find(({ account }) => account.kinds.some(({ keep }) => keep === 'grant'));
  if (!keeper) return undefined;
  const keys = grantStore.sealed ? ', keys, activeKeyId' : '';
  return (
    `account "${keeper.account.name}" keeps grants and there is no journal: a crash between the platform's answer and the store's ` +
    'acknowledgement costs a person a new sign-in. ' +
    `Add: journal: fileJournal({ directory: 'data/journal'${keys} }) from @evertoken/core/file`
  );
}

/** How long a copy may go unchecked: short where a superseded token may die at once. */
export function maxUncheckedMs(kind: Pick<SourceKind, 'issuance' | 'overlapMs'>, settings: Settings): number {
  return kind.issuance === 'superseding' && !kind.overlapMs
    ? Math.min(settings.maxUncheckedMs, DEFAULTS.maxUncheckedUnknownOverlapMs)
    : settings.maxUncheckedMs;
}

function volatileGrant(account: string, { kind }: SourceKind, store: string) {
  return configurationError(
    `"grantStore" must be a durable store for account "${account}": losing its ${kind} costs a person a new sign-in, and ${store} forgets it. ` +
      `Add: grantStore: ${FILE_STORE}; for several hosts ${SERVERS} (in tests: allowVolatileGrants: true)`,
    { account },
  );
}

function relaxedGrant(account: string, { kind }: SourceKind, store: string) {
  return configurationError(
    `"journal" must be given for account "${account}": ${store} may lose the last writes in a crash, and losing its ${kind} costs a person a new sign-in. ` +
      `Add: journal: ${FILE_JOURNAL}, or make the store sync each write (in tests: allowVolatileGrants: true)`,
    { account },
  );
}

function sharedNothing(account: string, { kind }: SourceKind, store: string) {
  return configurationError(
    `"store" must be shared by all processes that use account "${account}": each new ${kind} kills the last one, and ${store} has process scope. ` +
      `Pass a store that all of them share, such as ${FILE_STORE} on one host or ${SERVERS} for several, ` +
      'or confirm that there is one process only: singleInstance: true',
    { account },
  );
}

/** A store's name for a message, with its reason to promise no more. */
function named({ name }: TokenStore, { because }: StoreTraits): string {
  return because === undefined ? name : `${name} (${because})`;
}
