import { assertBoolean, assertCount, assertKnownKeys, assertOneOf, assertRecord, assertText } from '../check.js';
import { urlSafeValue } from '../opaque.js';
import type { PushFields } from '../push-message.js';
import { type WeComCustomer, type WeComTicket, weComAgent, weComCustomer } from './account.js';
import { PERIODS } from './call-limits.js';
import { setCallback } from './callback-change.js';
import type { WeComControls, WeComInstall, WeComInstallOptions } from './controls.js';
import type { WeComDirectory } from './directory.js';
import type { Installation } from './installation.js';
import { agentOf, corpOf, installedIn, ownerOf, secretHolder, suiteOf, tokenHolders } from './lookup.js';
import type { WeComPushes } from './pushes.js';
import type { SuiteApp, SuiteEvent } from './suite-app.js';
import type { SuiteTicket } from './suite-tickets.js';
import type { WeComSuiteSwitches, WeComSwitches } from './switches.js';

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
      const target = ownerOf(wecom.directory, account);
      if ('suiteId' in target) target.configure(switches as WeComSuiteSwitches);
      else target.configure(switches as WeComSwitches);
      wecom.tick();
    },

    addAgent: (corpId, agent) => corpOf(wecom.directory, corpId).addAgent(weComAgent(agent)),
    removeAgent(corpId, agentId) {
      const corp = corpOf(wecom.directory, corpId);
      agentOf(corp, agentId).token.kill();
      corp.agents.delete(String(agentId));
    },
    disableAgent(corpId, agentId, disabled = true) {
      agentOf(corpOf(wecom.directory, corpId), agentId).disabled = assertBoolean('disabled', disabled);
    },
    resetSecret(account, options = {}) {
      checkOptions(options, ['agentId', 'secret']);
      const secret = assertText('secret', options.secret ?? urlSafeValue(43));
      const holder = secretHolder(wecom.directory, account, options.agentId);
      if (wecom.directory.opensSomethingElse(secret)) throw new TypeError('"secret" is in use already');
      holder.secret = secret;
      holder.token.kill();
      return secret;
    },

    killToken(account, subject, options = {}) {
      const { keepReturningSame = false } = checkOptions(options, ['keepReturningSame']);
      assertBoolean('keepReturningSame', keepReturningSame);
      for (const holder of tokenHolders(wecom.directory, account, subject)) holder.token.kill(keepReturningSame);
    },
    killTickets(corpId) {
      const corp = corpOf(wecom.directory, corpId);
      corp.jsapiTicket.kill();
      const installed = [...wecom.directory.suites.values()].flatMap((suite) => suite.installed(corpId) ?? []);
      for (const { agentTicket, ownTicket } of [...corp.agents.values(), ...installed]) {
        agentTicket.kill();
        ownTicket.kill();
      }
    },

    blockIp: (account, ip, blocked = true) =>
      ownerOf(wecom.directory, account).gate.block(assertText('ip', ip), assertBoolean('blocked', blocked)),
    exhaustQuota(account, path, period = 'hour') {
      const { gate } = ownerOf(wecom.directory, account);
      gate.limits.block(assertText('path', path), assertOneOf('period', period, PERIODS), gate.now());
    },

    install: (suiteId, customer, options = {}) =>
      install(wecom, suiteOf(wecom.directory, suiteId), customer, installOptions(options)),
    changeAuth(suiteId, corpId) {
      happened(wecom, installedIn(wecom.directory, suiteId, corpId), 'change_auth', { push: true });
    },
    uninstall(suiteId, corpId, options = {}) {
      const push = pushed(checkOptions(options, ['at', 'push']));
      const { at } = options;
      if (at !== undefined) assertCount('at', at, 0);
      const installation = installedIn(wecom.directory, suiteId, corpId);
      installation.cancel();
      happened(wecom, installation, 'cancel_auth', { push, at });
    },
    reinstall(suiteId, corpId, options = {}) {
      const push = pushed(checkOptions(options, ['push']));
      const { suite } = installedIn(wecom.directory, suiteId, corpId);
      return install(wecom, suite, { corpId }, { push });
    },
    permanentCode: (suiteId, corpId) => suiteOf(wecom.directory, suiteId).installed(corpId)?.permanentCode,
    resetPermanentCode(suiteId, corpId, options = {}) {
      const push = pushed(checkOptions(options, ['push']));
      const installation = installedIn(wecom.directory, suiteId, corpId);
      installation.resetPermanentCode();
      return handedOut(wecom, installation, 'reset_permanent_code', { push });
    },

    repeatEvent(suiteId, options = {}) {
      const { infoType, corpId } = checkOptions(options, ['infoType', 'corpId']);
      const suite = suiteOf(wecom.directory, suiteId);
      const event = suite.events.findLast(
        (each) => (infoType ?? each.infoType) === each.infoType && (corpId ?? each.corpId) === each.corpId,
      );
      if (event === undefined) throw new TypeError('"suiteId" has had no such event');
      wecom.pushes.event(suite, event);
    },

    pushTicket(suiteId, options = {}) {
      const suite = suiteOf(wecom.directory, suiteId);
      const ticket = chosenTicket(suite, checkOptions(options, ['older', 'duplicate']));
      wecom.pushes.ticket(suite, ticket);
      return shown(ticket);
    },
    currentTicket(suiteId) {
      const { newest } = suiteOf(wecom.directory, suiteId).tickets;
      return newest && shown(newest);
    },
    stopTickets: (suiteId) => suiteOf(wecom.directory, suiteId).configure({ ticketsStopped: true }),
    startTickets(suiteId) {
      const suite = suiteOf(wecom.directory, suiteId);
      suite.configure({ ticketsStopped: false });
      suite.tickets.hurry();
      wecom.tick();
    },

    setCallback(account, change) {
      setCallback(ownerOf(wecom.directory, account), change);
      wecom.tick();
    },
    async verifyUrl(account, options = {}) {
      const { receiveId, data = false } = checkOptions(options, ['receiveId', 'data']);
      if (receiveId !== undefined && typeof receiveId !== 'string') throw new TypeError('"receiveId" must be a string');
      return wecom.pushes.verify(ownerOf(wecom.directory, account), receiveId, assertBoolean('data', data));
    },
    push(account, message, about) {
      assertRecord('message', message);
      const target = ownerOf(wecom.directory, account);
      if ('corpId' in target) wecom.pushes.ownMessage(target, about === undefined ? '' : String(about), message);
      else wecom.pushes.customerMessage(installedIn(wecom.directory, account, String(about)), message);
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
