// One process that holds nothing but secrets, and does everything that can be done with them, well and badly. What can be seen
// of it goes to its parent, which searches.

import { randomBytes } from 'node:crypto';
import diagnostics from 'node:diagnostics_channel';
import { appendFile, chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encrypted, memoryStore, systemClock, TOKEN_EVENTS, TokenManager } from '@evertoken/core';
import { fileJournal, fileStore } from '@evertoken/core/file';
import { nextEngineApp } from '@evertoken/nextengine';
import { redisStore } from '@evertoken/store-redis';
import { mysqlStore } from '@evertoken/store-sql/mysql';
import { postgresStore } from '@evertoken/store-sql/postgres';
import { sqliteStore } from '@evertoken/store-sql/sqlite';
import { miniProgram, officialAccount, openPlatform, weCom, weComSuite } from '@evertoken/wechat';
import { dingTalkApp, dingTalkSns, dingTalkSso, dingTalkSuite } from '../../packages/dingtalk/dist/index.js';
import { runNest } from './nest.mjs';
import { AUTHORIZERS, CUSTOMER, DING_CORP, openPlatforms, TWISTS } from './platforms.mjs';
import { Secrets } from './secrets.mjs';
import { everythingOf } from './witness.mjs';

const secrets = new Secrets();
const seen = [];
/** Puts down what can be seen of a value. */
const note = (where, value) => seen.push({ where, text: everythingOf(value) });

const errors = {};
/** What came of it: values are tokens and are the caller's, errors are for everybody's eyes. */
async function tried(where, work) {
  try {
    return await work();
  } catch (error) {
    errors[error?.code ?? error?.name ?? typeof error] = (errors[error?.code ?? error?.name ?? typeof error] ?? 0) + 1;
    note(`error of ${where}`, error);
    return undefined;
  }
}

process.on('warning', (warning) => note('warning', warning));
for (const name of TOKEN_EVENTS) diagnostics.subscribe(`evertoken:${name}`, (event) => note(`channel ${name}`, event));

const key = () => secrets.plant('encryption key', randomBytes(32).toString('base64'));

