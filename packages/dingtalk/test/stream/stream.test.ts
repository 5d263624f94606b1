import type { TokenError } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DingTalkStream, type DingTalkStreamEvent, type StreamOptions, startStream } from '../../src/stream.js';
import { everythingOf, failureFrom } from '../support.js';
import { CLIENT, Gateway } from './gateway.js';

const MINUTE = 60_000;
const PATIENCE = { timeout: 20_000, interval: 5 };

let gateway: Gateway;
let clock: ManualClock;
let streams: DingTalkStream[];
let problems: Error[];
let printed: unknown[][];

beforeEach(async () => {
  gateway = await Gateway.start();
  clock = new ManualClock();
  streams = [];
  problems = [];
  printed = [];
  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
    vi.spyOn(console, method).mockImplementation((...args) => void printed.push(args));
  }
});

afterEach(async () => {
  // A connection that ends by itself needs no clock; one whose peer is gone does.
  const closing = streams.map((stream) => stream.close());
  await clock.advance(MINUTE);
  await Promise.all(closing);
  await gateway.stop();
  vi.restoreAllMocks();
  expect(printed).toEqual([]);
});

async function start(options: Partial<StreamOptions> = {}): Promise<DingTalkStream> {
  const stream = await startStream({
    ...CLIENT,
    baseUrls: options.baseUrls ?? gateway.baseUrls,
    onEvent: () => {},
    onProblem: (error) => void problems.push(error),
    clock,
    random: () => 1,
    ...options,
  });
  streams.push(stream);
  return stream;
}

/** Work that lasts until it is let go. */
function work(): { readonly onEvent: () => Promise<void>; readonly begun: () => number; readonly end: () => void } {
  const ends: (() => void)[] = [];
  const onEvent = () => new Promise<void>((resolve) => void ends.push(resolve));
  return { onEvent, begun: () => ends.length, end: () => ends.forEach((end) => void end()) };
}

const until = (check: () => void): Promise<void> => vi.waitFor(check, PATIENCE);
const connections = (count: number) => until(() => expect(gateway.connections).toHaveLength(count));
const messages = () => problems.map(({ message }) => message);

describe('a connection', () => {
  it('is asked for as the platform wants it, and opened with the ticket', async () => {
    const stream = await start();
    expect(stream.connected).toBe(true);
    await connections(1);
    expect(gateway.opened).toHaveLength(1);
    expect(gateway.opened[0]?.headers).toMatchObject({
      accept: 'application/json',
      'content-type': 'application/json',
    });
    expect(gateway.opened[0]?.body).toEqual({
      ...CLIENT,
      subscriptions: [{ type: 'EVENT', topic: '*' }],
      ua: 'evertoken',
    });
    expect(problems).toEqual([]);
  });

  it('answers the platform’s pings with what they bring', async () => {
    await start();
    gateway.connection.system('ping', { opaque: 'abc' });
    await until(() =>
      expect(gateway.connection.answerTo('s-ping')).toMatchObject({
        code: 200,
        message: 'OK',
        data: '{"opaque":"abc"}',
      }),
    );
  });

  it('that is lost is followed by another, with another ticket', async () => {
    const stream = await start();
    gateway.connection.terminate();
    await until(() => expect(stream.connected).toBe(false));
    expect(messages()).toEqual(['account "dingclient0001", stream: the connection was lost']);
    expect(gateway.opened).toHaveLength(1);
    await clock.advance(1_000);
    await connections(2);
    expect(new Set(gateway.tickets).size).toBe(2);
    await until(() => expect(stream.connected).toBe(true));
  });

  it('that the platform wants to end is replaced at once, after the work at hand is answered', async () => {
    const { onEvent, begun, end } = work();
    await start({ onEvent });
    await clock.advance(2_000);
    const first = gateway.connection;
    first.event('user_add_org', {});
    await until(() => expect(begun()).toBe(1));
    first.system('disconnect', { reason: 'persistent connection is timeout' });
    first.event('user_add_org', {}, {}, 'm2');
    first.system('ping', {});
    await until(() => expect(first.answerTo('s-ping')).toBeDefined());
    end();
    await until(() => expect(first.closed).toBe(true));
    expect(first.statusOf('m1')).toBe('SUCCESS');
    // It was not taken, so that it comes again.
    expect(first.answerTo('m2')).toBeUndefined();
    await connections(2);
    expect(problems).toEqual([]);
  });

  it('whose other side is gone without a word is given up', async () => {
    gateway.switches.autoPong = false;
    const stream = await start();
    await clock.advance(10_000);
    expect(stream.connected).toBe(true);
    await clock.advance(10_000);
    await until(() => expect(stream.connected).toBe(false));
  });

  it('whose other side answers is kept', async () => {
    const stream = await start();
    for (let beat = 0; beat < 5; beat++) {
      await clock.advance(10_000);
      // The answer to a ping, all the way round: a frame of our own behind it.
      const before = gateway.connection.answers.length;
      gateway.connection.system('ping', {});
      await until(() => expect(gateway.connection.answers.length).toBeGreaterThan(before));
    }
    expect(stream.connected).toBe(true);
    expect(gateway.connections).toHaveLength(1);
  });
});

