import type { PlatformAnswer } from '@evertoken/core';
import { describe, expect, it } from 'vitest';
import { failureIn, issuedIn, stableTokenRequest, ticketRequest, tokenRequest } from '../src/wechat-wire.js';

const ids = { account: 'shop', kind: 'access_token' };
const app = { id: 'wx1', secret: 's&=+?' };

describe('requests', () => {
  it('asks stable_token with POST and JSON, and never forces a refresh', () => {
    const { url, method, headers, body } = stableTokenRequest('https://api.weixin.qq.com', app);
    expect({ url, method, headers }).toEqual({
      url: 'https://api.weixin.qq.com/cgi-bin/stable_token',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    expect(JSON.parse(String(body))).toEqual({
      grant_type: 'client_credential',
      appid: 'wx1',
      secret: 's&=+?',
      force_refresh: false,
    });
  });

  it('asks token with GET and an encoded query', () => {
    expect(tokenRequest('https://proxy.example/wx', app)).toEqual({
      url: 'https://proxy.example/wx/cgi-bin/token?grant_type=client_credential&appid=wx1&secret=s%26%3D%2B%3F',
    });
  });

  it('asks for a ticket by its type', () => {
    expect(ticketRequest('https://api.weixin.qq.com', { accessToken: '54_a', type: 'wx_card' })).toEqual({
      url: 'https://api.weixin.qq.com/cgi-bin/ticket/getticket?access_token=54_a&type=wx_card',
    });
  });
});

describe('failureIn', () => {
  it.each([
    ['no errcode', { access_token: 'T' }],
    ['0', { errcode: 0, errmsg: 'ok' }],
    ['"0"', { errcode: '0' }],
    ['an answer that is no object', []],
  ])('takes %s for success', (_, json) => {
    expect(failureIn(answer(json), ids)).toBeUndefined();
  });

  it.each([
    ['rid', 'invalid credential rid: 65f1a2b3-0d3ee0cd-1c9d5b41', '65f1a2b3-0d3ee0cd-1c9d5b41'],
    ['hint', 'invalid credential, hint: [ASaWfa0567vr23]', 'ASaWfa0567vr23'],
  ])('finds the request id behind "%s"', (_, errmsg, requestId) => {
    expect(failureIn(answer({ errcode: 40001, errmsg }), ids)).toEqual({ errcode: 40001, errmsg, requestId });
  });

  it('reads a code in quotes, and does without a text', () => {
    expect(failureIn(answer({ errcode: '-1' }), ids)).toEqual({ errcode: -1, errmsg: '' });
  });

  it.each([
    ['no JSON', undefined],
    ['a word for a code', { errcode: 'busy' }],
    ['an empty code', { errcode: '' }],
    ['null for a code', { errcode: null }],
    ['a fraction for a code', { errcode: 1.5 }],
  ])('calls %s malformed', (_, json) => {
    expect(() => failureIn(answer(json, 502), ids)).toThrow(
      expect.objectContaining({
        code: 'ERR_TOKEN_TRANSPORT',
        reason: 'malformed',
        account: 'shop',
        kind: 'access_token',
      }),
    );
  });
});

describe('issuedIn', () => {
  it('turns seconds into milliseconds', () => {
    expect(issuedIn(answer({ access_token: '54_a', expires_in: 345 }), 'access_token', ids)).toEqual({
      value: '54_a',
      lifetimeMs: 345_000,
    });
    expect(issuedIn(answer({ errcode: 0, ticket: 'k', expires_in: 7200 }), 'ticket', ids)).toEqual({
      value: 'k',
      lifetimeMs: 7_200_000,
    });
  });

  it.each([undefined, 0, -1, '7200', null, true, {}])(
    'calls an expires_in of %j malformed, not expired',
    (expires_in) => {
      expect(() => issuedIn(answer({ access_token: 'SECRET-T', expires_in }), 'access_token', ids)).toThrow(
        expect.objectContaining({
          code: 'ERR_TOKEN_TRANSPORT',
          reason: 'malformed',
          uncertain: true,
          message: expect.not.stringContaining('SECRET-T') as string,
        }),
      );
    },
  );

  it.each([undefined, '', 7, null])('calls a token of %j malformed', (access_token) => {
    expect(() => issuedIn(answer({ access_token, expires_in: 7200 }), 'access_token', ids)).toThrow(
      expect.objectContaining({ code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' }),
    );
  });
});

function answer(json: unknown, status = 200): PlatformAnswer {
  return { status, headers: new Headers(), text: '', json };
}
