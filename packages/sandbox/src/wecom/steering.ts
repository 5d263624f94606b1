import { assertBoolean, assertCount, assertKnownKeys, assertOneOf, assertRecord, assertText } from '../check.js';
import { urlSafeValue } from '../opaque.js';
import type { PushFields } from '../push-message.js';
import {
  assertEncodingKey,
  optionalUrl,
  PROVIDER_SUBJECT,
  type WeComCustomer,
  weComAgent,
  weComCustomer,
} from './account.js';
import type { Agent } from './agent.js';
import { PERIODS } from './call-limits.js';
import type { WeComCallbackChange, WeComControls, WeComInstall, WeComInstallOptions, WeComTicket } from './controls.js';
import type { WeComCorp } from './corp.js';
import type { WeComDirectory } from './directory.js';
import type { Installation } from './installation.js';
import type { WeComPushes } from './pushes.js';
import type { SuiteApp, SuiteEvent } from './suite-app.js';
import type { SuiteTicket } from './suite-tickets.js';
import type { WeComSuiteSwitches, WeComSwitches } from './switches.js';
import type { TokenHolder } from './token-holder.js';

/** What the controls act on: the directory of the moment, and the pushes that follow. */
export interface SteeredWeCom {
  readonly directory: WeComDirectory;
  readonly pushes: WeComPushes;
  /** Pushes the tickets that are due. */
  tick(): void;
}

const OLDER_BY_MS = 600_000;

/** The controls over a simulated WeCom. */
export function weComControls(wecom: SteeredWeCom): WeComControls {
  return {
    configure(account, switches) {
      const target = owner(wecom, account);
      if ('suiteId' in target) target.configure(switches as WeComSuiteSwitches);
      else target.configure(switches as WeComSwitches);
      wecom.tick();
    },

    addAgent: (corpId, agent) => corpOf(wecom, corpId).addAgent(weComAgent(agent)),
    removeAgent(corpId, agentId) {
      const corp = corpOf(wecom, corpId);
      agentOf(corp, agentId).token.kill();
      corp.agents.delete(String(agentId));
    },
    disableAgent(corpId, agentId, disabled = true) {
      agentOf(corpOf(wecom, corpId), agentId).disabled = assertBoolean('disabled', disabled);
    },
    resetSecret(account, options = {}) {
      checkOptions(options, ['agentId', 'secret']);
      const secret = assertText('secret', options.secret ?? urlSafeValue(43));
      const holder = secretHolder(wecom, account, options.agentId);
      if (wecom.directory.opensSomethingElse(secret)) throw new TypeError('"secret" is in use already');
      holder.secret = secret;
      holder.token.kill();
      return secret;
    },

    killToken(account, subject, options = {}) {
      const { keepReturningSame = false } = checkOptions(options, ['keepReturningSame']);
      assertBoolean('keepReturningSame', keepReturningSame);
      for (const holder of holders(wecom, account, subject)) holder.token.kill(keepReturningSame);
    },
    killTickets(corpId) {
      const corp = corpOf(wecom, corpId);
      corp.jsapiTicket.kill();
      const installed = [...wecom.directory.suites.values()].flatMap((suite) => suite.installed(corpId) ?? []);
      for (const { agentTicket, ownTicket } of [...corp.agents.values(), ...installed]) {
        agentTicket.kill();
        ownTicket.kill();
      }
    },

    blockIp: (account, ip, blocked = true) =>
      owner(wecom, account).gate.block(assertText('ip', ip), assertBoolean('blocked', blocked)),
    exhaustQuota(account, path, period = 'hour') {
      const { gate } = owner(wecom, account);
      gate.limits.block(assertText('path', path), assertOneOf('period', period, PERIODS), gate.now());
    },

    install: (suiteId, customer, options = {}) =>
      install(wecom, suiteOf(wecom, suiteId), customer, installOptions(options)),
    changeAuth(suiteId, corpId) {
      happened(wecom, installed(wecom, suiteId, corpId), 'change_auth', { push: true });
    },
    uninstall(suiteId, corpId, options = {}) {
      const push = pushed(checkOptions(options, ['at', 'push']));
      const { at } = options;
      if (at !== undefined) assertCount('at', at, 0);
      const installation = installed(wecom, suiteId, corpId);
      installation.cancel();
      happened(wecom, installation, 'cancel_auth', { push, at });
    },
    reinstall(suiteId, corpId, options = {}) {
      const push = pushed(checkOptions(options, ['push']));
      const { suite } = installed(wecom, suiteId, corpId);
      return install(wecom, suite, { corpId }, { push });
    },
    resetPermanentCode(suiteId, corpId, options = {}) {
      const push = pushed(checkOptions(options, ['push']));
      const installation = installed(wecom, suiteId, corpId);
      installation.resetPermanentCode();
      return handedOut(wecom, installation, 'reset_permanent_code', { push });
    },

    repeatEvent(suiteId, options = {}) {
      const { infoType, corpId } = checkOptions(options, ['infoType', 'corpId']);
      const suite = suiteOf(wecom, suiteId);
      const event = suite.events.findLast(
        (each) => (infoType ?? each.infoType) === each.infoType && (corpId ?? each.corpId) === each.corpId,
      );
      if (event === undefined) throw new TypeError('"suiteId" has had no such event');
      wecom.pushes.event(suite, event);
    },

    pushTicket(suiteId, options = {}) {
      const suite = suiteOf(wecom, suiteId);
      const ticket = chosenTicket(suite, checkOptions(options, ['older', 'duplicate']));
      wecom.pushes.ticket(suite, ticket);
      return shown(ticket);
    },
    currentTicket(suiteId) {
      const { newest } = suiteOf(wecom, suiteId).tickets;
      return newest && shown(newest);
    },
    stopTickets: (suiteId) => suiteOf(wecom, suiteId).configure({ ticketsStopped: true }),
    startTickets(suiteId) {
      const suite = suiteOf(wecom, suiteId);
      suite.configure({ ticketsStopped: false });
      suite.tickets.hurry();
      wecom.tick();
    },

    setCallback(account, change) {
      setCallback(owner(wecom, account), change);
      wecom.tick();
    },
    async verifyUrl(account, options = {}) {
      const { receiveId, data = false } = checkOptions(options, ['receiveId', 'data']);
      if (receiveId !== undefined && typeof receiveId !== 'string') throw new TypeError('"receiveId" must be a string');
      return wecom.pushes.verify(owner(wecom, account), receiveId, assertBoolean('data', data));
    },
    push(account, message, about) {
      assertRecord('message', message);
      const target = owner(wecom, account);
      if ('corpId' in target) wecom.pushes.ownMessage(target, about === undefined ? '' : String(about), message);
      else wecom.pushes.customerMessage(installed(wecom, account, String(about)), message);
    },
  };
}

