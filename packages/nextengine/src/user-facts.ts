import { asObject, type TokenExtra } from '@evertoken/core';
import type { AppSettings } from './app-settings.js';

/** What is kept of a user beside the pair. No token, and of personal data only what was asked for. */
export interface NextEngineUserFacts {
  /** The user below this app. */
  readonly uid: string;
  /** The company on the platform's level; one such company may have several main functions. */
  readonly companyNeId?: string;
  /** The company at its main function; known from the first answer about the company on. */
  readonly companyId?: string;
  /** The person in charge, on the platform's level. */
  readonly picNeId?: string;
  /** The person's mail address, with the option `keepMailAddress` only. */
  readonly picMailAddress?: string;
}

/** Keeps facts of users in the application's own table. Pairs are no business of its: they stay in the grant store. */
export interface NextEngineUserAdapter {
  /** Adds the user, or changes the facts that are given. Called again with the same facts at any time. */
  save(facts: NextEngineUserFacts): Promise<void>;
  /** All users, in any order. */
  list(): AsyncIterable<NextEngineUserFacts> | Promise<Iterable<NextEngineUserFacts>>;
  /** Takes the user away; no error where there is none. */
  remove(uid: string): Promise<void>;
  /** One user, undefined where there is none. Without it `users.find` reads the whole list. */
  find?(uid: string): Promise<NextEngineUserFacts | undefined>;
}

const NAMES = ['companyNeId', 'companyId', 'picNeId', 'picMailAddress'] as const;

/** Facts as they lie beside the pair. Absent names stay absent, so that nothing known is wiped by an answer that lacks it. */
export type StoredFacts = Omit<NextEngineUserFacts, 'uid'>;

/** The facts among what is stored with a token; what others have put there is not looked at. */
export function factsIn(extra: TokenExtra | undefined): StoredFacts {
  const facts: Record<string, string> = {};
  for (const name of NAMES) {
    const value = extra?.[name];
    if (typeof value === 'string' && value !== '') facts[name] = value;
  }
  return facts;
}

/** The user's facts out of what is stored with the pair. */
export function userFactsOf(uid: string, extra: TokenExtra | undefined): NextEngineUserFacts {
  return { uid, ...factsIn(extra) };
}

/** What is stored with the pair from now on: everything that was, with these facts, less the address nobody wants kept. */
export function extraWith(
  extra: TokenExtra | undefined,
  facts: StoredFacts,
  { keepMailAddress }: Pick<AppSettings, 'keepMailAddress'>,
): TokenExtra | undefined {
  const { picMailAddress, ...rest }: TokenExtra = { ...extra, ...facts };
  const merged = { ...rest, ...(keepMailAddress && picMailAddress !== undefined && { picMailAddress }) };
  return Object.keys(merged).length === 0 ? undefined : merged;
}

/** An info call about the user or the company (sheet §6), by what it can tell. */
export type InfoCall = 'user' | 'company';

/** The facts of an info call's one row, or whom else it speaks of; undefined where it has no row. */
export function factsOfInfo(
  call: InfoCall,
  fields: Readonly<Record<string, unknown>>,
  known: NextEngineUserFacts,
): StoredFacts | 'another user' | 'another company' | undefined {
  const row = Array.isArray(fields['data']) && fields['data'].length === 1 ? asObject(fields['data'][0]) : undefined;
  if (!row) return undefined;
  const text = (name: string) => {
    const value = row[name];
    if (typeof value === 'number') return String(value);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  if (call === 'user') {
    const uid = text('uid');
    if (uid === undefined) return undefined;
    if (uid !== known.uid) return 'another user';
    return present({ picNeId: text('pic_ne_id'), picMailAddress: text('pic_mail_address') });
  }
  const companyNeId = text('company_ne_id');
  if (companyNeId === undefined) return undefined;
  if (known.companyNeId !== undefined && companyNeId !== known.companyNeId) return 'another company';
  return present({ companyNeId, companyId: text('company_id') });
}

function present(values: { readonly [name in (typeof NAMES)[number]]?: string | undefined }): StoredFacts {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
