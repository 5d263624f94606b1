import { type Answer, jsonAnswer } from './answer.js';
import { CALL_FILTER_KEYS, type CallFilter } from './calls.js';
import { assertCount, assertOneOf, assertText } from './check.js';
import { DINGTALK_ACTIONS } from './dingtalk/control-actions.js';
import { checkFaultRule } from './faults.js';
import { NEXTENGINE_ACTIONS } from './nextengine/control-actions.js';
import { PLATFORM_NAMES } from './platform.js';
import { jsonBody, type SandboxRequest } from './request.js';
import type { Sandbox } from './sandbox.js';
import { WECHAT_ACTIONS } from './wechat/control-actions.js';
import { OPEN_PLATFORM_ACTIONS } from './wechat/open-platform/control-actions.js';
import { WECOM_ACTIONS } from './wecom/control-actions.js';

export const CONTROL_PATH = '/_sandbox';

type Controlled = Omit<Sandbox, 'url' | 'urls' | 'close'>;
type Action = (sandbox: Controlled, request: SandboxRequest) => unknown;

/** Everything that can be done over HTTP, by method and path below `/_sandbox`. */
const ACTIONS: Readonly<Record<string, Action>> = {
  'GET ': () => ({ actions: Object.keys(ACTIONS).map((action) => action.replace(' ', ` ${CONTROL_PATH}`)) }),
  'GET /calls': (sandbox, { query }) => ({ calls: sandbox.calls(callFilter(query)) }),
  'GET /state': (sandbox) => sandbox.state(),
  'GET /clock': clock,
  'POST /clock': (sandbox, request) => {
    sandbox.advance(assertCount('advanceMs', jsonBody(request)['advanceMs'], 0));
    return clock(sandbox);
  },
  'GET /faults': faults,
  'POST /faults': (sandbox, request) => {
    for (const rule of faultRules(request)) sandbox.fault(rule);
    return faults(sandbox);
  },
  'DELETE /faults': (sandbox) => {
    sandbox.clearFaults();
    return faults(sandbox);
  },
  'GET /pushes': (sandbox) => ({ pushes: sandbox.pushLog() }),
  'POST /pushes': async (sandbox) => {
    await sandbox.pushes();
    return { pushes: sandbox.pushLog() };
  },
  'POST /late': (sandbox) => ({ handled: sandbox.runLate() }),
  'POST /reset': (sandbox) => {
    sandbox.reset();
    return clock(sandbox);
  },
  'POST /revoke': revoke,
  ...WECHAT_ACTIONS,
  ...OPEN_PLATFORM_ACTIONS,
  ...WECOM_ACTIONS,
  ...DINGTALK_ACTIONS,
  ...NEXTENGINE_ACTIONS,
};

/** The control API over a sandbox: what does not fit is answered with 400, what does not exist with 404. */
export function controlApi(sandbox: Controlled): (request: SandboxRequest) => Promise<Answer> {
  return async (request) => {
    const action = ACTIONS[`${request.method} ${request.path.replace(/\/$/, '')}`];
    if (action === undefined) return jsonAnswer({ error: 'there is no such action' }, { status: 404 });
    try {
      return jsonAnswer(await action(sandbox, request));
    } catch (error) {
      if (error instanceof TypeError || error instanceof RangeError) {
        return jsonAnswer({ error: error.message }, { status: 400 });
      }
      throw error;
    }
  };
}

function clock(sandbox: Controlled): unknown {
  const { now, offsetMs } = sandbox.state();
  return { now, offsetMs };
}

function faults(sandbox: Controlled): unknown {
  return { faults: sandbox.state().faults };
}

function revoke(sandbox: Controlled, request: SandboxRequest): unknown {
  const { platform, account, kind, keepReturningSame } = jsonBody(request);
  const name = assertText('account', account);
  if (assertOneOf('platform', platform, ['wechat', 'dingtalk']) === 'dingtalk') {
    sandbox.dingtalk.revoke(name, { keepReturningSame: keepReturningSame === true });
  } else if (kind === undefined) {
    sandbox.wechat.revoke(name);
  } else {
    sandbox.wechat.revoke(name, assertOneOf<'legacy' | 'stable'>('kind', kind as 'legacy', ['legacy', 'stable']));
  }
  return {};
}

/** One rule, or `{ "faults": [...] }`. All are checked before the first is taken. */
function faultRules(request: SandboxRequest) {
  const given = jsonBody(request);
  const rules: unknown[] = Array.isArray(given['faults']) ? given['faults'] : [given];
  return rules.map(checkFaultRule);
}

function callFilter(query: URLSearchParams): CallFilter {
  const filter = Object.fromEntries(query);
  const unknown = Object.keys(filter).find((key) => !(CALL_FILTER_KEYS as readonly string[]).includes(key));
  if (unknown !== undefined) throw new TypeError(`"${unknown}" is not a filter: use ${CALL_FILTER_KEYS.join(', ')}`);
  if (filter['platform'] !== undefined) assertOneOf<string>('platform', filter['platform'], PLATFORM_NAMES);
  return filter as CallFilter;
}
