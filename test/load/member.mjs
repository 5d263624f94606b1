// One of several processes on one store, with many callers. Time jumps by what the parent says and otherwise runs on.
import { systemClock, TokenManager } from '@evertoken/core';
import { officialAccount } from '@evertoken/wechat';
import { serveTasks } from '../serve-tasks.mjs';

/** Loaded by name: eight processes need one store. */
const MODULES = {
  fileStore: () => import('@evertoken/core/file'),
  sqliteStore: () => import('@evertoken/store-sql/sqlite'),
  postgresStore: () => import('@evertoken/store-sql/postgres'),
  mysqlStore: () => import('@evertoken/store-sql/mysql'),
  redisStore: () => import('@evertoken/store-redis'),
};
/** A machine of two cores that runs all of it is slow, which is no outage. */
const PATIENCE = { storeTimeoutMs: 20_000, requestTimeoutMs: 30_000, leaseTtlMs: 60_000 };

let offsetMs = 0;
const clock = {
  now: () => systemClock.now() + offsetMs,
  monotonic: () => systemClock.monotonic() + offsetMs,
  after: systemClock.after,
};
let shop;
let tokens;

/** So many callers at once: how many of them got which value, and how many which error. */
async function crowd(callers, call) {
  const values = {};
  const errors = {};
  const ends = await Promise.allSettled(Array.from({ length: callers }, call));
  for (const { status, value, reason } of ends) {
    const [counts, what] =
      status === 'fulfilled' ? [values, value.value] : [errors, `${reason.code}: ${reason.message}`];
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return { values, errors };
}

const tasks = {
  async open({ store, options, baseUrl, app }) {
    const create = (await MODULES[store]())[store];
    shop = officialAccount({ name: 'shop', ...app, endpoint: 'token', baseUrl });
    tokens = new TokenManager({
      accounts: [shop],
      clock,
      store: create({ ...options, clock }),
      ...PATIENCE,
    });
    await tokens.start();
  },
  get({ at, callers }) {
    offsetMs = at;
    return crowd(callers, () => tokens.get(shop.accessToken));
  },
  /** All callers were refused one value: the given one, or the one they have just been given. */
  async reject({ at, callers, value }) {
    offsetMs = at;
    const refused = value ?? (await tokens.get(shop.accessToken)).value;
    return crowd(callers, () => tokens.reject(shop.accessToken, refused));
  },
  async close() {
    await tokens.close();
    setImmediate(() => process.disconnect());
  },
};

serveTasks(tasks);
