import { beforeEach, describe, expect, it } from 'vitest';
import {
  type IssueRequest,
  memoryStore,
  parentRejected,
  TokenError,
  TokenManager,
  type TokenManagerOptions,
  type TokenStore,
} from '../src/index.js';
import type { TokenRecord } from '../src/store/index.js';
import { ManualClock } from '../src/testing/index.js';
import { ModelPlatform, modelAccount, network } from './model-platform.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
let clock: ManualClock;
let platform: ModelPlatform;
let store: TokenStore;

beforeEach(() => {
  clock = new ManualClock();
  platform = new ModelPlatform(clock, 'rotating');
  platform.lifetimeMs = DAY;
  store = memoryStore({ clock });
});

function manage(options: TokenManagerOptions) {
  return new TokenManager({
    clock,
    random: () => 0.5,
    fetch: network,
    store,
    allowVolatileGrants: true,
    singleInstance: true,
    ...options,
  });
}

const renewable = { subjects: ['user-1'], renewableFrom: (current: { expiresAt?: number }) => current.expiresAt ?? 0 };

/** A signed-in user: the platform's current pair is T0/R0. */
async function signedIn(options: Partial<TokenManagerOptions> = {}) {
  const account = modelAccount(platform, renewable);
  const manager = manage({ accounts: [account], ...options });
  await manager.authorize(account.token, async () => ({
    value: 'T0',
    refreshToken: 'R0',
    lifetimeMs: DAY,
    refreshTokenLifetimeMs: 3 * DAY,
  }));
  return { account, manager, source: account.token };
}

const record = async (key: TokenRecord['key']) => (await store.read(key)).record as TokenRecord;