/** Installs a suite in a company and hands out the auth code for it. */
export function install(
  wecom: SteeredWeCom,
  suite: SuiteApp,
  customer: WeComCustomer,
  options: WeComInstallOptions,
): WeComInstall {
  const { corpId, name, agentId, permanentCode } = weComCustomer(customer);
  const corp = wecom.directory.customer(suite, corpId, name);
  const installation = suite.install(corp, agentId, permanentCode);
  return handedOut(wecom, installation, 'create_auth', options);
}

function checkOptions<T extends object>(options: T, known: readonly string[]): T {
  assertKnownKeys('the options', assertRecord('options', options), known);
  return options;
}

function installOptions(options: WeComInstallOptions): WeComInstallOptions {
  const { state } = checkOptions(options, ['push', 'state']);
  if (state !== undefined) assertText('state', state);
  return { ...options, push: pushed(options) };
}

function pushed({ push = true }: { readonly push?: boolean }): boolean {
  return assertBoolean('push', push);
}

function handedOut(
  wecom: SteeredWeCom,
  installation: Installation,
  infoType: 'create_auth' | 'reset_permanent_code',
  { push = true, state }: WeComInstallOptions,
): WeComInstall {
  const authCode = installation.suite.newAuthCode(installation);
  happened(wecom, installation, infoType, { push, fields: { AuthCode: authCode, State: state } });
  return { corpId: installation.corp.corpId, agentId: installation.agentId, authCode };
}

/** Writes an event down, and pushes it. Events about a code do not name the company: the exchange does. */
function happened(
  wecom: SteeredWeCom,
  { suite, corp: { corpId } }: Installation,
  infoType: SuiteEvent['infoType'],
  { push, at = suite.now(), fields }: { push: boolean; at?: number | undefined; fields?: PushFields },
): void {
  const event: SuiteEvent = { infoType, corpId, at, fields: fields ?? { AuthCorpId: corpId } };
  suite.events.push(event);
  if (push) wecom.pushes.event(suite, event);
}

function chosenTicket(suite: SuiteApp, options: { older?: boolean; duplicate?: boolean }): SuiteTicket {
  const { tickets } = suite;
  if (options.duplicate) return tickets.newest ?? tickets.issue();
  if (!options.older) return tickets.issue();
  return tickets.older ?? tickets.issue((tickets.newest?.at ?? suite.now()) - OLDER_BY_MS);
}

