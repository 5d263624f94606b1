// One of several processes that keep a DingTalk suite's tokens on one store. Its parent says what time it is: manager and store
// follow the sandbox's clock.
import { createServer } from 'node:http';
import { systemClock, TokenManager } from '@evertoken/core';
import { fileJournal, fileStore } from '@evertoken/core/file';
import { redisStore } from '@evertoken/store-redis';
import { mysqlStore } from '@evertoken/store-sql/mysql';
import { postgresStore } from '@evertoken/store-sql/postgres';
import { dingTalkSuite } from '../packages/dingtalk/dist/index.js';
import { serveTasks } from './serve-tasks.mjs';

const STORES = { fileStore, mysqlStore, postgresStore, redisStore };
const USER = '/v1.0/contact/users/u1';

/** More than this and a store on a busy machine keeps some waiting for longer than it allows itself. */
const AT_A_TIME = 25;

/** A busy machine may need this long for what takes milliseconds. */
const PATIENT = { timeoutMs: 60_000 };

let offsetMs = 0;
const clock = {
  now: () => systemClock.now() + offsetMs,
  monotonic: () => systemClock.monotonic() + offsetMs,
  after: systemClock.after,
};
const server = createServer();
const ends = [];
let tokens;
let client;
let working;

/** Takes pushes; resolves with the port. */
function listen(answer) {
  server.on('request', (request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', async () => {
      const query = Object.fromEntries(new URL(request.url, 'http://localhost').searchParams);
      const reply = await answer({ method: request.method, query, headers: {}, body: Buffer.concat(chunks) });
      response.writeHead(reply.status, reply.headers).end(reply.body);
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

const tasks = {
  async open({ store, options, directory, app }) {
    const suite = dingTalkSuite({ name: 'suite', clock, ...app });
    tokens = new TokenManager({
      accounts: [suite],
      clock,
      store: STORES[store]({ ...options, clock }),
      journal: fileJournal({ directory }),
      // Four programs on a busy machine, whose stores answer when they can.
      storeTimeoutMs: 20_000,
    });
    client = suite.client(tokens);
    await tokens.start();
    return listen(suite.callback(tokens));
  },
  /** Begins one call in each of these corps, a good many of them at a time. */
  begin({ corpIds }) {
    const left = corpIds.values();
    const work = async () => {
      for (const corpId of left) {
        const call = client.corp(corpId).api.get(USER, PATIENT);
        ends.push(
          await call.then(
            () => 'ok',
            (error) => `${error.code} ${error.message}`,
          ),
        );
      }
    };
    working = Promise.all(Array.from({ length: AT_A_TIME }, work));
  },
  time({ ahead }) {
    offsetMs = ahead;
  },
  /** What became of every call since the last time: `ok`, or the error. */
  async results() {
    await working;
    return ends.splice(0);
  },
  async close() {
    server.close();
    server.closeAllConnections();
    await tokens.close();
    setImmediate(() => process.disconnect());
  },
};

serveTasks(tasks);
