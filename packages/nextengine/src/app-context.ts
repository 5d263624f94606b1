import type { AppSettings } from './app-settings.js';
import { CompanyList } from './company-list.js';
import { Usage } from './usage.js';

/** An account's settings, and what this process knows beside them: handles and clients are made anew, this stays. */
export interface AppContext {
  readonly settings: AppSettings;
  /** Calls of this process. */
  readonly usage: Usage;
  readonly companies: CompanyList;
  /** Users whose sign-in is being completed here: who completes it saves their facts. */
  readonly signingIn: Set<string>;
}

export function contextOf(settings: AppSettings): AppContext {
  const usage = new Usage(settings);
  return { settings, usage, companies: new CompanyList(settings, () => usage.count()), signingIn: new Set() };
}
