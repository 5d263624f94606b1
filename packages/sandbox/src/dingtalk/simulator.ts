import type { Answer } from '../answer.js';
import { jsonAnswer } from '../answer.js';
import type { Clock } from '../clock.js';
import type { Mount, PlatformCall, Refusal, Simulator } from '../platform.js';
import { type SandboxRequest, trimSlashes } from '../request.js';
import type { DingTalkSettings } from './account.js';
import type { ApiEndpoint } from './api-call.js';
import { findApi } from './api-endpoints.js';
import { ApiError, apiFailure, NoSuchAction } from './api-errors.js';
import { type DingTalkAccountState, DingTalkApp } from './app.js';
import type { DingTalkChannelState } from './client.js';
import type { DingTalkControls, DingTalkSuiteControls } from './controls.js';
import { DingTalkDirectory } from './directory.js';
import { type DingTalkLimitState, Limits } from './limits.js';
import { type LoginPage, loginPage, OAUTH_PAGE, SCAN_PAGES } from './login-page.js';
import { findOapi } from './oapi-endpoints.js';
import { banned, OapiError, oapiFailure } from './oapi-errors.js';
import { DingTalkPushes } from './pushes.js';
import { dingTalkControls, type SteeredDingTalk } from './steering.js';
import { streamEndpoint } from './stream-endpoint.js';
import { StreamGateway } from './stream-gateway.js';
import { DingTalkSuite, type DingTalkSuiteState } from './suite.js';
import type { DingTalkSuiteSettings } from './suite-account.js';
import { dingTalkSuiteControls } from './suite-steering.js';
import { Telling } from './telling.js';

/** What a DingTalk simulator is made of. */
export interface DingTalkParts {
  readonly apps: readonly DingTalkSettings[];
  readonly suites: readonly DingTalkSuiteSettings[];
  readonly clock: Clock;
  /** Real milliseconds that an answer to a push may take. */
  readonly pushTimeoutMs: number;
}

