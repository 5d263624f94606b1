import { memoryStore } from '@evertoken/core';
import { describe, expect, it } from 'vitest';
import type { AuthorizerSyncResult } from '../../src/index.js';
import { failureOf } from '../support.js';
import {
  APP_ID,
  AUTHORIZER_INFO,
  AUTHORIZER_LIST,
  AUTHORIZER_TOKEN,
  COMPONENT_TOKEN,
  GET_TICKET,
  HOUR,
  MINUTE,
  openWorld,
  SHOP,
  until,
  type World,
} from './world.js';

const OFFICIAL = Array.from({ length: 15 }, (_, at) => `wxo${at}`);
const MINIS = Array.from({ length: 5 }, (_, at) => `wxm${at}`);
const ALL = [...OFFICIAL, ...MINIS];
const AUTHORIZERS = [
  ...OFFICIAL.map((appId) => ({ appId, authorized: true })),
  ...MINIS.map((appId) => ({ appId, kind: 'miniProgram' as const, authorized: true })),
];

async function openRunning(
  authorizers: Parameters<typeof openWorld>[0] = { authorizers: AUTHORIZERS },
): Promise<World> {
  const world = await openWorld(authorizers);
  await world.sandbox.openPlatform.pushTicket(APP_ID);
  await world.tokens.get(world.platform.accessToken);
  return world;
}

