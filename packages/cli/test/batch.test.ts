import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { SandboxCall, SandboxUrls } from '@evertoken/sandbox';
import { expect, it, onTestFinished } from 'vitest';
import { CLIENT, DAY, erpConfig, type ImportEntry, type Project, project } from './support.js';

const SANDBOX = fileURLToPath(new URL('../../sandbox/bin/evertoken-sandbox.js', import.meta.url));
/** The full numbers take a minute. */
const USERS = process.env['EVERTOKEN_PROOF'] === '1' ? 2_000 : 200;
const DEAD = USERS / 20;
const SUSPENDED = 5;
const RENEWABLE = USERS - DEAD - SUSPENDED;

type Kind = 'dead' | 'suspended' | 'renewable';

/** Users in an order of their own: what is dead or suspended stands anywhere. */
function userOf(at: number): { readonly uid: string; readonly kind: Kind } {
  const place = (at * 7) % USERS;
  const kind = place < DEAD ? 'dead' : place < DEAD + SUSPENDED ? 'suspended' : 'renewable';
  return { uid: `${kind}-${at}`, kind };
}

const users = Array.from({ length: USERS }, (_, at) => userOf(at));
const uidsOf = (wanted: Kind) => users.filter(({ kind }) => kind === wanted).map(({ uid }) => uid);

/** The platform as a process of its own. */
class Platform {
  readonly #url: string;
  readonly urls: SandboxUrls;

  constructor({ url, urls }: { url: string; urls: SandboxUrls }) {
    this.#url = url;
    this.urls = urls;
  }

  async slow(delayMs: number): Promise<void> {
    const body = JSON.stringify({ kind: 'delay', delayMs, count: 'always' });
    await fetch(`${this.#url}/_sandbox/faults`, { method: 'POST', body });
  }

  /** How often each user's pair was presented. */
  async asked(): Promise<ReadonlyMap<string, number>> {
    const answer = await fetch(`${this.#url}/_sandbox/calls?platform=nextengine`);
    const { calls } = (await answer.json()) as { calls: SandboxCall[] };
    const asked = new Map<string, number>();
    for (const { subject } of calls) if (subject !== undefined) asked.set(subject, (asked.get(subject) ?? 0) + 1);
    return asked;
  }
}

async function startPlatform(here: Project): Promise<Platform> {
  const now = Date.now();
  const accounts = users.map(({ uid, kind }) => ({ uid, pair: pairOf(uid, kind, now), ...suspension(kind) }));
  await here.write('accounts.json', JSON.stringify({ nextengine: [{ ...CLIENT, users: accounts }] }));
  const child: ChildProcess = spawn(process.execPath, [SANDBOX, '--accounts', here.path('accounts.json')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  if (!child.stdout) throw new Error('the sandbox has no output');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const entries = users.map(({ uid, kind }): ImportEntry => {
    const { accessToken, refreshToken, issuedAt } = pairOf(uid, kind, now);
    return {
      account: 'erp',
      subject: uid,
      value: accessToken,
      refreshToken,
      expiresAt: issuedAt + DAY,
      refreshTokenExpiresAt: new Date(issuedAt + 3 * DAY).toISOString(),
    };
  });
  await here.write('pairs.json', JSON.stringify(entries));
  return new Platform(JSON.parse(line) as { url: string; urls: SandboxUrls });
}

function pairOf(uid: string, kind: Kind, now: number) {
  const ageMs = kind === 'dead' ? 4 * DAY : DAY + 3_600_000;
  return { accessToken: `access-${uid}`, refreshToken: `refresh-${uid}`, issuedAt: now - ageMs };
}

function suspension(kind: Kind): { readonly suspended?: '002003' } {
  return kind === 'suspended' ? { suspended: '002003' } : {};
}

interface Report {
  readonly counts: Record<'renewed' | 'notYetRenewable' | 'reauthorize' | 'suspended' | 'failed', number>;
  readonly notAsked: number;
  readonly notFresh: readonly { readonly subject: string; readonly outcome: string; readonly platformCode: string }[];
}

const named = ({ notFresh }: Report, outcome: string) =>
  notFresh.filter((key) => key.outcome === outcome).map(({ subject }) => subject);

it(`renews ${USERS} users, ${DEAD} of them dead and ${SUSPENDED} suspended; interrupted and run again it repeats no finished renewal`, {
  timeout: 300_000,
}, async () => {
  const here = await project();
  const platform = await startPlatform(here);
  await here.write('tokens.config.ts', erpConfig(platform));
  await here.write('offset-ms', '0');
  expect(await here.start(['import', 'pairs.json']).ended()).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(new RegExp(`^${USERS} taken\n`)),
  });
  await platform.slow(20);

  const running = here.start(['refresh', 'erp', '--json']);
  running.child.stderr?.on('data', () => {
    const done = Number(/(\d+)\/\d+ [^\n]*\n$/.exec(running.stderr)?.[1] ?? 0);
    if (done >= 0.4 * USERS && done < USERS) running.child.kill('SIGINT');
  });
  const interrupted = await running.ended();
  expect(interrupted.code).toBe(130);
  const first = JSON.parse(interrupted.stdout) as Report;
  expect(first.counts.renewed).toBeGreaterThan(0);
  expect(first.notAsked).toBeGreaterThan(0);
  // What ends first was asked for first: the dead ones have no time left at all.
  expect(named(first, 'reauthorize').sort()).toEqual(uidsOf('dead').sort());

  const completed = await here.start(['refresh', 'erp', '--json']).ended();
  expect(completed.code).toBe(3);
  const second = JSON.parse(completed.stdout) as Report;
  expect(second.counts).toMatchObject({
    renewed: RENEWABLE - first.counts.renewed,
    notYetRenewable: first.counts.renewed,
    reauthorize: DEAD,
    suspended: SUSPENDED,
    failed: 0,
  });
  expect(named(second, 'reauthorize').sort()).toEqual(uidsOf('dead').sort());
  expect(named(second, 'suspended').sort()).toEqual(uidsOf('suspended').sort());
  expect(second.notFresh.map(({ platformCode }) => platformCode)).toContain('002003');

  const asked = await platform.asked();
  for (const uid of uidsOf('renewable')) expect([uid, asked.get(uid)]).toEqual([uid, 1]);
  for (const uid of uidsOf('dead')) expect([uid, asked.get(uid)]).toEqual([uid, 1]);

  const third = JSON.parse((await here.start(['refresh', 'erp', '--json']).ended()).stdout) as Report;
  expect(third.counts).toMatchObject({ renewed: 0, notYetRenewable: RENEWABLE, reauthorize: DEAD });
  expect((await here.start(['status', '--check']).ended()).code).toBe(3);
});
