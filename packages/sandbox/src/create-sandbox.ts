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
import type { Simulator } from './platform.js';
import { PushSender } from './push-sender.js';
import type { Sandbox, SandboxUrls } from './sandbox.js';
import { Timers } from './timers.js';
import { WeChatSimulator } from './wechat/simulator.js';
import { WeComSimulator } from './wecom/simulator.js';

const BEAT_MS = 1000;

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
  const wechat = new WeChatSimulator(settings.wechat, settings.openPlatforms, { clock, pushes });
  const wecom = new WeComSimulator(settings.wecom, clock, pushes, timers);
  const dingtalk = new DingTalkSimulator({
    ...{ apps: settings.dingtalk, suites: settings.dingtalkSuites },
    ...{ clock, pushTimeoutMs: settings.pushTimeoutMs },
  });
  const nextengine = new NextEngineSimulator(settings.nextengine, clock);

  const simulators: readonly Simulator<unknown>[] = [wechat, wecom, dingtalk, nextengine];
  const tick = () => {
    for (const simulator of simulators) simulator.tick?.();
  };

  const handles: Omit<Sandbox, 'url' | 'urls' | 'close'> = {
    now: () => clock.now(),
    advance(ms) {
      clock.advance(ms);
      tick();
    },
    calls: (filter) => log.list(filter),
    state: () => ({
      now: clock.now(),
      offsetMs: clock.offsetMs,
      calls: log.size,
      late: late.size,
      faults: faults.list(),
      wechat: wechat.state(),
      openPlatforms: wechat.platformState(),
      wecom: wecom.state(),
      dingtalk: dingtalk.state(),
      dingtalkSuites: dingtalk.suiteState(),
      dingtalkLimits: dingtalk.limitState(),
      nextengine: nextengine.state(),
    }),
    fault: (rule) => faults.add(rule),
    clearFaults: () => faults.clear(),
    runLate: () => late.run(),
    async pushes() {
      tick();
      await Promise.all([pushes.settled(), dingtalk.pushes.settled()]);
    },
    pushLog: () => [...pushes.log(), ...dingtalk.pushes.log()].sort((one, other) => one.at - other.at),
    reset() {
      late.clear();
      clock.reset();
      log.clear();
      faults.clear();
      pushes.clear();
      for (const simulator of simulators) simulator.reset();
      tick();
    },
    wechat: wechat.controls,
    openPlatform: wechat.platformControls,
    wecom: wecom.controls,
    dingtalk: dingtalk.controls,
    dingtalkSuite: dingtalk.suiteControls,
    nextengine: nextengine.controls,
  };

  const server = await listen(settings, {
    clock,
    mounts: simulators.flatMap(({ mounts }) => mounts),
    control: controlApi({
      ...handles,
      offsetMs: () => clock.offsetMs,
      moved: (waitMs) =>
        new Promise((resolve) => {
          const stop = clock.watch(done);
          const cancel = timers.after(waitMs, done);
          function done() {
            stop();
            cancel();
            resolve();
          }
        }),
      callPage: (after) => log.page(after),
    }),
    perform(mount, request, reply) {
      tick();
      perform({ clock, log, faults, late, timers }, mount, request, reply);
    },
  });
  try {
    await dingtalk.listen(settings.host);
  } catch (error) {
    await server.close();
    throw error;
  }
  // Of the system's time nobody tells that it has passed.
  const beat = setInterval(tick, BEAT_MS).unref();
  tick();
  return {
    ...handles,
    url: server.url,
    urls: sandboxUrls(server.url),
    async close() {
      clearInterval(beat);
      late.clear();
      timers.clear();
      pushes.clear();
      await Promise.all([server.close(), dingtalk.close()]);
    },
  };
}

/** The base URLs of a sandbox that listens at `url`. */
export function sandboxUrls(url: string): SandboxUrls {
  return {
    wechat: `${url}/wechat`,
    wecom: `${url}/wecom`,
    dingtalkOapi: `${url}/dingtalk/oapi`,
    dingtalkApi: `${url}/dingtalk/api`,
    nextengineApi: `${url}/nextengine/api`,
    nextengineBase: `${url}/nextengine/base`,
  };
}
