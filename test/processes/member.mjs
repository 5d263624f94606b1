// One of several processes on one store. Its parent says which store, then what time it is; it asks for the token several
// times at once and says what it got. Time jumps by what the parent says and otherwise runs on: waits are real.
import { encrypted, systemClock, TokenManager } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { redisStore } from '@evertoken/store-redis';
import { mysqlStore } from '@evertoken/store-sql/mysql';
import { postgresStore } from '@evertoken/store-sql/postgres';
import { sqliteStore } from '@evertoken/store-sql/sqlite';
import { officialAccount } from '@evertoken/wechat';
import { serveTasks } from '../serve-tasks.mjs';

const STORES = { fileStore, sqliteStore, postgresStore, mysqlStore, redisStore };
const ASKS = 5;

let offsetMs = 0;
const clock = {
  now: () => systemClock.now() + offsetMs,
  monotonic: () => systemClock.monotonic() + offsetMs,
  after: systemClock.after,
};
let shop;
let tokens;

const tasks = {
  async open({ store, options, sealing, baseUrl, app }) {
    const plain = STORES[store]({ ...options, clock });
    shop = officialAccount({ name: 'shop', ...app, endpoint: 'token', baseUrl });
    tokens = new TokenManager({ accounts: [shop], clock, store: sealing ? encrypted(plain, sealing) : plain });
    await tokens.start();
  },
  async round({ at }) {
    offsetMs = at;
    const asked = await Promise.all(Array.from({ length: ASKS }, () => tokens.get(shop.accessToken)));
    return asked.map(({ value }) => value);
  },
  /** Read, then write over what was read, until so many writes were acknowledged: how many were turned away. */
  async count({ store, options, key, writes }) {
    const kept = STORES[store](options);
    await kept.open();
    let refused = 0;
    for (let done = 0; done < writes; ) {
      const { record, now } = await kept.read(key);
      const value = `${process.pid}-${done}`;
      const lineage = { cause: 'issue', actor: value, at: now, durationMs: 1 };
      const token = { value, issuedAt: now, firstSeenAt: now, seen: [], lineage };
      if ((await kept.commit(key, token, { predecessor: record.generation })) === 'accepted') done++;
      else refused++;
    }
    await kept.close();
    return refused;
  },
  async close() {
    await tokens.close();
    setImmediate(() => process.disconnect());
  },
};

serveTasks(tasks);
