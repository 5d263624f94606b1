import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { type Credentials, readCredentials } from './credentials.js';

/** The environment, or what a test puts in its place. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How the example runs; every member has a default. */
export interface Settings {
  readonly host: string;
  /** Undefined: 3000, or the next one that is free. */
  readonly port: number | undefined;
  /** Where grants and the journal are kept, and in sandbox mode what the sandbox must remember. */
  readonly dataDirectory: string;
  /** The store of all tokens: a `sqlite:`, `postgres:`, `mysql:`, `mariadb:` or `redis:` URL. May hold a password. Undefined: memory and files. */
  readonly storeUrl: string | undefined;
  /** Keys that stored tokens are encrypted with, 32 bytes in base64 each; the first one seals. None: they stand in clear. */
  readonly tokenKeys: readonly string[];
  readonly sessionSecret: string;
  /** Accounts with credentials, by name; none at all means sandbox mode. */
  readonly credentials: Credentials;
  /** The control address of a sandbox that runs elsewhere. Undefined: sandbox mode starts one of its own. */
  readonly sandboxUrl: string | undefined;
  /** Where the sandbox's pushes reach the application, without a slash at the end. Undefined: at its own address. */
  readonly callbackUrl: string | undefined;
}

/** Which URLs `STORE_URL` takes; `file:` and `sqlite:` are followed by a path. */
const STORE_URL = /^((file|sqlite):.|(postgres|postgresql|mysql|mariadb|redis|rediss):\/\/.)/;
/** What 32 bytes look like in base64. */
const KEY = /^[A-Za-z0-9+/]{43}=$/;

/** Reads the variables of `.env.example`. Throws a `TypeError` that names the variable that cannot be, and never shows its value. */
export function readSettings(env: Environment): Settings {
  const set = (name: string) => env[name]?.trim() || undefined;
  const credentials = readCredentials(set);
  const sandboxUrl = httpUrlOf('SANDBOX_URL', 'the http address that evertoken-sandbox prints', set('SANDBOX_URL'));
  if (sandboxUrl !== undefined && Object.keys(credentials).length > 0) {
    throw new TypeError('"SANDBOX_URL" must not be set together with credentials of real platforms');
  }
  return {
    host: set('HOST') ?? '127.0.0.1',
    port: portOf(set('PORT')),
    dataDirectory: set('DATA_DIR') ?? fileURLToPath(new URL('../data', import.meta.url)),
    storeUrl: storeUrlOf(set('STORE_URL')),
    tokenKeys: tokenKeysOf(set('TOKEN_KEY')),
    sessionSecret: set('SESSION_SECRET') ?? randomBytes(32).toString('hex'),
    credentials,
    sandboxUrl,
    callbackUrl: httpUrlOf('CALLBACK_URL', 'an http address, such as that of a balancer', set('CALLBACK_URL')),
  };
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new TypeError('"PORT" must be a port number, or 0 for any that is free');
  }
  return port;
}

function storeUrlOf(url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  const isUrl = /^(file|sqlite):/.test(url) || URL.canParse(url);
  if (STORE_URL.test(url) && isUrl) return url;
  throw new TypeError(
    '"STORE_URL" must be file:<directory>, sqlite:<file>, or a postgres://, mysql://, mariadb:// or redis:// URL such as ' +
      'postgres://user:password@127.0.0.1:5432/tokens',
  );
}

function tokenKeysOf(text: string | undefined): readonly string[] {
  const keys = text?.split(',').map((key) => key.trim()) ?? [];
  if (keys.every((key) => KEY.test(key))) return keys;
  throw new TypeError(
    '"TOKEN_KEY" must be 32 bytes in base64, as "openssl rand -base64 32" prints them; several, separated by commas, while the first replaces the others',
  );
}

function httpUrlOf(name: string, what: string, url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url.replace(/\/+$/, '');
  throw new TypeError(`"${name}" must be ${what}`);
}
