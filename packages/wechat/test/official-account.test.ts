import { describe, expect, it } from 'vitest';
import { cardSignature, jsSdkSignature, officialAccount } from '../src/index.js';
import { countingTokens, failureOf } from './support.js';

const shop = officialAccount({ name: 'shop', appId: 'wx1', secret: 's' });
const FIXED = { timestamp: 1414587457, nonceStr: 'Wm3WZYTPz0wzccnW' };

describe('jsSdkConfig', () => {
  const url = 'https://shop.example/list?page=1';

  it('gives what wx.config wants, signed with the ticket', async () => {
    const config = await shop
      .client(countingTokens())
      .jsSdkConfig(`${url}#top`, { ...FIXED, jsApiList: ['scanQRCode'] });
    expect(config).toEqual({
      appId: 'wx1',
      ...FIXED,
      signature: jsSdkSignature({ jsapiTicket: 'jsapi_ticket-1', ...FIXED, url }),
      jsApiList: ['scanQRCode'],
    });
  });

  it('makes up time and nonce, and signs just those', async () => {
    const { timestamp, nonceStr, signature, jsApiList } = await shop.client(countingTokens()).jsSdkConfig(url);
    expect(Number.isInteger(timestamp)).toBe(true);
    expect(timestamp).toBeGreaterThan(1_700_000_000);
    expect(timestamp).toBeLessThan(100_000_000_000);
    expect(signature).toBe(jsSdkSignature({ jsapiTicket: 'jsapi_ticket-1', nonceStr, timestamp, url }));
    expect(jsApiList).toEqual([]);
  });

  it('passes on what concerns only the page', async () => {
    const config = await shop.client(countingTokens()).jsSdkConfig(url, { openTagList: ['wx-open-app'], debug: true });
    expect(config).toMatchObject({ openTagList: ['wx-open-app'], debug: true });
  });

  it('signs with another ticket once the dead one was reported', async () => {
    const tokens = countingTokens();
    const before = await shop.client(tokens).jsSdkConfig(url, FIXED);
    await tokens.reject(shop.jsapiTicket, await tokens.get(shop.jsapiTicket));
    const after = await shop.client(tokens).jsSdkConfig(url, FIXED);
    expect(after.signature).not.toBe(before.signature);
    expect(tokens.rejections).toEqual([{ kind: 'jsapi_ticket', value: 'jsapi_ticket-1' }]);
  });

  it('fails as the ticket does', async () => {
    const tokens = countingTokens();
    const error = new Error('no ticket');
    tokens.get = () => Promise.reject(error);
    expect(await failureOf(shop.client(tokens).jsSdkConfig(url))).toBe(error);
  });
});

describe('cards', () => {
  const client = () => shop.client(countingTokens());

  it('signs what is given, with the card ticket', async () => {
    expect(await client().cardSignature({ cardId: 'p1', code: undefined, openid: 'o1' }, FIXED)).toEqual({
      timestamp: '1414587457',
      nonceStr: FIXED.nonceStr,
      signature: cardSignature(['card_ticket-1', '1414587457', FIXED.nonceStr, 'p1', 'o1']),
    });
  });

  it('signs a choice among cards', async () => {
    const { signature } = await client().cardSignature({ appId: 'wx1', cardType: 'GROUPON', shopId: '7' }, FIXED);
    expect(signature).toBe(cardSignature(['card_ticket-1', '1414587457', FIXED.nonceStr, 'wx1', 'GROUPON', '7']));
  });

  it('writes a cardExt as wx.addCard reads it, with nothing in it that was not given', async () => {
    const card = { cardId: 'p1', code: '123', outerStr: 'poster', fixedBegintimestamp: 1414587000 };
    expect(JSON.parse(await client().cardExt(card, FIXED))).toEqual({
      code: '123',
      timestamp: '1414587457',
      nonce_str: FIXED.nonceStr,
      fixed_begintimestamp: 1414587000,
      outer_str: 'poster',
      signature: cardSignature(['card_ticket-1', '1414587457', FIXED.nonceStr, 'p1', '123']),
    });
    expect(Object.keys(JSON.parse(await client().cardExt({ cardId: 'p1' }, FIXED)) as object)).toEqual([
      'timestamp',
      'nonce_str',
      'signature',
    ]);
  });
});
