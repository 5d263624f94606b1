import { ParentRejected, TokenError } from '@evertoken/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { DINGTALK_ERRORS, DingTalkError, dingTalkApp } from '../src/index.js';
import { everythingOf, failureFrom, fakeFetch, fakeTokens, hastyClock, issueRequest, NOW } from './support.js';

let app = dingTalkApp({ name: 'oa', appKey: 'dingkey', appSecret: 'app-secret' });
// A ban is remembered by the account.
beforeEach(() => {
  app = dingTalkApp({ name: 'oa', appKey: 'dingkey', appSecret: 'app-secret' });
});
const rows = DINGTALK_ERRORS.flatMap((row) => row.codes.map((code) => ({ ...row, code })));

function refusal(code: string) {
  return /^-?\d+$/.test(code)
    ? { json: { errcode: Number(code), errmsg: '' } }
    : { status: 400, json: { code, message: '', requestid: 'R1' } };
}

function clientOf(code: string) {
  const account = dingTalkApp({
    name: 'oa',
    appKey: 'dingkey',
    appSecret: 'app-secret',
    fetch: fakeFetch(refusal(code)),
    clock: hastyClock(),
  });
  return { account, tokens: fakeTokens('T1', 'T2') };
}

const EXPECTED = {
  token: { code: 'ERR_TOKEN_REFUSED', retryable: false },
  suiteToken: { code: 'ERR_TOKEN_REFUSED', retryable: false },
  suiteTicket: { code: 'ERR_TOKEN_WAITING', retryable: true },
  reauthorize: { code: 'ERR_TOKEN_REFUSED', retryable: false },
  clock: { code: 'ERR_TOKEN_REFUSED', retryable: false, reason: 'clock' },
  refused: { code: 'ERR_TOKEN_REFUSED', retryable: false },
  busy: { code: 'ERR_TOKEN_BUSY', retryable: true, retryAt: NOW + 1500 },
  throttled: { code: 'ERR_TOKEN_BUSY', retryable: true, retryAt: NOW + 1500, reason: 'throttled' },
  quota: { code: 'ERR_TOKEN_QUOTA', retryable: false },
} as const;

it('knows each code once', () => {
  expect(new Set(rows.map(({ code }) => code)).size).toBe(rows.length);
  for (const { source, says } of rows) expect(source && says).not.toBe('');
});

describe.each(rows)('$code is $meaning', ({ code, meaning, says }) => {
  it('as the answer to a request for a token', async () => {
    const error = await failureFrom(app.accessToken.issue(issueRequest(fakeFetch(refusal(code)))));
    expect(error).toBeInstanceOf(TokenError);
    expect(error).toMatchObject({ ...EXPECTED[meaning], account: 'oa', kind: 'access_token', platformCode: code });
    expect((error as Error).message).toContain(says);
  });

  it('as the answer to a request for a ticket', async () => {
    const error = await failureFrom(app.jsapiTicket.issue(issueRequest(fakeFetch(refusal(code)), ['T1'])));
    if (meaning === 'token') {
      expect(error).toBeInstanceOf(ParentRejected);
      expect(error).toMatchObject({ value: 'T1', platformCode: code });
    } else {
      expect(error).toMatchObject({ ...EXPECTED[meaning], kind: 'jsapi_ticket', platformCode: code });
    }
  });

  it('as the answer to a call', async () => {
    const { account, tokens } = clientOf(code);
    const error = await failureFrom(account.client(tokens).oapi.get('/topapi/x'));
    expect(error).toBeInstanceOf(DingTalkError);
    const retryable = meaning === 'busy' || meaning === 'throttled';
    expect(error).toMatchObject({ code, account: 'oa', reason: meaning, retryable });
    expect(tokens.rejections).toHaveLength(meaning === 'token' ? 1 : 0);
  });
});

