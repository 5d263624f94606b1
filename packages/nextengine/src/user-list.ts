import type { TokenStatus, Tokens } from '@evertoken/core';
import type { AppSettings } from './app-settings.js';
import { adapterError } from './user-adapter.js';
import { type NextEngineUserAdapter, type NextEngineUserFacts, userFactsOf } from './user-facts.js';
import { ACCESS_TOKEN } from './user-token-source.js';
import type { NextEngineUserFilter, NextEngineUserStatus, UserSyncReport } from './users.js';

/** See `NextEngineUsers.list`. */
export async function* listUsers(
  settings: AppSettings,
  tokens: Tokens,
  filter: NextEngineUserFilter,
): AsyncGenerator<NextEngineUserStatus, void, undefined> {
  const saved = new Map<string, NextEngineUserFacts>();
  if (settings.users) for await (const facts of savedUsers(settings, settings.users)) saved.set(facts.uid, facts);
  for await (const status of pairsOf(settings, tokens)) {
    const user = userOf(status, saved.get(status.subject));
    // Forgotten here, or never stored: still a user of the table, where that has one.
    if (!settings.users || isStored(user)) saved.delete(status.subject);
    else if (saved.has(status.subject)) continue;
    if (matches(user, filter)) yield user;
  }
  for (const facts of saved.values()) {
    const user: NextEngineUserStatus = { ...facts, state: 'absent' };
    if (matches(user, filter)) yield user;
  }
}

/** See `NextEngineUsers.find`. */
export async function findUser(
  settings: AppSettings,
  tokens: Tokens,
  uid: string,
): Promise<NextEngineUserStatus | undefined> {
  const saved = settings.users && (await savedUser(settings, settings.users, uid));
  for await (const status of pairsOf(settings, tokens, uid)) {
    const user = userOf(status, saved);
    if (isStored(user) || (user.state === 'gone' && !saved)) return user;
  }
  return saved && { ...saved, state: 'absent' };
}

/** See `NextEngineUsers.sync`. */
export async function syncUsers(
  settings: AppSettings,
  tokens: Tokens,
  adapter: NextEngineUserAdapter,
): Promise<UserSyncReport> {
  const failed: { uid: string; error: unknown }[] = [];
  let saved = 0;
  for await (const status of pairsOf(settings, tokens)) {
    if (!isStored(status)) continue;
    try {
      await adapter.save(userFactsOf(status.subject, status.extra));
      saved++;
    } catch (error) {
      failed.push({ uid: status.subject, error });
    }
  }
  return { saved, failed };
}

type UserPair = TokenStatus & { readonly subject: string };

async function* pairsOf({ name }: AppSettings, tokens: Tokens, uid?: string): AsyncGenerator<UserPair> {
  const filter = { accounts: [name], kinds: [ACCESS_TOKEN], ...(uid !== undefined && { subjects: [uid] }) };
  for await (const status of tokens.inspect(filter)) if (status.subject !== undefined) yield status as UserPair;
}

async function* savedUsers({ name }: AppSettings, adapter: NextEngineUserAdapter): AsyncGenerator<NextEngineUserFacts> {
  try {
    yield* await adapter.list();
  } catch (cause) {
    throw adapterError({ account: name }, 'could not list the users', cause);
  }
}

async function savedUser(
  settings: AppSettings,
  adapter: NextEngineUserAdapter,
  uid: string,
): Promise<NextEngineUserFacts | undefined> {
  try {
    if (adapter.find) return await adapter.find(uid);
  } catch (cause) {
    throw adapterError({ account: settings.name, subject: uid }, 'could not find a user', cause);
  }
  for await (const facts of savedUsers(settings, adapter)) if (facts.uid === uid) return facts;
  return undefined;
}

function userOf(
  { subject, extra, state, cause, expiresAt, refreshTokenExpiresAt }: UserPair,
  saved: NextEngineUserFacts | undefined,
): NextEngineUserStatus {
  return {
    ...(saved ?? userFactsOf(subject, extra)),
    state,
    ...(cause !== undefined && { cause }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(refreshTokenExpiresAt !== undefined && { refreshTokenExpiresAt }),
  };
}

function isStored({ state }: Pick<NextEngineUserStatus, 'state'>): boolean {
  return state !== 'gone' && state !== 'absent';
}

function matches(user: NextEngineUserStatus, { companyNeId, companyId, states }: NextEngineUserFilter): boolean {
  return (
    (companyNeId === undefined || user.companyNeId === companyNeId) &&
    (companyId === undefined || user.companyId === companyId) &&
    (states ? states.includes(user.state) : user.state !== 'gone')
  );
}