function shown({ value, at }: SuiteTicket): WeComTicket {
  return { ticket: value, timestamp: Math.floor(at / 1000) };
}

function setCallback(target: WeComCorp | SuiteApp, change: WeComCallbackChange): void {
  const members =
    'suiteId' in target ? ['url', 'dataUrl', 'token', 'encodingAESKey'] : ['url', 'token', 'encodingAESKey'];
  assertKnownKeys('the callback', assertRecord('callback', change), members);
  const { url, dataUrl } = change;
  for (const [name, value] of Object.entries({ url, dataUrl })) optionalUrl(name, value ?? undefined);
  if (change.token !== undefined) assertText('token', change.token);
  if (change.encodingAESKey !== undefined) assertEncodingKey(change.encodingAESKey);
  if ('suiteId' in target) changeSuite(target, change);
  else changeCorp(target, change);
}

function changeSuite(suite: SuiteApp, { url, dataUrl, token, encodingAESKey }: WeComCallbackChange): void {
  if (url !== undefined) {
    suite.callbackUrl = url ?? undefined;
    // The platform sends a ticket as soon as there is somewhere to send it.
    suite.tickets.hurry();
  }
  if (dataUrl !== undefined) suite.dataCallbackUrl = dataUrl ?? undefined;
  suite.keys = { token: token ?? suite.keys.token, encodingAESKey: encodingAESKey ?? suite.keys.encodingAESKey };
}

function changeCorp(corp: WeComCorp, { url, token, encodingAESKey }: WeComCallbackChange): void {
  const { url: standing, ...rest } = { ...corp.callback };
  const keys = { token: token ?? rest.token, encodingAESKey: encodingAESKey ?? rest.encodingAESKey };
  if (keys.token === undefined || keys.encodingAESKey === undefined) {
    throw new TypeError('"token" and "encodingAESKey" must be given: this company has no callback yet');
  }
  const target = url === undefined ? standing : (url ?? undefined);
  corp.callback = {
    ...rest,
    token: keys.token,
    encodingAESKey: keys.encodingAESKey,
    ...(target !== undefined && { url: target }),
  };
}

function holders(wecom: SteeredWeCom, account: string, subject: number | string | undefined): TokenHolder[] {
  const target = owner(wecom, account);
  if ('suiteId' in target) {
    return [subject === undefined ? target : installed(wecom, account, String(subject))];
  }
  if (subject === PROVIDER_SUBJECT) return [providerOf(target)];
  if (subject !== undefined) return [agentOf(target, subject)];
  return [...target.agents.values(), ...(target.provider ? [target.provider] : [])];
}

function secretHolder(
  wecom: SteeredWeCom,
  account: string,
  agentId: number | string | undefined,
): TokenHolder & { secret: string } {
  const target = owner(wecom, account);
  if ('suiteId' in target) return target;
  if (agentId === undefined) throw new TypeError('"agentId" must tell whose secret it is');
  return agentId === PROVIDER_SUBJECT ? providerOf(target) : agentOf(target, agentId);
}

function owner({ directory }: SteeredWeCom, account: string): WeComCorp | SuiteApp {
  const found = directory.corps.get(account) ?? directory.suites.get(account);
  if (found === undefined) throw new TypeError('"account" is neither a company nor a suite of this sandbox');
  return found;
}

function corpOf({ directory }: SteeredWeCom, corpId: string): WeComCorp {
  const corp = directory.corps.get(corpId);
  if (corp === undefined) throw new TypeError('"corpId" is not a company of this sandbox');
  return corp;
}

function suiteOf({ directory }: SteeredWeCom, suiteId: string): SuiteApp {
  const suite = directory.suites.get(suiteId);
  if (suite === undefined) throw new TypeError('"suiteId" is not a suite of this sandbox');
  return suite;
}

function agentOf(corp: WeComCorp, agentId: number | string): Agent {
  const agent = corp.agents.get(String(agentId));
  if (agent === undefined) throw new TypeError('"agentId" is not an agent of this company');
  return agent;
}

function providerOf({ provider }: WeComCorp) {
  if (provider === undefined) throw new TypeError('"account" is a company that is no provider');
  return provider;
}

function installed(wecom: SteeredWeCom, suiteId: string, corpId: string): Installation {
  const installation = suiteOf(wecom, suiteId).installed(corpId);
  if (installation === undefined) throw new TypeError('"corpId" is not a company that has installed this suite');
  return installation;
}
