/** Keeps tokens in SQLite. */
export { type SqliteStoreOptions, sqliteSchema, sqliteStore } from './sqlite-store.js';
