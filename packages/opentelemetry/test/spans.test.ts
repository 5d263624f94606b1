import type { TokenManager } from '@evertoken/core';
import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { observeTokens, type TokenObservation } from '../src/index.js';
import { openWorld, tracer, type World } from './support.js';

let world: World;
let manager: TokenManager;
let observation: TokenObservation;
let traces: ReturnType<typeof tracer>;

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  world = await openWorld();
});
afterAll(async () => {
  await world.sandbox.close();
  context.disable();
});
beforeEach(() => {
  traces = tracer();
  manager = world.manage();
  observation = observeTokens(manager, { meterProvider: false, tracerProvider: traces.provider });
});
afterEach(async () => {
  observation.stop();
  await manager.close();
  world.sandbox.reset();
});

/** Does something inside of a span, as a request does that is traced. */
async function traced<Result>(name: string, work: () => Promise<Result>) {
  return traces.provider.getTracer('test').startActiveSpan(name, async (span) => {
    const result = await work();
    span.end();
    return { result, spanId: span.spanContext().spanId, traceId: span.spanContext().traceId };
  });
}

const issues = () => traces.spans().filter(({ name }) => name === 'evertoken.issue');

describe('the span of an issue', () => {
  it('is a child of the request that needed the token, and there is none for those who were given it', async () => {
    const { shop } = world.accounts;
    const [first, second] = await Promise.all([
      traced('GET /followers', () => manager.get(shop.accessToken)),
      traced('GET /menu', () => manager.get(shop.accessToken)),
    ]);
    await traced('GET /later', () => manager.get(shop.accessToken));
    expect(issues()).toHaveLength(1);
    const [issue] = issues();
    expect(issue?.parentSpanContext?.spanId).toBe(first.spanId);
    expect(issue?.spanContext().traceId).toBe(first.traceId);
    expect(first.traceId).not.toBe(second.traceId);
  });

  it('has the spans of what it needs first beside it', async () => {
    const { spanId } = await traced('GET /page', () => manager.get(world.accounts.shop.jsapiTicket));
    const kinds = issues().map((span) => [span.attributes['evertoken.token.kind'], span.parentSpanContext?.spanId]);
    expect(kinds).toEqual([
      ['access_token', spanId],
      ['jsapi_ticket', spanId],
    ]);
  });

  it('is a root where a timer has asked, and a child of a sweep that is traced', async () => {
    const { shop, oa } = world.accounts;
    await context.with(ROOT_CONTEXT, () => manager.refresh(shop.accessToken));
    expect(issues()[0]?.parentSpanContext).toBeUndefined();
    const { spanId } = await traced('refreshDue', () => manager.refreshDue());
    const parents = issues().slice(1);
    expect(parents.length).toBeGreaterThan(1);
    expect(new Set(parents.map((span) => span.parentSpanContext?.spanId))).toEqual(new Set([spanId]));
    expect(parents.map((span) => span.attributes['evertoken.account.name'])).toContain(oa.name);
  });

  it('says how long the platform took and what came of it, in real time whatever the manager’s clock', async () => {
    const before = Date.now();
    await manager.get(world.accounts.shop.accessToken);
    const [span] = issues();
    expect(span?.kind).toBe(SpanKind.CLIENT);
    expect(span?.instrumentationScope.name).toBe('@evertoken/opentelemetry');
    expect(span?.status).toEqual({ code: SpanStatusCode.UNSET });
    expect(span?.attributes).toEqual({
      'evertoken.account.name': 'shop',
      'evertoken.platform.name': 'wechat',
      'evertoken.token.kind': 'access_token',
      'evertoken.outcome': 'renewed',
      'evertoken.forced': false,
      'evertoken.requests': 1,
    });
    const endedAt = (span?.endTime[0] ?? 0) * 1000;
    expect(endedAt).toBeGreaterThanOrEqual(Math.floor(before / 1000) * 1000);
    expect(endedAt).toBeLessThanOrEqual(Date.now());
  });

  it('lasts as long as the event says, and is an internal one where nothing was sent', () => {
    let tell: ((event: never) => void) | undefined;
    const source = {
      on: (name: string, listener: (event: never) => void) => {
        if (name === 'issue') tell = listener;
        return () => {};
      },
    };
    observeTokens(source, { meterProvider: false, tracerProvider: traces.provider });
    const event = { account: 'a', platform: 'p', kind: 'k', at: 0, outcome: 'failed', forced: true, requests: 0 };
    tell?.({ ...event, durationMs: 1_250 } as never);
    expect(issues()[0]).toMatchObject({ duration: [1, 250_000_000], kind: SpanKind.INTERNAL });
  });

  it('is an error with the codes of a failure, without its message', async () => {
    const { sandbox, accounts } = world;
    sandbox.fault({ kind: 'code', code: 40164, message: 'not for user anna', endpoint: '/cgi-bin/token' });
    const error = await manager.get(accounts.shop.accessToken).catch((thrown: Error) => thrown);
    expect(String(error)).toContain('anna');
    const [span] = issues();
    expect(span?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'ERR_TOKEN_REFUSED' });
    expect(span?.attributes).toMatchObject({
      'error.type': 'ERR_TOKEN_REFUSED',
      'evertoken.platform.error_code': '40164',
    });
    expect(JSON.stringify([span?.attributes, span?.status, span?.events])).not.toContain('anna');
  });

  it('names the platform’s request, for its support', async () => {
    const { sandbox, accounts } = world;
    sandbox.fault({ kind: 'code', code: 'Forbidden.AccessDenied.IpNotInWhiteList', status: 403, platform: 'dingtalk' });
    const error = await manager.get(accounts.oa.accessToken).catch((thrown: { requestId?: string }) => thrown);
    const { requestId } = error as { requestId?: string };
    expect(requestId).toBeDefined();
    expect(issues()[0]?.attributes['evertoken.platform.request_id']).toBe(requestId);
  });
});

it('goes to the global provider by default, whenever that is registered', async () => {
  const late = world.manage({ accounts: [world.accounts.oa] });
  const watching = observeTokens(late, { meterProvider: false });
  trace.setGlobalTracerProvider(traces.provider);
  await late.get(world.accounts.oa.accessToken);
  expect(issues().map((span) => span.attributes['evertoken.account.name'])).toEqual(['oa']);
  watching.stop();
  trace.disable();
  await late.close();
});
