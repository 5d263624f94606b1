import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSandbox, type NextEngineAccount, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import type { Credentials } from '../credentials.js';

/** What a platform does not forget when one of its clients restarts. */
interface Memory {
  /** How far the sandbox's clock is ahead, ms. */
  readonly offsetMs: number;
  /** NextEngine's side of the token pairs, by user. */
  readonly pairs: Readonly<Record<string, Pair>>;
}

interface Pair {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly issuedAt: number;
}

const { wechat, dingtalk, nextengine } = SANDBOX_ACCOUNTS;
/** 1 day: said here so that the moment of issue can be told from the end. */
const ACCESS_TOKEN_LIFE_MS = 24 * 60 * 60_000;

/**
 * The sandbox of sandbox mode. A real platform stays up while the application restarts; this one lives in its process and
 * would forget whom it gave pairs to, so that every stored pair would be refused. Its memory therefore is a file.
 */
export class LocalSandbox {
  readonly handle: Sandbox;
  readonly #directory: string;
  readonly #redirectUri: string;

  private constructor(handle: Sandbox, directory: string, redirectUri: string) {
    this.handle = handle;
    this.#directory = directory;
    this.#redirectUri = redirectUri;
  }

  /** Starts the sandbox on the loopback interface, with what it held when `save` was last called. */
  static async open(directory: string, { redirectUri }: { readonly redirectUri: string }): Promise<LocalSandbox> {
    const { offsetMs, pairs } = readMemory(directory);
    const handle = await createSandbox({ nextengine: [nextEngineAccount(redirectUri, pairs)] });
    handle.advance(offsetMs);
    return new LocalSandbox(handle, directory, redirectUri);
  }

  /** The sandbox's accounts, as `.env` would have them. */
  get credentials(): Credentials {
    const { urls } = this.handle;
    return {
      shop: { appId: wechat.appId, secret: wechat.secret, baseUrl: urls.wechat },
      oa: {
        appKey: dingtalk.appKey,
        appSecret: dingtalk.appSecret,
        corpId: dingtalk.corpId,
        baseUrls: { api: urls.dingtalkApi, oapi: urls.dingtalkOapi },
      },
      erp: {
        clientId: nextengine.clientId,
        clientSecret: nextengine.clientSecret,
        redirectUri: this.#redirectUri,
        baseUrls: { api: urls.nextengineApi, base: urls.nextengineBase },
      },
    };
  }

  /** What may have happened to a WeChat or DingTalk token in the real world: the platform ends it before its time. */
  kill(platform: 'wechat' | 'dingtalk'): void {
    if (platform === 'wechat') this.handle.wechat.revoke(wechat.appId);
    else this.handle.dingtalk.revoke(dingtalk.appKey);
  }

  /** Writes the platforms' memory. Synchronous and small: nothing can come between. */
  save(): void {
    const pairs = nextengine.users.flatMap(({ uid }) => {
      const pair = this.handle.nextengine.currentPair(nextengine.clientId, uid);
      if (!pair) return [];
      const { accessToken, refreshToken, accessTokenExpiresAt } = pair;
      return [[uid, { accessToken, refreshToken, issuedAt: accessTokenExpiresAt - ACCESS_TOKEN_LIFE_MS }] as const];
    });
    const memory: Memory = { offsetMs: this.handle.state().offsetMs, pairs: Object.fromEntries(pairs) };
    const path = memoryPath(this.#directory);
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.new`, JSON.stringify(memory), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  close(): Promise<void> {
    this.save();
    return this.handle.close();
  }
}

function nextEngineAccount(redirectUri: string, pairs: Memory['pairs']): NextEngineAccount {
  const users = nextengine.users.map((user) => {
    const pair = pairs[user.uid];
    return pair ? { ...user, pair } : user;
  });
  return { ...nextengine, redirectUri, users, accessTokenLifeMs: ACCESS_TOKEN_LIFE_MS };
}

function readMemory(directory: string): Memory {
  try {
    return JSON.parse(readFileSync(memoryPath(directory), 'utf8')) as Memory;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { offsetMs: 0, pairs: {} };
    throw error;
  }
}

function memoryPath(directory: string): string {
  return join(directory, 'platforms.json');
}