it.each([
  ['a code we do not know', { json: { errcode: 31_337 } }, { code: 'ERR_TOKEN_REFUSED', platformCode: '31337' }],
  [
    'an unknown code with HTTP 500',
    { status: 500, json: { code: 'odd' } },
    { code: 'ERR_TOKEN_BUSY', platformCode: 'odd' },
  ],
  [
    'an unknown code with HTTP 429',
    { status: 429, json: { code: 'odd' } },
    { code: 'ERR_TOKEN_BUSY', reason: 'throttled' },
  ],
  ['a bare 503', { status: 503 }, { code: 'ERR_TOKEN_BUSY', retryAt: NOW + 1500 }],
  ['a bare 504', { status: 504, text: 'timeout' }, { code: 'ERR_TOKEN_BUSY' }],
  ['a bare 403, as from a proxy', { status: 403 }, { code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' }],
  ['a page of a broken gateway', { status: 400, text: '<html>' }, { code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' }],
  ['half of an answer', { text: '{"accessToken":"T' }, { code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' }],
  ['an empty answer', {}, { code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' }],
  ['an answer without a token', { json: { expireIn: 7200 } }, { code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' }],
  [
    'a page of the guard',
    { text: '<html>denied</html>', headers: { 'content-type': 'text/html' } },
    { code: 'ERR_TOKEN_BUSY', retryable: true, reason: 'banned', retryAt: NOW + 300_000 },
  ],
  [
    'JSON of the guard',
    { json: { status: 1111, wait: 5, source: 'x5', punish: 'deny' } },
    { code: 'ERR_TOKEN_BUSY', reason: 'banned', retryAt: NOW + 300_000, platformCode: '1111' },
  ],
  [
    'the old code inside the wrapping',
    { json: { errcode: 88, sub_code: '60011', request_id: 'R1' } },
    { code: 'ERR_TOKEN_REFUSED', platformCode: '60011', requestId: 'R1' },
  ],
])('makes the right error of %s', async (_what, answer, expected) => {
  const error = await failureFrom(app.accessToken.issue(issueRequest(fakeFetch(answer))));
  expect(error).toBeInstanceOf(TokenError);
  expect(error).toMatchObject({ account: 'oa', kind: 'access_token', ...expected });
});

it('takes 40001 for a wrong secret where the request presented one, for a dead token elsewhere', async () => {
  const corp = dingTalkApp({ name: 'corp', corpId: 'dingcorp', corpSecret: 'corp-secret' });
  const refused = () => issueRequest(fakeFetch(refusal('40001')), ['T1']);
  expect(await failureFrom(corp.accessToken.issue(refused()))).toMatchObject({ code: 'ERR_TOKEN_REFUSED' });
  expect(await failureFrom(corp.jsapiTicket.issue(refused()))).toBeInstanceOf(ParentRejected);
});

it('shows no secret and no token, whatever goes wrong', async () => {
  const network = Object.assign(new Error('connect https://oapi.example/gettoken?appsecret=app-secret'), {
    code: 'ECONNRESET',
  });
  for (const answer of [network, { json: { errcode: 40096, errmsg: 'app-secret T-secret' } }, { text: 'T-secret' }]) {
    for (const api of ['v1', 'legacy'] as const) {
      const account = dingTalkApp({
        ...{ name: 'oa', appKey: 'k', appSecret: 'app-secret', api },
        ...{ fetch: fakeFetch(answer), clock: hastyClock() },
      });
      const errors = [
        await failureFrom(account.accessToken.issue(issueRequest(fakeFetch(answer)))),
        await failureFrom(account.jsapiTicket.issue(issueRequest(fakeFetch(answer), ['T-secret']))),
        await failureFrom(account.client(fakeTokens('T-secret')).oapi.get('/topapi/x', { query: { q: 1 } })),
        await failureFrom(account.client(fakeTokens('T-secret')).api.get('/v1.0/x')),
      ];
      for (const error of errors) expect(everythingOf(error)).not.toMatch(/app-secret|T-secret/);
    }
  }
});
