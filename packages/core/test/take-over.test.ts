import { beforeEach, describe, expect, it } from 'vitest';
import { type IssuedToken, memoryStore, TokenManager, type TokenStore } from '../src/index.js';
import { ManualClock } from '../src/testing/index.js';
import { ModelPlatform, modelAccount, network } from './model-platform.js';

const DAY = 86_400_000;
let clock: ManualClock;
let platform: ModelPlatform;
let store: TokenStore;

beforeEach(() => {
  clock = new ManualClock();
  platform = new ModelPlatform(clock, 'rotating');
  platform.lifetimeMs = DAY;
  store = memoryStore({ clock });
});

const account = () =>
  modelAccount(platform, { subjects: ['user-1'], renewableFrom: (current) => current.expiresAt ?? 0 });

function manage(over: TokenStore = store) {
  const model = account();
  const manager = new TokenManager({
    accounts: [model],
    clock,
    random: () => 0,
    fetch: network,
    store: over,
    allowVolatileGrants: true,
  });
  return { manager, source: model.token };
}

/** A pair as another system holds it, by the time its refresh token has left. */
const pair = (name: string, leftMs: number): IssuedToken => ({
  value: `T${name}`,
  refreshToken: `R${name}`,
  expiresAt: clock.now() + leftMs - 2 * DAY,
  refreshTokenExpiresAt: clock.now() + leftMs,
});

describe('takeOver', () => {
  it('takes what is not known here, and keeps it from then on', async () => {
    const { manager, source } = manage();
    expect(await manager.takeOver(source, pair('0', 2.5 * DAY))).toBe('taken');
    expect((await manager.get(source)).value).toBe('T0');
    await clock.advance(0.6 * DAY);
    expect((await manager.refreshDue()).counts.renewed).toBe(1);
    expect((await manager.get(source)).value).toBe('T1');
  });

  it('renews a pair whose token had ended already, and asks for it in steps where that fails', async () => {
    const { manager, source } = manage();
    await manager.takeOver(source, pair('0', DAY));
    platform.twists = ['ERR_TOKEN_BUSY'];
    expect((await manager.refreshDue()).counts.failed).toBe(1);
    expect((await manager.refreshDue()).results).toEqual([]);
    await clock.advance(60_000);
    expect((await manager.refreshDue()).counts.renewed).toBe(1);
    expect((await manager.get(source)).value).toBe('T1');
  });

  it.each([
    ['the same pair', '5', 2.5 * DAY, 'same', 'T5'],
    ['one that ends later', '6', 2.6 * DAY, 'taken', 'T6'],
    ['one that ends at the same time', '6', 2.5 * DAY, 'kept', 'T5'],
    ['one that ends earlier', '6', 2.4 * DAY, 'kept', 'T5'],
  ] as const)('compares first: %s', async (_what, name, leftMs, outcome, stands) => {
    const { manager, source } = manage();
    await manager.adopt(source, pair('5', 2.5 * DAY), { grant: true });
    expect(await manager.takeOver(source, pair(name, leftMs), { dryRun: true })).toBe(outcome);
    expect((await manager.get(source)).value).toBe('T5');
    expect(await manager.takeOver(source, pair(name, leftMs))).toBe(outcome);
    expect((await manager.get(source)).value).toBe(stands);
  });

  it('never brings back what was renewed here since, whatever it says of its end', async () => {
    const { manager, source } = manage();
    await manager.adopt(source, pair('0', 2 * DAY), { grant: true });
    expect((await manager.refresh(source)).outcome).toBe('renewed');
    expect(await manager.takeOver(source, pair('0', 20 * DAY))).toBe('kept');
    expect((await manager.get(source)).value).toBe('T1');
  });

  it('keeps what is known where the other system does not know when its own ends', async () => {
    const { manager, source } = manage();
    await manager.adopt(source, pair('5', 2 * DAY), { grant: true });
    expect(await manager.takeOver(source, { value: 'T6', refreshToken: 'R6' })).toBe('kept');
  });

  it('replaces what the platform has refused, and leaves alone what was forgotten', async () => {
    const { manager, source } = manage();
    await manager.adopt(source, pair('9', 2 * DAY), { grant: true });
    expect((await manager.refresh(source)).outcome).toBe('reauthorize');
    expect(await manager.takeOver(source, pair('0', 1.5 * DAY))).toBe('taken');
    expect((await manager.refresh(source)).outcome).toBe('renewed');
    await manager.forget(source, { grant: true });
    expect(await manager.takeOver(source, pair('7', 3 * DAY))).toBe('gone');
    await expect(manager.get(source)).rejects.toMatchObject({ reason: 'gone' });
  });

  it('loses against a sign-in that is stored between comparing and storing', async () => {
    const { manager: other, source } = manage();
    let once = true;
    const racing = new Proxy(store, {
      get(target, name: keyof TokenStore) {
        const method = name === 'peek' || name === 'watch' ? undefined : target[name];
        if (typeof method !== 'function') return method;
        return async (...args: never[]) => {
          if (name === 'commit' && once) {
            once = false;
            await other.adopt(source, pair('new', 3 * DAY), { grant: true });
          }
          return (method as (...args: never[]) => unknown).apply(target, args);
        };
      },
    });
    const { manager } = manage(racing);
    expect(await manager.takeOver(source, pair('old', 2 * DAY))).toBe('kept');
    expect((await other.get(source)).value).toBe('Tnew');
  });

  it('takes no half of a pair', async () => {
    const { manager, source } = manage();
    await expect(manager.takeOver(source, { value: 'T0' })).rejects.toMatchObject({ reason: 'malformed' });
    expect(await store.read(source.key)).not.toHaveProperty('record');
  });

  it('shows the facts that came along, and nothing else of a token', async () => {
    const { manager, source } = manage();
    await manager.takeOver(source, { ...pair('0', 2.5 * DAY), extra: { companyId: 'c1' } });
    const shown: unknown[] = [];
    for await (const status of manager.inspect()) shown.push(status);
    expect(shown).toEqual([expect.objectContaining({ subject: 'user-1', extra: { companyId: 'c1' } })]);
    expect(JSON.stringify(shown)).not.toMatch(/"[TR]0"/);
  });
});
