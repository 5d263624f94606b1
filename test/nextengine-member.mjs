// One of several processes that call NextEngine as one user, on one store. Its parent says what time it is: manager and
// store follow the sandbox's clock.
import { systemClock, TokenManager } from '@evertoken/core';
import { fileJournal, fileStore } from '@evertoken/core/file';
import { nextEngineApp } from '@evertoken/nextengine';
import { redisStore } from '@evertoken/store-redis';
import { postgresStore } from '@evertoken/store-sql/postgres';
import { serveTasks } from './serve-tasks.mjs';

const STORES = { fileStore, postgresStore, redisStore };
const SEARCH = '/api_v1_receiveorder_base/search';

/** A busy machine may need this long for what takes milliseconds. */
const PATIENT = { timeoutMs: 60_000 };

let offsetMs = 0;
const clock = {
  now: () => systemClock.now() + offsetMs,
  monotonic: () => systemClock.monotonic() + offsetMs,
  after: systemClock.after,
};
const calls = [];
let tokens;
let client;

const tasks = {
  async open({ store, options, directory, app }) {
    const erp = nextEngineApp({ name: 'erp', ...app });
    tokens = new TokenManager({
      accounts: [erp],
      clock,
      store: STORES[store]({ ...options, clock }),
      journal: fileJournal({ directory }),
    });
    client = erp.client(tokens);
    await tokens.start();
  },
  async signIn({ uid, state }) {
    await client.exchange({ uid, state, binding: client.signIn().binding });
  },
  /** Begins so many calls at once. */
  begin({ uid, count }) {
    const begun = Array.from({ length: count }, () =>
      client.user(uid).call(SEARCH, { fields: 'receive_order_id', limit: 1 }, PATIENT),
    );
    // Looked at when the parent asks; one that fails before that is no unhandled rejection.
    for (const call of begun) call.catch(() => {});
    calls.push(...begun);
  },
  time({ ahead }) {
    offsetMs = ahead;
  },
  /** What became of every call: the number of rows, or the error's code. */
  async results() {
    const ends = await Promise.allSettled(calls);
    return ends.map(({ value, reason }) => (reason ? (reason.code ?? reason.message) : value.data.length));
  },
  async close() {
    await tokens.close();
    setImmediate(() => process.disconnect());
  },
};

serveTasks(tasks);
