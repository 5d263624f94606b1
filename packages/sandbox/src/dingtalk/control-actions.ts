import { assertKnownKeys, assertRecord, assertText } from '../check.js';
import { jsonBody, type SandboxRequest } from '../request.js';
import type { DingTalkControls, DingTalkSuiteControls } from './controls.js';

interface Controlled {
  readonly dingtalk: DingTalkControls;
  readonly dingtalkSuite: DingTalkSuiteControls;
}

/** What one control does with the members of its body. Those it does not take itself are checked by the control. */
type Act<Controls> = (controls: Controls, fields: Fields) => unknown;

const APP_ACTS: Readonly<Record<string, Act<DingTalkControls>>> = {
  switches: (dingtalk, fields) => dingtalk.configure(fields.text('appKey'), fields.rest()),
  'kill-token': (dingtalk, fields) => dingtalk.killToken(fields.text('client'), fields.rest()),
  'kill-ticket': (dingtalk, fields) => dingtalk.killTicket(fields.text('appKey'), ...fields.none()),
  secret: (dingtalk, fields) => ({ secret: dingtalk.resetSecret(fields.text('client'), fields.rest()) }),
  'exhaust-quota': (dingtalk, fields) =>
    dingtalk.exhaustQuota(fields.text('client'), fields.maybe('corpId'), ...fields.none()),
  'user-code': (dingtalk, fields) => ({ authCode: dingtalk.userCode(fields.text('client'), fields.rest()) }),
  'scan-code': (dingtalk, fields) => ({ code: dingtalk.scanCode(fields.text('client'), fields.rest()) }),
  'sso-code': (dingtalk, fields) => ({ code: dingtalk.ssoCode(fields.text('client'), fields.rest()) }),
  'end-user': (dingtalk, fields) => dingtalk.endUser(fields.text('client'), fields.text('unionId'), ...fields.none()),
  limits: (dingtalk, fields) => dingtalk.limit(fields.rest()),
  'ban-address': (dingtalk, fields) => dingtalk.banAddress(fields.text('ip'), ...fields.none()),
  'unban-address': (dingtalk, fields) => dingtalk.unbanAddress(fields.text('ip'), ...fields.none()),
  callback: (dingtalk, fields) =>
    dingtalk.setCallback(fields.text('appKey'), fields.maybe('callback'), ...fields.none()),
  event: (dingtalk, fields) => dingtalk.pushEvent(fields.text('appKey'), fields.record('event'), ...fields.none()),
  'check-url': async (dingtalk, fields) => ({
    check: await dingtalk.checkUrl(fields.text('appKey'), ...fields.none()),
  }),
  'ping-streams': async (dingtalk, fields) => ({
    echoes: await dingtalk.pingStreams(fields.text('client'), ...fields.none()),
  }),
  'disconnect-streams': (dingtalk, fields) => dingtalk.disconnectStreams(fields.text('client'), fields.rest()),
  'cut-streams': (dingtalk, fields) => dingtalk.cutStreams(fields.text('client'), ...fields.none()),
};

const SUITE_ACTS: Readonly<Record<string, Act<DingTalkSuiteControls>>> = {
  switches: (suites, fields) => suites.configure(fields.text('suiteKey'), fields.rest()),
  ticket: (suites, fields) => suites.issueTicket(fields.text('suiteKey'), ...fields.none()),
  'push-ticket': (suites, fields) => suites.pushTicket(fields.text('suiteKey'), fields.rest()),
  'current-ticket': (suites, fields) => suites.currentTicket(fields.text('suiteKey'), ...fields.none()),
  authorize: (suites, fields) => suites.authorize(fields.text('suiteKey'), fields.maybe('corp'), fields.rest()),
  change: (suites, fields) => suites.change(fields.text('suiteKey'), fields.text('corpId'), fields.rest()),
  cancel: (suites, fields) => suites.cancel(fields.text('suiteKey'), fields.text('corpId'), fields.rest()),
  stop: (suites, fields) => suites.stop(fields.text('suiteKey'), fields.text('corpId'), fields.rest()),
  restore: (suites, fields) => suites.restore(fields.text('suiteKey'), fields.text('corpId'), fields.rest()),
  remove: (suites, fields) => suites.remove(fields.text('suiteKey'), fields.text('corpId'), fields.rest()),
  'repeat-event': (suites, fields) => suites.repeatEvent(fields.text('suiteKey'), fields.rest()),
  'repeat-together': (suites, fields) =>
    suites.repeatTogether(fields.text('suiteKey'), fields.maybe('count'), ...fields.none()),
  event: (suites, fields) => suites.pushEvent(fields.text('suiteKey'), fields.record('event'), ...fields.none()),
  'check-url': async (suites, fields) => ({ check: await suites.checkUrl(fields.text('suiteKey'), fields.rest()) }),
  callback: (suites, fields) => suites.setCallback(fields.text('suiteKey'), fields.rest()),
  'kill-token': (suites, fields) => suites.killToken(fields.text('suiteKey'), fields.rest()),
  'kill-ticket': (suites, fields) =>
    suites.killTicket(fields.text('suiteKey'), fields.text('corpId'), ...fields.none()),
};

type Action = (sandbox: Controlled, request: SandboxRequest) => unknown;

/** The DingTalk part of the control API, by method and path below `/_sandbox`. */
export const DINGTALK_ACTIONS: Readonly<Record<string, Action>> = {
  ...actions('dingtalk', APP_ACTS, ({ dingtalk }) => dingtalk),
  ...actions('dingtalk-suite', SUITE_ACTS, ({ dingtalkSuite }) => dingtalkSuite),
};

function actions<Controls>(
  path: string,
  acts: Readonly<Record<string, Act<Controls>>>,
  controls: (sandbox: Controlled) => Controls,
): Record<string, Action> {
  return Object.fromEntries(
    Object.entries(acts).map(([name, act]): [string, Action] => [
      `POST /${path}/${name}`,
      async (sandbox, request) => (await act(controls(sandbox), new Fields(request))) ?? {},
    ]),
  );
}

/** The body of a control request, member by member. */
class Fields {
  readonly #fields: Record<string, unknown>;
  readonly #taken = new Set<string>();

  constructor(request: SandboxRequest) {
    this.#fields = jsonBody(request);
  }

  text(name: string): string {
    return assertText(name, this.maybe(name));
  }

  record(name: string): Record<string, unknown> {
    return assertRecord(name, this.maybe(name));
  }

  /** Whatever stands there, to be checked by what it is handed to. */
  maybe(name: string): never {
    this.#taken.add(name);
    return this.#fields[name] as never;
  }

  /** The members that were not taken, likewise. */
  rest(): never {
    return Object.fromEntries(Object.entries(this.#fields).filter(([name]) => !this.#taken.has(name))) as never;
  }

  /** Refuses members that were not taken. */
  none(): [] {
    assertKnownKeys('this request', this.#fields, [...this.#taken]);
    return [];
  }
}
