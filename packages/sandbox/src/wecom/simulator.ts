import { randomInt } from 'node:crypto';
import { type Answer, jsonAnswer } from '../answer.js';
import type { Clock } from '../clock.js';
import { hexValue } from '../opaque.js';
import type { Mount, PlatformCall, Refusal, Simulator } from '../platform.js';
import type { PushSender } from '../push-sender.js';
import { type SandboxRequest, trimSlashes } from '../request.js';
import type { Timers } from '../timers.js';
import type { WeComSettings } from './account.js';
import { BUSINESS_ENDPOINTS, genericPost, unknownEndpoint } from './business-endpoints.js';
import type { WeComControls } from './controls.js';
import type { WeComCorpState } from './corp.js';
import { WeComDirectory } from './directory.js';
import { type Body, type WeComCaller, type WeComEndpoint, WeComFile } from './endpoints.js';
import { WeComError } from './errors.js';
import { installPage } from './install-page.js';
import { MEDIA_ENDPOINTS } from './media-endpoints.js';
import { WeComPushes } from './pushes.js';
import { install, type SteeredWeCom, weComControls } from './steering.js';
import type { WeComSuiteState } from './suite-app.js';
import { SUITE_ENDPOINTS } from './suite-endpoints.js';
import type { WeComCommonSettings } from './switches.js';
import { TOKEN_ENDPOINTS } from './token-endpoints.js';

const ENDPOINTS = new Map(
  [...TOKEN_ENDPOINTS, ...SUITE_ENDPOINTS, ...BUSINESS_ENDPOINTS, ...MEDIA_ENDPOINTS].map((endpoint) => [
    endpoint.path,
    endpoint,
  ]),
);
const INSTALL_PAGE = '/3rdapp/install';

/** What WeCom holds; no token, no ticket, no code and no secret. */
export interface WeComState {
  /** Companies of the accounts, and those that have installed a suite. */
  readonly corps: readonly WeComCorpState[];
  /** Suites. */
  readonly suites: readonly WeComSuiteState[];
}

/** `qyapi.weixin.qq.com`, and the install page of `open.work.weixin.qq.com`. */
export class WeComSimulator implements Simulator<WeComState>, SteeredWeCom {
  readonly mounts: readonly Mount[] = [{ path: '/wecom', platform: 'wecom', open: (request) => this.#open(request) }];
  readonly controls: WeComControls;
  readonly pushes: WeComPushes;
  #directory: WeComDirectory;
  readonly #accounts: readonly WeComSettings[];
  readonly #clock: Clock;
  readonly #timers: Timers;

  constructor(accounts: readonly WeComSettings[], clock: Clock, sender: PushSender, timers: Timers) {
    this.#accounts = accounts;
    this.#clock = clock;
    this.#timers = timers;
    this.pushes = new WeComPushes(sender);
    this.#directory = new WeComDirectory(accounts, clock);
    this.controls = weComControls(this);
  }

  get directory(): WeComDirectory {
    return this.#directory;
  }

  state(): WeComState {
    const { corps, suites } = this.#directory;
    return {
      corps: [...corps.values()].map((corp) => corp.state()),
      suites: [...suites.values()].map((suite) => suite.state()),
    };
  }

  reset(): void {
    this.#directory = new WeComDirectory(this.#accounts, this.#clock);
  }

  /** Pushes the tickets that are due: one for each suite, however much time has passed. */
  tick(): void {
    for (const suite of this.#directory.suites.values()) {
      if (suite.callbackUrl !== undefined && suite.tickets.due()) this.pushes.ticket(suite, suite.tickets.issue());
    }
  }

  #open(request: SandboxRequest): PlatformCall {
    const path = trimSlashes(request.path);
    if (path === INSTALL_PAGE) return this.#openInstallPage(request);
    const directory = this.#directory;
    const endpoint = findEndpoint(path, request);
    const caller = endpoint.identify(request, directory);
    const work = () => this.#work(endpoint, request, directory, caller);
    return {
      endpoint: endpoint.path,
      account: caller?.account,
      subject: caller?.subject,
      work,
      refuse: (refusal) => refuse(refusal, work, request, caller),
      busy: { code: '-1' },
      maintenance: { code: '-1' },
    };
  }

  #work(
    endpoint: WeComEndpoint,
    request: SandboxRequest,
    directory: WeComDirectory,
    caller: WeComCaller | undefined,
  ): Answer {
    try {
      caller?.gate.occupy((ms, task) => this.#timers.after(ms, task));
      if (endpoint.method === 'POST' && request.method !== 'POST') throw new WeComError(43002);
      return success(endpoint.handle(request, directory), caller?.gate.switches);
    } catch (error) {
      if (error instanceof WeComError) return failure(error, request, caller?.gate.switches);
      throw error;
    }
  }

  #openInstallPage({ query }: SandboxRequest): PlatformCall {
    const suite = this.#directory.suites.get(query.get('suite_id') ?? '');
    const corp = this.#directory.corps.get(query.get('corpid') ?? '');
    const work = () =>
      installPage(
        query,
        this.#directory,
        (app, corpId, options) =>
          install(this, app, { corpId }, { ...options, push: app.switches.redirectPushes }).authCode,
      );
    return {
      endpoint: INSTALL_PAGE,
      account: suite?.suiteId,
      subject: corp?.corpId,
      work,
      refuse: (refusal) => failure(new WeComError(Number(refusal.code), refusal.message), { ip: '' }, undefined),
      busy: { code: '-1' },
      maintenance: { code: '-1' },
    };
  }
}

function findEndpoint(path: string, request: SandboxRequest): WeComEndpoint {
  const known = ENDPOINTS.get(path);
  if (known) return known;
  return request.method === 'POST' ? genericPost(path, request) : unknownEndpoint(path);
}

function refuse(
  { code, message, work: first }: Refusal,
  work: () => Answer,
  request: SandboxRequest,
  caller: WeComCaller | undefined,
): Answer {
  if (first) work();
  const number = Number(code);
  return failure(new WeComError(Number.isInteger(number) ? number : -1, message), request, caller?.gate.switches);
}

function success(body: Body | WeComFile, switches: WeComCommonSettings | undefined): Answer {
  if (body instanceof WeComFile) {
    return timed({ status: 200, headers: body.headers, body: body.content, outcome: 'ok' }, switches);
  }
  const omitted: readonly string[] = switches?.omit ?? [];
  const kept = Object.fromEntries(Object.entries(body).filter(([key]) => !omitted.includes(key)));
  return timed(jsonAnswer(kept, { contentType: contentType(switches) }), switches);
}

function failure(
  { code, message }: WeComError,
  { ip }: Pick<SandboxRequest, 'ip'>,
  switches: WeComCommonSettings | undefined,
): Answer {
  const errmsg = switches?.hint === false ? message : `${message}, ${hint(code, ip)}`;
  const answer = jsonAnswer({ errcode: code, errmsg }, { outcome: String(code), contentType: contentType(switches) });
  return timed(answer, switches);
}

function hint(code: number, ip: string): string {
  const number = `${randomInt(1_000_000_000, 2_000_000_000)}_${randomInt(1, 1000)}_${hexValue(32)}`;
  return `hint: [${number}], from ip: ${ip}, more info at https://open.work.weixin.qq.com/devtool/query?e=${code}`;
}

function timed(answer: Answer, switches: WeComCommonSettings | undefined): Answer {
  return switches?.answerMs ? { ...answer, delayMs: switches.answerMs } : answer;
}

function contentType(switches: WeComCommonSettings | undefined): string {
  return switches?.textPlain ? 'text/plain' : 'application/json; charset=UTF-8';
}