describe('an event', () => {
  it('comes with its fields and with what its frame says', async () => {
    const events: DingTalkStreamEvent[] = [];
    await start({ onEvent: (event) => void events.push(event) });
    const headers = { eventId: 'e1', eventCorpId: 'dingcorp', eventBornTime: '1700000000123', eventUnifiedAppId: 'u' };
    gateway.connection.event('suite_ticket', { suiteTicket: ' T1 ', __proto__: null }, headers);
    await until(() => expect(gateway.connection.statusOf()).toBe('SUCCESS'));
    expect(gateway.connection.answerTo()).toMatchObject({
      code: 200,
      message: 'OK',
      headers: { messageId: 'm1', contentType: 'application/json' },
    });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      eventType: 'suite_ticket',
      eventId: 'e1',
      corpId: 'dingcorp',
      bornAt: 1_700_000_000_123,
    });
    expect(Object.getPrototypeOf(events[0]?.event)).toBeNull();
    expect({ ...events[0]?.event }).toEqual({
      suiteTicket: 'T1',
      EventType: 'suite_ticket',
      CorpId: 'dingcorp',
      TimeStamp: 1_700_000_000_123,
    });
  });

  it('is acknowledged once it is stored, and not before', async () => {
    const { onEvent, end } = work();
    await start({ onEvent });
    gateway.connection.event('user_add_org', {});
    gateway.connection.system('ping', {});
    await until(() => expect(gateway.connection.answerTo('s-ping')).toBeDefined());
    expect(gateway.connection.answerTo()).toBeUndefined();
    end();
    await until(() => expect(gateway.connection.statusOf()).toBe('SUCCESS'));
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('the store is down'))],
    [
      'throws',
      () => {
        throw new Error('the store is down');
      },
    ],
  ])('whose work %s is to come later', async (_how, onEvent) => {
    await start({ onEvent });
    gateway.connection.event('user_add_org', {});
    await until(() => expect(gateway.connection.statusOf()).toBe('LATER'));
    expect(messages()).toEqual([
      'account "dingclient0001", stream: the event "user_add_org" was not taken, and comes again: the store is down',
    ]);
  });

  it('whose work does not end is to come later', async () => {
    const { onEvent, begun } = work();
    await start({ onEvent });
    gateway.connection.event('user_add_org', {});
    await until(() => expect(begun()).toBe(1));
    // In steps, so that the pings on the way are answered.
    for (let step = 0; step < 6; step++) {
      await clock.advance(5_000);
      gateway.connection.frame({ type: 'SYSTEM', headers: { topic: 'ping', messageId: `p${step}` }, data: '{}' });
      await until(() => expect(gateway.connection.answerTo(`p${step}`)).toBeDefined());
    }
    await until(() => expect(gateway.connection.statusOf()).toBe('LATER'));
    expect(messages()[0]).toMatch(/not done within 30 s$/);
  });

  it('that cannot be read ends neither the stream nor the process, and does not come again', async () => {
    const events: DingTalkStreamEvent[] = [];
    const stream = await start({ onEvent: (event) => void events.push(event) });
    const { connection } = gateway;
    for (const frame of [
      'no json',
      'null',
      '[]',
      '{}',
      '{"type":"SYSTEM"}',
      '{"type":"EVENT"}',
      '{"type":"CALLBACK"}',
    ]) {
      connection.frame(frame);
    }
    connection.frame({ type: 'CALLBACK', headers: { topic: 'error', messageId: 'c1' }, data: '' });
    connection.frame({ type: 'EVENT', headers: { messageId: 'm1', eventType: 'a' }, data: 'no json' });
    connection.frame({ type: 'EVENT', headers: { messageId: 'm2' }, data: '{}' });
    connection.event('user_add_org', {}, {}, 'm3');
    await until(() => expect(connection.statusOf('m3')).toBe('SUCCESS'));
    expect([connection.statusOf('m1'), connection.statusOf('m2')]).toEqual(['SUCCESS', 'SUCCESS']);
    expect(events.map(({ eventType }) => eventType)).toEqual(['user_add_org']);
    expect(stream.connected).toBe(true);
    expect(new Set(messages())).toEqual(
      new Set([
        'account "dingclient0001", stream: a frame is unreadable',
        'account "dingclient0001", stream: an event is unreadable',
      ]),
    );
  });
});

