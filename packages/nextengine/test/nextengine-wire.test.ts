import { describe, expect, it } from 'vitest';
import {
  callRequest,
  exchangeRequest,
  isReading,
  japanTime,
  readAnswer,
  renewalRequest,
  signInUrl,
} from '../src/nextengine-wire.js';
import { wirePair } from './support.js';

const API = 'https://api.example';

describe('end dates', () => {
  it.each([
    ['2017-04-19 11:21:13', Date.UTC(2017, 3, 19, 2, 21, 13)],
    ['2026-01-01 00:00:00', Date.UTC(2025, 11, 31, 15)],
    ['2024-02-29 23:59:59', Date.UTC(2024, 1, 29, 14, 59, 59)],
  ])('%s is read as Japan time whatever the host’s zone', (text, ms) => {
    const zone = process.env['TZ'];
    try {
      for (const other of ['UTC', 'America/New_York', 'Asia/Tokyo']) {
        process.env['TZ'] = other;
        expect(japanTime(text)).toBe(ms);
      }
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
  });

  it.each([
    undefined,
    null,
    '',
    0,
    1492568473,
    'tomorrow',
    '0000-00-00 00:00:00',
    '2017-04-19',
    '2017-04-19T11:21:13',
    '2017-04-19 11:21:13 ',
    '2017-04-19 11:21:13+09:00',
    '2017-02-30 11:21:13',
    '2023-02-29 00:00:00',
    '2017-13-01 11:21:13',
    '2017-04-19 24:00:00',
    '2017-04-19 11:60:13',
    '2017-4-19 11:21:13',
  ])('%j tells no end', (text) => {
    expect(japanTime(text)).toBeUndefined();
  });
});

describe('requests', () => {
  it('sends the browser to sign-in without the client secret', () => {
    expect(signInUrl('https://base.example', { clientId: 'a&b', redirectUri: 'https://app.example/back?x=1' })).toBe(
      'https://base.example/users/sign_in/?client_id=a%26b&redirect_uri=https%3A%2F%2Fapp.example%2Fback%3Fx%3D1',
    );
  });

  it('leaves the redirect URI out where the registered one is meant', () => {
    expect(signInUrl('https://base.example', { clientId: 'c' })).toBe(
      'https://base.example/users/sign_in/?client_id=c',
    );
  });

  it('exchanges with the four documented parameters and no token', () => {
    const { url, body } = exchangeRequest(API, { uid: 'u', state: 's', clientId: 'c', clientSecret: 'x' });
    expect(url).toBe('https://api.example/api_neauth');
    expect(Object.fromEntries(body)).toEqual({ uid: 'u', state: 's', client_id: 'c', client_secret: 'x' });
  });

  it('renews with both tokens and never waits for the main function', () => {
    for (const about of ['user', 'company'] as const) {
      const { url, body } = renewalRequest(API, { accessToken: 'A', refreshToken: 'R' }, about);
      expect(url).toBe(`https://api.example/api_v1_login_${about}/info`);
      expect(Object.fromEntries(body)).toEqual({ access_token: 'A', refresh_token: 'R' });
    }
  });

  it('calls with the access token alone and writes parameters as the platform reads them', () => {
    const { url, method, body } = callRequest(API, '/api_v1_receiveorder_base/search', {
      fields: ['receive_order_id', 'receive_order_date'],
      limit: 100,
      active: true,
      'receive_order_id-in': [1, 2],
      'receive_order_date-gte': '2026-01-01 00:00:00',
      offset: undefined,
      other: false,
      name: '商品 & more',
    })('A');
    expect([url, method]).toEqual(['https://api.example/api_v1_receiveorder_base/search', 'POST']);
    expect(Object.fromEntries(body)).toEqual({
      access_token: 'A',
      fields: 'receive_order_id,receive_order_date',
      limit: '100',
      active: '1',
      'receive_order_id-in': '1,2',
      'receive_order_date-gte': '2026-01-01 00:00:00',
      other: '0',
      name: '商品 & more',
    });
  });

  it('waits for an overloaded main function where it is told to', () => {
    const { body } = callRequest(API, '/api_v1_x/search', {}, { waitFlag: true })('A');
    expect(body.get('wait_flag')).toBe('1');
    expect(() => callRequest(API, '/api_v1_x/search', { wait_flag: 1 })).toThrow(
      new TypeError('"wait_flag" is no parameter: use the option "waitFlag", which waits for the answer too'),
    );
  });

  it('tells methods that only read by the end of their path', () => {
    const paths = ['/api_v1_x/search', '/api_v1_x/count', '/api_v1_x/info', '/api_v1_x/search/'];
    expect(paths.filter(isReading)).toEqual(paths);
    expect(
      ['/api_v1_x/update', '/api_v1_x/info_update', '/api_v1_search/upload', '/api_v1_x'].filter(isReading),
    ).toEqual([]);
  });

  it.each(['access_token', 'refresh_token'])('refuses a parameter named %s and does not show its value', (name) => {
    const call = () => callRequest(API, '/api_v1_x/search', { [name]: 'mine' });
    expect(call).toThrow(TypeError);
    expect(call).not.toThrow(/mine/);
  });

  it.each([
    'api_v1_x/search',
    '/v1_x',
    '//evil.example/api_x',
    '/api_v1_x/search?access_token=1',
    '/api_v1_x/../y',
    '/api_v1_x/search#',
    '/api_',
    '@evil.example/api_x',
    '',
  ])('refuses the path %j', (path) => {
    expect(() => callRequest(API, path, {})).toThrow(TypeError);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, null, {}, () => 1])('refuses the value %s', (value) => {
    expect(() => callRequest(API, '/api_v1_x/search', { limit: value as never })).toThrow('"limit"');
  });
});

describe('answers', () => {
  it('reads the documented error that carries tokens', () => {
    const answer = readAnswer({
      result: 'error',
      code: '012005',
      message: 'FTP',
      request_id: '',
      ...wirePair('A', 'R'),
    });
    expect(answer).toEqual({
      result: 'error',
      code: '012005',
      message: 'FTP',
      accessToken: 'A',
      refreshToken: 'R',
      accessTokenExpiresAt: Date.UTC(2017, 3, 19, 2, 21, 13),
      refreshTokenExpiresAt: Date.UTC(2017, 3, 21, 2, 21, 13),
      fields: { result: 'error', code: '012005', message: 'FTP', request_id: '' },
    });
  });

  it('keeps every token field out of what callers see', () => {
    const { fields } = readAnswer({ result: 'success', count: '1', data: [{ a: null }], ...wirePair('A', 'R') }) ?? {};
    expect(fields).toEqual({ result: 'success', count: '1', data: [{ a: null }] });
  });

  it.each([[null], [1], ['text'], [[1]], [undefined]])('%j is no answer', (body) => {
    expect(readAnswer(body)).toBeUndefined();
  });

  it('reads empty, null and mistyped tokens as absent and another result as none', () => {
    expect(readAnswer({ result: 'ok', access_token: '', refresh_token: null, code: null })).toEqual({
      fields: { result: 'ok', code: null },
    });
    expect(readAnswer({ result: 'success', access_token: 12, refresh_token: [] })).toEqual({
      result: 'success',
      fields: { result: 'success' },
    });
  });
});
