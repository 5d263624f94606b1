import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TokenManager, type Tokens } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DingTalkSuite, dingTalkSuite } from '../../src/index.js';
import { type DingTalkStream, type SuiteStreamOptions, suiteStream } from '../../src/stream.js';

const { suiteKey, suiteSecret } = SANDBOX_ACCOUNTS.dingtalkSuite;
const [CORP, OTHER] = ['dingsandboxcorp1', 'dingsandboxcorp2'];
const PATIENCE = { timeout: 20_000, interval: 10 };

let sandbox: Sandbox;
let directory: string;
let ends: (() => Promise<unknown>)[];
let problems: Error[];

beforeEach(async () => {
  sandbox = await createSandbox({
    dingtalkSuites: [{ ...SANDBOX_ACCOUNTS.dingtalkSuite, suiteTicketEveryMs: 0, pushMode: 'stream' }],
  });
  directory = await mkdtemp(join(tmpdir(), 'dingtalk-stream-'));
  ends = [];
  problems = [];
});

afterEach(async () => {
  for (const end of ends.reverse()) await end();
  await sandbox.close();
  await rm(directory, { recursive: true });
});

/** An instance of the program: its suite, its manager, on the common store. */
function instance(): { readonly suite: DingTalkSuite; readonly tokens: TokenManager } {
  const baseUrls = { api: sandbox.urls.dingtalkApi, oapi: sandbox.urls.dingtalkOapi };
  const suite = dingTalkSuite({ name: 'isv', suiteKey, suiteSecret, baseUrls });
  const tokens = new TokenManager({ accounts: [suite], store: fileStore({ directory }) });
  ends.push(() => tokens.close());
  return { suite, tokens };
}

async function listen(
  suite: DingTalkSuite,
  tokens: Tokens,
  options: Partial<SuiteStreamOptions> = {},
): Promise<DingTalkStream> {
  const stream = await suiteStream(suite, tokens, {
    clientSecret: suiteSecret,
    baseUrls: { api: sandbox.urls.dingtalkApi },
    onProblem: (error) => void problems.push(error),
    ...options,
  });
  ends.push(() => stream.close());
  return stream;
}

const until = (check: () => void): Promise<void> => vi.waitFor(check, PATIENCE);

describe('a suite that listens to the stream', () => {
  it('has its ticket without a public address, and tokens of its corps by it', async () => {
    const { suite, tokens } = instance();
    await listen(suite, tokens);
    const { ticket } = sandbox.dingtalkSuite.pushTicket(suiteKey);
    await sandbox.pushes();
    expect(await tokens.get(suite.ticket)).toMatchObject({ value: ticket });
    expect((await tokens.get(suite.corp(CORP).accessToken)).value).toMatch(/./);
    expect(sandbox.pushLog()).toMatchObject([{ event: 'suite_ticket', outcome: 'success' }]);
    expect(problems).toEqual([]);
  });

  it('of several instances one gets the ticket, and all have it through their store', async () => {
    const instances = [instance(), instance(), instance()];
    for (const { suite, tokens } of instances) await listen(suite, tokens);
    const { ticket } = sandbox.dingtalkSuite.pushTicket(suiteKey);
    await sandbox.pushes();
    for (const { suite, tokens } of instances) {
      expect(await tokens.get(suite.ticket)).toMatchObject({ value: ticket });
    }
    const values = await Promise.all(
      instances.map(async ({ suite, tokens }) => (await tokens.get(suite.corp(CORP).accessToken)).value),
    );
    expect(new Set(values).size).toBe(1);
  });

  it('acknowledges only what is stored: where that failed it comes again', async () => {
    const { suite, tokens } = instance();
    let failures = 0;
    const flaky = new Proxy(tokens, {
      get(target, name) {
        if (name === 'adopt' && failures < 1) {
          failures++;
          return () => Promise.reject(new Error('the store is down'));
        }
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    await listen(suite, flaky);
    const { ticket } = sandbox.dingtalkSuite.pushTicket(suiteKey);
    await sandbox.pushes();
    expect(sandbox.pushLog()).toMatchObject([{ outcome: 'pending', tries: 1 }]);
    expect(problems[0]?.message).toMatch(/the event "suite_ticket" was not taken, and comes again: the store is down/);
    expect(problems[0]?.message).not.toContain(ticket);
    sandbox.advance(60_000);
    await until(() => expect(sandbox.pushLog()).toMatchObject([{ outcome: 'success', tries: 2 }]));
    expect(await tokens.get(suite.ticket)).toMatchObject({ value: ticket });
  });

  it('a ticket that comes late does not replace a newer one', async () => {
    const { suite, tokens } = instance();
    await listen(suite, tokens);
    sandbox.dingtalkSuite.pushTicket(suiteKey);
    const { ticket } = sandbox.dingtalkSuite.pushTicket(suiteKey);
    await sandbox.pushes();
    sandbox.dingtalkSuite.pushTicket(suiteKey, { ticket: 'older' });
    await sandbox.pushes();
    expect(await tokens.get(suite.ticket)).toMatchObject({ value: ticket });
  });

  it('has corps that come and go', async () => {
    const { suite, tokens } = instance();
    await listen(suite, tokens);
    sandbox.dingtalkSuite.pushTicket(suiteKey);
    sandbox.dingtalkSuite.authorize(suiteKey, OTHER);
    await sandbox.pushes();
    expect((await tokens.get(suite.corp(OTHER).accessToken)).value).toMatch(/./);
    sandbox.advance(1_000);
    sandbox.dingtalkSuite.cancel(suiteKey, OTHER);
    await sandbox.pushes();
    await expect(tokens.get(suite.corp(OTHER).accessToken)).rejects.toMatchObject({ name: 'TokenError' });
  });

  it('hands on every event once it is stored', async () => {
    const { suite, tokens } = instance();
    const seen: [string, string | undefined][] = [];
    await listen(suite, tokens, {
      async onEvent({ eventType }) {
        const ticket = await tokens.get(suite.ticket).catch(() => undefined);
        seen.push([eventType, ticket?.value]);
      },
    });
    const { ticket } = sandbox.dingtalkSuite.pushTicket(suiteKey);
    sandbox.dingtalkSuite.pushEvent(suiteKey, { EventType: 'user_add_org' });
    await sandbox.pushes();
    expect(seen).toEqual([
      ['suite_ticket', ticket],
      ['user_add_org', ticket],
    ]);
  });
});