/** Everything, on one store. */
async function run(label, store, { directory, spoil, journalKeys, rows }) {
  let shiftMs = 0;
  const clock = {
    now: () => systemClock.now() + shiftMs,
    monotonic: () => systemClock.monotonic() + shiftMs,
    after: systemClock.after,
  };
  const platforms = await openPlatforms(secrets, clock);
  const { accounts, sandbox, state, erp, component, suite, dingSuite } = platforms;
  const journal = fileJournal({ directory, ...journalKeys });
  const held = withheld(store(clock));
  const open = () => {
    const manager = new TokenManager({
      accounts: Object.values(accounts),
      store: held.store,
      journal,
      clock,
      journalAfterMs: 20,
      storeTimeoutMs: 1500,
      singleInstance: true,
      allowVolatileGrants: true,
      random: () => 0,
    });
    for (const name of TOKEN_EVENTS) manager.on(name, (event) => note(`${label}: event ${name}`, event));
    return manager;
  };
  const manager = open();
  await manager.start();
  const client = accounts.erp.client(manager);
  const users = ['anna', 'berta', 'clara'].map((uid) => accounts.erp.user(uid));
  const authorizers = AUTHORIZERS.map((appId) => accounts.platform.authorizer(appId));
  const customer = accounts.suite.corp(CUSTOMER);
  const dingCorp = accounts.dingSuite.corp(DING_CORP);
  const stopReceiving = await platforms.receive(manager);
  const sources = [
    ...Object.values(accounts).flatMap((account) => [...account.sources()]),
    ...users.map((user) => user.accessToken),
    ...authorizers.flatMap(({ accessToken, jsapiTicket }) => [accessToken, jsapiTicket]),
    ...[customer.permanentCode, customer.accessToken, customer.jsapiTicket],
    ...[dingCorp.accessToken, dingCorp.jsapiTicket],
  ];
  /** Tickets, an authorization and an installation, each by a push; and what they are called with. */
  const pushes = async () => {
    const sent = [
      sandbox.openPlatform.pushTicket(component.appId),
      sandbox.openPlatform.repeatEvent(component.appId, AUTHORIZERS[0]),
    ];
    sandbox.openPlatform.authorize(component.appId, AUTHORIZERS[1]);
    sandbox.wecom.pushTicket(suite.suiteId);
    sandbox.wecom.install(suite.suiteId, { corpId: CUSTOMER, name: 'A customer', agentId: 1000009 });
    secrets.learn('pushed suite_ticket', sandbox.dingtalkSuite.pushTicket(dingSuite.suiteKey).ticket);
    const { tmpAuthCode } = sandbox.dingtalkSuite.authorize(dingSuite.suiteKey, DING_CORP);
    secrets.learn('sign-in code', tmpAuthCode);
    await Promise.allSettled(sent);
    note(`${label}: push log`, sandbox.pushLog());
    note(`${label}: sync`, await tried(`${label}: sync`, () => accounts.platform.client(manager).syncAuthorizers()));
  };

  const signIn = async (uid, spoilt = {}) => {
    const begun = client.signIn();
    note(`${label}: sign-in URL`, begun.url);
    const { state: code } = sandbox.nextengine.signIn(erp.clientId, uid);
    secrets.learn('sign-in code', code);
    await tried(`${label}: sign-in of ${uid}`, () =>
      client.exchange({ uid, state: code, binding: begun.binding, ...spoilt }),
    );
  };
  const business = () =>
    Promise.all([
      tried(`${label}: WeChat call`, () => accounts.shop.client(manager).get('/cgi-bin/user/get')),
      tried(`${label}: WeChat call`, () => accounts.app.client(manager).post('/cgi-bin/openapi/quota/get', {})),
      tried(`${label}: DingTalk call`, () => accounts.ding.client(manager).api.get('/v1.0/contact/users/me')),
      tried(`${label}: DingTalk call`, () => accounts.oldDing.client(manager).oapi.post('/topapi/v2/user/get', {})),
      tried(`${label}: component call`, () =>
        accounts.platform
          .client(manager)
          .authorizationUrl({ redirectUri: 'https://a.example/' })
          .then(({ url, binding }) => {
            secrets.learn('sign-in code', new URL(url).searchParams.get('pre_auth_code'));
            secrets.learn('sign-in code', binding);
          }),
      ),
      ...authorizers.map((each) =>
        tried(`${label}: authorizer call`, () => each.client(manager).get('/cgi-bin/user/get')),
      ),
      tried(`${label}: WeCom call`, () => accounts.office.agent('crm').client(manager).get('/cgi-bin/agent/get')),
      tried(`${label}: DingTalk suite call`, () => dingCorp.client(manager).oapi.post('/topapi/v2/user/get', {})),
      tried(`${label}: suite call`, () => customer.client(manager).get('/cgi-bin/agent/get')),
      ...users.map((user) =>
        tried(`${label}: NextEngine call`, () => user.client(manager).call('/api_v1_login_user/info')),
      ),
    ]);
  const look = async () => {
    // Its store may be away at this moment, too: what is said then is searched as well.
    await tried(`${label}: inspect`, async () => {
      for await (const status of manager.inspect()) note(`${label}: inspect`, status);
    });
    note(
      `${label}: keys`,
      sources.map((source) => source.key),
    );
  };
  const everything = async () => {
    // Who pushes waits long for an answer, and tries again: nobody waits for that here.
    const pushed = pushes();
    await business();
    note(`${label}: refreshAll`, await tried(`${label}: refreshAll`, () => manager.refreshAll()));
    await Promise.all(
      sources.map(async (source) => {
        const token = await tried(`${label}: get`, () => manager.get(source));
        const value = token?.value ?? 'none';
        await tried(`${label}: reject`, () => manager.reject(source, value));
        note(`${label}: refresh`, await tried(`${label}: refresh`, () => manager.refresh(source)));
      }),
    );
    note(
      `${label}: refreshDue`,
      await tried(`${label}: refreshDue`, () => manager.refreshDue({ onProgress: (at) => note('progress', at) })),
    );
    await look();
    await Promise.race([pushed, new Promise((resolve) => setTimeout(resolve, 200))]);
  };

  for (const { accessToken } of users) {
    const issued = {
      value: secrets.plant('access token'),
      refreshToken: secrets.plant('refresh token'),
      lifetimeMs: 60_000,
    };
    await tried(`${label}: adopt`, () => manager.adopt(accessToken, issued, { grant: true }));
  }
  for (const uid of ['anna', 'berta', 'clara']) await signIn(uid);
  await pushes();
  await sandbox.pushes();
  for (const client of [accounts.platform.client(manager), accounts.suite.client(manager)])
    await tried(`${label}: dead code`, () => client.exchange(secrets.plant('sign-in code')));
  await signIn('anna', { binding: undefined });
  await signIn('anna', { state: secrets.plant('sign-in code') });
  await everything();
  note(`${label}: handles`, { accounts, sources, manager, store: held.store, journal });

  // Errors are made before a store is asked: in a quick run one store sees all answers, the others each third.
  const all = process.env['EVERTOKEN_PROOF'] === '1' || label === 'sqlite, sealed';
  const twists = Object.keys(TWISTS).filter((_, at) => all || at % 3 === label.length % 3);
  for (const twist of twists) {
    shiftMs += 3_600_000;
    state.twist = twist;
    await everything();
    await signIn('berta');
    state.twist = undefined;
  }
  const faults = ['drop', 'status', 'malformed', 'html', 'busy', 'maintenance'];
  for (const kind of faults.filter((_, at) => all || at % 3 === label.length % 3)) {
    shiftMs += 3_600_000;
    sandbox.fault({ kind, count: 'always' });
    await everything();
    sandbox.clearFaults();
  }
  // The platform hands over a value that fits in no header.
  const odd = `${secrets.plant('access token')}\n${secrets.plant('access token')}`;
  await tried(`${label}: adopt`, () =>
    manager.adopt(accounts.ding.accessToken, { value: odd, lifetimeMs: 7_200_000 }, { grant: true }),
  );
  await tried(`${label}: header`, () => accounts.ding.client(manager).api.get('/v1.0/contact/users/me'));

  // Answers whose commit is not acknowledged lie in the journal.
  for (const uid of ['anna', 'berta', 'clara']) await signIn(uid);
  held.withhold = true;
  shiftMs += 25 * 3_600_000;
  await everything();
  const entries = await filesOf(directory);
  if (journalKeys) seen.push(...entries.map(({ path, text }) => ({ where: `${label}: journal ${path}`, text })));
  seen.push({ where: `${label}: names in the journal`, text: entries.map(({ path }) => path).join('\n') });
  // An entry that cannot be read, and a journal that cannot be written.
  for (const { path } of entries.filter((entry) => entry.path.endsWith('.json')).slice(0, 1))
    await writeFile(path, secrets.plant('refresh token'));
  note(
    `${label}: entries`,
    (await journal.entries()).filter(({ problem }) => problem).map(({ id, problem }) => ({ id, problem })),
  );
  await rm(directory, { recursive: true });
  await writeFile(directory, 'no directory');
  shiftMs += 25 * 3_600_000;
  await everything();
  held.withhold = false;
  await rm(directory);
  await everything();
  if (rows) seen.push({ where: `${label}: rows`, text: await rows() });

  if (spoil) {
    await spoil();
    const late = open();
    await tried(`${label}: start on spoilt records`, () => late.start());
    for (const source of sources) await tried(`${label}: spoilt record`, () => late.get(source));
    note(`${label}: spoilt refreshDue`, await tried(`${label}: spoilt refreshDue`, () => late.refreshDue()));
    await tried(`${label}: spoilt inspect`, async () => {
      for await (const status of late.inspect()) note(`${label}: spoilt inspect`, status);
    });
    await late.close();
  }
  await stopReceiving();
  note(`${label}: close`, await manager.close());
  for (const source of sources) {
    await tried(`${label}: closed`, () => manager.get(source));
    await tried(`${label}: closed`, () => manager.reject(source, 'none'));
  }
  await sandbox.close();
  return entries.length;
}

