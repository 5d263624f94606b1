import { assertBoolean, assertCount, assertOneOf, assertRecord, assertText } from '../check.js';
import { hexValue } from '../opaque.js';
import { callbackUrl, pushKeys } from './account.js';
import type { DingTalkEventOptions, DingTalkSuiteControls, DingTalkSuiteTicket } from './controls.js';
import { checkOptions, installedIn, suiteOf } from './lookup.js';
import type { SteeredDingTalk } from './steering.js';
import type { DingTalkSuite } from './suite.js';
import { dingTalkCorp } from './suite-account.js';
import { SUITE_EVENTS, type SuiteEvent, type SuiteEventName } from './suite-events.js';
import type { DingTalkTicket } from './suite-tickets.js';

const TMP_AUTH_CODE_LIFE_MS = 24 * 3_600_000;
const CHECKS = ['check_url', 'check_create_suite_url', 'check_update_suite_url'] as const;

/** The controls over simulated suites. */
export function dingTalkSuiteControls(dingtalk: SteeredDingTalk): DingTalkSuiteControls {
  const happened = (suite: DingTalkSuite, event: SuiteEvent, { push = true }: DingTalkEventOptions) => {
    suite.events.push(event);
    if (assertBoolean('push', push)) dingtalk.telling.event(suite, event);
  };
  const told =
    (name: SuiteEventName, act: (installation: ReturnType<typeof installedIn>) => void) =>
    (suiteKey: string, corpId: string, options: DingTalkEventOptions = {}) => {
      const installation = installedIn(dingtalk.directory, suiteKey, corpId);
      const at = timeOf(options, installation.suite);
      act(installation);
      happened(installation.suite, { name, at, corpId, fields: {} }, options);
    };

  return {
    configure(suiteKey, switches) {
      suiteOf(dingtalk.directory, suiteKey).configure(switches);
      dingtalk.tick();
    },
    issueTicket: (suiteKey) => shown(suiteOf(dingtalk.directory, suiteKey).tickets.issue()),
    pushTicket(suiteKey, options = {}) {
      const { ticket: which = 'new' } = checkOptions(options, ['ticket']);
      const suite = suiteOf(dingtalk.directory, suiteKey);
      const ticket = chosenTicket(suite, assertOneOf('ticket', which, ['new', 'newest', 'older']));
      dingtalk.telling.ticket(suite, ticket, which === 'older');
      return shown(ticket);
    },
    currentTicket(suiteKey) {
      const { newest } = suiteOf(dingtalk.directory, suiteKey).tickets;
      return newest && shown(newest);
    },
    authorize(suiteKey, corp, options = {}) {
      const suite = suiteOf(dingtalk.directory, suiteKey);
      const { corpId, name, permanentCode } = dingTalkCorp(typeof corp === 'string' ? { corpId: corp } : corp);
      const at = timeOf(options, suite);
      const installation = suite.installation(corpId, name);
      installation.authorize(permanentCode);
      const tmpAuthCode = suite.tmpAuthCodes.issue(installation, TMP_AUTH_CODE_LIFE_MS);
      happened(suite, { name: 'authorized', at, corpId, fields: { tmpAuthCode } }, options);
      return { corpId, tmpAuthCode };
    },
    permanentCode(suiteKey, corpId) {
      const installation = suiteOf(dingtalk.directory, suiteKey).installations.get(corpId);
      return installation?.authorized ? installation.permanentCode : undefined;
    },
    change: told('changed', () => {}),
    cancel: told('cancelled', (installation) => installation.cancel()),
    stop: told('stopped', (installation) => {
      installation.stopped = true;
      installation.kill();
    }),
    restore: told('restored', (installation) => {
      installation.stopped = false;
    }),
    remove: told('removed', (installation) => {
      installation.stopped = true;
      installation.kill();
    }),
    repeatEvent(suiteKey, options = {}) {
      const { event: name, corpId } = checkOptions(options, ['event', 'corpId']);
      assertOneOf('event', name, [undefined, ...SUITE_EVENTS]);
      const suite = suiteOf(dingtalk.directory, suiteKey);
      const event = suite.events.findLast(
        (each) => (name ?? each.name) === each.name && (corpId ?? each.corpId) === each.corpId,
      );
      if (event === undefined) throw new TypeError('"suiteKey" has had no such event');
      dingtalk.telling.event(suite, event);
    },
    repeatTogether(suiteKey, count) {
      const suite = suiteOf(dingtalk.directory, suiteKey);
      dingtalk.telling.together(suite, suite.events.slice(-assertCount('count', count, 1)));
    },
    pushEvent(suiteKey, event) {
      dingtalk.telling.suitePlain(suiteOf(dingtalk.directory, suiteKey), assertRecord('event', event));
    },
    async checkUrl(suiteKey, options = {}) {
      const { event = 'check_url', testSuiteKey } = checkOptions(options, ['event', 'testSuiteKey']);
      assertOneOf('event', event, CHECKS);
      const suite = suiteOf(dingtalk.directory, suiteKey);
      const owner = testSuiteKey === undefined ? suite.account : assertText('testSuiteKey', testSuiteKey);
      if (event === 'check_url') return dingtalk.telling.checkSuite(suite, { EventType: event }, 'success', owner);
      const random = hexValue(8);
      const wanted = suite.switches.checkReply === 'random' ? random : 'success';
      const message = { EventType: event, Random: random, TestSuiteKey: owner };
      return dingtalk.telling.checkSuite(suite, message, wanted, owner);
    },
    setCallback(suiteKey, change) {
      const suite = suiteOf(dingtalk.directory, suiteKey);
      const { callbackUrl: url, ...keys } = checkOptions(change, ['callbackUrl', 'token', 'encodingAESKey']);
      const changed = { ...suite.keys, ...keys };
      pushKeys(changed);
      if (url !== undefined && url !== null) callbackUrl('callbackUrl', url);
      suite.keys = changed;
      if (url === undefined || url === suite.callbackUrl) return;
      suite.callbackUrl = url ?? undefined;
      // The first ticket comes with the address.
      if (url !== null) suite.tickets.hurry();
      dingtalk.tick();
    },
    killToken(suiteKey, options = {}) {
      const { corpId, keepReturningSame = false } = checkOptions(options, ['corpId', 'keepReturningSame']);
      assertBoolean('keepReturningSame', keepReturningSame);
      const suite = suiteOf(dingtalk.directory, suiteKey);
      if (corpId === undefined) return suite.token.revoke(keepReturningSame);
      const { token, unified } = installedIn(dingtalk.directory, suiteKey, corpId);
      for (const line of [token, unified]) line.revoke(keepReturningSame);
    },
    killTicket: (suiteKey, corpId) => installedIn(dingtalk.directory, suiteKey, corpId).ticket.revoke(),
  };
}

function timeOf(options: DingTalkEventOptions, suite: DingTalkSuite): number {
  const { at } = checkOptions(options, ['push', 'at']);
  return at === undefined ? suite.now() : assertCount('at', at, 0);
}

function chosenTicket({ tickets }: DingTalkSuite, which: 'new' | 'newest' | 'older'): DingTalkTicket {
  if (which === 'new') return tickets.issue();
  const ticket = which === 'newest' ? tickets.newest : tickets.older;
  if (ticket === undefined) throw new TypeError('"ticket" must be new: there was none before');
  return ticket;
}

function shown({ value, at }: DingTalkTicket): DingTalkSuiteTicket {
  return { ticket: value, at };
}
