import { type Answer, jsonAnswer } from './answer.js';
import { CALL_FILTER_KEYS, type CallFilter, type CallPage } from './calls.js';
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
/** Less than what clients and proxies give an answer. */
const MAX_WAIT_MS = 30_000;

/** What the control API needs besides the handles. */
export interface ControlParts {
  /** How far the clock is ahead, ms. */
  offsetMs(): number;
  /** Resolves when the clock has been moved by hand, or after so many real milliseconds. */
  moved(waitMs: number): Promise<void>;
  callPage(after: number): CallPage;
}

type Controlled = Omit<Sandbox, 'url' | 'urls' | 'close'> & ControlParts;
type Action = (sandbox: Controlled, request: SandboxRequest) => unknown;

/** Everything that can be done over HTTP, by method and path below `/_sandbox`. */
const ACTIONS: Readonly<Record<string, Action>> = {
  'GET ': () => ({ actions: Object.keys(ACTIONS).map((action) => action.replace(' ', ` ${CONTROL_PATH}`)) }),
  'GET /calls': (sandbox, { query }) => {
    const after = query.get('after');
    if (after === null) return { calls: sandbox.calls(callFilter(query)) };
    if (query.size > 1) throw new TypeError('"after" must stand alone');
    return sandbox.callPage(numberIn(query, 'after', 0));
  },
  'GET /state': (sandbox) => sandbox.state(),
  'GET /clock': async (sandbox, { query }) => {
    const waits = query.has('waitMs') && query.get('unlessOffsetMs') === String(sandbox.offsetMs());
    if (waits) await sandbox.moved(numberIn(query, 'waitMs', 1, MAX_WAIT_MS));
    return clock(sandbox);
  },
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
  return { now: sandbox.now(), offsetMs: sandbox.offsetMs() };
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

function numberIn(query: URLSearchParams, name: string, min: number, max?: number): number {
  return assertCount(name, query.get(name) === '' ? Number.NaN : Number(query.get(name)), min, max);
}

function callFilter(query: URLSearchParams): CallFilter {
  const filter = Object.fromEntries(query);
  const unknown = Object.keys(filter).find((key) => !(CALL_FILTER_KEYS as readonly string[]).includes(key));
  if (unknown !== undefined) throw new TypeError(`"${unknown}" is not a filter: use ${CALL_FILTER_KEYS.join(', ')}`);
  if (filter['platform'] !== undefined) assertOneOf<string>('platform', filter['platform'], PLATFORM_NAMES);
  return filter as CallFilter;
}
