import { beforeEach, describe, expect, it } from 'vitest';
import { type Account, memoryStore, TokenManager, type TokenSource, type TokenStore } from '../src/index.js';
import { ManualClock } from '../src/testing/index.js';
import { ModelPlatform, modelAccount, network } from './model-platform.js';

const HOUR = 3_600_000;

let clock: ManualClock;
let platform: ModelPlatform;
let tickets: ModelPlatform;
let store: TokenStore;

beforeEach(() => {
  clock = new ManualClock();
  platform = new ModelPlatform(clock, 'rotating');
  tickets = new ModelPlatform(clock);
  store = memoryStore({ clock });
});

/** Users whose tickets go with their pairs; those with `extra.plain` have none. */
function accountWithTickets(
  names: readonly string[] = ['ticket'],
): Account & { readonly token: TokenSource; tickets: TokenSource[] } {
  const account = modelAccount(platform, { subjects: ['u'] });
  const ofSubject = names.map((kind) => {
    const { token } = modelAccount(tickets, { kind, subjects: ['u'], dependsOn: [account.token] });
    return { ...token, key: token.key.replace('access_token', kind) as TokenSource['key'] };
  });
  return {
    ...account,
    kinds: [...account.kinds, ...ofSubject.map(({ kind, issuance, keep }) => ({ kind, issuance, keep }))],
    source: (kind, subject) => ofSubject.find((source) => source.kind === kind) ?? account.source(kind, subject),
    companions: (source, extra) => (source.kind === account.token.kind && !extra?.['plain'] ? ofSubject : []),
    tickets: ofSubject,
  };
}

function manage(account: Account, options = {}) {
  return new TokenManager({
    clock,
    random: () => 0.5,
    fetch: network,
    accounts: [account],
    store,
    allowVolatileGrants: true,
    ...options,
  });
}

const pair = (extra = {}) => ({
  value: 'T0',
  refreshToken: 'R0',
  lifetimeMs: 2 * HOUR,
  refreshTokenLifetimeMs: 10 * HOUR,
  ...extra,
});

describe('companions of a token', () => {
  it('are obtained behind a new authorization', async () => {
    const account = accountWithTickets(['jsTicket', 'cardTicket']);
    const manager = manage(account);
    await manager.authorize(account.token, async () => pair());
    await clock.advance(0);
    expect(tickets.calls).toBe(2);
    expect(manager.peek(account.tickets[0] as TokenSource)).toBeDefined();
  });

  it('are obtained behind a push', async () => {
    platform = new ModelPlatform(clock, 'pushed');
    const account = accountWithTickets();
    const pushed = modelAccount(platform, { subjects: ['u'], keep: 'grant' });
    const [ticket] = account.tickets as [TokenSource];
    const manager = manage({ ...account, source: (kind) => (kind === ticket.kind ? ticket : pushed.token) });
    await manager.adopt(pushed.token, { value: 'P1' }, { order: 1 });
    await clock.advance(0);
    expect(tickets.calls).toBe(1);
  });

  it('are obtained by the sweep that renews the token, after it, and never twice', async () => {
    const account = accountWithTickets();
    const [ticket] = account.tickets as [TokenSource];
    await manage({ ...account, companions: () => [] }).authorize(account.token, async () => pair());
    await clock.advance(2 * HOUR);
    const manager = manage(account);
    const report = await manager.refreshDue();
    expect(report.results.map(({ kind, outcome }) => [kind, outcome])).toEqual([
      ['access_token', 'renewed'],
      ['ticket', 'renewed'],
    ]);
    expect((await manager.get(ticket)).value).toBe('T1');
    expect((await manager.refreshDue()).results).toEqual([]);
    expect([platform.calls, tickets.calls]).toEqual([1, 1]);
  });

  it('are left alone where the token says it has none, the kind is not kept fresh, or they were forgotten', async () => {
    const account = accountWithTickets();
    await manage(account).authorize(account.token, async () => pair({ extra: { plain: true } }));
    const manager = manage(account, { refresh: { kinds: ['access_token'] } });
    await manager.authorize(account.token, async () => pair());
    await clock.advance(0);
    expect(tickets.calls).toBe(0);
    const forgetting = manage(account);
    await forgetting.get(account.tickets[0] as TokenSource);
    await forgetting.forget(account.tickets[0] as TokenSource);
    await forgetting.authorize(account.token, async () => pair({ value: 'T9', refreshToken: 'R9' }));
    await clock.advance(0);
    expect(tickets.calls).toBe(1);
  });

  it('are asked for by refreshAll where its filter means them', async () => {
    const account = accountWithTickets();
    await manage({ ...account, companions: () => [] }).authorize(account.token, async () => pair());
    const manager = manage(account);
    platform.refresh = 0;
    await manager.refreshAll({ kinds: ['access_token'] });
    expect(tickets.calls).toBe(0);
    await manager.refreshAll({ accounts: [account.name] });
    expect(tickets.calls).toBe(1);
  });
});
