import type { Answer } from '../answer.js';
import { jsonAnswer } from '../answer.js';
import type { Clock } from '../clock.js';
import type { Mount, PlatformCall, Refusal, Simulator } from '../platform.js';
import { type SandboxRequest, trimSlashes } from '../request.js';
import type { DingTalkSettings } from './account.js';
import { API_ENDPOINTS, type ApiEndpoint, unknownApi } from './api-endpoints.js';
import { ApiError, apiFailure, NoSuchAction } from './api-errors.js';
import { type DingTalkAccountState, DingTalkApp } from './app.js';
import { DingTalkDirectory } from './directory.js';
import { OAPI_ENDPOINTS, unknownOapi } from './oapi-endpoints.js';
import { banned, OapiError, oapiFailure } from './oapi-errors.js';

/** `oapi.dingtalk.com` and `api.dingtalk.com`: two hosts, one set of tokens. */
export class DingTalkSimulator implements Simulator<DingTalkAccountState[]> {
  readonly mounts: readonly Mount[] = [
    { path: '/dingtalk/oapi', platform: 'dingtalk', open: (request) => this.#openOapi(request) },
    { path: '/dingtalk/api', platform: 'dingtalk', open: (request) => this.#openApi(request) },
  ];
  #directory: DingTalkDirectory;
  readonly #accounts: readonly DingTalkSettings[];
  readonly #clock: Clock;

  constructor(accounts: readonly DingTalkSettings[], clock: Clock) {
    this.#accounts = accounts;
    this.#clock = clock;
    this.#directory = this.#build();
  }

  /** Business calls refuse the app's tokens from now on. */
  revoke(appKey: string, keepReturningSame = false): void {
    const app = this.#directory.byKey(appKey);
    if (app === undefined) throw new TypeError('"appKey" is not an account of this sandbox');
    app.revoke(keepReturningSame);
  }

  state(): DingTalkAccountState[] {
    return this.#directory.all().map((app) => app.state());
  }

  reset(): void {
    this.#directory = this.#build();
  }

  #build(): DingTalkDirectory {
    return new DingTalkDirectory(this.#accounts.map((settings) => new DingTalkApp(settings, this.#clock)));
  }

  #openOapi(request: SandboxRequest): PlatformCall {
    const directory = this.#directory;
    const path = trimSlashes(request.path);
    const endpoint = OAPI_ENDPOINTS.find((each) => each.path === path) ?? unknownOapi(path);
    const work = () => answer(() => endpoint.handle(request, directory), path);
    return {
      endpoint: endpoint.path,
      account: endpoint.identify(request, directory)?.settings.appKey,
      work,
      refuse: (refusal) => refuseOapi(refusal, work, path),
      busy: { code: path.startsWith('/topapi/') ? '88' : '-1' },
      maintenance: { code: '-1' },
    };
  }

  #openApi(request: SandboxRequest): PlatformCall {
    const directory = this.#directory;
    const endpoint = findApi(request);
    const work = () => answer(() => endpoint.handle(request, directory), endpoint.path);
    return {
      endpoint: endpoint.path,
      account: endpoint.identify(request, directory)?.settings.appKey,
      work,
      refuse: (refusal) => refuseApi(refusal, work),
      busy: { code: 'systemBusy' },
      maintenance: { code: 'serviceBusy' },
    };
  }
}

function findApi(request: SandboxRequest): ApiEndpoint {
  const path = trimSlashes(request.path);
  const found = API_ENDPOINTS.find((each) => each.method === request.method && fits(each.path, path));
  return found ?? unknownApi(request.method, path);
}

function fits(template: string, path: string): boolean {
  const [wanted, given] = [template.split('/'), path.split('/')];
  return wanted.length === given.length && wanted.every((part, i) => part.startsWith('{') || part === given[i]);
}

function answer(handle: () => Record<string, unknown>, path: string): Answer {
  try {
    return jsonAnswer(handle());
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
