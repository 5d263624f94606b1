import { assertRecord, assertText } from '../check.js';
import { jsonBody, type SandboxRequest } from '../request.js';
import type { WeComControls } from './controls.js';

interface Controlled {
  readonly wecom: WeComControls;
}

type Action = (wecom: WeComControls, fields: Fields) => unknown;

/** The body of a control request. */
class Fields {
  readonly #fields: Record<string, unknown>;

  constructor(request: SandboxRequest) {
    this.#fields = jsonBody(request);
  }

  text(name: string): string {
    return assertText(name, this.#fields[name]);
  }

  /** A text or a number, such as an agent's id; undefined where there is none. */
  id(name: string): number | string | undefined {
    const value = this.#fields[name];
    return value === undefined || typeof value === 'number' ? value : assertText(name, value);
  }

  /** An agent's id that must be there. */
  someId(name: string): number | string {
    return this.id(name) ?? this.text(name);
  }

  record(name: string): never {
    return assertRecord(name, this.#fields[name]) as never;
  }

  /** The other members, to be checked by what they are handed to. */
  rest(...taken: string[]): never {
    return Object.fromEntries(Object.entries(this.#fields).filter(([name]) => !taken.includes(name))) as never;
  }
}

const ACTIONS: Readonly<Record<string, Action>> = {
  switches: (wecom, fields) => wecom.configure(fields.text('account'), fields.rest('account')),
  agent: (wecom, fields) => wecom.addAgent(fields.text('corpId'), fields.rest('corpId')),
  'remove-agent': (wecom, fields) => wecom.removeAgent(fields.text('corpId'), fields.someId('agentId')),
  'disable-agent': (wecom, fields) => {
    const { disabled } = fields.rest() as { disabled?: boolean };
    wecom.disableAgent(fields.text('corpId'), fields.someId('agentId'), disabled);
  },
  secret: (wecom, fields) => ({ secret: wecom.resetSecret(fields.text('account'), fields.rest('account')) }),
  'kill-token': (wecom, fields) =>
    wecom.killToken(fields.text('account'), fields.id('subject'), fields.rest('account', 'subject')),
  'kill-tickets': (wecom, fields) => wecom.killTickets(fields.text('corpId')),
  'block-ip': (wecom, fields) => {
    const { blocked } = fields.rest() as { blocked?: boolean };
    wecom.blockIp(fields.text('account'), fields.text('ip'), blocked);
  },
  'exhaust-quota': (wecom, fields) => {
    const { period } = fields.rest() as { period?: 'hour' };
    wecom.exhaustQuota(fields.text('account'), fields.text('path'), period);
  },
  install: (wecom, fields) =>
    wecom.install(fields.text('suiteId'), fields.record('corp'), fields.rest('suiteId', 'corp')),
  'change-auth': (wecom, fields) => wecom.changeAuth(fields.text('suiteId'), fields.text('corpId')),
  uninstall: (wecom, fields) =>
    wecom.uninstall(fields.text('suiteId'), fields.text('corpId'), fields.rest('suiteId', 'corpId')),
  reinstall: (wecom, fields) =>
    wecom.reinstall(fields.text('suiteId'), fields.text('corpId'), fields.rest('suiteId', 'corpId')),
  'reset-permanent-code': (wecom, fields) =>
    wecom.resetPermanentCode(fields.text('suiteId'), fields.text('corpId'), fields.rest('suiteId', 'corpId')),
  ticket: (wecom, fields) => {
    const { timestamp } = wecom.pushTicket(fields.text('suiteId'), fields.rest('suiteId'));
    return { timestamp };
  },
  'stop-tickets': (wecom, fields) => wecom.stopTickets(fields.text('suiteId')),
  'start-tickets': (wecom, fields) => wecom.startTickets(fields.text('suiteId')),
  callback: (wecom, fields) => wecom.setCallback(fields.text('account'), fields.rest('account')),
  'verify-url': async (wecom, fields) => ({
    verification: await wecom.verifyUrl(fields.text('account'), fields.rest('account')),
  }),
  push: (wecom, fields) => wecom.push(fields.text('account'), fields.record('message'), fields.id('about')),
};

/** The WeCom part of the control API, by method and path below `/_sandbox`. */
export const WECOM_ACTIONS: Readonly<Record<string, (sandbox: Controlled, request: SandboxRequest) => unknown>> =
  Object.fromEntries(
    Object.entries(ACTIONS).map(([name, action]) => [
      `POST /wecom/${name}`,
      async ({ wecom }: Controlled, request: SandboxRequest) => (await action(wecom, new Fields(request))) ?? {},
    ]),
  );
