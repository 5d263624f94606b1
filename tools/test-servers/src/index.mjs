// Private and shared servers for tests. What each of these promises is in index.d.ts.
import { shared } from './broker.mjs';
import { urlOf } from './databases.mjs';
import { startPrivateServer } from './private-server.mjs';
import { findClient, findPrograms, missingClientText, missingText } from './programs.mjs';

export { startBroker } from './broker.mjs';
export { nodeWithSqlite } from './node-with-sqlite.mjs';
export { startRedisCluster } from './redis-cluster.mjs';

export async function startServer(kind, { settings } = {}) {
  if (!findPrograms(kind)) throw new Error(missingText(kind));
  return startPrivateServer(kind, { settings, template: await shared('template', kind) });
}

export function sharedDatabase(kind) {
  return shared('database', kind);
}

export function whyMissing(kind, need = 'database') {
  const given = need === 'database' ? urlOf(kind) : undefined;
  // By URL only: no package of a system's own brings it beside MariaDB.
  if (kind === 'mysql' && !given) return 'MySQL is tested where EVERTOKEN_TEST_MYSQL_URL points to a server';
  const missing = given ? missingClient(kind) : findPrograms(kind) ? undefined : missingText(kind);
  if (missing && process.env.CI === 'true') throw new Error(missing);
  return missing;
}

function missingClient(kind) {
  return kind === 'redis' || findClient(kind) ? undefined : missingClientText(kind);
}

export { Wire } from './wire.mjs';