describe('a platform that cannot be reached', () => {
  it('is tried again ever more rarely, once at a time', async () => {
    gateway.switches.noUpgrade = true;
    const stream = await start();
    expect(stream.connected).toBe(false);
    // Two attempts side by side would be four the next time.
    for (const [attempts, delay] of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000].entries()) {
      await until(() => expect(problems).toHaveLength(attempts + 1));
      expect(gateway.opened).toHaveLength(attempts + 1);
      await clock.advance(delay - 1);
      expect(gateway.opened).toHaveLength(attempts + 1);
      await clock.advance(1);
      await until(() => expect(gateway.opened).toHaveLength(attempts + 2));
    }
    await until(() => expect(problems).toHaveLength(9));
    gateway.switches.noUpgrade = false;
    await clock.advance(MINUTE);
    await until(() => expect(stream.connected).toBe(true));
    expect(problems[0]).toMatchObject({
      code: 'ERR_TOKEN_TRANSPORT',
      message: 'account "dingclient0001", stream: no connection with the platform',
    });
  });

  it('at the start: the stream goes on by itself', async () => {
    const { port } = gateway;
    await gateway.stop();
    const stream = await start({ baseUrls: { api: `http://127.0.0.1:${port}` } });
    expect(stream.connected).toBe(false);
    expect(problems[0]).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'network' });
    gateway = await Gateway.start(port);
    await clock.advance(1_000);
    await until(() => expect(stream.connected).toBe(true));
  });

  it.each([
    ['busy', { status: 503, body: '{"code":"serviceBusy","message":"m","requestid":"r"}' }, 2_000],
    [
      'bans the address',
      { status: 200, body: '{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"u"}' },
      300_000,
    ],
    ['answers with a page', { status: 502, body: '<html>bad gateway</html>' }, 2_000],
    ['answers without a ticket', { status: 200, body: '{"endpoint":"ws://127.0.0.1/"}' }, 1_000],
  ])('or is not itself, and %s: it is left alone for as long as it takes', async (_how, refusal, restMs) => {
    gateway.switches.refusal = refusal;
    const stream = await start();
    gateway.switches.refusal = undefined;
    await until(() => expect(problems).toHaveLength(1));
    await clock.advance(restMs - 1);
    expect(gateway.opened).toHaveLength(1);
    await clock.advance(1);
    await until(() => expect(stream.connected).toBe(true));
  });

  it('or closes each connection at once: it is not asked in a loop', async () => {
    const stream = await start();
    for (const [times, delay] of [1_000, 2_000, 4_000].entries()) {
      gateway.connection.system('disconnect', {});
      await until(() => expect(stream.connected).toBe(false));
      await clock.advance(delay - 1);
      expect(gateway.connections).toHaveLength(times + 1);
      await clock.advance(1);
      await connections(times + 2);
      await until(() => expect(stream.connected).toBe(true));
    }
  });
});

describe('what cannot work is said at once', () => {
  it('an app that the platform refuses', async () => {
    gateway.switches.refusal = { status: 401, body: '{"requestid":"r-1","code":"authFailed","message":"鉴权失败"}' };
    const error = (await failureFrom(start())) as TokenError;
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REFUSED', platformCode: 'authFailed', account: 'dingclient0001' });
    expect(everythingOf(error)).not.toContain(CLIENT.clientSecret);
    await clock.advance(60 * MINUTE);
    expect(gateway.opened).toHaveLength(1);
  });

  it('later on it is tried every 5 minutes: somebody may be at its settings', async () => {
    const stream = await start();
    gateway.switches.refusal = { status: 401, body: '{"requestid":"r-1","code":"authFailed","message":"鉴权失败"}' };
    gateway.connection.terminate();
    await until(() => expect(problems).toHaveLength(1));
    await clock.advance(1_000);
    await until(() => expect(problems).toHaveLength(2));
    gateway.switches.refusal = undefined;
    await clock.advance(5 * MINUTE - 1);
    expect(gateway.opened).toHaveLength(2);
    await clock.advance(1);
    await until(() => expect(stream.connected).toBe(true));
  });

  it('options that are missing, wrong or unknown', async () => {
    const error = (await failureFrom(
      startStream({
        clientId: undefined,
        clientSecret: '',
        onEvent: 'x',
        name: 'isv',
        secret: 's',
      } as unknown as StreamOptions),
    )) as TokenError;
    expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION' });
    for (const problem of [
      'the stream of account "isv" cannot be started',
      '"clientId" must be a non-empty string',
      '"clientSecret" must be a non-empty string, it is empty',
      '"onEvent" must be a function',
      '"secret" is no option',
    ])
      expect(error.message).toContain(problem);
  });
});