describe('a rotating grant', () => {
  it('is needed before anything can be had: a user who never signed in is told so, without a platform call', async () => {
    const account = modelAccount(platform, renewable);
    await expect(manage({ accounts: [account] }).get(account.token)).rejects.toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      reason: 'absent',
      subject: 'user-1',
    });
    expect(platform.calls).toBe(0);
  });

  it('is renewed once when it has expired, by whichever process needs it, both tokens together', async () => {
    const { account, manager, source } = await signedIn();
    const other = manage({ accounts: [account] });
    expect((await manager.get(source)).value).toBe('T0');
    await clock.advance(DAY);
    const tokens = await Promise.all(
      [manager, other].flatMap((each) => Array.from({ length: 50 }, () => each.get(source))),
    );
    expect(new Set(tokens.map(({ value }) => value))).toEqual(new Set(['T1']));
    expect(platform.calls).toBe(1);
    expect((await record(source.key)).token).toMatchObject({ value: 'T1', refreshToken: 'R1' });
  });

  it('is renewed by the sweep once that is possible, and never before', async () => {
    const { manager, source } = await signedIn({ random: () => 0 });
    await clock.advance(DAY - 1);
    expect((await manager.refreshDue()).results).toEqual([]);
    expect((await manager.refresh(source)).outcome).toBe('notYetRenewable');
    await clock.advance(1);
    expect((await manager.refreshDue()).counts.renewed).toBe(1);
    expect(platform.calls).toBe(1);
  });

  it('is due a little after that, each at another moment, and had at once by who needs it', async () => {
    const { manager, source } = await signedIn({ random: () => 0.5 });
    await clock.advance(DAY + 0.005 * DAY - 1);
    expect((await manager.refreshDue()).results).toEqual([]);
    expect((await manager.get(source)).value).toBe('T1');
    await clock.advance(DAY + 0.005 * DAY);
    expect((await manager.refreshDue()).counts.renewed).toBe(1);
  });

  it('never shows its refresh token to a reader', async () => {
    const { manager, source } = await signedIn();
    expect(
      JSON.stringify([await manager.get(source), manager.peek(source), await manager.refresh(source)]),
    ).not.toContain('R0');
    for await (const status of manager.inspect()) expect(JSON.stringify(status)).not.toMatch(/"[TR]0"/);
  });

  it('needs a person only when the platform refuses the stored pair (S6)', async () => {
    const { manager, source } = await signedIn();
    const told: unknown[] = [];
    manager.on('reauthorize', (event) => told.push(event.cause));
    platform.refresh = 9;
    await clock.advance(DAY);
    const refused = { code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED', platformCode: '002002', reason: 'refused' };
    await expect(manager.get(source)).rejects.toMatchObject(refused);
    await expect(manager.get(source)).rejects.toMatchObject(refused);
    expect((await manager.refreshDue()).results).toEqual([]);
    expect(platform.calls).toBe(1);
    expect(told).toEqual(['refused']);
    expect((await record(source.key)).token?.refreshToken).toBe('R0');
  });

  it.each([
    'ERR_TOKEN_TRANSPORT',
    'ERR_TOKEN_BUSY',
    'ERR_TOKEN_MAINTENANCE',
    'ERR_TOKEN_REFUSED',
    'ERR_TOKEN_SUSPENDED',
  ] as const)('never needs a person because of %s, nor because of a clock', async (code) => {
    const { manager, source } = await signedIn();
    platform.twists = Array(200).fill(code);
    for (let hour = 0; hour < 24 * 5; hour++) {
      await clock.advance(HOUR);
      await manager.refreshDue();
    }
    expect((await record(source.key)).attempt.state).not.toBe('reauthorize');
    platform.twists = [];
    await clock.advance(HOUR);
    await manager.refreshDue();
    expect((await manager.get(source)).value).toBe('T1');
  });

  it('rests where the platform says that nothing will change by itself, until a sign-in or an explicit refresh', async () => {
    const { account, manager, source } = await signedIn();
    const other = manage({ accounts: [account] });
    const over = () => {
      throw new TokenError('ERR_TOKEN_SUSPENDED', 'over', { reason: 'cancelled', retryAt: Number.POSITIVE_INFINITY });
    };
    platform.twists = [over, over];
    await clock.advance(1.1 * DAY);
    expect((await manager.refreshDue()).counts.failed).toBe(1);
    expect((await record(source.key)).attempt).toMatchObject({ state: 'suspended', cause: 'cancelled' });
    for (const each of [manager, other]) {
      expect((await each.refreshDue()).results).toEqual([]);
      await expect(each.get(source)).rejects.toMatchObject({ code: 'ERR_TOKEN_SUSPENDED' });
    }
    expect(platform.calls).toBe(1);
    expect((await other.refresh(source)).outcome).toBe('failed');
    expect(platform.calls).toBe(2);
    expect((await manager.refresh(source)).outcome).toBe('renewed');
    expect((await record(source.key)).attempt).toMatchObject({ state: 'active' });
  });

  it('is asked for in time, however long the platform tells us to wait', async () => {
    const { manager, source } = await signedIn();
    platform.twists = Array(200).fill(() => {
      throw new TokenError('ERR_TOKEN_SUSPENDED', 'later', { retryAt: clock.now() + 30 * DAY });
    });
    const end = clock.now() + 3 * DAY;
    await clock.advance(1.5 * DAY);
    const tries: number[] = [];
    while (clock.now() < end) {
      await manager.refreshDue();
      const next = (await record(source.key)).attempt.retryAt ?? 0;
      tries.push(Math.round((end - next) / HOUR));
      await clock.advance(next - clock.now());
      if (tries.length === 6) break;
    }
    expect(tries).toEqual([18, 9, 5, 2, 1, 1]);
    expect(platform.calls).toBe(6);
  });

  it('comes back to life by a new sign-in, which replaces the refused pair', async () => {
    const { manager, source } = await signedIn();
    platform.refresh = 9;
    await clock.advance(DAY);
    await manager.get(source).catch(() => {});
    await manager.authorize(source, async () => ({ value: 'N0', refreshToken: 'R9', lifetimeMs: DAY }));
    expect((await manager.get(source)).value).toBe('N0');
    expect((await record(source.key)).attempt.state).toBe('active');
  });

  it('is never stored by half: the intent stays and the pair with it (S7)', async () => {
    const { manager, source } = await signedIn();
    platform.twists = ['halfPair'];
    await clock.advance(DAY);
    await expect(manager.get(source)).rejects.toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' });
    const { token, attempt } = await record(source.key);
    expect(token).toMatchObject({ value: 'T0', refreshToken: 'R0' });
    expect(attempt).toMatchObject({ state: 'doubtful', intent: { uncertain: false } });
  });

  it('is presented again after a renewal with unknown outcome, and the verdict says that it was (S5)', async () => {
    const { manager, source } = await signedIn();
    platform.twists = ['lost'];
    await clock.advance(DAY);
    await expect(manager.get(source)).rejects.toMatchObject({ code: 'ERR_TOKEN_TRANSPORT' });
    await clock.advance(HOUR);
    await expect(manager.get(source)).rejects.toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      reason: 'indeterminate',
    });
    expect(platform.calls).toBe(2);
  });

  it('is saved by another way back where the source has one', async () => {
    const account = modelAccount(platform, {
      ...renewable,
      recover: async ({ fetch }) => {
        await fetch('http://platform.invalid/list');
        return { value: 'found', refreshToken: `R${platform.refresh}`, lifetimeMs: DAY };
      },
    });
    const manager = manage({ accounts: [account] });
    const issues: unknown[] = [];
    manager.on('issue', (event) => issues.push(event));
    await manager.authorize(account.token, async () => ({ value: 'T0', refreshToken: 'R0', lifetimeMs: DAY }));
    platform.twists = ['lost'];
    await clock.advance(DAY);
    await manager.get(account.token).catch(() => {});
    await clock.advance(HOUR);
    expect((await manager.get(account.token)).value).toBe('found');
    // The refusal, and the question that brought the other.
    expect(issues).toMatchObject([
      { outcome: 'failed', requests: 1, code: 'ERR_TOKEN_TRANSPORT' },
      { outcome: 'renewed', requests: 2 },
    ]);
  });

  describe('with another way back', () => {
    let recoveries: number;
    const found = async () => {
      recoveries++;
      return { value: 'found', refreshToken: `R${platform.refresh}`, lifetimeMs: DAY };
    };
    const nothing = async () => {
      recoveries++;
      return undefined;
    };

    beforeEach(() => {
      recoveries = 0;
    });

    it('comes back though nothing is stored of it any more, for all who ask', async () => {
      const account = modelAccount(platform, { ...renewable, recover: found });
      const manager = manage({ accounts: [account] });
      const tokens = await Promise.all([1, 2, 3].map(() => manager.get(account.token)));
      expect(tokens.map(({ value }) => value)).toEqual(['found', 'found', 'found']);
      expect([recoveries, platform.calls]).toEqual([1, 0]);
      expect((await record(account.token.key)).token).toMatchObject({
        refreshToken: 'R0',
        lineage: { cause: 'recover' },
      });
    });

    it('comes back after the platform refused what is stored', async () => {
      const account = modelAccount(platform, { ...renewable, recover: found });
      const manager = manage({ accounts: [account] });
      await manager.authorize(account.token, async () => ({ value: 'T0', refreshToken: 'R0', lifetimeMs: DAY }));
      platform.refresh = 9;
      await clock.advance(DAY);
      expect((await manager.get(account.token)).value).toBe('found');
    });

    it('is asked for in vain once a back-off step where the platform knows nothing of it, and by no sweep', async () => {
      const account = modelAccount(platform, { ...renewable, recover: nothing });
      const manager = manage({ accounts: [account] });
      const absent = { code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED', reason: 'absent' };
      await expect(manager.get(account.token)).rejects.toMatchObject(absent);
      await expect(manager.get(account.token)).rejects.toMatchObject(absent);
      expect(recoveries).toBe(1);
      await clock.advance(HOUR);
      expect((await manager.refreshDue()).results).toEqual([]);
      await expect(manager.get(account.token)).rejects.toMatchObject(absent);
      expect(recoveries).toBe(2);
      await manager.authorize(account.token, async () => ({ value: 'T0', refreshToken: 'R0', lifetimeMs: DAY }));
      expect((await manager.get(account.token)).value).toBe('T0');
    });

    it('stays forgotten', async () => {
      const account = modelAccount(platform, { ...renewable, recover: found });
      const manager = manage({ accounts: [account] });
      await manager.get(account.token);
      await manager.forget(account.token, { grant: true });
      await expect(manager.get(account.token)).rejects.toMatchObject({ reason: 'gone' });
      expect(recoveries).toBe(1);
    });
  });

  it('is not aborted by the caller, by close, or by the end of the lease: a late answer is stored (S2)', async () => {
    const { account, manager, source } = await signedIn();
    await clock.advance(DAY);
    const open = platform.hold();
    const stop = new AbortController();
    const asked = manager.get(source, { signal: stop.signal });
    asked.catch(() => {});
    await clock.advance(100);
    stop.abort();
    const closing = manager.close();
    await clock.advance(60_000);
    expect(await closing).toEqual({ unanswered: [{ account: 'model', kind: 'access_token', subject: 'user-1' }] });
    open();
    await clock.advance(10);
    expect((await record(source.key)).token).toMatchObject({ value: 'T1', refreshToken: 'R1' });
    expect((await manage({ accounts: [account] }).get(source)).value).toBe('T1');
  });

  it('keeps its lease while a slow platform works, so that nobody presents the pair a second time', async () => {
    const { account, manager, source } = await signedIn();
    const other = manage({ accounts: [account] });
    await clock.advance(DAY);
    const open = platform.hold();
    const asked = [manager.get(source), other.get(source)];
    await clock.advance(38_000);
    open();
    for (const token of await Promise.all(asked.map((each, at) => each.catch(() => at))))
      expect(token).toMatchObject({ value: 'T1' });
    expect(platform.calls).toBe(1);
  });

  it('is forgotten only when that is confirmed, and a late answer does not bring it back', async () => {
    const { manager, source } = await signedIn();
    await expect(manager.forget(source)).rejects.toThrow(/\{ grant: true \}/);
    await clock.advance(DAY);
    const open = platform.hold();
    const asked = manager.get(source);
    asked.catch(() => {});
    await clock.advance(100);
    await manager.forget(source, { grant: true });
    open();
    await clock.advance(100);
    await expect(asked).rejects.toMatchObject({ code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED', reason: 'gone' });
    expect(await record(source.key)).toMatchObject({ attempt: { state: 'gone' } });
    expect((await record(source.key)).token).toBeUndefined();
  });

  it('warns before it ends', async () => {
    const { manager } = await signedIn();
    const endings: number[] = [];
    manager.on('grantEnding', ({ endsAt }) => endings.push(endsAt));
    const end = clock.now() + 3 * DAY;
    platform.twists = Array(200).fill('ERR_TOKEN_BUSY');
    await clock.advance(1.5 * DAY);
    await manager.refreshDue();
    expect(endings).toEqual([]);
    await clock.advance(0.6 * DAY);
    await manager.refreshDue();
    expect(endings).toEqual([end]);
    await clock.advance(DAY);
    await manager.refreshDue();
    expect(endings).toEqual([end]);
  });
});

describe('adopt', () => {
  it('takes over a pair learned from an answer that presented the stored one', async () => {
    const { manager, source } = await signedIn();
    await manager.adopt(source, { value: 'T5', refreshToken: 'R5', lifetimeMs: DAY }, { presented: 'T0' });
    expect((await manager.get(source)).value).toBe('T5');
    expect((await record(source.key)).token?.refreshToken).toBe('R5');
  });

  it('ignores an echo, also an old one that arrives late', async () => {
    const { manager, source } = await signedIn();
    await manager.adopt(source, { value: 'T0', refreshToken: 'R0' }, { presented: 'T0' });
    await manager.adopt(source, { value: 'T5', refreshToken: 'R5', lifetimeMs: DAY }, { presented: 'T0' });
    const { generation } = await record(source.key);
    await manager.adopt(source, { value: 'T0', refreshToken: 'R0' }, { presented: 'T0' });
    await manager.adopt(source, { value: 'T0', refreshToken: 'R0' }, { presented: 'T5' });
    expect(await record(source.key)).toMatchObject({ generation, token: { value: 'T5' } });
  });

  it('drops a pair whose predecessor is no longer stored, and says so', async () => {
    const { manager, source } = await signedIn();
    const conflicts: unknown[] = [];
    manager.on('conflict', (event) => conflicts.push(event));
    await manager.adopt(source, { value: 'T5', refreshToken: 'R5', lifetimeMs: DAY }, { presented: 'T0' });
    await manager.adopt(source, { value: 'T4', refreshToken: 'R4', lifetimeMs: DAY }, { presented: 'T-1' });
    expect((await manager.get(source)).value).toBe('T5');
    expect(conflicts).toHaveLength(1);
  });

  it('keeps the newest push, whatever order they arrive in', async () => {
    platform = new ModelPlatform(clock, 'pushed');
    const account = modelAccount(platform, { keep: 'grant', subjects: ['ticket'] });
    const manager = manage({ accounts: [account] });
    await expect(manager.get(account.token)).rejects.toMatchObject({ code: 'ERR_TOKEN_WAITING' });
    await manager.adopt(account.token, { value: 'second' }, { order: 2 });
    await manager.adopt(account.token, { value: 'first' }, { order: 1 });
    expect((await manager.get(account.token)).value).toBe('second');
    await manager.adopt(account.token, { value: 'third' }, { order: 3 });
    await manager.adopt(account.token, { value: 'second' }, { order: 4 });
    expect((await manager.get(account.token)).value).toBe('third');
    await manager.revoke(account.token, { order: 2 });
    expect((await manager.get(account.token)).value).toBe('third');
    await manager.revoke(account.token, { order: 5 });
    await expect(manager.get(account.token)).rejects.toMatchObject({ code: 'ERR_TOKEN_WAITING' });
  });
});

describe('a push that the platform can be asked to send', () => {
  let asked: number;
  const pushedAccount = () =>
    modelAccount(new ModelPlatform(clock, 'pushed'), {
      keep: 'grant',
      subjects: ['ticket'],
      recover: async () => {
        asked++;
        return undefined;
      },
    });
  const waiting = { code: 'ERR_TOKEN_WAITING' };

  beforeEach(() => {
    asked = 0;
  });

  it('is asked for where nothing is stored, once a back-off step for all processes together, and ends the wait when it comes', async () => {
    const account = pushedAccount();
    const [one, two] = [manage({ accounts: [account] }), manage({ accounts: [account] })];
    for (const manager of [one, two, one, two]) await expect(manager.get(account.token)).rejects.toMatchObject(waiting);
    expect(asked).toBe(1);
    expect((await record(account.token.key)).attempt.state).toBe('waiting');
    await clock.advance(2 * 60_000);
    await expect(two.get(account.token)).rejects.toMatchObject(waiting);
    expect(asked).toBe(2);
    await one.adopt(account.token, { value: 'first', lifetimeMs: 12 * HOUR }, { order: 1 });
    expect((await one.get(account.token)).value).toBe('first');
    expect((await record(account.token.key)).attempt).toMatchObject({ state: 'active', failures: 0 });
    await clock.advance(60_000);
    expect((await two.get(account.token)).value).toBe('first');
  });

  it('lets what is asked for with it come back a minute after it came, however long it was missing', async () => {
    const ticket = pushedAccount();
    const account = modelAccount(platform, { name: 'child', id: 'child', ...renewable, dependsOn: [ticket.token] });
    const manager = manage({ accounts: [ticket, account] });
    await manager.adopt(account.token, { value: 'T0', refreshToken: 'R0', lifetimeMs: DAY }, { grant: true });
    for (let minute = 0; minute < 2 * 24 * 60; minute += 5) {
      await manager.refreshDue();
      await clock.advance(5 * 60_000);
    }
    expect((await record(account.token.key)).attempt.state).toBe('waiting');
    await manager.refreshDue();
    await manager.adopt(ticket.token, { value: 'first', lifetimeMs: 12 * HOUR }, { order: 1 });
    await clock.advance(61_000);
    expect((await manager.refreshDue()).counts).toMatchObject({ renewed: 1, waiting: 0 });
  });

  it('that the platform refuses costs those who reject what hangs on it one request a back-off step', async () => {
    platform = new ModelPlatform(clock);
    const ticket = pushedAccount();
    const account = modelAccount(platform, { name: 'child', id: 'child', dependsOn: [ticket.token] });
    const manager = manage({ accounts: [ticket, account] });
    await manager.adopt(ticket.token, { value: 'first', lifetimeMs: 12 * HOUR }, { order: 1 });
    const token = await manager.get(account.token);
    platform.twists = Array(9).fill(({ parents }: IssueRequest) => {
      throw parentRejected(parents[0]?.value ?? '');
    });
    for (let call = 0; call < 3; call++)
      await expect(manager.reject(account.token, token)).rejects.toMatchObject({ code: 'ERR_TOKEN_WAITING' });
    expect(platform.calls).toBe(2);
  });

  it('is not asked for while one lives, and is by a sweep’s caller once it has ended', async () => {
    const account = pushedAccount();
    const manager = manage({ accounts: [account] });
    await manager.adopt(account.token, { value: 'first', lifetimeMs: 12 * HOUR }, { order: 1 });
    expect((await manager.refresh(account.token)).outcome).toBe('notYetRenewable');
    expect((await manager.refreshAll()).counts).toMatchObject({ notYetRenewable: 1, waiting: 0 });
    expect(asked).toBe(0);
    await clock.advance(13 * HOUR);
    await expect(manager.get(account.token)).rejects.toMatchObject(waiting);
    expect(asked).toBe(1);
  });

  it('is not asked for after it was revoked', async () => {
    const account = pushedAccount();
    const manager = manage({ accounts: [account] });
    await manager.adopt(account.token, { value: 'first' }, { order: 1 });
    await manager.revoke(account.token, { order: 2 });
    await expect(manager.get(account.token)).rejects.toMatchObject(waiting);
    expect(asked).toBe(0);
  });
});

describe('authorize', () => {
  it('leaves what is stored as it is when the exchange fails, and lets the next one try', async () => {
    const { manager, source } = await signedIn();
    await expect(manager.authorize(source, () => Promise.reject(new Error('state expired')))).rejects.toThrow(
      'state expired',
    );
    expect((await manager.get(source)).value).toBe('T0');
    await manager.authorize(source, async () => ({ value: 'N0', refreshToken: 'R0', lifetimeMs: DAY }));
    expect((await manager.get(source)).value).toBe('N0');
  });

  it('shows the exchange what stands there, as of the moment it has the key to itself', async () => {
    const { manager, source } = await signedIn();
    const seen: unknown[] = [];
    await manager.authorize(source, async ({ current }) => {
      seen.push(current?.value, current?.refreshToken);
      return { value: 'N0', refreshToken: 'R0', lifetimeMs: DAY };
    });
    await manager.forget(source, { grant: true });
    await manager.authorize(source, async ({ current }) => {
      seen.push(current);
      return { value: 'N1', refreshToken: 'R0', lifetimeMs: DAY };
    });
    expect(seen).toEqual(['T0', 'R0', undefined]);
  });

  it('stores a pair without known end at once; asking completes its times', async () => {
    const account = modelAccount(platform, renewable);
    const manager = manage({ accounts: [account] });
    const commits: unknown[] = [];
    manager.on('commit', ({ cause, expiresAt }) => commits.push({ cause, expiresAt }));
    platform.twists = Array(9).fill(() => ({
      value: 'T0',
      refreshToken: 'R0',
      lifetimeMs: DAY,
      refreshTokenLifetimeMs: 3 * DAY,
    }));
    await manager.authorize(account.token, async () => ({ value: 'T0', refreshToken: 'R0' }));
    await manager.refresh(account.token);
    expect(commits[0]).toEqual({ cause: 'grant', expiresAt: undefined });
    expect(await manager.get(account.token)).toMatchObject({ value: 'T0', expiresAt: clock.now() + DAY });
    expect((await record(account.token.key)).token).toMatchObject({ refreshTokenExpiresAt: clock.now() + 3 * DAY });
  });

  it('does not ask in a loop for times that are never told', async () => {
    const account = modelAccount(platform, renewable);
    const manager = manage({ accounts: [account] });
    await manager.authorize(account.token, async () => ({ value: 'T0', refreshToken: 'R0' }));
    platform.twists = Array(200).fill(() => ({ value: 'T0', refreshToken: 'R0' }));
    for (let second = 0; second < 600; second++) {
      expect((await manager.get(account.token)).value).toBe('T0');
      await manager.refreshDue();
      await clock.advance(1_000);
    }
    expect(platform.calls).toBeLessThan(12);
  });

  it('waits for a renewal in flight instead of crossing it', async () => {
    const { manager, source } = await signedIn();
    await clock.advance(DAY);
    const open = platform.hold();
    const order: string[] = [];
    const renewal = manager.get(source).then(({ value }) => order.push(value));
    await clock.advance(10);
    const signIn = manager.authorize(source, async () => {
      order.push('exchange');
      return { value: 'N0', refreshToken: 'R1', lifetimeMs: DAY };
    });
    await clock.advance(100);
    expect(order).toEqual([]);
    open();
    await clock.advance(5_000);
    await Promise.all([renewal, signIn]);
    expect(order).toEqual(['T1', 'exchange']);
    expect((await manager.get(source)).value).toBe('N0');
  });
});

describe('a lease', () => {
  it('that is too short is not used: who slept between claim and request claims anew (S2)', async () => {
    platform = new ModelPlatform(clock);
    let asleep = true;
    const account = modelAccount(platform, {
      issue: async (request) => {
        if (asleep) clock.step(15_000);
        asleep = false;
        return platform.answer(request);
      },
    });
    const manager = manage({ accounts: [account] });
    expect((await manager.get(account.token)).value).toBe('T1');
    expect(platform.calls).toBe(1);
    expect((await record(account.token.key)).attempt.epoch).toBe(2);
  });

  it('that another process holds by now lets no late superseding answer in (S3)', async () => {
    platform = new ModelPlatform(clock, 'superseding');
    const account = modelAccount(platform, { overlapMs: 300_000 });
    const manager = manage({ accounts: [account] });
    await manager.get(account.token);
    await clock.advance(1.5 * HOUR);
    const open = platform.hold();
    const sweep = manager.refreshDue();
    await clock.advance(100);
    clock.step(31_000);
    const { generation, attempt } = await record(account.token.key);
    await store.claim({ key: account.token.key, generation, epoch: attempt.epoch }, 'next', 30_000, { generation });
    open();
    await sweep;
    expect((await record(account.token.key)).token?.value).toBe('T1');
    expect((await record(account.token.key)).attempt.lease?.holder).toBe('next');
  });

  it('hands its holder’s failure to those who waited for it', async () => {
    platform = new ModelPlatform(clock);
    const account = modelAccount(platform);
    const [one, two] = [manage({ accounts: [account] }), manage({ accounts: [account] })];
    const open = platform.hold();
    platform.twists = ['ERR_TOKEN_BUSY'];
    const asked = [one.refresh(account.token), two.refresh(account.token)];
    await clock.advance(100);
    open();
    for (const result of await Promise.all(asked))
      expect(result).toMatchObject({ outcome: 'failed', error: { code: 'ERR_TOKEN_BUSY' } });
    expect(platform.calls).toBe(1);
  });
});

describe('a store that is down at the wrong moment', () => {
  it('does not cost a sign-in: its pair is served at once and stored as soon as that can be', async () => {
    const account = modelAccount(platform, renewable);
    let down = true;
    const flaky = new Proxy(store, {
      get: (target, name) => {
        if (name === 'peek' || name === 'watch') return undefined;
        const method = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return name === 'commit' && down ? () => Promise.reject(new Error('down')) : method.bind(target);
      },
    });
    const manager = manage({ accounts: [account], store: flaky });
    const token = await manager.authorize(account.token, async () => ({
      value: 'T0',
      refreshToken: 'R0',
      lifetimeMs: DAY,
    }));
    expect(token.value).toBe('T0');
    expect((await store.read(account.token.key)).record?.token).toBeUndefined();
    down = false;
    await clock.advance(60_000);
    expect((await record(account.token.key)).token).toMatchObject({ value: 'T0', refreshToken: 'R0' });
    expect((await manager.get(account.token)).value).toBe('T0');
  });
});

describe('a renewed pair that waits to be stored', () => {
  it('is served, and its spent predecessor is not presented again (S5)', async () => {
    const { manager: first, source, account } = await signedIn();
    await first.close();
    let down = false;
    const flaky = new Proxy(store, {
      get: (target, name) => {
        if (name === 'peek' || name === 'watch') return undefined;
        const method = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return name === 'commit' && down ? () => Promise.reject(new Error('down')) : method.bind(target);
      },
    });
    const manager = manage({ accounts: [account], store: flaky });
    await clock.advance(DAY);
    down = true;
    expect((await manager.get(source)).value).toBe('T1');
    // The lease has ended, the store reads well again and still holds the spent pair.
    clock.step(40_000);
    expect(await manager.refresh(source)).toMatchObject({ outcome: 'held' });
    await expect(manager.reject(source, 'T1')).rejects.toMatchObject({ code: 'ERR_TOKEN_STORE' });
    expect(platform.calls).toBe(1);
    down = false;
    await clock.advance(60_000);
    expect(await record(source.key)).toMatchObject({
      token: { value: 'T1', refreshToken: 'R1' },
      attempt: { state: 'active' },
    });
  });
});

describe('a superseding token', () => {
  it('is in doubt after a holder fell silent, and asked for again (S5)', async () => {
    platform = new ModelPlatform(clock, 'superseding');
    const account = modelAccount(platform, { overlapMs: 300_000 });
    const manager = manage({ accounts: [account] });
    await manager.get(account.token);
    await clock.advance(HOUR);
    const { generation, attempt } = await record(account.token.key);
    await store.claim({ key: account.token.key, generation, epoch: attempt.epoch }, 'the one that dies', 30_000, {
      generation,
    });
    expect((await manager.get(account.token)).value).toBe('T1');
    await clock.advance(300_000);
    expect((await manager.get(account.token)).value).toBe('T2');
  });

  it('that lost against an adopted one is followed by one refresh, because nobody knows which came last (S3)', async () => {
    platform = new ModelPlatform(clock, 'superseding');
    const account = modelAccount(platform, { overlapMs: 300_000 });
    const manager = manage({ accounts: [account] });
    await manager.get(account.token);
    await clock.advance(1.5 * HOUR);
    const open = platform.hold();
    const sweep = manager.refreshDue();
    await clock.advance(100);
    await manager.adopt(account.token, { value: 'adopted', lifetimeMs: HOUR }, { presented: 'T1' });
    open();
    await sweep;
    await clock.advance(100);
    expect((await manager.get(account.token)).value).toBe('T3');
    expect(platform.calls).toBe(3);
  });

  it('is in doubt after a request with unknown outcome: served for its overlap at most, asked for again within half of it (S11)', async () => {
    platform = new ModelPlatform(clock, 'superseding');
    const account = modelAccount(platform, { overlapMs: 300_000 });
    const manager = manage({ accounts: [account] });
    await manager.get(account.token);
    platform.twists = ['lost'];
    await clock.advance(1.5 * HOUR);
    await manager.refreshDue();
    expect((await record(account.token.key)).attempt).toMatchObject({
      state: 'doubtful',
      doubtUntil: clock.now() + 300_000,
    });
    expect((await manager.get(account.token)).value).toBe('T1');
    await clock.advance(150_000);
    await manager.refreshDue();
    expect((await manager.get(account.token)).value).toBe('T3');
    expect((await record(account.token.key)).attempt.state).toBe('active');
  });

  it('is not served beyond its overlap while in doubt', async () => {
    platform = new ModelPlatform(clock, 'superseding');
    const account = modelAccount(platform, { overlapMs: 300_000 });
    const manager = manage({ accounts: [account] });
    await manager.get(account.token);
    platform.twists = Array(99).fill('lost');
    await clock.advance(1.5 * HOUR);
    await manager.refreshDue();
    await clock.advance(300_000);
    await expect(manager.get(account.token)).rejects.toMatchObject({ code: 'ERR_TOKEN_TRANSPORT' });
    expect(manager.peek(account.token)).toBeUndefined();
  });
});
