import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { SandboxCall, SandboxState } from '@evertoken/sandbox';
import { sharedDatabase, whyMissing } from '@evertoken/test-servers';
import { beforeAll, describe, expect, it } from 'vitest';
import { CallFollower } from '../src/sandbox/call-follower.js';
import { SANDBOX_IDS } from '../src/sandbox/sandbox-accounts.js';
import { SandboxControl } from '../src/sandbox/sandbox-control.js';
import type { Environment } from '../src/settings.js';
import type { Status, TokenRow } from '../src/status/status.js';
import { afterwards, temporaryDirectory, Visitor } from './support.js';

const SCRIPT = fileURLToPath(new URL('../scripts/two-instances.mjs', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const HOUR_MS = 3_600_000;
const HOURS = 72;
/** Tokens, tickets and authorizations of the seven accounts and their two users. */
const KEYS = 23;
/** The hour in which one instance is killed: two-hour tokens are due in it. */
const FATAL_HOUR = 36;

/** One instance, and the visitor who uses it. */
interface Instance {
  readonly url: string;
  readonly pid: number;
  readonly visitor: Visitor;
}

interface Pair {
  readonly sandbox: SandboxControl;
  readonly callbackUrl: string;
  readonly dataDirectory: string;
  readonly first: Instance;
  readonly second: Instance;
  /** What the script says. */
  readonly lines: readonly string[];
}

beforeAll(() => {
  if (!existsSync(PROGRAM)) throw new Error('build the example first: its program runs from dist');
});

/** The script as users run it; nothing of the machine's environment reaches it. */
async function startPair(env: Environment): Promise<Pair> {
  const dataDirectory = await temporaryDirectory();
  const child = spawn(process.execPath, [SCRIPT], {
    env: { PATH: process.env['PATH'], PORT: '0', DATA_DIR: dataDirectory, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  afterwards(() => ended(child));
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  const saysThat = (text: string) => eventually(() => lines.find((line) => line.startsWith(text)));
  await Promise.race([saysThat('Instance 2: '), once(child, 'exit').then(() => expect(lines).toContain('Instance 2'))]);
  const wordAfter = (text: string) =>
    lines.find((line) => line.startsWith(text))?.split(' ')[text.split(' ').length - 1];
  const instance = (name: string): Instance => {
    const [, url = '', pid] = /: (\S+) \(process (\d+)\)/.exec(lines.find((line) => line.startsWith(name)) ?? '') ?? [];
    return { url, pid: Number(pid), visitor: new Visitor(url) };
  };
  return {
    sandbox: new SandboxControl(wordAfter('Sandbox: ') ?? ''),
    callbackUrl: wordAfter('Pushes: ') ?? '',
    dataDirectory,
    first: instance('Instance 1'),
    second: instance('Instance 2'),
    lines,
  };
}

/** Starts an instance that was killed as the script has started it, and waits until it is there. */
async function startAgain(pair: Pair, { url }: Instance, storeUrl: string): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM], {
    env: {
      PATH: process.env['PATH'],
      PORT: new URL(url).port,
      STORE_URL: storeUrl,
      SANDBOX_URL: pair.sandbox.url,
      CALLBACK_URL: pair.callbackUrl,
      DATA_DIR: join(pair.dataDirectory, 'two-instances', '1'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  afterwards(() => ended(child));
  for await (const line of createInterface({ input: child.stdout })) if (line.startsWith('Sandbox: ')) break;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

/** Looks again and again until there is something to see. */
async function eventually<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(10)) {
    const seen = await look();
    if (seen !== undefined) return seen;
  }
  throw new Error(`nothing came of it: ${look}`);
}

async function statusOf({ visitor }: Instance): Promise<Status> {
  return (await visitor.json('/api/status')) as Status;
}

/** Every key that there is, by account, kind and subject. */
const nameOf = ({ account, kind, subject }: TokenRow) => [account, kind, subject].filter(Boolean).join(' ');

/** An hour passes: somebody presses the button at one instance, and both have refreshed what that made due. */
async function anHour(pair: Pair, presser: Instance, watchers: readonly Instance[]): Promise<void> {
  const { status } = await presser.visitor.post('/sandbox/advance', { minutes: '60' });
  expect(status).toBe(303);
  await swept(pair, watchers);
}

/** A job's own sweep may have come before the tickets: what waits for them is tried again in the next minute. */
async function untilFresh(pair: Pair, watchers: readonly [Instance, ...Instance[]]): Promise<void> {
  for (let minutes = 1; minutes <= 3 && !(await isFresh(watchers[0])); minutes++) {
    await pair.sandbox.post('clock', { advanceMs: 60_000 });
    await swept(pair, watchers);
  }
}

/** Until these instances have refreshed what the clock has made due. */
async function swept({ sandbox }: Pair, watchers: readonly Instance[]): Promise<void> {
  const { offsetMs } = await sandbox.get<{ offsetMs: number }>('clock');
  for (const watcher of watchers) await sweptUpTo(watcher, offsetMs);
}

async function isFresh(instance: Instance): Promise<boolean> {
  const { now, tokens } = await statusOf(instance);
  return tokens.every(({ state, refreshAt = Number.POSITIVE_INFINITY }) => state === 'active' && refreshAt > now);
}

function sweptUpTo({ visitor }: Instance, offsetMs: number): Promise<true> {
  return eventually(async () => {
    const { sweptOffsetMs } = (await visitor.json('/sandbox/clock')) as { readonly sweptOffsetMs: number };
    return sweptOffsetMs >= offsetMs || undefined;
  });
}

const BUSINESS: readonly string[] = [
  '/wechat/followers',
  '/open-platform/authorizers/wx000000authorizer1/followers',
  '/wecom/user?userid=zhangsan',
  '/wecom-suite/corps/wwsandboxcustomer1/departments',
  '/dingtalk/user?userid=manager1',
  '/dingtalk-suite/corps/dingsandboxcorp1/user?userid=manager1',
  '/nextengine/orders',
];

/** An instance, and which paths its visitor asks for. */
interface Caller {
  readonly instance: Instance;
  readonly paths: readonly string[];
}

/** What calls of all accounts are answered with. */
function callAll({ visitor }: Instance, paths = BUSINESS): Promise<readonly number[]> {
  return Promise.all(paths.map(async (path) => (await visitor.get(path)).status));
}

/** Calls of applications, not for tokens. */
const BUSINESS_ENDPOINTS: ReadonlySet<string> = new Set([
  '/cgi-bin/user/get',
  '/cgi-bin/department/list',
  '/topapi/v2/user/get',
  '/api_v1_receiveorder_base/search',
]);

/** Who still uses the app: asked for by each process that renews a pair, once for all its users. */
const COMPANIES = '/api_app/company';

/** How often each token was asked for. */
function needsIn(calls: readonly SandboxCall[]): Record<string, number> {
  const needs: Record<string, number> = {};
  for (const { platform, endpoint, account, subject } of calls) {
    if (endpoint === COMPANIES || BUSINESS_ENDPOINTS.has(endpoint)) continue;
    const need = [platform, endpoint, account, subject].filter(Boolean).join(' ');
    needs[need] = (needs[need] ?? 0) + 1;
  }
  return needs;
}

/** By what lives two hours: one call for each token that has ended, the two tickets of an account by the same path. */
const EVERY_TWO_HOURS: Readonly<Record<string, number>> = {
  'wechat /cgi-bin/stable_token wx0000000000sandbox': 1,
  'wechat /cgi-bin/ticket/getticket wx0000000000sandbox': 2,
  'wechat /cgi-bin/component/api_component_token wx0000000openplatform': 1,
  'wechat /cgi-bin/component/api_authorizer_token wx0000000openplatform wx000000authorizer1': 1,
  'wechat /cgi-bin/ticket/getticket wx0000000openplatform wx000000authorizer1': 2,
  'wecom /cgi-bin/gettoken ww0000000000sandbox 1000002': 1,
  'wecom /cgi-bin/gettoken ww0000000000sandbox contacts': 1,
  'wecom /cgi-bin/service/get_suite_token ww0000000000000suite': 1,
  'wecom /cgi-bin/service/get_corp_token ww0000000000000suite wwsandboxcustomer1': 1,
  'dingtalk /v1.0/oauth2/accessToken dingsandboxappkey': 1,
  'dingtalk /v1.0/oauth2/jsapiTickets dingsandboxappkey': 1,
  'dingtalk /v1.0/oauth2/suiteAccessToken suitesandbox': 1,
  'dingtalk /v1.0/oauth2/corpAccessToken suitesandbox dingsandboxcorp1': 1,
};

/** By pairs, which live a day and are renewed after their end, by the one call that may do it. */
const EVERY_DAY: Readonly<Record<string, number>> = {
  'nextengine /api_v1_login_user/info sandboxclient user-tanaka': 1,
  'nextengine /api_v1_login_user/info sandboxclient user-suzuki': 1,
};

function expectedIn(hour: number): Record<string, number> {
  return { ...(hour % 2 === 0 && EVERY_TWO_HOURS), ...(hour % 24 === 0 && EVERY_DAY) };
}

/** Holds what there is against what there was: of a key every generation is later than those before. */
class Generations {
  readonly #latest = new Map<string, number>();

  async look(at: Instance): Promise<void> {
    for (const row of (await statusOf(at)).tokens) {
      const generation = row.generation ?? Number.NaN;
      expect([nameOf(row), row.state]).toEqual([nameOf(row), 'active']);
      expect(generation).toBeGreaterThanOrEqual(this.#latest.get(nameOf(row)) ?? 1);
      this.#latest.set(nameOf(row), generation);
    }
  }

  get size(): number {
    return this.#latest.size;
  }
}

describe.skipIf(whyMissing('postgres'))('two instances on one PostgreSQL', () => {
  it('ask for each token once per need for three days, and one carries on when the other is killed', async () => {
    const storeUrl = await sharedDatabase('postgres');
    const pair = await startPair({ STORE_URL: storeUrl });
    const { first, second, sandbox } = pair;
    const log = new CallFollower(sandbox);
    await first.visitor.signIn('user-tanaka');
    await second.visitor.signIn('user-suzuki');
    await eventually(async () => {
      const { tokens } = await statusOf(first);
      return tokens.filter(({ state }) => state === 'active').length === KEYS || undefined;
    });

    // A ticket's successor comes in the same moment as a sweep here; in reality they hardly ever meet.
    await sandbox.post('dingtalk-suite/switches', { suiteKey: SANDBOX_IDS.isv, suiteTicketGraceMs: 60_000 });

    const generations = new Generations();
    let seen = (await log.read()).length;
    const newCalls = async () => {
      const calls = (await log.read()).slice(seen);
      seen += calls.length;
      return calls;
    };
    /** An hour as any other: what was due is asked for once, all calls of all who are there are answered. */
    const usualHour = async (hour: number, callers: readonly Caller[]) => {
      const there = callers.map(({ instance }) => instance) as [Instance, ...Instance[]];
      await anHour(pair, there[hour % there.length] as Instance, there);
      if (hour % 2 === 0) await untilFresh(pair, there);
      if (hour % 3 === 0) {
        const answers = await Promise.all(callers.map(({ instance, paths }) => callAll(instance, paths)));
        expect(answers).toEqual(callers.map(({ paths }) => paths.map(() => 200)));
        await generations.look(second);
      }
      const calls = await newCalls();
      expect([hour, needsIn(calls)]).toEqual([hour, expectedIn(hour)]);
      expect(calls.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
      const lists = calls.filter(({ endpoint }) => endpoint === COMPANIES).length;
      expect(lists).toBeLessThanOrEqual(hour % 24 === 0 ? callers.length : 0);
    };

    const both = [first, second].map((instance) => ({ instance, paths: BUSINESS }));
    let hour = 1;
    for (; hour < FATAL_HOUR; hour++) await usualHour(hour, both);

    // The second sleeps while the first asks, and wakes up to find it dead, its leases still standing.
    process.kill(second.pid, 'SIGSTOP');
    await sandbox.post('faults', { kind: 'delay', delayMs: 600_000, count: 'always' });
    await sandbox.post('clock', { advanceMs: HOUR_MS });
    await eventually(async () => Object.keys(needsIn((await log.read()).slice(seen))).length >= 6 || undefined);
    process.kill(first.pid, 'SIGKILL');
    await eventually(() => pair.lines.find((line) => line.includes('Instance 1 has ended (SIGKILL)')));
    const inFlight = needsIn((await log.read()).slice(seen));
    await fetch(`${sandbox.url}/_sandbox/faults`, { method: 'DELETE' });
    process.kill(second.pid, 'SIGCONT');
    // Leases of the dead end by the clock that stores and platforms share.
    await sandbox.post('clock', { advanceMs: 60_000 });
    await swept(pair, [second]);
    expect(await callAll(second)).toEqual(BUSINESS.map(() => 200));
    const afterDeath = await newCalls();
    const asked = needsIn(afterDeath);
    for (const [need, count] of Object.entries(expectedIn(hour))) {
      expect([need, asked[need]]).toEqual([need, count + (inFlight[need] ?? 0)]);
    }
    expect(Object.keys(asked).sort()).toEqual(Object.keys(expectedIn(hour)).sort());
    expect(afterDeath.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);

    const alone = [{ instance: second, paths: BUSINESS }];
    for (hour++; hour < FATAL_HOUR + 6; hour++) await usualHour(hour, alone);

    // Back again, on the same port: the balancer finds it by itself. Sessions are gone with it, pairs are not.
    await startAgain(pair, first, storeUrl);
    const again = [{ instance: first, paths: BUSINESS.slice(0, -1) }, ...alone];
    for (; hour <= HOURS; hour++) await usualHour(hour, again);

    expect(generations.size).toBe(KEYS);
    const { nextengine } = await sandbox.get<SandboxState>('state');
    expect(nextengine[0]?.users).toEqual(
      ['user-tanaka', 'user-suzuki'].map((uid) => expect.objectContaining({ uid, signIns: 1, renewals: 3 })),
    );
    expect((await log.read()).filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
  }, 300_000);
});
