import { assertKnownKeys, assertRecord, assertText } from '../check.js';
import { jsonBody, type SandboxRequest } from '../request.js';
import type { WeComControls } from './controls.js';

interface Controlled {
  readonly wecom: WeComControls;
}

/** What one control does with the members of its body. Those it does not take itself are checked by the control. */
type Act = (wecom: WeComControls, fields: Fields) => unknown;

const ACTS: Readonly<Record<string, Act>> = {
  switches: (wecom, fields) => wecom.configure(fields.text('account'), fields.rest()),
  agent: (wecom, fields) => wecom.addAgent(fields.text('corpId'), fields.rest()),
  'remove-agent': (wecom, fields) => wecom.removeAgent(fields.text('corpId'), fields.id('agentId'), ...fields.none()),
  'disable-agent': (wecom, fields) =>
    wecom.disableAgent(fields.text('corpId'), fields.id('agentId'), fields.maybe('disabled'), ...fields.none()),
  secret: (wecom, fields) => ({ secret: wecom.resetSecret(fields.text('account'), fields.rest()) }),
  'kill-token': (wecom, fields) =>
    wecom.killToken(fields.text('account'), fields.maybe('subject') && fields.id('subject'), fields.rest()),
  'kill-tickets': (wecom, fields) => wecom.killTickets(fields.text('corpId'), ...fields.none()),
  'block-ip': (wecom, fields) =>
    wecom.blockIp(fields.text('account'), fields.text('ip'), fields.maybe('blocked'), ...fields.none()),
  'exhaust-quota': (wecom, fields) =>
    wecom.exhaustQuota(fields.text('account'), fields.text('path'), fields.maybe('period'), ...fields.none()),
  install: (wecom, fields) => wecom.install(fields.text('suiteId'), fields.record('corp'), fields.rest()),
  'change-auth': (wecom, fields) => wecom.changeAuth(fields.text('suiteId'), fields.text('corpId'), ...fields.none()),
  uninstall: (wecom, fields) => wecom.uninstall(fields.text('suiteId'), fields.text('corpId'), fields.rest()),
  reinstall: (wecom, fields) => wecom.reinstall(fields.text('suiteId'), fields.text('corpId'), fields.rest()),
  'reset-permanent-code': (wecom, fields) =>
    wecom.resetPermanentCode(fields.text('suiteId'), fields.text('corpId'), fields.rest()),
  'repeat-event': (wecom, fields) => wecom.repeatEvent(fields.text('suiteId'), fields.rest()),
  'push-ticket': (wecom, fields) => wecom.pushTicket(fields.text('suiteId'), fields.rest()),
  'stop-tickets': (wecom, fields) => wecom.stopTickets(fields.text('suiteId'), ...fields.none()),
  'start-tickets': (wecom, fields) => wecom.startTickets(fields.text('suiteId'), ...fields.none()),
  callback: (wecom, fields) => wecom.setCallback(fields.text('account'), fields.rest()),
  'verify-url': async (wecom, fields) => ({
    verification: await wecom.verifyUrl(fields.text('account'), fields.rest()),
  }),
  push: (wecom, fields) =>
    wecom.push(
      fields.text('account'),
      fields.record('message'),
      fields.maybe('about') && fields.id('about'),
      ...fields.none(),
    ),
};

/** The WeCom part of the control API, by method and path below `/_sandbox`. */
export const WECOM_ACTIONS: Readonly<Record<string, (sandbox: Controlled, request: SandboxRequest) => unknown>> =
  Object.fromEntries(
    Object.entries(ACTS).map(([name, act]) => [
      `POST /wecom/${name}`,
      async ({ wecom }: Controlled, request: SandboxRequest) => (await act(wecom, new Fields(request))) ?? {},
    ]),
  );

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

  /** An agent's id, a number or a text. */
  id(name: string): number | string {
    const value: unknown = this.maybe(name);
    return typeof value === 'number' ? value : assertText(name, value);
  }

  record(name: string): never {
    return assertRecord(name, this.maybe(name)) as never;
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
