import { describe, expect, it } from 'vitest';
import { cardSignature, jsSdkSignature, nonce } from '../src/js-sdk.js';

describe('jsSdkSignature', () => {
  const example = {
    jsapiTicket: 'sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg',
    nonceStr: 'Wm3WZYTPz0wzccnW',
    timestamp: '1414587457',
    url: 'http://mp.weixin.qq.com?params=value',
  };
  const signature = '0f9de62fce790f9a083d5c99e95740ceb90c27ed';

  it('signs the example of the platform’s documents', () => {
    expect(jsSdkSignature(example)).toBe(signature);
    expect(jsSdkSignature({ ...example, timestamp: 1414587457 })).toBe(signature);
  });

  it('leaves out the fragment and what follows', () => {
    expect(jsSdkSignature({ ...example, url: `${example.url}#/a?b=c#d` })).toBe(signature);
  });

  it('encodes nothing', () => {
    const url = 'https://shop.example/页?a=b c&d=%E4';
    expect(jsSdkSignature({ jsapiTicket: 't', nonceStr: 'n', timestamp: 1, url })).toBe(
      'd2a2e875e98ce11563c0a83a6b3c27c3537aa93b',
    );
  });
});

describe('cardSignature', () => {
  const values = [
    'E0o2-at6NcC2OsJiQTlwlKYyg-fKayq9IF7iYyyyi7JyxXirHaurpJgI7oqY0AVbFPnZmYCgmCdTNBlU1hBRzw',
    '1498125529',
    'ptMXyt1Z8fa_oO9VZCPeNvQIrL3E',
    'F899139DF5E1059396431415E770C6DD',
    'PK0000397757',
    'otMXytwcamKAa3JmUoQ0N7OGDFuA',
  ];
  const signature = 'cdd62c91eaa2c62f02b54e220dea282e34cce879';

  it('signs a known card, whatever the order of the values', () => {
    expect(cardSignature(values)).toBe(signature);
    expect(cardSignature(values.toReversed())).toBe(signature);
  });

  it('takes an empty value for an absent one', () => {
    expect(cardSignature([...values, ''])).toBe(signature);
  });

  it('sorts by bytes, not by code units', () => {
    // U+FF01 is before U+1F600 in bytes and behind it in code units.
    expect(cardSignature(['\u{1F600}', '\uFF01'])).toBe(cardSignature(['\uFF01\u{1F600}']));
  });
});

describe('nonce', () => {
  it('gives 16 characters, others each time', () => {
    expect(nonce()).toMatch(/^[0-9a-f]{16}$/);
    expect(nonce()).not.toBe(nonce());
  });
});
