import { describe, expect, it } from 'vitest';
import { DINGTALK, HOUR, SECOND, START, startSandbox } from '../support.js';
import { ack, connect, type Frame, openStream, refusedHandshake } from './stream-support.js';
import { CORP_ID, SUITE, startSuite, ticketOf } from './suite-support.js';

/** A frame that answers to nothing. */
const silent = () => undefined;

describe('POST /v1.0/gateway/connections/open', () => {
  it('brings an endpoint and a ticket for one connection, for 90 seconds', async () => {
    const sandbox = await startSuite();
    const { endpoint, ticket } = (await openStream(sandbox)).body;
    sandbox.advance(90 * SECOND);
    expect(await refusedHandshake(`${endpoint}?ticket=${ticket}`)).toBe(401);
    const used = await connect(sandbox);
    expect(await refusedHandshake(`${endpoint}?ticket=${used.ticket}`)).toBe(401);
    expect(await refusedHandshake(`${endpoint}?ticket=none`)).toBe(401);
    expect(sandbox.calls({ endpoint: '/v1.0/gateway/connections/open', account: SUITE.suiteKey })).toHaveLength(2);
  });

  it.each([{ clientSecret: 'wrong' }, { clientId: 'nobody' }])('answers 401 authFailed to %o', async (changes) => {
    const sandbox = await startSuite();
    expect(await openStream(sandbox, changes)).toMatchObject({
      status: 401,
      body: { code: 'authFailed', message: '鉴权失败' },
    });
  });

  it('answers XML to who does not ask for JSON', async () => {
    const sandbox = await startSuite();
    const response = await fetch(`${sandbox.urls.dingtalkApi}/v1.0/gateway/connections/open`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ clientId: SUITE.suiteKey, clientSecret: SUITE.suiteSecret }),
    });
    expect(response.headers.get('content-type')).toContain('xml');
    expect(await response.text()).toMatch(/<endpoint>ws:\/\/.*<ticket>/);
  });
});

