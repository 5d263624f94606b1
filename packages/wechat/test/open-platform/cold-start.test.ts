import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore, type TokenStore } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { describe, expect, it, onTestFinished } from 'vitest';
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
  type Program,
  QUERY_AUTH,
  START_PUSH,
  until,
  type World,
} from './world.js';

const TOKENS_ONLY = ['component_verify_ticket', 'component_access_token', 'authorizer_access_token'];

interface OutageOptions {
  readonly official: number;
  readonly mini: number;
  /** Whether the authorizers' tickets were stored before; they have expired since. */
  readonly tickets: boolean;
  /** Opens the one store for another program. Default: one in memory. */
  readonly openStore?: (clock: World['clock']) => TokenStore;
}

/** A store that knows all authorizers, and programs that were down for three days; the platform has stopped its tickets. */
async function openAfterOutage({ official, mini, tickets, openStore }: OutageOptions) {
  const authorizers = [
    ...Array.from({ length: official }, (_, at) => ({ appId: `wxo${at}`, authorized: true })),
    ...Array.from({ length: mini }, (_, at) => ({ appId: `wxm${at}`, kind: 'miniProgram' as const, authorized: true })),
  ];
  const world = await openWorld({ authorizers });
  const { clock, sandbox } = world;
  const inMemory = memoryStore({ clock });
  const store = () => openStore?.(clock) ?? inMemory;
  const before = await world.another({ store: store(), ...(!tickets && { refresh: { kinds: TOKENS_ONLY } }) });
  sandbox.openPlatform.configure(APP_ID, { callbackUrl: before.url });
  await sandbox.openPlatform.pushTicket(APP_ID);
  expect((await before.client.syncAuthorizers()).counts).toMatchObject({ added: official + mini });
  if (tickets) await until(() => world.count(GET_TICKET) === 2 * official, 60_000);
  await before.tokens.close();
  sandbox.openPlatform.configure(APP_ID, { callbackUrl: undefined, ticketsStopped: true });
  clock.advance(72 * HOUR);
  const since = sandbox.now();
  const calls = () => sandbox.calls().filter(({ at }) => at >= since);
  const total = (endpoint: string) => calls().filter((call) => call.endpoint === endpoint).length;
  const each = (endpoint: string) => {
    const counts = new Map<string | undefined, number>();
    for (const { endpoint: path, subject } of calls()) {
      if (path === endpoint) counts.set(subject, (counts.get(subject) ?? 0) + 1);
    }
    return new Set(counts.values());
  };
  return {
    world,
    store,
    authorizers,
    total,
    /** All of what it took, and nothing of it twice. */
    expectExact() {
      expect(total(COMPONENT_TOKEN)).toBe(1);
      expect(total(AUTHORIZER_TOKEN)).toBe(official + mini);
      expect(total(GET_TICKET)).toBe(2 * official);
      expect([each(AUTHORIZER_TOKEN), each(GET_TICKET)]).toEqual([new Set([1]), new Set([2])]);
      expect([AUTHORIZER_INFO, AUTHORIZER_LIST, QUERY_AUTH].map(total)).toEqual([0, 0, 0]);
      expect(calls().filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
    },
  };
}

describe('a cold start with 200 authorizers and a verify ticket that comes late', () => {
  it.each([
    { official: 150, mini: 50, tickets: true },
    // Tickets of which nothing was ever stored.
    { official: 15, mini: 5, tickets: false },
  ])(
    'ends with all tokens and tickets fresh, without a restart (%j)',
    async (outage) => {
      const { world, store, authorizers, total, expectExact } = await openAfterOutage(outage);
      const { sandbox, clock } = world;
      const program = await world.another({ store: store() });
      const { tokens, platform, client } = program;
      await tokens.start();
      for (let sweep = 0; sweep < 10; sweep++) {
        await tokens.refreshDue();
        clock.advance(30_000);
      }
      expect(total(COMPONENT_TOKEN)).toBe(0);
      expect(total(START_PUSH)).toBeGreaterThan(0);
      sandbox.openPlatform.configure(APP_ID, { callbackUrl: program.url });
      await sandbox.openPlatform.pushTicket(APP_ID);
      await tokens.refreshDue();
      const fresh = ({ appId }: { appId: string }) => {
        const { accessToken, jsapiTicket, cardTicket } = platform.authorizer(appId);
        const wanted = appId.startsWith('wxo') ? [accessToken, jsapiTicket, cardTicket] : [accessToken];
        return wanted.every((source) => tokens.peek(source) !== undefined);
      };
      await until(() => authorizers.every(fresh), 60_000);
      await tokens.refreshDue();
      expectExact();
      expect(await client.authorizer('wxo7').get('/cgi-bin/user/get')).toMatchObject({ total: 2 });
    },
    120_000,
  );
});

describe('a cold start of four programs on one store', () => {
  it('costs no more than that of one', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'evertoken-cold-start-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const openStore = (clock: World['clock']) => fileStore({ directory, clock });
    const { world, total, expectExact } = await openAfterOutage({ official: 30, mini: 10, tickets: true, openStore });
    const { sandbox, clock } = world;
    const programs: Program[] = [];
    for (let at = 0; at < 4; at++) programs.push(await world.another({ store: openStore(clock) }));
    await Promise.all(programs.map(({ tokens }) => tokens.refreshDue()));
    clock.advance(MINUTE);
    sandbox.openPlatform.configure(APP_ID, { callbackUrl: (programs[0] as Program).url });
    await sandbox.openPlatform.pushTicket(APP_ID);
    for (let sweep = 0; sweep < 20 && total(GET_TICKET) < 60; sweep++) {
      await Promise.all(programs.map(({ tokens }) => tokens.refreshDue()));
      clock.advance(MINUTE);
    }
    expectExact();
  }, 120_000);
});
