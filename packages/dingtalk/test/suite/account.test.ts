import { memoryStore, TokenManager } from '@evertoken/core';
import { fixedTokens } from '@evertoken/core/testing';
import { describe, expect, it } from 'vitest';
import { type DingTalkSuiteOptions, dingTalkSuite } from '../../src/index.js';
import { suiteOf } from '../../src/suite/suite-options.js';
import { suiteCorpSources, suiteSources } from '../../src/suite/suite-sources.js';
import { everythingOf, failureFrom, fakeFetch, issueRequest, NOW } from '../support.js';

const OPTIONS: DingTalkSuiteOptions = {
  name: 'suite',
  suiteKey: 'suitekey1',
  suiteSecret: 'testSuiteSecret',
  push: { token: 'sandboxToken', encodingAESKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG' },
};
const CORP = 'dingcorp';
const TICKET = 'TestSuiteTicket';

const suite = (options: Partial<DingTalkSuiteOptions> = {}) => dingTalkSuite({ ...OPTIONS, ...options });

describe('a suite’s account', () => {
  it('turns kinds and subjects back into sources', () => {
    const account = suite();
    const { corpId: _, client: __, ...sources } = account.corp(CORP);
    for (const source of [account.ticket, account.accessToken, ...Object.values(sources)]) {
      expect(account.source(source.kind, source.subject)?.key).toBe(source.key);
      expect(account.kinds.map(({ kind }) => kind)).toContain(source.kind);
    }
    expect(account.source('suite_ticket', CORP)).toBeUndefined();
    expect(account.source('corp_access_token')).toBeUndefined();
    expect(account.source('corp_access_token', '')).toBeUndefined();
    expect(() => account.corp('')).toThrow('"corpId" must be a non-empty string');
  });

  it('keeps tokens of its corps apart from each other and from the suite’s', () => {
    const account = suite();
    const keys = [account.corp('a').accessToken, account.corp('b').accessToken, account.corp('a').jsapiTicket];
    const all = [...keys, account.ticket, account.accessToken, suite({ suiteKey: 'other' }).corp('a').accessToken];
    expect(new Set(all.map(({ key }) => key)).size).toBe(all.length);
  });

  it('is refused by the manager without a durable store, unless nothing of it is a grant', async () => {
    const started = async (options: Partial<DingTalkSuiteOptions>) => {
      const manager = new TokenManager({ accounts: [suite(options)], store: memoryStore(), singleInstance: true });
      await manager.start();
      await manager.close();
    };
    expect(await failureFrom(started({}))).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION' });
    await started({ custom: true, push: undefined });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['suiteKey', { suiteKey: undefined }, '"suiteKey" must be a non-empty string, it is missing'],
    ['suiteSecret', { suiteSecret: '' }, '"suiteSecret" must be a non-empty string, it is empty'],
    ['api', { api: 'new' }, '"api" must be "v1", "legacy" or "unified"'],
    ['custom', { custom: 'yes' }, '"custom" must be true or false, got string'],
    ['onEvent', { onEvent: 1 }, '"onEvent" must be a function, got number'],
    ['push', { push: 1 }, '"push" must be an object'],
    ['push.token', { push: { ...OPTIONS.push, token: undefined } }, '"push.token"'],
    ['push.encodingAESKey', { push: { ...OPTIONS.push, encodingAESKey: 'short' } }, '"push.encodingAESKey"'],
    ['push.previous', { push: { ...OPTIONS.push, previous: {} } }, '"push.previous.token"'],
    ['push.ownerKeys', { push: { ...OPTIONS.push, ownerKeys: [''] } }, '"push.ownerKeys" must be a list'],
    ['push.replayWindowMs', { push: { ...OPTIONS.push, replayWindowMs: 0 } }, '"push.replayWindowMs" must be'],
    ['push.typo', { push: { ...OPTIONS.push, typo: 1 } }, '"push.typo" is no option; expected "token"'],
    ['typo', { typo: 1 }, '"typo" is no option; expected "name", "suiteKey"'],
  ])('names a wrong "%s", and shows no value', (_name, options, sentence) => {
    const account = dingTalkSuite({ ...OPTIONS, ...options } as DingTalkSuiteOptions);
    expect(account.problems().join('\n')).toContain(sentence);
    expect(account.problems().join('\n')).not.toContain('testSuiteSecret');
  });

  it('finds nothing wrong with what is right, and touches nothing with what is missing', () => {
    expect(suite().problems()).toEqual([]);
    expect(suite({ push: undefined, api: 'legacy' }).problems()).toEqual([]);
    const empty = dingTalkSuite({ name: 'suite' } as DingTalkSuiteOptions);
    expect(empty.problems()).not.toEqual([]);
    expect(empty.corp(CORP).accessToken.key).toContain('unconfigured');
  });

  it('makes no callback where no keys are configured, and names the option', () => {
    expect(() => suite({ push: undefined }).callback(fixedTokens([]))).toThrow(
      expect.objectContaining({
        code: 'ERR_TOKEN_CONFIGURATION',
        message: expect.stringMatching(/^"push" of account "[^"]+" is missing/) as string,
      }),
    );
  });
});

describe('a corp token’s request', () => {
  const sourcesOf = (options: Partial<DingTalkSuiteOptions> = {}) => {
    const read = suiteOf({ ...OPTIONS, ...options });
    return suiteCorpSources(read, suiteSources(read), CORP);
  };

  it('is signed with time and ticket in the old form, by the vector of the documents', async () => {
    const fetch = fakeFetch({ json: { errcode: 0, access_token: 'T1', expires_in: 7200 } });
    const request = { ...issueRequest(fetch, [TICKET]), now: () => 1_527_130_370_219 };
    await sourcesOf({ api: 'legacy' }).accessToken.issue(request);
    const [{ url, json } = { url: new URL('http://x'), json: {} }] = fetch.seen;
    expect(url.searchParams.get('signature')).toBe('5PMX0+4w0TR03H51PTcORqTVqeQPOxuuuy1hk2aFKKg=');
    // Encoded once: a raw plus would be read as a blank.
    expect(url.search).toContain('signature=5PMX0%2B4w0TR03H51PTcORqTVqeQPOxuuuy1hk2aFKKg%3D');
    expect(url.searchParams.get('accessKey')).toBe('suitekey1');
    expect(url.search).not.toContain('testSuiteSecret');
    expect(json).toEqual({ auth_corpid: CORP });
  });

  it('carries the secret and the ticket in the body of the new one', async () => {
    const fetch = fakeFetch({ json: { accessToken: 'T1', expireIn: 7200 } });
    expect(await sourcesOf().accessToken.issue(issueRequest(fetch, [TICKET]))).toEqual({
      value: 'T1',
      lifetimeMs: 7_200_000,
    });
    expect(fetch.seen[0]?.json).toEqual({
      suiteKey: 'suitekey1',
      suiteSecret: 'testSuiteSecret',
      authCorpId: CORP,
      suiteTicket: TICKET,
    });
    expect(fetch.seen[0]?.headers.has('x-acs-dingtalk-access-token')).toBe(false);
  });

  it.each([
    ['v1', { status: 400, json: { code: 'invalidAuthInfo', message: TICKET, requestid: 'r1' } }],
    ['legacy', { json: { errcode: 40084, errmsg: TICKET } }],
    ['legacy', new TypeError(`Failed to parse URL from https://oapi.dingtalk.com/x?suiteTicket=${TICKET}`)],
    ['unified', { status: 500, json: { code: 'unknownError', message: 'testSuiteSecret', requestid: 'r1' } }],
  ] as const)('that fails (%s) tells no secret, ticket or signature', async (api, answer) => {
    const fetch = fakeFetch(answer);
    const failure = await failureFrom(sourcesOf({ api }).accessToken.issue(issueRequest(fetch, [TICKET])));
    const signature = fetch.seen[0]?.url.searchParams.get('signature') ?? 'none';
    for (const secret of [TICKET, 'testSuiteSecret', signature, encodeURIComponent(signature)]) {
      expect(everythingOf(failure)).not.toContain(secret);
    }
  });

  it('is made at most twice for a wrong clock, and never where the answer has no date', async () => {
    const skewed = { json: { errcode: 853002 }, headers: { date: new Date(NOW + 300_000).toUTCString() } };
    const fetch = fakeFetch(skewed);
    const { accessToken } = sourcesOf({ api: 'legacy' });
    expect(await failureFrom(accessToken.issue(issueRequest(fetch, [TICKET])))).toMatchObject({ reason: 'clock' });
    expect(fetch.seen.map(({ url }) => Number(url.searchParams.get('timestamp')) - NOW)).toEqual([0, 300_000]);
    const undated = fakeFetch({ json: { errcode: 853002 } });
    await failureFrom(sourcesOf({ api: 'legacy' }).accessToken.issue(issueRequest(undated, [TICKET])));
    expect(undated.seen).toHaveLength(1);
  });
});
