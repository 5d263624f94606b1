import type { Clock } from '../clock.js';
import type { Mount, PlatformCall, Refusal, Simulator } from '../platform.js';
import { formFields, type SandboxRequest, trimSlashes } from '../request.js';
import type { NextEngineSettings } from './account.js';
import { ApiCall } from './api-call.js';
import { type NextEngineAccountState, NextEngineApp } from './app.js';
import { exchange, usingCompanies } from './app-call.js';
import type { NextEngineControls } from './controls.js';
import { NextEngineDirectory } from './directory.js';
import { errorAnswer } from './envelope.js';
import { NextEngineError } from './errors.js';
import type { NextEngineGrant } from './grant.js';
import { redirectTarget, refused, signInPage, withQuery } from './sign-in-page.js';

const BUSY: Refusal = { code: '003002' };
const MAINTENANCE: Refusal = { code: '003005' };
const PLATFORM_MAINTENANCE: Refusal = { code: '002007' };

/** `api.next-engine.org` and the sign-in page of `base.next-engine.org`. */
export class NextEngineSimulator implements Simulator<NextEngineAccountState[]> {
  readonly mounts: readonly Mount[] = [
    { path: '/nextengine/api', platform: 'nextengine', open: (request) => this.#openApi(request) },
    { path: '/nextengine/base', platform: 'nextengine', open: (request) => this.#openBase(request) },
  ];
  readonly controls: NextEngineControls = this.#controls();
  #directory: NextEngineDirectory;
  readonly #accounts: readonly NextEngineSettings[];
  readonly #clock: Clock;

  constructor(accounts: readonly NextEngineSettings[], clock: Clock) {
    this.#accounts = accounts;
    this.#clock = clock;
    this.#directory = this.#build();
  }

  state(): NextEngineAccountState[] {
    return this.#directory.all().map((app) => app.state());
  }

  reset(): void {
    for (const app of this.#directory.all()) app.release();
    this.#directory = this.#build();
  }

  #build(): NextEngineDirectory {
    return new NextEngineDirectory(this.#accounts.map((settings) => new NextEngineApp(settings, this.#clock)));
  }

  #controls(): NextEngineControls {
    return {
      issuePair: (clientId, uid) => {
        const { app, grant } = this.#find(clientId, uid);
        const pair = grant.signIn(app.now(), true);
        this.#directory.remember(app, grant, pair);
        return pair;
      },
      currentPair: (clientId, uid) => this.#find(clientId, uid).grant.pair,
      signIn: (clientId, uid) => this.#find(clientId, uid).app.signIn(uid),
      launch: (clientId, uid, redirectUri) => {
        const { app, grant } = this.#find(clientId, uid);
        const target = redirectTarget(app, redirectUri ?? null);
        if (target === undefined)
          throw new TypeError('"redirectUri" must be the registered one, or given where none is');
        const query = { ...app.signIn(uid), id: app.launchId(grant.user) };
        return { url: withQuery(target, query), ...query };
      },
      expireStates: (clientId) => this.#app(clientId).expireStates(),
      configure: (clientId, switches) => this.#app(clientId).configure(switches),
      company: (clientId, companyId, change) => this.#app(clientId).changeCompany(companyId, change),
      addUser: (clientId, user) => {
        const app = this.#app(clientId);
        const grant = app.addUser(user);
        if (grant.pair) this.#directory.remember(app, grant, grant.pair);
      },
      usage: (clientId) =>
        (clientId === undefined ? this.#directory.all() : [this.#app(clientId)]).map((app) => app.usage()),
    };
  }

  #app(clientId: string): NextEngineApp {
    const app = this.#directory.app(clientId);
    if (app === undefined) throw new TypeError('"clientId" is not an account of this sandbox');
    return app;
  }

  #find(clientId: string, uid: string): { app: NextEngineApp; grant: NextEngineGrant } {
    const app = this.#app(clientId);
    const grant = app.grants.get(uid);
    if (grant === undefined) throw new TypeError('"uid" is not a user of this account');
    return { app, grant };
  }

  #openApi(request: SandboxRequest): PlatformCall {
    const path = trimSlashes(request.path);
    const fields = formFields(request);
    // The platform has POST only: any other method finds no path.
    if (request.method === 'POST' && path === '/api_neauth') return this.#appCall(path, fields, exchange);
    if (request.method === 'POST' && path === '/api_app/company') return this.#appCall(path, fields, usingCompanies);
    const call = new ApiCall(request.method === 'POST' ? path : `${request.method} ${path}`, fields, this.#directory);
    const owner = call.owner();
    // Whatever comes of it: a call that the platform has answered is a call.
    const counted = <Result>(answer: () => Result): Result => {
      owner?.app.count(owner.grant.user);
      return answer();
    };
    return {
      endpoint: path,
      account: owner?.app.settings.clientId,
      subject: owner?.grant.user.uid,
      work: () => counted(() => call.work()),
      refuse: (refusal) => counted(() => call.refuse(refusal)),
      busy: BUSY,
      maintenance: MAINTENANCE,
    };
  }

  #appCall(path: string, fields: URLSearchParams, handle: typeof exchange): PlatformCall {
    const directory = this.#directory;
    const app = directory.app(fields.get('client_id'));
    const work = () => handle(fields, directory);
    return {
      endpoint: path,
      account: app?.settings.clientId,
      subject: app?.grants.get(fields.get('uid') ?? '')?.user.uid,
      work,
      refuse: ({ code, message, work: first }) => {
        if (first) work();
        return errorAnswer(new NextEngineError(code, { message }), undefined, undefined);
      },
      busy: { code: '000001' },
      maintenance: PLATFORM_MAINTENANCE,
    };
  }

  #openBase(request: SandboxRequest): PlatformCall {
    const directory = this.#directory;
    const app = directory.app(request.query.get('client_id'));
    const known = trimSlashes(request.path) === '/users/sign_in';
    const work = () => (known ? signInPage(request.query, directory) : refused('not_found', 'There is no such page.'));
    return {
      endpoint: known ? '/users/sign_in/' : request.path,
      account: app?.settings.clientId,
      subject: app?.grants.get(request.query.get('uid') ?? '')?.user.uid,
      work,
      refuse: ({ code, message }) => refused(code, message ?? 'Sign-in is not possible now.'),
      busy: BUSY,
      maintenance: PLATFORM_MAINTENANCE,
    };
  }
}
