import { describe, expect, it } from 'vitest';
import { pushAuthorized } from './own-pushes.js';
import {
  APP_ID,
  AUTHORIZER_INFO,
  AUTHORIZER_TOKEN,
  COMPONENT_TOKEN,
  GET_TICKET,
  HOUR,
  MINUTE,
  openWorld,
  type Program,
  QUERY_AUTH,
} from './world.js';

const NAMES = ['wxa', 'wxb', 'wxc'];
const ENDPOINTS = [AUTHORIZER_INFO, AUTHORIZER_TOKEN, COMPONENT_TOKEN, GET_TICKET, QUERY_AUTH];
const STEPS = 60;
const SEEDS = Array.from({ length: process.env['EVERTOKEN_PROOF'] === '1' ? 50 : 3 }, (_, at) => at + 1);

/** Numbers in [0, 1) that a seed brings back. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

/** Accounts that authorize, do so again and leave, while answers are lost, tokens die, and two programs are at it. */
async function storm(seed: number) {
  const random = randomOf(seed);
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T;
  const world = await openWorld({
    authorizers: NAMES.map((appId, at) => ({ appId, kind: at === 2 ? 'miniProgram' : 'officialAccount' })),
  });
  const { sandbox, clock } = world;
  const programs: Program[] = [world, await world.another()];
  const { openPlatform } = sandbox;
  const quiet = async (work: Promise<unknown>) => void (await work.catch(() => {}));
  const state = (appId: string) =>
    sandbox.state().openPlatforms[0]?.authorizers.find((authorizer) => authorizer.appId === appId);
  await openPlatform.pushTicket(APP_ID);

  const steps: Record<string, (appId: string, program: Program) => Promise<unknown> | unknown> = {
    authorize: (appId) => openPlatform.authorize(APP_ID, appId),
    redirect: (appId, { client }) =>
      quiet(client.exchange(openPlatform.authorize(APP_ID, appId, { push: false }).authorizationCode)),
    both: (appId, { client }) => quiet(client.exchange(openPlatform.authorize(APP_ID, appId).authorizationCode)),
    late: async (appId, { client, url }) => {
      const { authorizationCode } = openPlatform.authorize(APP_ID, appId, { push: false });
      await quiet(client.exchange(authorizationCode));
      await pushAuthorized(sandbox, url, appId, authorizationCode);
    },
    cancel: (appId) => state(appId)?.authorized && openPlatform.cancel(APP_ID, appId),
    kill: (appId) => openPlatform.killToken(APP_ID, random() < 0.15 ? undefined : appId),
    lose: (appId) => state(appId)?.exchanged && openPlatform.replaceRefreshToken(APP_ID, appId),
    fault: () => sandbox.fault({ kind: pick(['drop', 'busy', 'malformed'] as const), endpoint: pick(ENDPOINTS) }),
    ticket: () => openPlatform.pushTicket(APP_ID, { ticket: pick(['new', 'newest'] as const) }),
    call: (appId, { client }) => quiet(client.authorizer(appId).get('/cgi-bin/user/get')),
    sweep: (_, { tokens }) => tokens.refreshDue(),
    sync: (_, { client }) => quiet(client.syncAuthorizers()),
    async wait() {
      const minutes = Math.floor(random() * 90);
      // A push that is hours old when it arrives would be taken for a replay.
      await sandbox.pushes();
      clock.advance(minutes * MINUTE);
    },
  };
  const names = Object.keys(steps);
  const underWay: unknown[] = [];
  for (let at = 0; at < STEPS; at++) {
    const step = steps[pick(names)]?.(pick(NAMES), pick(programs));
    underWay.push(step);
    // Half of what is begun goes on while the next thing happens.
    if (random() < 0.5) await step;
    openPlatform.configure(APP_ID, { callbackUrl: pick(programs).url });
  }

  await Promise.all(underWay);
  sandbox.clearFaults();
  await sandbox.pushes();
  clock.advance(MINUTE);
  await openPlatform.pushTicket(APP_ID);
  await sandbox.pushes();
  clock.advance(HOUR);
  for (const { tokens, platform } of programs) {
    await tokens.refreshDue();
    await quiet(tokens.refresh(platform.accessToken));
  }
  await world.client.syncAuthorizers();
  // A withdrawal that met an exchange half-way shows with the next renewal.
  for (const appId of NAMES) await world.tokens.refresh(world.platform.authorizer(appId).accessToken);
  const results: string[] = [];
  for (const appId of NAMES) {
    const { authorized, exchanged } = state(appId) ?? {};
    const outcomes = await Promise.all(
      programs.map(({ client }) =>
        client
          .authorizer(appId)
          .get('/cgi-bin/user/get')
          .then(
            () => 'works',
            () => 'refused',
          ),
      ),
    );
    const expected = authorized && exchanged ? 'works' : 'refused';
    for (const outcome of outcomes) if (outcome !== expected) results.push(`${appId}: ${outcome}, not ${expected}`);
  }
  return results;
}

describe('whatever happens in whatever order', () => {
  it.each(SEEDS)(
    'ends with a working token for each account that is authorized, and none else (seed %i)',
    async (seed) => {
      expect(await storm(seed)).toEqual([]);
    },
    120_000,
  );
});
