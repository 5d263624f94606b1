import type { CallFilter, SandboxCall } from './calls.js';
import type { DingTalkAccountState } from './dingtalk/app.js';
import type { DingTalkControls, DingTalkSuiteControls } from './dingtalk/controls.js';
import type { DingTalkLimitState } from './dingtalk/limits.js';
import type { DingTalkSuiteState } from './dingtalk/suite.js';
import type { FaultRule } from './faults.js';
import type { NextEngineAccountState } from './nextengine/app.js';
import type { NextEngineControls } from './nextengine/controls.js';
import type { PushRecord } from './push-sender.js';
import type { WeChatAccountState } from './wechat/app.js';
import type { WeChatControls } from './wechat/controls.js';
import type { OpenPlatformControls } from './wechat/open-platform/controls.js';
import type { OpenPlatformState } from './wechat/open-platform/open-platform.js';
import type { WeComControls } from './wecom/controls.js';
import type { WeComState } from './wecom/simulator.js';

/** A running sandbox: the simulated platforms on one HTTP server, and the handles to steer them. */
export interface Sandbox {
  /** Where the server listens, such as `http://127.0.0.1:40123`. */
  readonly url: string;
  /** Where each API is. */
  readonly urls: SandboxUrls;
  /** The sandbox's time, Unix milliseconds. */
  now(): number;
  /** Moves the sandbox's time forward by `ms`; pushes that become due are sent, the newest of each kind. Throws a `RangeError` for a negative number. */
  advance(ms: number): void;
  /** The platform calls so far, oldest first; the newest 100 000 at most. */
  calls(filter?: CallFilter): SandboxCall[];
  /** What the platforms hold now, as JSON; no token and no secret in it. */
  state(): SandboxState;
  /** Makes the next matching calls go wrong. Throws a `TypeError` for a rule that cannot be. */
  fault(rule: FaultRule): void;
  /** Takes all fault rules away. */
  clearFaults(): void;
  /** Handles what `late` faults have put off, at once. Returns how many requests there were. */
  runLate(): number;
  /** Resolves once every push under way has been answered or given up; what waits for its next try is not under way. */
  pushes(): Promise<void>;
  /** The pushes so far and what was answered, oldest first; no secret, no ticket and no code. */
  pushLog(): PushRecord[];
  /** Time, tokens, counters, calls, pushes, faults, put-off requests, switches, companies and users are as at the start. */
  reset(): void;
  /** WeChat's side. */
  readonly wechat: WeChatControls;
  /** The WeChat Open Platform's side. */
  readonly openPlatform: OpenPlatformControls;
  /** WeCom's side. */
  readonly wecom: WeComControls;
  /** DingTalk's side. */
  readonly dingtalk: DingTalkControls;
  /** The side of DingTalk's suites. */
  readonly dingtalkSuite: DingTalkSuiteControls;
  /** NextEngine's side. */
  readonly nextengine: NextEngineControls;
  /** Stops listening and ends every connection and timer. May be called again. */
  close(): Promise<void>;
}

/** Base URLs of the platforms, without a slash at the end. */
export interface SandboxUrls {
  /** Stands for `https://api.weixin.qq.com`. */
  readonly wechat: string;
  /** Stands for `https://qyapi.weixin.qq.com`; the page at `/3rdapp/install` for `https://open.work.weixin.qq.com`. */
  readonly wecom: string;
  /** Stands for `https://oapi.dingtalk.com`. */
  readonly dingtalkOapi: string;
  /** Stands for `https://api.dingtalk.com`; the page at `/oauth2/auth` for `https://login.dingtalk.com`. */
  readonly dingtalkApi: string;
  /** Stands for `https://api.next-engine.org`. */
  readonly nextengineApi: string;
  /** Stands for `https://base.next-engine.org`. */
  readonly nextengineBase: string;
}

/** What the platforms hold. */
export interface SandboxState {
  /** The sandbox's time, Unix ms. */
  readonly now: number;
  /** How far it is ahead of its clock, ms. */
  readonly offsetMs: number;
  /** Calls so far. */
  readonly calls: number;
  /** Requests put off by `late` faults. */
  readonly late: number;
  /** Fault rules in force. */
  readonly faults: readonly FaultRule[];
  /** WeChat accounts. */
  readonly wechat: readonly WeChatAccountState[];
  /** WeChat components. */
  readonly openPlatforms: readonly OpenPlatformState[];
  /** WeCom corps and suites. */
  readonly wecom: WeComState;
  /** DingTalk apps. */
  readonly dingtalk: readonly DingTalkAccountState[];
  /** DingTalk suites. */
  readonly dingtalkSuites: readonly DingTalkSuiteState[];
  /** DingTalk's limits for addresses. */
  readonly dingtalkLimits: DingTalkLimitState;
  /** NextEngine apps. */
  readonly nextengine: readonly NextEngineAccountState[];
}
