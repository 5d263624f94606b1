import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';

/** The environment, or what a test puts in its place. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How the example runs; every member has a default. */
export interface Settings {
  readonly host: string;
  /** Undefined: 3000, or the next one that is free. */
  readonly port: number | undefined;
  /** Where grants are kept, and in sandbox mode what the sandbox must remember. */
  readonly dataDirectory: string;
  readonly sessionSecret: string;
  /** Platforms with credentials; none at all means sandbox mode. */
  readonly credentials: Credentials;
}

/** What the platforms' consoles gave out, and where the platforms are. Members may be missing: the manager says which. */
export interface Credentials {
  readonly wechat?: {
    readonly appId: string | undefined;
    readonly secret: string | undefined;
    readonly baseUrl?: string | undefined;
  };
  readonly dingtalk?: {
    readonly appKey: string | undefined;
    readonly appSecret: string | undefined;
    readonly corpId?: string | undefined;
    readonly baseUrls?: { readonly api?: string | undefined; readonly oapi?: string | undefined };
  };
  readonly nextengine?: {
    readonly clientId: string | undefined;
    readonly clientSecret: string | undefined;
    readonly redirectUri?: string | undefined;
    readonly baseUrls?: { readonly api?: string | undefined; readonly base?: string | undefined };
  };
}

/** Reads the variables of `.env.example`. Throws a `TypeError` that names the variable for a port that is none. */
export function readSettings(env: Environment): Settings {
  const set = (name: string) => env[name] || undefined;
  return {
    host: set('HOST') ?? '127.0.0.1',
    port: portOf(set('PORT')),
    dataDirectory: set('DATA_DIR') ?? fileURLToPath(new URL('../data', import.meta.url)),
    sessionSecret: set('SESSION_SECRET') ?? randomBytes(32).toString('hex'),
    credentials: credentialsOf(set),
  };
}

/** A platform is configured as soon as one of its credentials is there: half of them is a mistake to be told, not a reason for the sandbox. */
function credentialsOf(set: (name: string) => string | undefined): Credentials {
  const any = (...names: string[]) => names.some((name) => set(name) !== undefined);
  return {
    ...(any('WECHAT_APPID', 'WECHAT_SECRET') && {
      wechat: { appId: set('WECHAT_APPID'), secret: set('WECHAT_SECRET'), baseUrl: set('WECHAT_BASE_URL') },
    }),
    ...(any('DINGTALK_APP_KEY', 'DINGTALK_APP_SECRET') && {
      dingtalk: {
        appKey: set('DINGTALK_APP_KEY'),
        appSecret: set('DINGTALK_APP_SECRET'),
        corpId: set('DINGTALK_CORP_ID'),
        baseUrls: { api: set('DINGTALK_API_URL'), oapi: set('DINGTALK_OAPI_URL') },
      },
    }),
    ...(any('NE_CLIENT_ID', 'NE_CLIENT_SECRET') && {
      nextengine: {
        clientId: set('NE_CLIENT_ID'),
        clientSecret: set('NE_CLIENT_SECRET'),
        redirectUri: set('NE_REDIRECT_URI'),
        baseUrls: { api: set('NE_API_URL'), base: set('NE_BASE_URL') },
      },
    }),
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
