import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { type JsApiDigest, jsApiSignature } from '../src/index.js';

// github.com/zhaoyunxing92/dingtalk-api: DingTalkSecurityImplTest.java
const J2 = {
  ticket: 'gUsHOoPPzLVZKVkClnESg88m7qMV4c0Ys9VGsMigqzZU7gA8PeoNzHODmYPZ85TYuoZryXuqEUFlXLN1OPEixm',
  nonceStr: 'abcde12345',
  timeStamp: 1463125744,
  url: 'http://test4.weixin.wtoip.com:80/wtoip/dingding/dzmp',
};

it('signs as published with SHA-1 (vector J2)', () => {
  expect(jsApiSignature({ ...J2, digest: 'sha1' })).toBe('d14dfc1d0d98cad2438e664723e8a9d8633b443f');
});

it('signs with SHA-256 unless told otherwise (vector J2b)', () => {
  const signature = '06db718d460dde9fba6788934c0f994abf83a79dd019b7d98e66a3e0b7e5a5b9';
  expect(jsApiSignature(J2)).toBe(signature);
  expect(jsApiSignature({ ...J2, digest: 'sha256' })).toBe(signature);
});

it.each([
  ['cuts the fragment', 'https://h.example/a#/route?x=1', 'https://h.example/a'],
  ['decodes the query', 'https://h.example/a?q=%E9%92%89%20x', 'https://h.example/a?q=钉 x'],
  ['decodes the query once', 'https://h.example/a?q=%2520', 'https://h.example/a?q=%20'],
  ["reads a plus as the platform's sample does", 'https://h.example/a?q=1+2', 'https://h.example/a?q=1 2'],
  ['leaves a query alone that was never encoded', 'https://h.example/a?q=100%+1', 'https://h.example/a?q=100%+1'],
  ['leaves the path alone', 'https://h.example/%E9%92%89', 'https://h.example/%E9%92%89'],
  ['keeps the question mark', 'https://h.example/a?', 'https://h.example/a?'],
  ['keeps a default port', 'http://h.example:80/', 'http://h.example:80/'],
  ['adds no slash', 'https://h.example', 'https://h.example'],
])('%s', (_what, url, signed) => {
  const plain = `jsapi_ticket=J1&noncestr=n&timestamp=17&url=${signed}`;
  const expected = createHash('sha256').update(plain).digest('hex');
  expect(jsApiSignature({ ticket: 'J1', nonceStr: 'n', timeStamp: 17, url })).toBe(expected);
});

it('refuses an address no page can have, and digests the platform does not know', () => {
  for (const url of ['', '/path', 'h.example/a', 'ftp://h.example/']) {
    expect(() => jsApiSignature({ ...J2, url }), url).toThrow(/^"url" must be/);
  }
  expect(() => jsApiSignature({ ...J2, digest: 'md5' as JsApiDigest })).toThrow(/^"digest" must be/);
});
