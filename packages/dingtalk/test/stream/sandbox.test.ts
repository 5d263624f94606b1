import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DingTalkSuiteEvent, suiteEvents } from '../../src/index.js';
import { type DingTalkStream, type DingTalkStreamEvent, type StreamOptions, startStream } from '../../src/stream.js';

const { suiteKey, suiteSecret } = SANDBOX_ACCOUNTS.dingtalkSuite;
const { appKey, appSecret } = SANDBOX_ACCOUNTS.dingtalk;
const CORP = 'dingsandboxcorp2';
const PATIENCE = { timeout: 20_000, interval: 5 };

let sandbox: Sandbox;
let streams: DingTalkStream[];
let problems: Error[];

beforeEach(async () => {
  sandbox = await createSandbox({
    dingtalkSuites: [{ ...SANDBOX_ACCOUNTS.dingtalkSuite, suiteTicketEveryMs: 0, pushMode: 'stream' }],
  });
  streams = [];
  problems = [];
});

afterEach(async () => {
  await Promise.all(streams.map((stream) => stream.close()));
  await sandbox.close();
});

async function listen(onEvent: StreamOptions['onEvent'], more: Partial<StreamOptions> = {}): Promise<DingTalkStream> {
  const stream = await startStream({
    clientId: suiteKey,
    clientSecret: suiteSecret,
    baseUrls: { api: sandbox.urls.dingtalkApi },
    onProblem: (error) => void problems.push(error),
    onEvent,
    ...more,
  });
  streams.push(stream);
  return stream;
}

const until = (check: () => void): Promise<void> => vi.waitFor(check, PATIENCE);
const outcomes = () => sandbox.pushLog().map(({ event, outcome, tries }) => [event, outcome, tries]);

describe('what the simulated platform sends by the stream', () => {
  it('a suite’s life', async () => {
    const told: DingTalkSuiteEvent[] = [];
    await listen(({ event, bornAt }) => void told.push(...suiteEvents(event, bornAt)));
    const { ticket, at } = sandbox.dingtalkSuite.pushTicket(suiteKey);
    sandbox.dingtalkSuite.authorize(suiteKey, CORP);
    for (const happening of ['change', 'stop', 'restore', 'remove', 'cancel'] as const) {
      sandbox.dingtalkSuite[happening](suiteKey, CORP);
    }
    await sandbox.pushes();
    const corp = { corpId: CORP, at: expect.any(Number) };
    expect(told).toEqual([
      { type: 'suite_ticket', ticket, at },
      { type: 'authorized', ...corp, permanentCode: expect.any(String) },
      ...['changed', 'stopped', 'restored', 'removed', 'cancelled'].map((type) => ({ type, ...corp })),
    ]);
    expect(outcomes().map(([, outcome]) => outcome)).toEqual(Array(7).fill('success'));
    expect(problems).toEqual([]);
  });

  it('an app’s own events', async () => {
    const events: DingTalkStreamEvent[] = [];
    await listen((event) => void events.push(event), { clientId: appKey, clientSecret: appSecret });
    sandbox.dingtalk.pushEvent(appKey, { EventType: 'user_add_org', CorpId: 'dingcorp', UserId: ['u1'] });
    await sandbox.pushes();
    expect(events).toMatchObject([
      { eventType: 'user_add_org', corpId: 'dingcorp', eventId: expect.stringMatching(/./), event: { UserId: ['u1'] } },
    ]);
  });

  it('an event that could not be stored comes again', async () => {
    let tries = 0;
    await listen(() => {
      tries++;
      if (tries === 1) throw new Error('the store is down');
    });
    sandbox.dingtalkSuite.pushTicket(suiteKey);
    await sandbox.pushes();
    expect(outcomes()).toEqual([['suite_ticket', 'pending', 1]]);
    sandbox.advance(60_000);
    await until(() => expect(outcomes()).toEqual([['suite_ticket', 'success', 2]]));
    expect(tries).toBe(2);
  });

  it('pings, which are answered', async () => {
    await listen(() => {});
    expect(await sandbox.dingtalk.pingStreams(suiteKey)).toBe(1);
  });

  it.each(['disconnectStreams', 'cutStreams'] as const)('nothing is lost by %s', async (end) => {
    const types: string[] = [];
    const stream = await listen(({ eventType }) => void types.push(eventType), { random: () => 0 });
    sandbox.dingtalk[end](suiteKey);
    await until(() => expect(stream.connected).toBe(false));
    sandbox.dingtalkSuite.pushTicket(suiteKey);
    await until(() => expect(types).toEqual(['suite_ticket']));
    expect(stream.connected).toBe(true);
  });

  it('each event to one of several, whose connections it chooses', async () => {
    const taken: [string[], string[]] = [[], []];
    for (const types of taken) await listen(({ eventType }) => void types.push(eventType));
    const types = Array.from({ length: 40 }, (_, count) => `event_${count}`);
    for (const EventType of types) sandbox.dingtalkSuite.pushEvent(suiteKey, { EventType });
    await sandbox.pushes();
    expect(taken.flat().sort()).toEqual(types.sort());
    expect(taken[0]).not.toEqual([]);
    expect(taken[1]).not.toEqual([]);
  });

  it('not to one whose secret is another', async () => {
    await expect(listen(() => {}, { clientSecret: 'another-secret' })).rejects.toMatchObject({
      code: 'ERR_TOKEN_REFUSED',
      platformCode: 'authFailed',
    });
  });
});
