import { type Answer, jsonAnswer } from '../answer.js';
import type { Clock } from '../clock.js';
import { hexValue } from '../opaque.js';
import type { PlatformCall, Refusal, Simulator } from '../platform.js';
import { type SandboxRequest, trimSlashes } from '../request.js';
import type { WeChatSettings } from './account.js';
import { type WeChatAccountState, WeChatApp } from './app.js';
import { BUSINESS_ENDPOINTS, genericPost, unknownEndpoint } from './business-endpoints.js';
import { WeChatDirectory } from './directory.js';
import type { WeChatEndpoint } from './endpoints.js';
import { WeChatError } from './errors.js';
import { TOKEN_ENDPOINTS } from './token-endpoints.js';
import type { WeChatTokenKind } from './token-line.js';

const ENDPOINTS = new Map([...TOKEN_ENDPOINTS, ...BUSINESS_ENDPOINTS].map((endpoint) => [endpoint.path, endpoint]));

/** `api.weixin.qq.com`, as far as an account's own tokens reach. */
export class WeChatSimulator implements Simulator<WeChatAccountState[]> {
  readonly mounts = [
    { path: '/wechat', platform: 'wechat' as const, open: (request: SandboxRequest) => this.#open(request) },
  ];
  #directory: WeChatDirectory;
  readonly #accounts: readonly WeChatSettings[];
  readonly #clock: Clock;

  constructor(accounts: readonly WeChatSettings[], clock: Clock) {
    this.#accounts = accounts;
    this.#clock = clock;
    this.#directory = this.#build();
  }

  /** Ends the current token of one kind, or of both, before its time. */
  revoke(appId: string, kind?: WeChatTokenKind): void {
    const app = this.#directory.app(appId);
    if (app === undefined) throw new TypeError('"appId" is not an account of this sandbox');
    for (const each of kind ? [kind] : (['legacy', 'stable'] as const)) app.lines[each].revoke();
  }

  state(): WeChatAccountState[] {
    return this.#directory.all().map((app) => app.state());
  }

  reset(): void {
    this.#directory = this.#build();
  }

  #build(): WeChatDirectory {
    return new WeChatDirectory(this.#accounts.map((settings) => new WeChatApp(settings, this.#clock)));
  }

  #open(request: SandboxRequest): PlatformCall {
    const directory = this.#directory;
    const endpoint = findEndpoint(request);
    const app = endpoint.identify(request, directory);
    return {
      endpoint: endpoint.path,
      account: app?.settings.appId,
      work: () => work(endpoint, request, directory, app?.settings),
      refuse: (refusal) => refuse(refusal, () => work(endpoint, request, directory, app?.settings), app?.settings),
      busy: { code: '-1' },
      maintenance: { code: '-1' },
    };
  }
}

function findEndpoint(request: SandboxRequest): WeChatEndpoint {
  const path = trimSlashes(request.path);
  const known = ENDPOINTS.get(path);
  if (known) return known;
  return request.method === 'POST' ? genericPost(path) : unknownEndpoint(path);
}

function work(
  endpoint: WeChatEndpoint,
  request: SandboxRequest,
  directory: WeChatDirectory,
  settings: WeChatSettings | undefined,
): Answer {
  try {
    if (endpoint.method === 'POST' && request.method !== 'POST') throw new WeChatError(43002);
    return success(endpoint.handle(request, directory), settings);
  } catch (error) {
    if (error instanceof WeChatError) return failure(error, settings);
    throw error;
  }
}

function refuse(
  { code, message, work: first }: Refusal,
  work: () => Answer,
  settings: WeChatSettings | undefined,
): Answer {
  if (first) work();
  const number = Number(code);
  return failure(new WeChatError(Number.isInteger(number) ? number : -1, message), settings);
}

function success(body: Record<string, unknown>, settings: WeChatSettings | undefined): Answer {
  const omitted: readonly string[] = settings?.omit ?? [];
  const kept = Object.fromEntries(Object.entries(body).filter(([key]) => !omitted.includes(key)));
  return jsonAnswer(kept, { contentType: contentType(settings) });
}

function failure({ code, message }: WeChatError, settings: WeChatSettings | undefined): Answer {
  const rid = settings?.rid === false ? '' : ` rid: ${hexValue(8)}-${hexValue(8)}-${hexValue(8)}`;
  return jsonAnswer(
    { errcode: code, errmsg: `${message}${rid}` },
    { outcome: String(code), contentType: contentType(settings) },
  );
}

function contentType(settings: WeChatSettings | undefined): string {
  return settings?.textPlain ? 'text/plain' : 'application/json; encoding=utf-8';
}
