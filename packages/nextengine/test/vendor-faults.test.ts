import { setTimeout } from 'node:timers/promises';
import { memoryStore, TokenManager } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nextEngineApp } from '../src/index.js';
import { AssignUnchecked } from './naive/assign-unchecked.js';
import { type Client, type Platform, USER_INFO } from './naive/platform.js';
import { SaveEveryAnswer } from './naive/save-every-answer.js';
import { type UsersTable, VendorWrapper } from './naive/vendor-wrapper.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const { clientId, clientSecret } = SANDBOX_ACCOUNTS.nextengine;
const [ADA, BEN, CAT] = ['ada', 'ben', 'cat'] as const;
const USERS = [ADA, BEN, CAT];

/** A platform, and an application of any number of processes that share what they store. */
interface World {
  readonly sandbox: Sandbox;
  readonly clock: ManualClock;
  /** Whether a sign-in waits for a renewal of the same user that is under way. */
  readonly ordersSignIns: boolean;
  /** One more process; `send` is its network. */
  process(send?: typeof fetch): Client;
}

type Scenario<Outcome> = (world: World) => Promise<Outcome>;

async function platform(): Promise<{ sandbox: Sandbox; clock: ManualClock }> {
  const clock = new ManualClock();
  const users = USERS.map((uid) => ({ uid, companyId: `company-${uid}` }));
  const sandbox = await createSandbox({ clock, nextengine: [{ clientId, clientSecret, users }] });
  onTestFinished(() => sandbox.close());
  return { sandbox, clock };
}

/** An application made of naive clients on one table. */
async function naive(make: (platform: Platform, users: UsersTable) => Client): Promise<World> {
  const { sandbox, clock } = await platform();
  const users: UsersTable = new Map();
  const process = (send = fetch) =>
    make(
      {
        apiUrl: sandbox.urls.nextengineApi,
        clientId,
        clientSecret,
        fetch: send,
        state: (uid) => sandbox.nextengine.signIn(clientId, uid).state,
      },
      users,
    );
  return { sandbox, clock, ordersSignIns: false, process };
}

/** An application on Evertoken. */
async function ours(): Promise<World> {
  const { sandbox, clock } = await platform();
  const store = memoryStore({ clock });
  const process = (send = fetch): Client => {
    const baseUrls = { api: sandbox.urls.nextengineApi, base: sandbox.urls.nextengineBase };
    const erp = nextEngineApp({ name: 'erp', clientId, clientSecret, baseUrls, fetch: send, clock });
    const tokens = new TokenManager({ accounts: [erp], store, clock, allowVolatileGrants: true });
    onTestFinished(async () => void (await tokens.close()));
    const client = erp.client(tokens);
    return {
      async signIn(uid) {
        const { state } = sandbox.nextengine.signIn(clientId, uid);
        await client.exchange({ uid, state, binding: client.signIn().binding });
      },
      async call(uid) {
        const { data } = await client.user(uid).call<{ data: { uid: string }[] }>(USER_INFO, {}, { retries: 0 });
        return data[0]?.uid ?? '';
      },
      async refreshAll() {
        await tokens.refreshAll();
      },
    };
  };
  return { sandbox, clock, ordersSignIns: true, process };
}

/** A network whose next answer of a path arrives only when it is let through; the platform has done its work before. */
function slowNetwork(): { send: typeof fetch; hold(path: string): { done: Promise<void>; letThrough(): void } } {
  let held: { path: string; arrived: () => void; through: Promise<void> } | undefined;
  return {
    send: async (input, init) => {
      const hold = held && String(input).endsWith(held.path) ? held : undefined;
      if (hold) held = undefined;
      const response = await fetch(input, init);
      hold?.arrived();
      await hold?.through;
      return response;
    },
    hold(path) {
      let arrived = () => {};
      let letThrough = () => {};
      const done = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      const through = new Promise<void>((resolve) => {
        letThrough = resolve;
      });
      held = { path, arrived, through };
      return { done, letThrough };
    },
  };
}

/** Waits for work that may itself wait for time to pass. */
async function within(clock: ManualClock, work: Promise<unknown>): Promise<void> {
  let done = false;
  const ended = work.finally(() => {
    done = true;
  });
  ended.catch(() => {});
  // Ten times as fast as real time: a slow machine must not let what lives for minutes end.
  while (!done) {
    await clock.advance(10);
    await setTimeout(1);
  }
  await ended;
}

/** Whether the user is still signed in: `works`, or what the call failed with. */
async function stateOf(client: Client, uid: string): Promise<string> {
  return client.call(uid).then(
    (answered) => (answered === uid ? 'works' : `works as ${answered}`),
    (error: Error & { code?: string }) => error.code ?? error.message,
  );
}

