import { expect, it } from 'vitest';
import { dingTalkApp } from '../src/index.js';
import { failureFrom, fakeFetch, issueRequest } from './support.js';

const credentials = { name: 'oa', appKey: 'dingkey', appSecret: 'a+b/c=&d' };

it('asks the new host for a token, by JSON and without a token of its own', async () => {
  const fetch = fakeFetch({ json: { accessToken: 'T1', expireIn: 7200 } });
  await expect(dingTalkApp(credentials).accessToken.issue(issueRequest(fetch))).resolves.toEqual({
    value: 'T1',
    lifetimeMs: 7_200_000,
  });
  expect(fetch.seen).toHaveLength(1);
  expect(fetch.seen[0]).toMatchObject({ method: 'POST', json: { appKey: 'dingkey', appSecret: 'a+b/c=&d' } });
  expect(fetch.seen[0]?.url.href).toBe('https://api.dingtalk.com/v1.0/oauth2/accessToken');
  expect(fetch.seen[0]?.headers.get('content-type')).toBe('application/json');
  expect(fetch.seen[0]?.headers.has('x-acs-dingtalk-access-token')).toBe(false);
});

it('asks the old host in the query string, escaped', async () => {
  const fetch = fakeFetch({ json: { errcode: 0, errmsg: 'ok', access_token: 'T1', expires_in: 7200 } });
  await dingTalkApp({ ...credentials, api: 'legacy' }).accessToken.issue(issueRequest(fetch));
  expect(fetch.seen[0]).toMatchObject({ method: 'GET', body: undefined });
  expect(fetch.seen[0]?.url.href).toBe('https://oapi.dingtalk.com/gettoken?appkey=dingkey&appsecret=a%2Bb%2Fc%3D%26d');
});

it('asks by organisation and secret in the oldest form, for the ticket too', async () => {
  const corp = dingTalkApp({ name: 'corp', corpId: 'dingcorp', corpSecret: 's 1' });
  const fetch = fakeFetch(
    { json: { errcode: 0, access_token: 'T1', expires_in: 7200 } },
    { json: { errcode: '0', ticket: 'J1', expires_in: 7200 } },
  );
  await corp.accessToken.issue(issueRequest(fetch));
  expect(fetch.seen[0]?.url.href).toBe('https://oapi.dingtalk.com/gettoken?corpid=dingcorp&corpsecret=s+1');
  await expect(corp.jsapiTicket.issue(issueRequest(fetch, ['T1']))).resolves.toEqual({
    value: 'J1',
    lifetimeMs: 7_200_000,
  });
  expect(fetch.seen[1]?.url.href).toBe('https://oapi.dingtalk.com/get_jsapi_ticket?access_token=T1&type=jsapi');
});

it('asks for a ticket with the token it is given: POST, no body, token in the header', async () => {
  const fetch = fakeFetch({ json: { jsapiTicket: 'J1', expireIn: 7200 } });
  await expect(dingTalkApp(credentials).jsapiTicket.issue(issueRequest(fetch, ['T1']))).resolves.toEqual({
    value: 'J1',
    lifetimeMs: 7_200_000,
  });
  expect(fetch.seen[0]).toMatchObject({ method: 'POST', body: undefined });
  expect(fetch.seen[0]?.url.href).toBe('https://api.dingtalk.com/v1.0/oauth2/jsapiTickets');
  expect(fetch.seen[0]?.headers.get('x-acs-dingtalk-access-token')).toBe('T1');
});

it('asks for a ticket only where there is a token', async () => {
  const fetch = fakeFetch();
  for (const parents of [[], ['']]) {
    const error = await failureFrom(dingTalkApp(credentials).jsapiTicket.issue(issueRequest(fetch, parents)));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION', account: 'oa', kind: 'jsapi_ticket' });
  }
  expect(fetch.seen).toEqual([]);
});

it.each(['https://proxy.example/ding', 'https://proxy.example/ding/', 'https://proxy.example/ding//'])(
  'asks below %s',
  async (url) => {
    const fetch = fakeFetch({ json: { accessToken: 'T1' } });
    const baseUrls = { api: url, oapi: url };
    await dingTalkApp({ ...credentials, baseUrls }).accessToken.issue(issueRequest(fetch));
    await dingTalkApp({ ...credentials, baseUrls, api: 'legacy' }).accessToken.issue(issueRequest(fetch));
    expect(fetch.seen[0]?.url.href).toBe('https://proxy.example/ding/v1.0/oauth2/accessToken');
    expect(fetch.seen[1]?.url.pathname).toBe('/ding/gettoken');
  },
);

it('ends with its request', async () => {
  const request = { ...issueRequest(fakeFetch({})), signal: AbortSignal.abort(new DOMException('', 'TimeoutError')) };
  const error = await failureFrom(dingTalkApp(credentials).accessToken.issue(request));
  expect(error).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'timeout', retryable: true });
});
