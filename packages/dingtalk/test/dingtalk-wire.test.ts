import type { PlatformAnswer } from '@evertoken/core';
import { describe, expect, it } from 'vitest';
import { failureOf, issuedIn } from '../src/dingtalk-wire.js';

function answer(status: number, body: unknown, type = 'application/json'): PlatformAnswer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return {
    status,
    headers: new Headers({ 'content-type': type }),
    text,
    ...(typeof body !== 'string' && { json: body }),
  };
}

const WRAPPED = {
  errcode: 88,
  sub_code: '40014',
  sub_msg: '不合法的access_token',
  errmsg: 'ding talk error[subcode=40014,submsg=不合法的access_token]',
  request_id: '16example',
};

describe('failureOf', () => {
  it.each([
    ['an old success', 200, { errcode: 0, errmsg: 'ok', result: {} }],
    ['an old success whose code is text', 200, { errcode: '0', errmsg: 'ok' }],
    ['an answer of 2016 without a code', 200, { access_token: 'T1' }],
    ['a new success', 200, { accessToken: 'T1', expireIn: 7200 }],
    ['a new success with another 2xx', 201, { id: 1 }],
    ['codes inside the result', 200, { result: { errcode: 40014, code: 'InvalidAuthentication' } }],
    ["a business body with a 'code' of its own", 200, { code: 'A-17', message: 'parcel' }],
    ['an empty body', 200, ''],
    ['no content', 204, ''],
    ['a list', 200, [1]],
  ])('sees a success in %s', (_what, status, body) => {
    expect(failureOf(answer(status, body))).toBeUndefined();
  });

  it.each([
    ['plain', 200, { errcode: 40014, errmsg: 'x' }, { code: '40014', httpStatus: 200 }],
    ['plain, as text', 200, { errcode: '40014', errmsg: 'x' }, { code: '40014', httpStatus: 200 }],
    ['negative', 200, { errcode: -1, errmsg: 'x' }, { code: '-1', httpStatus: 200 }],
    ['wrapped', 200, WRAPPED, { code: '40014', httpStatus: 200, requestId: '16example' }],
    [
      "wrapped, in the documentation's spelling",
      200,
      { errcode: 88, subCode: '60011' },
      { code: '60011', httpStatus: 200 },
    ],
    [
      'wrapped around nothing',
      200,
      { ...WRAPPED, sub_code: '' },
      { code: '88', httpStatus: 200, requestId: '16example' },
    ],
    [
      'new',
      400,
      { requestid: '01A0', code: 'InvalidAuthentication', message: 'x' },
      { code: 'InvalidAuthentication', httpStatus: 400, requestId: '01A0' },
    ],
    [
      'new, with scopes',
      403,
      {
        requestid: '01A0',
        code: 'Forbidden.AccessDenied.AccessTokenPermissionDenied',
        message: 'x',
        accessdenieddetail: { requiredScopes: ['Contact.User.Read', 3] },
      },
      {
        code: 'Forbidden.AccessDenied.AccessTokenPermissionDenied',
        httpStatus: 403,
        requestId: '01A0',
        requiredScopes: ['Contact.User.Read'],
      },
    ],
    [
      'new, whole, with HTTP 200',
      200,
      { requestid: 'r', code: 'x', message: 'y' },
      { code: 'x', httpStatus: 200, requestId: 'r' },
    ],
    ['old, from the new host', 200, { errcode: 404, errmsg: '请求的URI地址不存在' }, { code: '404', httpStatus: 200 }],
    ['a bare status', 503, '', { httpStatus: 503 }],
    ['a status with JSON that says nothing', 502, { errcode: 0 }, { httpStatus: 502 }],
    [
      "the guard's JSON",
      200,
      { status: 1111, wait: 5, source: 'x5', punish: 'deny', uuid: 'u' },
      { code: '1111', httpStatus: 200, banned: true },
    ],
    ['text', 200, 'hello', { httpStatus: 200 }],
  ])('reads the envelope: %s', (_what, status, body, failure) => {
    expect(failureOf(answer(status, body))).toEqual(failure);
  });

  it('takes a page for a ban, unless its status is that of a broken gateway or a wrong address', () => {
    const page = '<!doctype html><html><body>denied</body></html>';
    for (const status of [200, 403, 405, 429]) {
      expect(failureOf(answer(status, page, 'text/html')), String(status)).toEqual({
        httpStatus: status,
        banned: true,
      });
      expect(failureOf(answer(status, `\n${page}`, 'text/plain'))).toEqual({ httpStatus: status, banned: true });
    }
    for (const status of [400, 404, 500, 503]) {
      expect(failureOf(answer(status, page, 'text/html')), String(status)).toEqual({ httpStatus: status });
    }
  });
});

describe('issuedIn', () => {
  it.each([
    [{ accessToken: 'T1', expireIn: 7200 }, 'token', 'T1', 7_200_000],
    [{ accessToken: 'T1', expiresIn: 100 }, 'token', 'T1', 100_000],
    [{ errcode: 0, access_token: 'T1', expires_in: 60 }, 'token', 'T1', 60_000],
    [{ jsapiTicket: 'J1', expireIn: '7000' }, 'ticket', 'J1', 7_000_000],
    [{ errcode: 0, ticket: 'J1', expires_in: 7200 }, 'ticket', 'J1', 7_200_000],
    [{ accessToken: 'T1' }, 'token', 'T1', 7_200_000],
    [{ accessToken: 'T1', expireIn: 0 }, 'token', 'T1', 7_200_000],
    [{ accessToken: 'T1', expireIn: -1 }, 'token', 'T1', 7_200_000],
    [{ accessToken: 'T1', expireIn: 'soon' }, 'token', 'T1', 7_200_000],
    [{ accessToken: 'T1', expireIn: null }, 'token', 'T1', 7_200_000],
  ] as const)('reads %j', (json, what, value, lifetimeMs) => {
    expect(issuedIn(json, what)).toEqual({ value, lifetimeMs });
  });

  it.each([
    undefined,
    [],
    {},
    { accessToken: '' },
    { accessToken: 5 },
    { accessToken: 'two\r\nlines' },
    { ticket: 'J1' },
  ])('finds no token in %j', (json) => {
    expect(issuedIn(json, 'token')).toBeUndefined();
  });
});