/** `oapi.dingtalk.com`, `api.dingtalk.com` and the login page: one set of tokens. */
export class DingTalkSimulator implements Simulator<DingTalkAccountState[]> {
  readonly mounts: readonly Mount[] = [
    { path: '/dingtalk/oapi', platform: 'dingtalk', open: (request) => this.#openOapi(request) },
    { path: '/dingtalk/api', platform: 'dingtalk', open: (request) => this.#openApi(request) },
  ];
  readonly controls: DingTalkControls;
  readonly suiteControls: DingTalkSuiteControls;
  #directory: DingTalkDirectory;
  #limits: Limits;
  readonly #parts: DingTalkParts;
  readonly #stream: StreamGateway;
  readonly #streamEndpoint: ApiEndpoint;
  readonly #telling: Telling;
  /** What it pushes: to be waited for, shown and ended with the sandbox. */
  readonly pushes: DingTalkPushes;

  constructor(parts: DingTalkParts) {
    this.#parts = parts;
    this.#directory = this.#build();
    this.#limits = new Limits(parts.clock);
    this.#stream = new StreamGateway(parts.clock, () => this.pushes.tick());
    this.#streamEndpoint = streamEndpoint(this.#stream);
    this.pushes = new DingTalkPushes(parts.clock, parts.pushTimeoutMs, this.#stream);
    this.#telling = new Telling(this.pushes);
    const simulator = this;
    const steered: SteeredDingTalk = {
      telling: this.#telling,
      stream: this.#stream,
      get directory() {
        return simulator.#directory;
      },
      get limits() {
        return simulator.#limits;
      },
      tick: () => this.tick(),
    };
    this.controls = dingTalkControls(steered);
    this.suiteControls = dingTalkSuiteControls(steered);
  }

  state(): DingTalkAccountState[] {
    return this.#directory.apps.map((app) => ({ ...app.state(), ...this.#channel(app.account) }));
  }

  suiteState(): DingTalkSuiteState[] {
    return this.#directory.suites.map((suite) => ({ ...suite.state(), ...this.#channel(suite.account) }));
  }

  limitState(): DingTalkLimitState {
    return this.#limits.state();
  }

  /** Opens the port of the Stream gateway. */
  listen(host: string): Promise<void> {
    return this.#stream.listen(host);
  }

  close(): Promise<void> {
    this.pushes.clear();
    return this.#stream.close();
  }

  reset(): void {
    this.#directory = this.#build();
    this.#limits = new Limits(this.#parts.clock);
    this.pushes.clear();
    this.#stream.reset();
  }

  /** Makes and pushes the suite tickets that are due, and pushes again what was not acknowledged. */
  tick(): void {
    for (const suite of this.#directory.suites) {
      if (suite.tickets.due()) this.#telling.ticket(suite, suite.tickets.issue());
    }
    this.pushes.tick();
  }

  #channel(account: string): DingTalkChannelState {
    return { streams: this.#stream.count(account), waitingPushes: this.pushes.waiting(account) };
  }

  #build(): DingTalkDirectory {
    const { apps, suites, clock } = this.#parts;
    return new DingTalkDirectory(
      apps.map((settings) => new DingTalkApp(settings, clock)),
      suites.map((settings) => new DingTalkSuite(settings, clock)),
    );
  }

  #openOapi(request: SandboxRequest): PlatformCall {
    const directory = this.#directory;
    const path = trimSlashes(request.path);
    const page = SCAN_PAGES.find((each) => each.path === path);
    if (page) return this.#openPage(page, request);
    const endpoint = findOapi(path);
    const caller = endpoint.identify(request, directory);
    const work = () => {
      const turned = this.#turnedAway(request, endpoint.path, () => oapiFailure(path, new OapiError(90002)));
      return turned ?? answer(() => jsonAnswer(endpoint.handle(request, directory)), path);
    };
    return {
      endpoint: endpoint.path,
      ...caller,
      work,
      refuse: (refusal) => refuseOapi(refusal, work, path),
      busy: { code: path.startsWith('/topapi/') ? '88' : '-1' },
      maintenance: { code: '-1' },
    };
  }

  #openApi(request: SandboxRequest): PlatformCall {
    const directory = this.#directory;
    if (request.method === 'GET' && trimSlashes(request.path) === OAUTH_PAGE.path) {
      return this.#openPage(OAUTH_PAGE, request);
    }
    const endpoint = findApi(request, [this.#streamEndpoint]);
    const { write = jsonAnswer } = endpoint;
    const caller = endpoint.identify(request, directory);
    const work = () => {
      const perApi = () => apiFailure(new ApiError('Forbidden.AccessDenied.QpsLimitForApi'));
      const turned = this.#turnedAway(request, endpoint.path, perApi);
      return turned ?? answer(() => write(endpoint.handle(request, directory), request), endpoint.path);
    };
    return {
      endpoint: endpoint.path,
      ...caller,
      work,
      refuse: (refusal) => refuseApi(refusal, work),
      busy: { code: 'systemBusy' },
      maintenance: { code: 'serviceBusy' },
    };
  }

  /** A page for a browser: no limits, and errors are pages. */
  #openPage(page: LoginPage, { query }: SandboxRequest): PlatformCall {
    const directory = this.#directory;
    const work = () => loginPage(page, query, directory);
    return {
      endpoint: page.path,
      account: directory.client(query.get(page.clientParameter) ?? undefined)?.account,
      subject: query.get('unionId') ?? undefined,
      work,
      refuse: (refusal) => refuseApi(refusal, work),
      busy: { code: 'systemBusy' },
      maintenance: { code: 'serviceBusy' },
    };
  }

  #turnedAway({ ip }: SandboxRequest, path: string, perApi: () => Answer): Answer | undefined {
    const verdict = this.#limits.take(ip, path);
    if (verdict === 'ok') return undefined;
    const { banForm, banStatus } = this.#limits.current;
    return verdict === 'banned' ? banned(banForm, banStatus) : perApi();
  }
}

function answer(handle: () => Answer, path: string): Answer {
  try {
    return handle();
  } catch (error) {
    if (error instanceof OapiError) return oapiFailure(path, error);
    if (error instanceof ApiError || error instanceof NoSuchAction) return apiFailure(error);
    throw error;
  }
}

function refuseOapi({ code, message, work: first }: Refusal, work: () => Answer, path: string): Answer {
  if (first) work();
  const number = Number(code);
  return oapiFailure(path, new OapiError(Number.isInteger(number) ? number : -1, message));
}

function refuseApi({ code, message, status, work: first }: Refusal, work: () => Answer): Answer {
  if (first) work();
  if (code === '1111') return banned();
  if (code === '404') return apiFailure(new NoSuchAction());
  return apiFailure(new ApiError(code, message, status));
}
