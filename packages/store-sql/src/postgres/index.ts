/** Keeps tokens in PostgreSQL. */
export { type PostgresStoreOptions, postgresSchema, postgresStore } from './postgres-store.js';
