/** What the stores over SQL have in common; the stores themselves are in `/sqlite`, `/postgres` and `/mysql`. */
export type { GivenKysely, SqlStoreOptions } from './shared/options.js';
export type { TokenTable } from './shared/table.js';
