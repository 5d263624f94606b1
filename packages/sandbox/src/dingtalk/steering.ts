import { assertBoolean, assertCount, assertOneOf, assertRecord, assertText } from '../check.js';
import { urlSafeValue } from '../opaque.js';
import { dingTalkCallback } from './account.js';
import type { DingTalkControls, DingTalkKillOptions } from './controls.js';
import type { DingTalkDirectory } from './directory.js';
import type { Limits } from './limits.js';
import { userCode } from './login-page.js';
import { appOf, checkOptions, clientOf, userOf } from './lookup.js';
import type { StreamGateway } from './stream-gateway.js';
import type { Telling } from './telling.js';

/** What the controls act on: the directory and limits of the moment, and the ways out. */
export interface SteeredDingTalk {
  readonly directory: DingTalkDirectory;
  readonly limits: Limits;
  readonly telling: Telling;
  readonly stream: StreamGateway;
  /** Pushes what is due. */
  tick(): void;
}

const DISCONNECT_AFTER_MS = 10_000;

/** The controls over simulated apps, users, addresses and Stream connections. */
export function dingTalkControls(dingtalk: SteeredDingTalk): DingTalkControls {
  return {
    revoke(appKey, options = {}) {
      const { keepReturningSame = false } = checkOptions(options, ['keepReturningSame']);
      appOf(dingtalk.directory, appKey).revoke(assertBoolean('keepReturningSame', keepReturningSame));
    },
    configure(appKey, switches) {
      appOf(dingtalk.directory, appKey).configure(switches);
      dingtalk.tick();
    },
    killToken: (client, options = {}) => killToken(dingtalk.directory, client, options),
    killTicket: (appKey) => appOf(dingtalk.directory, appKey).ticket.revoke(),
    resetSecret(key, options = {}) {
      const { secret = urlSafeValue(64), endTokens = false } = checkOptions(options, ['secret', 'endTokens']);
      const client = clientOf(dingtalk.directory, key);
      client.secret = assertText('secret', secret);
      if (!assertBoolean('endTokens', endTokens)) return secret;
      if (dingtalk.directory.app(key)) killToken(dingtalk.directory, key, {});
      else endSuiteTokens(dingtalk.directory, key);
      return secret;
    },
    exhaustQuota(key, corpId) {
      const client = clientOf(dingtalk.directory, key);
      client.gate.exhaust(corpId === undefined ? client.corpId : assertText('corpId', corpId));
    },

    userCode(key, options = {}) {
      const { unionId, corp = false } = checkOptions(options, ['unionId', 'corp']);
      const client = clientOf(dingtalk.directory, key);
      return userCode(client, userOf(client, unionId), assertBoolean('corp', corp));
    },
    scanCode(key, options = {}) {
      const client = clientOf(dingtalk.directory, key);
      const user = userOf(client, checkOptions(options, ['unionId']).unionId);
      return client.sns.codes.issue(user, client.switches.codeLifeMs);
    },
    ssoCode(key, options = {}) {
      const client = clientOf(dingtalk.directory, key);
      const user = userOf(client, checkOptions(options, ['unionId']).unionId);
      return client.ssoCodes.issue(user, client.switches.codeLifeMs);
    },
    endUser(key, unionId) {
      const client = clientOf(dingtalk.directory, key);
      client.grants.end(unionId);
      client.sns.end(userOf(client, unionId).openId);
    },

    limit: (limits) => dingtalk.limits.configure(limits),
    banAddress: (ip) => dingtalk.limits.ban(assertText('ip', ip)),
    unbanAddress: (ip) => dingtalk.limits.unban(assertText('ip', ip)),

    setCallback(appKey, callback) {
      const app = appOf(dingtalk.directory, appKey);
      app.callback = callback === null ? undefined : dingTalkCallback(callback);
      dingtalk.tick();
    },
    pushEvent(appKey, event) {
      dingtalk.telling.appPlain(appOf(dingtalk.directory, appKey), assertRecord('event', event));
    },
    async checkUrl(appKey) {
      return dingtalk.telling.checkApp(appOf(dingtalk.directory, appKey), { EventType: 'check_url' });
    },

    pingStreams: async (key) => dingtalk.stream.ping(clientOf(dingtalk.directory, key).account),
    disconnectStreams(key, options = {}) {
      const { afterMs = DISCONNECT_AFTER_MS } = checkOptions(options, ['afterMs']);
      dingtalk.stream.disconnect(clientOf(dingtalk.directory, key).account, assertCount('afterMs', afterMs, 0));
    },
    cutStreams: (key) => dingtalk.stream.cut(clientOf(dingtalk.directory, key).account),
  };
}

function killToken(directory: DingTalkDirectory, key: string, options: DingTalkKillOptions): void {
  const { kind, subject, keepReturningSame = false } = checkOptions(options, ['kind', 'subject', 'keepReturningSame']);
  assertOneOf('kind', kind, [undefined, 'app', 'user', 'sso', 'sns']);
  assertBoolean('keepReturningSame', keepReturningSame);
  if (subject !== undefined) assertText('subject', subject);
  const client = clientOf(directory, key);
  if (kind === undefined || kind === 'app') directory.app(key)?.revoke(keepReturningSame);
  if (kind === undefined || kind === 'user') client.grants.kill(subject, keepReturningSame);
  if (kind === undefined || kind === 'sso') client.ssoToken.revoke(keepReturningSame);
  if (kind === undefined || kind === 'sns') client.sns.kill(subject, keepReturningSame);
}

function endSuiteTokens(directory: DingTalkDirectory, key: string): void {
  killToken(directory, key, {});
  directory.suite(key)?.token.revoke();
  for (const installation of directory.suite(key)?.installations.values() ?? []) installation.kill();
}
