import { assertCount, assertKnownKeys, assertRecord, assertText, assertUnique } from './check.js';
import type { Clock } from './clock.js';
import { type DingTalkAccount, type DingTalkSettings, dingTalkSettings } from './dingtalk/account.js';
import {
  type DingTalkSuiteAccount,
  type DingTalkSuiteSettings,
  dingTalkSuiteSettings,
} from './dingtalk/suite-account.js';
import { type NextEngineAccount, type NextEngineSettings, nextEngineSettings } from './nextengine/account.js';
import { SANDBOX_ACCOUNTS } from './sandbox-accounts.js';
import { type WeChatAccount, type WeChatSettings, weChatSettings } from './wechat/account.js';
import {
  type OpenPlatformAccount,
  type OpenPlatformSettings,
  openPlatformSettings,
} from './wechat/open-platform/account.js';
import { assertDistinct, type WeComAccount, type WeComSettings, weComSettings } from './wecom/account.js';

/** What a sandbox is made of. Every member has a default; unknown members are refused. */
export interface SandboxOptions {
  /** Default: 0, a free port. */
  readonly port?: number;
  /** Default: `127.0.0.1`. The sandbox has no access control: leave it on the loopback interface. */
  readonly host?: string;
  /** Where time comes from; the sandbox adds what `advance` was told. Default: the system clock. */
  readonly clock?: Clock;
  /** Real milliseconds that an answer to a push may take. Default: 5000. */
  readonly pushTimeoutMs?: number;
  /** Default: the one account of `SANDBOX_ACCOUNTS`; likewise for the other platforms. */
  readonly wechat?: readonly WeChatAccount[];
  /** Third-party platforms, on the same host as `wechat`. */
  readonly openPlatforms?: readonly OpenPlatformAccount[];
  /** WeCom corps. Default: the one of `SANDBOX_ACCOUNTS`. */
  readonly wecom?: readonly WeComAccount[];
  /** Internal apps. */
  readonly dingtalk?: readonly DingTalkAccount[];
  /** Suites of ISVs, on the same hosts. */
  readonly dingtalkSuites?: readonly DingTalkSuiteAccount[];
  /** NextEngine apps. Default: the one of `SANDBOX_ACCOUNTS`. */
  readonly nextengine?: readonly NextEngineAccount[];
}

/** Options with nothing left open. */
export interface SandboxSettings {
  readonly port: number;
  readonly host: string;
  readonly clock: Clock;
  readonly pushTimeoutMs: number;
  readonly wechat: readonly WeChatSettings[];
  readonly openPlatforms: readonly OpenPlatformSettings[];
  readonly wecom: readonly WeComSettings[];
  readonly dingtalk: readonly DingTalkSettings[];
  readonly dingtalkSuites: readonly DingTalkSuiteSettings[];
  readonly nextengine: readonly NextEngineSettings[];
}

const KEYS = [
  'port',
  'host',
  'clock',
  'pushTimeoutMs',
  'wechat',
  'openPlatforms',
  'wecom',
  'dingtalk',
  'dingtalkSuites',
  'nextengine',
];
const SYSTEM_CLOCK: Clock = { now: () => Date.now() };

/** Checks the options and fills in the defaults. Throws a `TypeError` that begins with the wrong member. */
export function sandboxSettings(options: SandboxOptions): SandboxSettings {
  assertKnownKeys('the sandbox options', assertRecord('options', options), KEYS);
  const settings: SandboxSettings = {
    port: assertCount('port', options.port ?? 0, 0, 65_535),
    host: assertText('host', options.host ?? '127.0.0.1'),
    clock: options.clock ?? SYSTEM_CLOCK,
    pushTimeoutMs: assertCount('pushTimeoutMs', options.pushTimeoutMs ?? 5000, 1),
    wechat: accounts('wechat', options.wechat ?? [SANDBOX_ACCOUNTS.wechat]).map(weChatSettings),
    openPlatforms: accounts('openPlatforms', options.openPlatforms ?? [SANDBOX_ACCOUNTS.openPlatform]).map(
      openPlatformSettings,
    ),
    wecom: accounts('wecom', options.wecom ?? [SANDBOX_ACCOUNTS.wecom]).map(weComSettings),
    dingtalk: accounts('dingtalk', options.dingtalk ?? [SANDBOX_ACCOUNTS.dingtalk]).map(dingTalkSettings),
    dingtalkSuites: accounts('dingtalkSuites', options.dingtalkSuites ?? [SANDBOX_ACCOUNTS.dingtalkSuite]).map(
      dingTalkSuiteSettings,
    ),
    nextengine: accounts('nextengine', options.nextengine ?? [SANDBOX_ACCOUNTS.nextengine]).map(nextEngineSettings),
  };
  if (typeof settings.clock.now !== 'function') throw new TypeError('"clock" must have a function now()');
  const { wechat, openPlatforms, dingtalk, dingtalkSuites, nextengine } = settings;
  assertUnique(
    'appId',
    [...wechat, ...openPlatforms].map(({ appId }) => appId),
  );
  assertUnique('appKey', [...dingtalk.map(({ appKey }) => appKey), ...dingtalkSuites.map(({ suiteKey }) => suiteKey)]);
  assertUnique(
    'clientId',
    nextengine.map(({ clientId }) => clientId),
  );
  assertDistinct(settings.wecom);
  return settings;
}

function accounts<T>(name: string, value: readonly T[]): readonly T[] {
  if (!Array.isArray(value)) throw new TypeError(`"${name}" must be an array of accounts`);
  return value;
}
