// The servers that a run shares, the databases on them, and the data folders that private servers are copied from.
import { randomBytes } from 'node:crypto';
import { plainEnvironment, run, runSync } from './commands.mjs';
import { createTemplate, startPrivateServer } from './private-server.mjs';
import { findClient, missingClientText } from './programs.mjs';

/** More than a run has test files, times the databases each of them asks for. */
const REDIS_DATABASES = 1000;
/** What a shared server needs beyond a private one. */
const SETTINGS = { redis: { databases: String(REDIS_DATABASES) }, postgres: {}, mariadb: {} };

/** The URL of a server that exists and is to be used; never printed, it may hold a password. */
export function urlOf(kind) {
  return process.env[`EVERTOKEN_TEST_${kind.toUpperCase()}_URL`] || undefined;
}

export class SharedDatabases {
  #servers = new Map();
  #templates = new Map();
  #foreign = [];
  #numbers = 0;

  /**
   * The URL of a new, empty database; the server is started with the first one.
   * @param {import('./index.d.ts').ServerKind | 'mysql'} kind
   * @returns {Promise<string | undefined>}
   */
  async database(kind) {
    const given = urlOf(kind);
    if (given) {
      if (kind === 'redis') return given;
      const url = await createDatabase(kind, given);
      this.#foreign.push({ kind, given, url });
      return url;
    }
    if (kind === 'mysql') return undefined;
    const server = await once(this.#servers, kind, () => this.#start(kind));
    return kind === 'redis' ? this.#numbered(server) : createDatabase(kind, server.url);
  }

  /**
   * A data folder to copy, made with the first call; `undefined` where a server starts from nothing.
   * @param {import('./index.d.ts').ServerKind} kind
   * @returns {Promise<string | undefined>}
   */
  async template(kind) {
    return (await once(this.#templates, kind, () => createTemplate(kind)))?.data;
  }

  /** Stops the servers, removes the templates and drops what was created on servers that were there before. */
  async end() {
    this.endForeign();
    const servers = await Promise.allSettled(this.#servers.values());
    const templates = await Promise.allSettled(this.#templates.values());
    for (const { value } of templates) value?.remove();
    const stops = await Promise.allSettled(servers.map(({ value }) => value?.stop()));
    for (const { reason } of stops) if (reason) throw reason;
  }

  /** Drops what was created on servers that were there before: they do not end with this process. */
  endForeign() {
    for (const { kind, given, url } of this.#foreign.splice(0)) {
      const force = kind === 'postgres' ? ' with (force)' : '';
      const { program, args, env } = client(kind, given);
      try {
        runSync(program, args, { env, input: `drop database ${nameIn(url)}${force};` });
      } catch (error) {
        console.error(`Test database ${nameIn(url)} could not be dropped: ${error.message}`);
      }
    }
  }

  async #start(kind) {
    return startPrivateServer(kind, { settings: SETTINGS[kind], template: await this.template(kind) });
  }

  #numbered(server) {
    const number = this.#numbers++;
    if (number >= REDIS_DATABASES) throw new Error(`more than ${REDIS_DATABASES} Redis databases in one run`);
    return `${server.url}/${number}`;
  }
}

async function createDatabase(kind, serverUrl) {
  const name = `evertoken_test_${randomBytes(6).toString('hex')}`;
  const { program, args, env } = client(kind, serverUrl);
  const layout = kind === 'postgres' ? "template template0 encoding 'UTF8'" : 'character set utf8mb4';
  await run(program, args, { env, input: `create database ${name} ${layout};` });
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

function nameIn(url) {
  return new URL(url).pathname.slice(1);
}

/** How to run the SQL client on a server; statements come by its input. The password is in the environment: arguments are visible. */
function client(kind, url) {
  const program = findClient(kind);
  if (!program) throw new Error(missingClientText(kind));
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const [host, user, secret] = [
    hostname.replace(/^\[|\]$/g, ''),
    decodeURIComponent(username),
    decodeURIComponent(password),
  ];
  const database = decodeURIComponent(pathname.slice(1));
  if (kind === 'postgres') {
    const given = {
      PGHOST: host,
      PGPORT: port,
      PGUSER: user,
      PGPASSWORD: secret,
      PGSSLMODE: searchParams.get('sslmode'),
    };
    const env = { ...given, PGDATABASE: database || 'postgres', PGOPTIONS: '--client-min-messages=warning' };
    const named = Object.fromEntries(Object.entries(env).filter(([, value]) => value));
    return { program, args: ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1'], env: plainEnvironment(named) };
  }
  const args = ['--no-defaults', '--protocol=tcp', `--host=${host}`, `--port=${port || 3306}`, `--user=${user}`];
  return { program, args, env: plainEnvironment(secret && { MYSQL_PWD: secret }) };
}

/** One promise per key, shared by all who ask; one that failed is forgotten. */
function once(promises, key, start) {
  let promise = promises.get(key);
  if (!promise) {
    promise = start();
    promises.set(key, promise);
    promise.catch(() => promises.delete(key));
  }
  return promise;
}