describe('dead user stops the loop', () => {
  const scenario: Scenario<string[]> = async ({ sandbox, clock, process }) => {
    const batch = process();
    for (const uid of USERS) await batch.signIn(uid);
    // Ada has signed in elsewhere: the stored pair is dead, and only she can mend that.
    sandbox.nextengine.issuePair(clientId, ADA);
    for (let night = 0; night < 4; night++) {
      await clock.advance(25 * HOUR_MS);
      await batch.refreshAll().catch(() => {});
    }
    return Promise.all(USERS.map((uid) => stateOf(batch, uid)));
  };

  it('the sample’s batch: everybody after her has to sign in again', async () => {
    expect(await scenario(await naive((...to) => new VendorWrapper(...to)))).toEqual(['002002', '002004', '002004']);
  });

  it('ours: she has to sign in, and nobody else', async () => {
    expect(await scenario(await ours())).toEqual(['ERR_TOKEN_REAUTHORIZATION_REQUIRED', 'works', 'works']);
  });
});

describe('crossed tenants', () => {
  const scenario: Scenario<string[]> = async ({ process }) => {
    const web = process();
    for (const uid of [ADA, BEN]) await web.signIn(uid);
    const answers = [await stateOf(web, ADA), await stateOf(web, BEN)];
    // What one process has stored, another one reads.
    return [...answers, await stateOf(process(), BEN)];
  };

  it('the sample’s client object, used for two users: one is shown the other’s data, by other processes too', async () => {
    const world = await naive((to, users) => new VendorWrapper(to, users, { keepsClient: true }));
    expect(await scenario(world)).toEqual(['works', 'works as ada', 'works as ada']);
  });

  it('ours: everybody sees their own', async () => {
    expect(await scenario(await ours())).toEqual(['works', 'works', 'works']);
  });
});

describe('pair lost on an error answer', () => {
  const scenario: Scenario<string> = async ({ sandbox, clock, process }) => {
    const batch = process();
    await batch.signIn(ADA);
    await clock.advance(DAY_MS + HOUR_MS);
    // The error comes after authentication: it brings the new pair.
    sandbox.nextengine.configure(clientId, { overload: '003002' });
    await batch.refreshAll().catch(() => {});
    expect(sandbox.state().nextengine[0]?.users[0]?.renewals).toBe(1);
    sandbox.nextengine.configure(clientId, { overload: false });
    return stateOf(batch, ADA);
  };

  it('a wrapper that raises the error first: she has to sign in again', async () => {
    const world = await naive((to, users) => new VendorWrapper(to, users, { throwsFirst: true }));
    expect(await scenario(world)).toBe('002002');
  });

  it('ours: the pair is taken, and the call works', async () => {
    expect(await scenario(await ours())).toBe('works');
  });
});

describe('older pair over newer', () => {
  const scenario: Scenario<string> = async ({ sandbox, clock, process, ordersSignIns }) => {
    const network = slowNetwork();
    const [batch, web] = [process(network.send), process()];
    await web.signIn(ADA);
    await clock.advance(DAY_MS + HOUR_MS);
    const answer = network.hold(USER_INFO);
    const renewing = batch.refreshAll();
    await answer.done;
    // While the renewed pair is on its way to one process, she signs in at another.
    const signingIn = web.signIn(ADA);
    if (!ordersSignIns) await signingIn;
    answer.letThrough();
    await within(clock, Promise.all([renewing, signingIn]));
    expect(sandbox.state().nextengine[0]?.users[0]).toMatchObject({ renewals: 1, signIns: 2 });
    return stateOf(process(), ADA);
  };

  it('the sample’s unconditional write: the sign-in is gone', async () => {
    expect(await scenario(await naive((...to) => new VendorWrapper(...to)))).toBe('002002');
  });

  it('ours: the sign-in stays', async () => {
    expect(await scenario(await ours())).toBe('works');
  });
});

describe('echo mistaken for rotation', () => {
  const scenario: Scenario<string> = async ({ sandbox, clock, process }) => {
    const network = slowNetwork();
    const [web, batch] = [process(network.send), process()];
    await web.signIn(ADA);
    await clock.advance(DAY_MS - HOUR_MS);
    const answer = network.hold(USER_INFO);
    // The answer echoes the pair it was sent, and is overtaken by a renewal.
    const calling = web.call(ADA);
    await answer.done;
    await clock.advance(2 * HOUR_MS);
    await batch.refreshAll();
    expect(sandbox.state().nextengine[0]?.users[0]?.renewals).toBe(1);
    answer.letThrough();
    await calling;
    return stateOf(process(), ADA);
  };

  it('a client that saves the pair of every answer: the dead pair is back', async () => {
    expect(await scenario(await naive((...to) => new SaveEveryAnswer(...to)))).toBe('002002');
  });

  it('ours: the new pair stays', async () => {
    expect(await scenario(await ours())).toBe('works');
  });
});

describe('tokens wiped by an answer without tokens', () => {
  const scenario: Scenario<string[]> = async ({ sandbox, process }) => {
    const web = process();
    await web.signIn(ADA);
    sandbox.fault({ kind: 'code', code: '999999', endpoint: USER_INFO });
    return [await stateOf(web, ADA), await stateOf(web, ADA)];
  };

  it('a client that assigns both fields from every answer: it has none to send any more', async () => {
    expect(await scenario(await naive((to) => new AssignUnchecked(to)))).toEqual(['999999', '002001']);
  });

  it('ours: the next call works', async () => {
    expect(await scenario(await ours())).toEqual(['999999', 'works']);
  });
});
