// One of several processes that need DingTalk's token: through the snippet of the documentation's page, or through a manager.
// Its parent says where tokens are kept and what time it is: time jumps by that and otherwise runs on.
import { systemClock, TokenManager } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { redisStore } from '@evertoken/store-redis';
import { mysqlStore } from '@evertoken/store-sql/mysql';
import { dingTalkApp } from '../packages/dingtalk/dist/index.js';
import { fileCache, mysqlCache, redisCache } from './laravel-caches.mjs';
import { serveTasks } from './serve-tasks.mjs';

const CACHES = { file: fileCache, mysql: mysqlCache, redis: redisCache };
const STORES = { file: fileStore, mysql: mysqlStore, redis: redisStore };
const USER = { path: '/topapi/v2/user/get', body: { userid: 'manager1' } };
const ASKS = 5;

let offsetMs = 0;
const clock = {
  now: () => systemClock.now() + offsetMs,
  monotonic: () => systemClock.monotonic() + offsetMs,
  after: systemClock.after,
};

/** Where the platform's addresses lead. */
let hosts = {};
const send = globalThis.fetch;
globalThis.fetch = (url, init) => {
  const host = Object.keys(hosts).find((each) => String(url).startsWith(each));
  return send(host === undefined ? url : String(url).replace(host, hosts[host]), init);
};

let program;

/** The snippet's own 1.5 s, but for tests of something else on a machine that may be busy. */
const timeout = AbortSignal.timeout.bind(AbortSignal);

async function snippet({ place, options, page, app, timeoutMs }) {
  AbortSignal.timeout = (ms) => timeout(Math.max(ms, timeoutMs));
  process.env['DINGTALK_APP_KEY'] = app.appKey;
  process.env['DINGTALK_APP_SECRET'] = app.appSecret;
  const { accessToken } = await import(page);
  const cache = await CACHES[place]({ ...options, now: clock.now });
  let begun;
  let goOn;
  return {
    value: () => accessToken(cache),
    async call() {
      const query = new URLSearchParams({ access_token: await accessToken(cache) });
      const response = await fetch(`https://oapi.dingtalk.com${USER.path}?${query}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(USER.body),
      });
      const { errcode } = await response.json();
      return errcode === 0 ? 'ok' : String(errcode);
    },
    /** As far as the look into the cache, so that all processes can have looked before the first goes on. */
    async begin() {
      const released = new Promise((resolve) => {
        goOn = resolve;
      });
      await new Promise((haveLooked) => {
        const held = {
          ...cache,
          async get(key) {
            const kept = await cache.get(key);
            haveLooked();
            await released;
            return kept;
          },
        };
        begun = accessToken(held);
      });
    },
    async end() {
      goOn();
      return begun;
    },
    close: () => cache.close(),
  };
}

async function manager({ place, options, app, timeoutMs }) {
  const oa = dingTalkApp({ name: 'oa', ...app, clock });
  const store = STORES[place]({ ...options, clock });
  const tokens = new TokenManager({ accounts: [oa], clock, store, requestTimeoutMs: timeoutMs });
  const client = oa.client(tokens);
  await tokens.start();
  return {
    value: async () => (await tokens.get(oa.accessToken)).value,
    async round() {
      const asked = await Promise.all(Array.from({ length: ASKS }, () => tokens.get(oa.accessToken)));
      return asked.map(({ value }) => value);
    },
    call: () =>
      client.oapi.post(USER.path, USER.body).then(
        () => 'ok',
        ({ code }) => code,
      ),
    /** How long an ask took, by the machine's clock, and what came of it. */
    async ask() {
      const began = systemClock.monotonic();
      const end = await tokens.get(oa.accessToken).then(
        ({ value }) => ({ value }),
        ({ code, reason, message }) => ({ code, reason, message }),
      );
      return { ms: systemClock.monotonic() - began, ...end };
    },
    close: () => tokens.close(),
  };
}

const PROGRAMS = { snippet, manager };

serveTasks({
  async open({ kind, hosts: leading, ...input }) {
    offsetMs = 0;
    hosts = leading;
    program = await PROGRAMS[kind](input);
  },
  time({ ahead }) {
    offsetMs = ahead;
  },
  value: () => program.value(),
  call: () => program.call(),
  begin: () => program.begin(),
  end: () => program.end(),
  round: () => program.round(),
  ask: () => program.ask(),
  close: () => program.close(),
});