describe('a Stream connection', () => {
  it('gets the newest ticket that waited for it, and the next ones', async () => {
    const sandbox = await startSuite();
    sandbox.advance(5 * HOUR);
    expect(sandbox.state().dingtalkSuites[0]).toMatchObject({ streams: 0, waitingPushes: expect.any(Number) });
    const client = await connect(sandbox);
    await expect.poll(() => client.frames.length).toBe(1);
    await sandbox.pushes();
    expect(sandbox.state().dingtalkSuites[0]).toMatchObject({ streams: 1, waitingPushes: 0 });
    expect(client.frames[0]).toMatchObject({
      specVersion: '1.0',
      type: 'EVENT',
      headers: {
        topic: '*',
        contentType: 'application/json',
        eventType: 'suite_ticket',
        eventBornTime: String(START + 5 * HOUR),
        eventCorpId: SUITE.corpId,
      },
      data: { suiteTicket: ticketOf(sandbox) },
    });
    sandbox.advance(5 * HOUR);
    await sandbox.pushes();
    expect(client.frames[1]?.data).toEqual({ suiteTicket: ticketOf(sandbox) });
    expect(sandbox.pushLog()).toMatchObject([
      { event: 'suite_ticket', url: 'stream', tries: 1, outcome: 'success' },
      { event: 'suite_ticket', tries: 1, outcome: 'success' },
    ]);
  });

  it('is told about organisations', async () => {
    const sandbox = await startSuite({ suiteTicketEveryMs: 0 });
    const client = await connect(sandbox);
    sandbox.dingtalkSuite.authorize(SUITE.suiteKey, 'third');
    sandbox.dingtalkSuite.cancel(SUITE.suiteKey, 'third');
    await sandbox.pushes();
    expect(client.frames.map(({ headers }) => [headers['eventType'], headers['eventCorpId']])).toEqual([
      ['org_suite_auth', 'third'],
      ['org_suite_relieve', 'third'],
    ]);
    expect(client.frames[0]?.data).toMatchObject({ auth_corp_info: { corpid: 'third' } });
  });

  it.each([
    ['LATER', ack('LATER'), { outcome: 'pending' }],
    ['another code', ack('SUCCESS', 500), { outcome: 'status', status: 500 }],
    ['nothing', silent, { outcome: 'timeout' }],
  ] as const)('that answers %s gets the event again', async (_name, first, logged) => {
    const sandbox = await startSuite({ suiteTicketEveryMs: 0, streamAckMs: 200 });
    let count = 0;
    const client = await connect(sandbox, (frame, raw) => {
      count += 1;
      return count === 1 ? first(frame, raw) : ack('SUCCESS')(frame, raw);
    });
    sandbox.dingtalkSuite.change(SUITE.suiteKey, CORP_ID);
    await sandbox.pushes();
    expect(sandbox.pushLog()).toMatchObject([{ tries: 1, ...logged }]);
    sandbox.dingtalkSuite.configure(SUITE.suiteKey, { streamAckMs: 5000 });
    sandbox.advance(5 * SECOND);
    await sandbox.pushes();
    expect(sandbox.pushLog()).toMatchObject([{ tries: 2, outcome: 'success' }]);
    const [one, two] = client.frames.map(({ headers }) => headers);
    expect(two?.['eventId']).toBe(one?.['eventId']);
    expect(two?.['messageId']).not.toBe(one?.['messageId']);
  });

  it('that goes without an answer leaves the event to the next one', async () => {
    const sandbox = await startSuite({ suiteTicketEveryMs: 0 });
    const first = await connect(sandbox, silent);
    sandbox.dingtalkSuite.change(SUITE.suiteKey, CORP_ID);
    await expect.poll(() => first.frames.length).toBe(1);
    sandbox.dingtalk.cutStreams(SUITE.suiteKey);
    await sandbox.pushes();
    expect(sandbox.pushLog()).toMatchObject([{ tries: 1, outcome: 'network' }]);
    const second = await connect(sandbox);
    sandbox.advance(5 * SECOND);
    await sandbox.pushes();
    expect(second.frames).toHaveLength(1);
  });

  it('is one of several: each event goes to one of them, at random', async () => {
    const sandbox = await startSuite({ suiteTicketEveryMs: 0 });
    const clients = [await connect(sandbox), await connect(sandbox)];
    const others = await connect(sandbox, ack('SUCCESS'), { subscriptions: [{ type: 'CALLBACK', topic: '/bot' }] });
    for (let i = 0; i < 40; i += 1) sandbox.dingtalkSuite.change(SUITE.suiteKey, CORP_ID);
    await sandbox.pushes();
    const counts = clients.map(({ frames }) => frames.length);
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(40);
    // Once in 2^39 runs all go to one of them.
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(others.frames).toEqual([]);
  });

  it('is pinged, and echoes', async () => {
    const sandbox = await startSuite({ suiteTicketEveryMs: 0 });
    const echo = (_frame: Frame, { headers, data }: { headers: object; data: string }) => ({
      ...{ code: 200, message: 'OK' },
      ...{ headers, data },
    });
    const client = await connect(sandbox, echo);
    await connect(sandbox, ack('SUCCESS'));
    expect(await sandbox.dingtalk.pingStreams(SUITE.suiteKey)).toBe(1);
    expect(client.frames).toMatchObject([
      { type: 'SYSTEM', headers: { topic: 'ping' }, data: { opaque: expect.any(String) } },
    ]);
  });

  it('is asked to go, gets nothing any more, and is cut', async () => {
    const sandbox = await startSuite({ suiteTicketEveryMs: 0 });
    const client = await connect(sandbox, silent);
    sandbox.dingtalk.disconnectStreams(SUITE.suiteKey, { afterMs: 300 });
    sandbox.dingtalkSuite.change(SUITE.suiteKey, CORP_ID);
    await expect.poll(() => client.isClosed()).toBe(true);
    expect(client.frames.map(({ type, headers }) => [type, headers['topic']])).toEqual([['SYSTEM', 'disconnect']]);
    const next = await connect(sandbox);
    await expect.poll(() => next.frames.length).toBe(1);
  });

  it('serves internal apps too', async () => {
    const sandbox = await startSandbox();
    const app = { clientId: DINGTALK.appKey, clientSecret: DINGTALK.appSecret };
    sandbox.dingtalk.pushEvent(DINGTALK.appKey, {
      EventType: 'user_add_org',
      CorpId: DINGTALK.corpId,
      UserId: ['lan'],
    });
    const client = await connect(sandbox, ack('SUCCESS'), app);
    await expect
      .poll(() => client.frames)
      .toMatchObject([
        { headers: { eventType: 'user_add_org', eventCorpId: DINGTALK.corpId }, data: { UserId: ['lan'] } },
      ]);
  });

  it('ends with a reset and with the sandbox', async () => {
    const sandbox = await startSuite();
    const first = await connect(sandbox);
    sandbox.reset();
    await expect.poll(() => first.isClosed()).toBe(true);
    const second = await connect(sandbox);
    await sandbox.close();
    await expect.poll(() => second.isClosed()).toBe(true);
  });
});