/** A store whose commits can be kept from being acknowledged. */
function withheld(store) {
  const held = { withhold: false };
  held.store = new Proxy(store, {
    get(target, name) {
      const member = target[name];
      if (typeof member !== 'function') return member;
      if (name === 'commit') return (...given) => (held.withhold ? new Promise(() => {}) : member.apply(target, given));
      return member.bind(target);
    },
  });
  return held;
}

/** Files below a directory, as bytes that can be searched. */
async function filesOf(directory) {
  const names = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = names
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  // A version that was just written over is gone.
  const texts = await Promise.all(paths.map((path) => readFile(path, 'latin1').catch(() => undefined)));
  return paths.map((path, index) => ({ path, text: texts[index] })).filter(({ text }) => text !== undefined);
}

/** A version that is written over meanwhile, by a commit that comes late, is not there to be spoilt. */
async function unlessGone(work) {
  await work.catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/** Options that are wrong, each with a secret in it: of the wrong type, in the wrong place, or refused by whoever is asked. */
async function wrongOptions(directory) {
  const secret = secrets.plant('app secret');
  const password = secrets.plant('database password', `p${randomBytes(16).toString('hex')}`);
  const odd = [secret, [secret], { secret }, () => secret, Symbol(secret), 7n, Buffer.from(secret)];
  const makers = {
    officialAccount: [officialAccount, ['appId', 'secret', 'baseUrl', 'endpoint', 'refresh', 'fetch']],
    miniProgram: [miniProgram, ['appId', 'secret', 'baseUrl', 'endpoint']],
    dingTalkApp: [dingTalkApp, ['appKey', 'appSecret', 'corpId', 'corpSecret', 'baseUrls', 'api']],
    openPlatform: [openPlatform, ['appId', 'secret', 'push', 'baseUrl', 'refresh', 'fetch', 'clock']],
    weCom: [weCom, ['corpId', 'agents', 'providerSecret', 'push', 'baseUrl']],
    weComSuite: [weComSuite, ['suiteId', 'secret', 'push', 'corpId', 'baseUrl', 'tickets', 'onEvent']],
    dingTalkSuite: [dingTalkSuite, ['suiteKey', 'suiteSecret', 'push', 'api', 'custom', 'baseUrls', 'onEvent']],
    dingTalkSso: [dingTalkSso, ['corpId', 'ssoSecret', 'baseUrls', 'defaultLifetimeMs']],
    dingTalkSns: [dingTalkSns, ['appId', 'appSecret', 'baseUrls', 'defaultLifetimeMs']],
    nextEngineApp: [nextEngineApp, ['clientId', 'clientSecret', 'redirectUri', 'baseUrls', 'refresh']],
  };
  for (const [name, [make, options]] of Object.entries(makers)) {
    for (const option of options) {
      // What stands in the place of an app id is no secret to us: it is part of every key.
      for (const value of /Id$|Key$/.test(option) ? odd.slice(1) : odd) {
        await tried(`${name} with a wrong ${option}`, async () => {
          const account = make({ name: 'a', secret, appSecret: secret, clientSecret: secret, [option]: value });
          note(`${name} problems`, account.problems?.());
          new TokenManager({ accounts: [account] });
        });
      }
    }
  }
  for (const option of [
    'store',
    'journal',
    'refresh',
    'name',
    'clock',
    'random',
    'fetch',
    'skewMs',
    'accounts',
    'singleInstance',
  ]) {
    for (const value of odd)
      if (option !== 'name' || typeof value !== 'string')
        await tried(`TokenManager with a wrong ${option}`, async () => new TokenManager({ [option]: value }));
  }
  const urls = [
    `postgres://user:${password}@127.0.0.1:1/db`,
    `mysql://user:${password}@127.0.0.1:1/db`,
    `redis://user:${password}@127.0.0.1:1/0`,
    `rediss://user:${password}@127.0.0.1:1/x`,
    `http://user:${password}@host/`,
    `://${password}@nowhere`,
    `postgres://user:${password}@[nohost`,
    password,
    { password },
    ...['postgres', 'mariadb', 'redis']
      .map((kind) => given.urls[kind])
      .filter(Boolean)
      .map((url) => {
        const wrong = new URL(url);
        wrong.username = 'nobody';
        wrong.password = password;
        return wrong.href;
      }),
  ];
  const keys = {
    a: `${secrets.plant('encryption key')}`,
    [secrets.plant('encryption key', randomBytes(32).toString('base64'))]: 'x',
  };
  const stores = [
    ...urls.flatMap((url) => [
      () => postgresStore({ url }),
      () => mysqlStore({ url }),
      () => redisStore({ url, timeoutMs: 500 }),
    ]),
    ...odd.flatMap((value) => [
      () => fileStore({ directory: value, [typeof value]: secret }),
      () => sqliteStore({ filename: join(directory, 'none', 'there', 'x.db'), table: value }),
      () => redisStore({ client: value }),
      () => postgresStore({ pool: value, db: value }),
    ]),
    () => encrypted(memoryStore(), { keys, activeKeyId: 'a' }),
    () =>
      encrypted(memoryStore(), {
        keys,
        activeKeyId: secrets.plant('encryption key', randomBytes(32).toString('base64')),
      }),
    () => fileJournal({ directory, keys, activeKeyId: 'b' }),
  ];
  await Promise.all(
    stores.map((make) =>
      tried('a store with wrong options', async () => {
        const store = make();
        note('problems of a store', store.problems?.());
        note('a store', store);
        try {
          await store.open();
        } finally {
          await store.close().catch((error) => note('closing', error));
        }
      }),
    ),
  );
}

let given;
process.once('message', async (message) => {
  given = message;
  const { directory, urls } = given;
  for (const url of Object.values(urls)) secrets.learn('database password', decodeURIComponent(new URL(url).password));
  const keys = { new: key(), old: key() };
  const sealing = { keys, activeKeyId: 'new' };
  const sealed = (make) => (clock) => encrypted(make(clock), sealing);
  const place = (name) => join(directory, name);
  const { rowsOf } = await import('./rows.mjs');
  const runs = {
    memory: [(clock) => memoryStore({ clock }), {}],
    'file, plain': [
      (clock) => fileStore({ directory: place('plain-store'), clock }),
      {
        directory: place('plain-journal'),
        // Half a record, one that is no JSON at all, and nothing but the secret.
        spoil: async () => {
          for (const [index, { path, text }] of (await filesOf(place('plain-store'))).entries()) {
            const spoilt = [text.slice(0, text.length / 2), secrets.plant('refresh token'), `{${text}`][index % 3];
            await unlessGone(chmod(path, 0o600).then(() => writeFile(path, spoilt)));
          }
        },
      },
    ],
    'file, sealed': [
      sealed((clock) => fileStore({ directory: place('sealed-file'), clock })),
      {
        journalKeys: sealing,
        rows: async () => (await filesOf(place('sealed-file'))).map(({ path, text }) => `${path}\n${text}`).join('\n'),
        spoil: async () => {
          for (const { path } of await filesOf(place('sealed-file')))
            await unlessGone(chmod(path, 0o600).then(() => appendFile(path, secrets.plant('refresh token'))));
        },
      },
    ],
    'sqlite, sealed': [
      sealed((clock) => sqliteStore({ filename: place('tokens.db'), clock })),
      {
        journalKeys: sealing,
        rows: async () =>
          (await filesOf(directory))
            .filter(({ path }) => path.includes('tokens.db'))
            .map(({ text }) => text)
            .join('\n'),
      },
    ],
  };
  const servers = { postgres: postgresStore, mariadb: mysqlStore, redis: redisStore };
  for (const [kind, url] of Object.entries(urls)) {
    runs[`${kind}, sealed`] = [
      sealed((clock) => servers[kind]({ url, clock })),
      { journalKeys: sealing, rows: () => rowsOf(kind, url) },
    ];
  }
  await mkdir(directory, { recursive: true });
  const journalled = {};
  const only = given.only;
  await Promise.all(
    Object.entries(runs)
      .filter(([label]) => !only || only.includes(label))
      .map(async ([label, [store, options]], index) => {
        journalled[label] = await run(label, store, { directory: place(`journal-${index}`), ...options });
      }),
  );
  await wrongOptions(directory);
  await runNest({ secrets, tried, note, openPlatforms });
  // Told through every channel at once, so that the parent sees whether it looks at them.
  if (given.leak) {
    const secret = secrets.plant('leaked on purpose');
    console.log(`log ${secret}`);
    console.error(`error ${Buffer.from(`x${secret}`).toString('base64')}`);
    process.emitWarning(`warning ${encodeURIComponent(secret)}`);
    note(
      'error of a leak',
      Object.defineProperty(new Error('hidden'), 'request', { value: { secret }, enumerable: false }),
    );
    await writeFile(place('leak.txt'), secret);
    await new Promise((resolve) => setImmediate(resolve));
  }
  process.send({ secrets: secrets.list(), seen, errors, journalled, files: await filesOf(directory) }, () =>
    process.disconnect(),
  );
});