describe('secrets', () => {
  it('neither the secret nor a ticket is in what is told of failures', async () => {
    gateway.switches.noUpgrade = true;
    await start();
    gateway.switches.endpoint = 'not an address';
    await until(() => expect(problems).toHaveLength(1));
    await clock.advance(1_000);
    await until(() => expect(problems).toHaveLength(2));
    const shown = problems.map(everythingOf).join('\n');
    expect(gateway.tickets).toHaveLength(2);
    for (const secret of [CLIENT.clientSecret, ...gateway.tickets]) expect(shown).not.toContain(secret);
  });

  it('a ticket that was had through TLS is not sent without', async () => {
    let endpoint = 'ws://wss.dingtalk.example/connect';
    const fetch: typeof globalThis.fetch = async () => Response.json({ endpoint, ticket: 'secret-ticket' });
    const stream = await start({ baseUrls: { api: 'https://api.dingtalk.example' }, fetch });
    expect(stream.connected).toBe(false);
    expect(messages()[0]).toMatch(/carries no "endpoint" \(wss\) with a "ticket"/);
    expect(everythingOf(problems[0])).not.toContain('secret-ticket');
    // On this machine there is nobody who could listen; the gateway does not know the ticket.
    endpoint = `ws://127.0.0.1:${gateway.port}/connect`;
    await clock.advance(1_000);
    await until(() => expect(problems).toHaveLength(2));
    expect(messages()[1]).toMatch(/no connection with the platform$/);
  });
});

describe('close', () => {
  it('lets the work at hand be answered, takes nothing new, and ends the connection', async () => {
    const { onEvent, begun, end } = work();
    const stream = await start({ onEvent });
    const { connection } = gateway;
    connection.event('user_add_org', {});
    await until(() => expect(begun()).toBe(1));
    const closing = stream.close();
    connection.event('user_add_org', {}, {}, 'm2');
    connection.system('ping', {});
    await until(() => expect(connection.answerTo('s-ping')).toBeDefined());
    expect(begun()).toBe(1);
    end();
    await closing;
    await until(() => expect(connection.closed).toBe(true));
    expect(connection.statusOf('m1')).toBe('SUCCESS');
    expect(connection.answerTo('m2')).toBeUndefined();
    await clock.advance(60 * MINUTE);
    expect(gateway.opened).toHaveLength(1);
    expect(problems).toEqual([]);
    expect(stream.connected).toBe(false);
  });

  it('tells of work that fails meanwhile', async () => {
    let fail = (_: Error): void => {};
    const failing = new Promise<never>((_, reject) => {
      fail = reject;
    });
    let begun = 0;
    const stream = await start({
      onEvent: () => {
        begun++;
        return failing;
      },
    });
    gateway.connection.event('user_add_org', {});
    await until(() => expect(begun).toBe(1));
    const closing = stream.close();
    fail(new Error('the store is closed'));
    await closing;
    await until(() => expect(gateway.connection.statusOf()).toBe('LATER'));
    expect(messages()[0]).toMatch(/the store is closed$/);
  });

  it('waits no longer than 10 s for work that does not end', async () => {
    const { onEvent, begun } = work();
    const stream = await start({ onEvent });
    gateway.connection.event('user_add_org', {});
    await until(() => expect(begun()).toBe(1));
    const closing = stream.close();
    await clock.advance(10_000);
    await closing;
    await until(() => expect(gateway.connection.closed).toBe(true));
    expect(gateway.connection.answerTo()).toBeUndefined();
  });

  it('ends a wait for the next attempt, and nothing comes back after it', async () => {
    gateway.switches.noUpgrade = true;
    const stream = await start();
    gateway.switches.noUpgrade = false;
    await stream.close();
    await clock.advance(60 * MINUTE);
    expect(gateway.opened).toHaveLength(1);
    expect(gateway.connections).toHaveLength(0);
  });

  it('ends an attempt that is under way', async () => {
    const stream = await start();
    gateway.switches.silent = true;
    gateway.connection.terminate();
    await until(() => expect(problems).toHaveLength(1));
    await clock.advance(1_000);
    await until(() => expect(gateway.opened).toHaveLength(2));
    await stream.close();
    expect(stream.connected).toBe(false);
  });

  it('may be called twice', async () => {
    const stream = await start();
    await Promise.all([stream.close(), stream.close()]);
    await stream.close();
  });
});
