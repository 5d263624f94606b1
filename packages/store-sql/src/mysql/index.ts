/** Keeps tokens in MySQL or MariaDB. */
export { type MysqlStoreOptions, mysqlSchema, mysqlStore } from './mysql-store.js';
