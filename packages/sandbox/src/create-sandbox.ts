import { CallLog } from './calls.js';
import { SandboxClock } from './clock.js';
import { controlApi } from './control.js';
import { DingTalkSimulator } from './dingtalk/simulator.js';
import { FaultBook } from './fault-book.js';
import { listen } from './http-server.js';
import { LateWork } from './late-work.js';
import { NextEngineSimulator } from './nextengine/simulator.js';
import { type SandboxOptions, sandboxSettings } from './options.js';
import { perform } from './perform.js';
import { PushSender } from './push-sender.js';
import type { Sandbox, SandboxUrls } from './sandbox.js';
import { Timers } from './timers.js';
import { WeChatSimulator } from './wechat/simulator.js';

/**
 * Starts a sandbox: it listens when the promise resolves. Rejects with a `TypeError` for options that cannot be, and
 * with the system's error if the port is taken.
 */
export async function createSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const settings = sandboxSettings(options);
  const clock = new SandboxClock(settings.clock);
  const timers = new Timers();
  const late = new LateWork(timers);
  const log = new CallLog();
  const faults = new FaultBook();
  const pushes = new PushSender(clock, { timeoutMs: settings.pushTimeoutMs });
  const wechat = new WeChatSimulator(settings.wechat, clock);
  const dingtalk = new DingTalkSimulator(settings.dingtalk, clock);
  const nextengine = new NextEngineSimulator(settings.nextengine, clock);

  const handles: Omit<Sandbox, 'url' | 'urls' | 'close'> = {
    now: () => clock.now(),
    advance: (ms) => clock.advance(ms),
    calls: (filter) => log.list(filter),
    state: () => ({
      now: clock.now(),
      offsetMs: clock.offsetMs,
      calls: log.size,
      late: late.size,
      faults: faults.list(),
      wechat: wechat.state(),
      dingtalk: dingtalk.state(),
      nextengine: nextengine.state(),
    }),
    fault: (rule) => faults.add(rule),
    clearFaults: () => faults.clear(),
    runLate: () => late.run(),
    pushes: () => pushes.settled(),
    pushLog: () => pushes.log(),
    reset() {
      late.clear();
      clock.reset();
      log.clear();
      faults.clear();
      pushes.clear();
      for (const simulator of [wechat, dingtalk, nextengine]) simulator.reset();
    },
    wechat: { revoke: (appId, kind) => wechat.revoke(appId, kind) },
    dingtalk: { revoke: (appKey, how) => dingtalk.revoke(appKey, how?.keepReturningSame) },
    nextengine: nextengine.controls,
  };

  const server = await listen(settings, {
    clock,
    mounts: [...wechat.mounts, ...dingtalk.mounts, ...nextengine.mounts],
    control: controlApi(handles),
    perform: (mount, request, reply) => perform({ clock, log, faults, late, timers }, mount, request, reply),
  });
  return {
    ...handles,
    url: server.url,
    urls: sandboxUrls(server.url),
    close() {
      late.clear();
      timers.clear();
      pushes.clear();
      return server.close();
    },
  };
}

function sandboxUrls(url: string): SandboxUrls {
  return {
    wechat: `${url}/wechat`,
    dingtalkOapi: `${url}/dingtalk/oapi`,
    dingtalkApi: `${url}/dingtalk/api`,
    nextengineApi: `${url}/nextengine/api`,
    nextengineBase: `${url}/nextengine/base`,
  };
}