describe('syncAuthorizers', () => {
  it('brings all authorizers into an empty store: one list call, one renewal and one look each, then their tickets', async () => {
    const { client, tokens, platform, count, sandbox } = await openRunning();
    const progress: AuthorizerSyncResult[] = [];
    const report = await client.syncAuthorizers({ onProgress: (result) => progress.push(result) });
    expect(report.counts).toEqual({ added: 20, known: 0, changed: 0, neverExchanged: 0, gone: 0, failed: 0 });
    expect(progress).toEqual(report.results);
    await until(() => OFFICIAL.every((appId) => tokens.peek(platform.authorizer(appId).cardTicket) !== undefined));
    await tokens.refreshDue();
    expect(
      [AUTHORIZER_LIST, AUTHORIZER_TOKEN, AUTHORIZER_INFO, GET_TICKET, COMPONENT_TOKEN].map((path) => count(path)),
    ).toEqual([1, 20, 20, 30, 1]);
    expect(sandbox.calls({}).every(({ outcome }) => outcome === 'ok')).toBe(true);
    for (const appId of ALL) expect(tokens.peek(platform.authorizer(appId).accessToken)).toBeDefined();
    // Once more: the list is read, and nothing else is to be done.
    expect((await client.syncAuthorizers()).counts).toMatchObject({ known: 20, added: 0 });
    expect([count(AUTHORIZER_LIST), count(AUTHORIZER_TOKEN), count(AUTHORIZER_INFO)]).toEqual([2, 20, 20]);
  });

  it('brings them back after the store was emptied', async () => {
    const world = await openRunning();
    await world.client.syncAuthorizers();
    const emptied = await world.another({ store: memoryStore({ clock: world.clock }) });
    world.sandbox.openPlatform.configure(APP_ID, { callbackUrl: emptied.url });
    await world.sandbox.openPlatform.pushTicket(APP_ID);
    expect((await emptied.client.syncAuthorizers()).counts).toMatchObject({ added: 20 });
    expect(await emptied.client.authorizer('wxo3').get('/cgi-bin/user/get')).toMatchObject({ total: 2 });
  });

  it('reads a list of several pages', async () => {
    const many = Array.from({ length: 620 }, (_, at) => ({ appId: `wx${at}`, kind: 'miniProgram' as const }));
    const { client, sandbox, count } = await openRunning({ authorizers: many });
    for (const { appId } of many) sandbox.openPlatform.authorize(APP_ID, appId, { push: false });
    const { counts, results } = await client.syncAuthorizers();
    expect(counts).toMatchObject({ neverExchanged: 620 });
    expect(new Set(results.map(({ appId }) => appId)).size).toBe(620);
    expect([count(AUTHORIZER_LIST), count(AUTHORIZER_TOKEN)]).toEqual([2, 0]);
  });

  it('takes over what changed behind our back, and tells what is gone', async () => {
    const { client, sandbox, tokens, platform, clock, count } = await openRunning();
    await client.syncAuthorizers();
    const [changed, gone, never] = ['wxo1', 'wxo2', 'wxm1'] as const;
    clock.advance(5 * MINUTE);
    sandbox.openPlatform.replaceRefreshToken(APP_ID, changed);
    sandbox.openPlatform.cancel(APP_ID, gone, { push: false });
    sandbox.openPlatform.authorize(APP_ID, never, { push: false });
    const before = count(AUTHORIZER_TOKEN);
    const { counts, results } = await client.syncAuthorizers();
    expect(counts).toEqual({ added: 0, known: 17, changed: 1, neverExchanged: 1, gone: 1, failed: 0 });
    const outcomes = Object.fromEntries(results.map(({ appId, outcome }) => [appId, outcome]));
    expect(outcomes).toMatchObject({ [changed]: 'changed', [gone]: 'gone', [never]: 'neverExchanged' });
    expect(count(AUTHORIZER_TOKEN)).toBe(before + 1);
    // Left alone: its own token tells the rest.
    expect(tokens.peek(platform.authorizer(gone).accessToken)).toBeDefined();
  });

  it('brings back an account whose withdrawal was followed by an authorization that nobody told us of', async () => {
    const world = await openRunning({ authorizers: [{ appId: SHOP, authorized: true }] });
    const { client, sandbox, tokens, platform, clock } = world;
    await client.syncAuthorizers();
    clock.advance(MINUTE);
    sandbox.openPlatform.cancel(APP_ID, SHOP);
    await sandbox.pushes();
    clock.advance(MINUTE);
    const { authorizationCode } = sandbox.openPlatform.authorize(APP_ID, SHOP, { push: false });
    const { accessToken } = platform.authorizer(SHOP);
    expect(await failureOf(tokens.get(accessToken))).toMatchObject({ reason: 'gone' });
    expect((await client.syncAuthorizers()).counts).toMatchObject({ neverExchanged: 1 });
    // Another program, on another store, has exchanged the code: the platform has a refresh token for us.
    const other = await world.another({ store: memoryStore({ clock }) });
    const { value } = await tokens.get(platform.verifyTicket);
    await other.tokens.adopt(other.platform.verifyTicket, { value, lifetimeMs: HOUR }, { order: 1 });
    await other.client.exchange(authorizationCode);
    expect((await client.syncAuthorizers()).counts).toMatchObject({ added: 1 });
    expect((await tokens.get(accessToken)).value).toMatch(/./);
  });

  it('never puts what was listed in the place of a newer authorization', async () => {
    const { client, sandbox, tokens, platform, clock, count } = await openRunning({
      authorizers: [{ appId: SHOP, authorized: true }],
    });
    const { accessToken, jsapiTicket, cardTicket } = platform.authorizer(SHOP);
    await client.syncAuthorizers();
    await Promise.all([tokens.get(jsapiTicket), tokens.get(cardTicket)]);
    clock.advance(MINUTE);
    sandbox.openPlatform.replaceRefreshToken(APP_ID, SHOP);
    // The list is read; before it is worked through the account authorizes anew.
    sandbox.fault({ kind: 'delay', delayMs: 500, endpoint: AUTHORIZER_LIST });
    const syncing = client.syncAuthorizers();
    await until(() => count(AUTHORIZER_LIST) === 2);
    const { authorizationCode } = sandbox.openPlatform.authorize(APP_ID, SHOP, { push: false });
    await client.exchange(authorizationCode);
    const newer = await tokens.get(accessToken);
    expect((await syncing).counts).toMatchObject({ known: 1, changed: 0 });
    expect((await tokens.get(accessToken)).value).toBe(newer.value);
    expect(sandbox.calls({ endpoint: AUTHORIZER_TOKEN, outcome: '61023' })).toEqual([]);
  });

  it('goes on where one fails, says why, and can be stopped', async () => {
    const { client, sandbox } = await openRunning();
    sandbox.fault({ kind: 'code', code: 61023, endpoint: AUTHORIZER_TOKEN, subject: 'wxo4' });
    const { counts, results } = await client.syncAuthorizers();
    expect(counts).toMatchObject({ added: 19, failed: 1 });
    expect(results.find(({ outcome }) => outcome === 'failed')).toMatchObject({
      appId: 'wxo4',
      error: { code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED', subject: 'wxo4' },
    });
    const stop = new AbortController();
    const seen: string[] = [];
    await client.syncAuthorizers({
      concurrency: 1,
      signal: stop.signal,
      onProgress: ({ appId }) => seen.push(appId) === 3 && stop.abort(),
    });
    expect(seen).toHaveLength(3);
  });

  it('tries again what the platform had refused, where it names it still', async () => {
    const { client, sandbox, tokens, platform, clock } = await openRunning({
      authorizers: [{ appId: SHOP, authorized: true }],
    });
    await client.syncAuthorizers();
    clock.advance(3 * HOUR);
    sandbox.fault({ kind: 'code', code: 61003, endpoint: AUTHORIZER_TOKEN });
    await failureOf(tokens.get(platform.authorizer(SHOP).accessToken));
    const states = [];
    for await (const { state } of client.authorizers()) states.push(state);
    expect(states).toEqual(['reauthorize']);
    expect((await client.syncAuthorizers()).counts).toMatchObject({ changed: 1 });
    expect(await client.authorizer(SHOP).get('/cgi-bin/user/get')).toMatchObject({ total: 2 });
  });
});

describe('authorizers()', () => {
  it('tells facts and states of all that are stored, and no token', async () => {
    const { client, tokens, platform } = await openRunning();
    await client.syncAuthorizers();
    const all = [];
    for await (const authorizer of client.authorizers()) all.push(authorizer);
    expect(all).toHaveLength(20);
    expect(all.find(({ appId }) => appId === 'wxm2')).toEqual({
      appId: 'wxm2',
      state: 'active',
      kind: 'miniProgram',
      name: 'wxm2',
      permissions: [1, 2, 3, 4],
      authorizedAt: expect.any(Number) as number,
      expiresAt: expect.any(Number) as number,
    });
    const { value } = await tokens.get(platform.authorizer('wxm2').accessToken);
    expect(JSON.stringify(all)).not.toContain(value);
    expect(JSON.stringify(all)).not.toContain('ingerprint');
    const none = [];
    for await (const authorizer of client.authorizers({ states: ['reauthorize'] })) none.push(authorizer);
    expect(none).toEqual([]);
  });
});
