// One of several processes on one store. It does what its parent says, and stops at the points that its parent has marked.
// Time jumps by what the parent says and otherwise runs on: waits are real.
import { systemClock, TokenManager } from '@evertoken/core';
import { fileJournal } from '@evertoken/core/file';
import { nextEngineApp } from '@evertoken/nextengine';
import { officialAccount } from '@evertoken/wechat';
import { Marks } from './marks.mjs';

/** Loaded by name: a process that is killed after a second needs one store. */
const MODULES = {
  fileStore: () => import('@evertoken/core/file'),
  sqliteStore: () => import('@evertoken/store-sql/sqlite'),
  postgresStore: () => import('@evertoken/store-sql/postgres'),
  mysqlStore: () => import('@evertoken/store-sql/mysql'),
  redisStore: () => import('@evertoken/store-redis'),
};
const ACCOUNTS = { nextEngineApp, officialAccount };

let offsetMs = 0;
const clock = {
  now: () => systemClock.now() + offsetMs,
  monotonic: () => systemClock.monotonic() + offsetMs,
  after: systemClock.after,
};
const marks = new Marks((point) => process.send({ point }));
let tokens;

const tasks = {
  async open({ store, options, journal, accounts, at, ...settings }) {
    offsetMs = at;
    const create = (await MODULES[store]())[store];
    tokens = new TokenManager({
      accounts: accounts.map(({ factory, ...given }) => ACCOUNTS[factory](given)),
      store: marks.around(create({ ...options, clock })),
      ...(journal && { journal: marks.aroundJournal(fileJournal({ directory: journal })) }),
      clock,
      fetch: marks.fetch,
      ...settings,
    });
    await tokens.start();
  },
  clock({ at }) {
    offsetMs = at;
  },
  go() {
    marks.go();
  },
  /** The token's value. The refresh that may be needed stops at the given points. */
  async get({ of, stopAt = [] }) {
    return (await marks.run(stopAt, () => tokens.get(sourceOf(of)))).value;
  },
  /** How the key stands after asking the platform, whatever it answers. */
  async refresh({ of }) {
    return (await tokens.refresh(sourceOf(of))).outcome;
  },
  async grant({ of, issued }) {
    await tokens.adopt(sourceOf(of), issued, { grant: true });
  },
  async sweep() {
    return (await tokens.refreshDue()).counts;
  },
  async inspect({ filter }) {
    const statuses = [];
    for await (const status of tokens.inspect(filter)) statuses.push(status);
    return statuses;
  },
  async close() {
    const { unanswered } = await tokens.close();
    setImmediate(() => process.disconnect());
    return unanswered;
  },
};

function sourceOf({ account, kind, subject }) {
  return tokens
    .accounts()
    .find(({ name }) => name === account)
    .source(kind, subject);
}

process.on('message', async ({ id, task, input }) => {
  try {
    process.send({ id, answer: await tasks[task](input) });
  } catch (error) {
    const { name, code, reason, message } = error;
    if (process.connected) process.send({ id, error: { code: code ?? name, reason, message } });
  }
});
