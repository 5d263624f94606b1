import { memoryStore } from '@evertoken/core';
import { describe, expect, it, vi } from 'vitest';
import { CORP, type JumpingClock, MINUTE, OTHER, PROVIDER, SUITE, World } from './world.js';

const CORPS = [CORP, OTHER, PROVIDER];
const PATH = '/cgi-bin/get_api_domain_ip';
const EXCHANGE = '/cgi-bin/service/v2/get_permanent_code';
const TOKENS = ['/cgi-bin/service/get_suite_token', '/cgi-bin/service/get_corp_token'];
const STEPS = 50;
const SEEDS = Array.from({ length: process.env['EVERTOKEN_PROOF'] ? 50 : 3 }, (_, at) => at + 1);

/** Numbers in [0, 1) that a seed brings back. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

/** Corps that install the app, do so again and leave, while tokens die, answers are lost, and two programs are at it. */
async function storm(seed: number): Promise<string[]> {
  const random = randomOf(seed);
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T;
  const world = await World.open({ machine: true });
  try {
    const clock = world.time as JumpingClock;
    const store = memoryStore({ clock });
    const programs = await Promise.all([0, 1].map(() => program(world, store)));
    const { wecom } = world.sandbox;
    const quiet = async (work: Promise<unknown>) => void (await work.catch(() => {}));
    const stateOf = (corpId: string) =>
      world.sandbox
        .state()
        .wecom.suites.find(({ suiteId }) => suiteId === SUITE)
        ?.installations.find((installation) => installation.corpId === corpId && !installation.cancelled);
    wecom.setCallback(SUITE, { url: programs[0]?.url ?? null });
    await world.ticket();

    const steps: Record<string, (corpId: string, by: (typeof programs)[number]) => Promise<unknown> | unknown> = {
      install: (corpId) => void wecom.install(SUITE, { corpId }),
      redirect: (corpId, { client }) =>
        quiet(client.exchange(wecom.install(SUITE, { corpId }, { push: false }).authCode)),
      both: (corpId, { client }) => quiet(client.exchange(wecom.install(SUITE, { corpId }).authCode)),
      leave: (corpId) => stateOf(corpId) && wecom.uninstall(SUITE, corpId, { push: random() < 0.7 }),
      again: (corpId) => stateOf(corpId) && wecom.reinstall(SUITE, corpId),
      reset: (corpId) => stateOf(corpId) && wecom.resetPermanentCode(SUITE, corpId),
      change: (corpId) => stateOf(corpId) && wecom.changeAuth(SUITE, corpId),
      late: () => {
        try {
          wecom.repeatEvent(SUITE, { infoType: pick(['create_auth', 'cancel_auth', 'change_auth'] as const) });
        } catch {
          // Nothing of that kind has happened yet.
        }
      },
      kill: (corpId) => (random() < 0.3 || !stateOf(corpId) ? wecom.killToken(SUITE) : wecom.killToken(SUITE, corpId)),
      // The answer of an exchange is not to be lost: nobody could have the code again.
      refuse: () => world.sandbox.fault({ platform: 'wecom', kind: 'status', status: 503, endpoint: EXCHANGE }),
      fault: () =>
        world.sandbox.fault({ platform: 'wecom', kind: pick(['drop', 'busy', 'malformed']), endpoint: pick(TOKENS) }),
      ticket: () => wecom.pushTicket(SUITE, pick([{}, { older: true }, { duplicate: true }])),
      call: (corpId, { client }) => quiet(client.corp(corpId).get(PATH)),
      sweep: (_, { manager }) => quiet(manager.refreshDue()),
      async wait() {
        // A push that is hours old when it arrives would be taken for a replay.
        await world.sandbox.pushes();
        clock.jump(Math.floor(random() * 25) * MINUTE);
        await world.ticket();
      },
    };
    async function judged(): Promise<string[]> {
      const results: string[] = [];
      for (const corpId of CORPS) {
        const expected = stateOf(corpId)?.exchanged === true;
        for (const { client } of programs) {
          const outcome = await client
            .corp(corpId)
            .get(PATH)
            .then(
              () => 'works',
              (error: { code?: string; message: string }) => error.code ?? error.message,
            );
          if ((outcome === 'works') !== expected) results.push(`${corpId}: ${outcome}, exchanged: ${expected}`);
        }
      }
      return results;
    }
    const names = Object.keys(steps);
    const underWay: unknown[] = [];
    for (let at = 0; at < STEPS; at++) {
      const step = steps[pick(names)]?.(pick(CORPS), pick(programs));
      underWay.push(step);
      // The platform's times are whole seconds, and no corp comes and goes within one.
      clock.jump(1_000);
      // Half of what is begun goes on while the next thing happens.
      if (random() < 0.5) await step;
      wecom.setCallback(SUITE, { url: pick(programs).url });
    }

    await Promise.all(underWay);
    await world.sandbox.pushes();
    world.sandbox.clearFaults();
    let wrong: string[] = [];
    // What a jump of the clock has cost an attempt is made up for by the next one.
    for (let round = 0; round < 3; round++) {
      clock.jump(16 * MINUTE);
      await world.ticket();
      for (const { manager } of programs) await manager.refreshDue();
      wrong = await judged();
      if (wrong.length === 0) break;
    }
    return wrong;
  } finally {
    await world.close();
  }
}

async function program(world: World, store: ReturnType<typeof memoryStore>) {
  const account = world.suite();
  const manager = world.manager(account, { store });
  return { manager, client: account.client(manager), url: await world.listen(account, manager) };
}

describe('whatever happens in whatever order', () => {
  it.each(SEEDS)(
    'ends with a working token for each corp that has the app, and none else (seed %i)',
    async (seed) => {
      const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
      expect(await storm(seed)).toEqual([]);
      warned.mockRestore();
    },
    120_000,
  );
});
