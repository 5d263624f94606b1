import { type Answer, jsonAnswer } from '../answer.js';
import type { Clock } from '../clock.js';
import { hexValue } from '../opaque.js';
import type { PlatformCall, Refusal, Simulator } from '../platform.js';
import type { PushSender } from '../push-sender.js';
import { type SandboxRequest, trimSlashes } from '../request.js';
import type { WeChatSettings } from './account.js';
import { AccountPushes } from './account-pushes.js';
import { type WeChatAccountState, WeChatApp } from './app.js';
import { BUSINESS_ENDPOINTS, genericPost, unknownEndpoint } from './business-endpoints.js';
import { callbackCheck } from './callback-check.js';
import { type WeChatControls, weChatControls } from './controls.js';
import { WeChatDirectory } from './directory.js';
import { RawAnswer, type WeChatEndpoint } from './endpoints.js';
import { WeChatError } from './errors.js';
import { MEDIA_ENDPOINTS } from './media-endpoints.js';
import { OAUTH_PAGES } from './oauth-page.js';
import type { OpenPlatformSettings } from './open-platform/account.js';
import { AUTHORIZATION_PAGES } from './open-platform/authorization-page.js';
import { type OpenPlatformControls, openPlatformControls } from './open-platform/controls.js';
import { OPEN_PLATFORM_ENDPOINTS } from './open-platform/endpoints.js';
import { OpenPlatform, type OpenPlatformState } from './open-platform/open-platform.js';
import type { AnswerStyle } from './owner.js';
import { quotaEndpoints } from './quota-endpoints.js';
import { TOKEN_ENDPOINTS } from './token-endpoints.js';
import { USER_ENDPOINTS } from './user-endpoints.js';

const COUNTED_ENDPOINTS = [
  ...TOKEN_ENDPOINTS,
  ...BUSINESS_ENDPOINTS,
  ...MEDIA_ENDPOINTS,
  callbackCheck,
  ...OPEN_PLATFORM_ENDPOINTS,
];
const OTHER_ENDPOINTS = [...USER_ENDPOINTS, ...OAUTH_PAGES, ...AUTHORIZATION_PAGES];
const COUNTED: ReadonlySet<string> = new Set([
  '/cgi-bin/openapi/quota/get',
  ...COUNTED_ENDPOINTS.map(({ path }) => path),
]);
const ENDPOINTS = new Map(
  [...COUNTED_ENDPOINTS, ...quotaEndpoints((path) => COUNTED.has(path)), ...OTHER_ENDPOINTS].map((endpoint) => [
    endpoint.path,
    endpoint,
  ]),
);

export interface WeChatParts {
  readonly clock: Clock;
  readonly pushes: PushSender;
}

/** `api.weixin.qq.com`: official accounts, mini programs, and Open Platforms with the accounts that authorize them. */
export class WeChatSimulator implements Simulator<WeChatAccountState[]> {
  readonly mounts = [
    { path: '/wechat', platform: 'wechat' as const, open: (request: SandboxRequest) => this.#open(request) },
  ];
  readonly controls: WeChatControls;
  readonly platformControls: OpenPlatformControls = openPlatformControls((appId) => {
    const platform = this.#directory.platform(appId);
    if (platform === undefined) throw new TypeError('"appId" is not an Open Platform of this sandbox');
    return platform;
  });
  #directory: WeChatDirectory;
  readonly #accounts: readonly WeChatSettings[];
  readonly #platforms: readonly OpenPlatformSettings[];
  readonly #parts: WeChatParts;

  constructor(accounts: readonly WeChatSettings[], platforms: readonly OpenPlatformSettings[], parts: WeChatParts) {
    this.#accounts = accounts;
    this.#platforms = platforms;
    this.#parts = parts;
    this.#directory = this.#build();
    const pushes = new AccountPushes(parts.clock, parts.pushes);
    this.controls = weChatControls((appId) => {
      const app = this.#directory.business(appId);
      if (app === undefined) throw new TypeError('"appId" is not an account of this sandbox');
      return app;
    }, pushes);
  }

  state(): WeChatAccountState[] {
    return this.#directory.all().map((app) => app.state());
  }

  platformState(): OpenPlatformState[] {
    return this.#directory.platforms().map((platform) => platform.state());
  }

  /** Pushes the verify tickets that have become due. */
  tick(): void {
    for (const platform of this.#directory.platforms()) platform.schedule.tick();
  }

  reset(): void {
    this.#directory = this.#build();
  }

  #build(): WeChatDirectory {
    const { clock } = this.#parts;
    const directory = new WeChatDirectory(this.#accounts.map((settings) => new WeChatApp(settings, clock)));
    const business = (appId: string) => directory.business(appId);
    for (const settings of this.#platforms)
      directory.addPlatform(new OpenPlatform(settings, { ...this.#parts, business }));
    return directory;
  }

  #open(request: SandboxRequest): PlatformCall {
    const directory = this.#directory;
    const endpoint = findEndpoint(request);
    const party = endpoint.identify(request, directory);
    const perform = () => work(endpoint, request, directory, party?.style);
    return {
      endpoint: endpoint.path,
      account: party?.account,
      subject: party?.subject,
      work: perform,
      refuse: (refusal) => refuse(refusal, perform, party?.style),
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
  style: AnswerStyle | undefined,
): Answer {
  try {
    if (endpoint.method === 'POST' && request.method !== 'POST') throw new WeChatError(43002);
    const handled = endpoint.handle(request, directory);
    return handled instanceof RawAnswer ? handled.answer : success(handled, style);
  } catch (error) {
    if (error instanceof WeChatError) return failure(error, style);
    throw error;
  }
}

function refuse(
  { code, message, work: first }: Refusal,
  perform: () => Answer,
  style: AnswerStyle | undefined,
): Answer {
  if (first) perform();
  const number = Number(code);
  return failure(new WeChatError(Number.isInteger(number) ? number : -1, message), style);
}

function success(body: Record<string, unknown>, style: AnswerStyle | undefined): Answer {
  return jsonAnswer(without(body, style?.omit ?? []), { contentType: contentType(style) });
}

/** The tokens of an exchange lie one level down. */
function without(body: Record<string, unknown>, omitted: readonly string[]): Record<string, unknown> {
  const { authorization_info: inner, ...outer } = body;
  const kept = Object.fromEntries(Object.entries(outer).filter(([key]) => !omitted.includes(key)));
  if (typeof inner !== 'object' || inner === null) return kept;
  return { ...kept, authorization_info: without(inner as Record<string, unknown>, omitted) };
}

function failure({ code, message }: WeChatError, style: AnswerStyle | undefined): Answer {
  const rid = style?.rid === false ? '' : ` rid: ${hexValue(8)}-${hexValue(8)}-${hexValue(8)}`;
  return jsonAnswer(
    { errcode: code, errmsg: `${message}${rid}` },
    { outcome: String(code), contentType: contentType(style) },
  );
}

function contentType(style: AnswerStyle | undefined): string {
  return style?.textPlain ? 'text/plain' : 'application/json; encoding=utf-8';
}
