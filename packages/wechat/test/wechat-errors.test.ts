import { describe, expect, it } from 'vitest';
import { isDeadToken, issueError, WECHAT_ERRORS, WeChatError, type WeChatErrorReason } from '../src/wechat-errors.js';
import { everythingOf, NOON } from './support.js';

const ids = { account: 'shop', kind: 'stable_access_token' };
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** 2026-11-21 00:00 in China. */
const MIDNIGHT = Date.UTC(2026, 10, 20, 16);

/** What a token endpoint's refusal becomes; the code, and from the instant of `NOON` the time of the next attempt. */
const OF_TOKEN_ENDPOINTS: Readonly<Record<number, readonly [code: string, retryAt?: number]>> = {
  [-1]: ['ERR_TOKEN_BUSY'],
  40001: ['ERR_TOKEN_REFUSED'],
  40002: ['ERR_TOKEN_REFUSED'],
  40013: ['ERR_TOKEN_REFUSED'],
  40125: ['ERR_TOKEN_REFUSED'],
  40164: ['ERR_TOKEN_REFUSED'],
  40243: ['ERR_TOKEN_REFUSED'],
  41002: ['ERR_TOKEN_REFUSED'],
  41004: ['ERR_TOKEN_REFUSED'],
  43002: ['ERR_TOKEN_REFUSED'],
  45009: ['ERR_TOKEN_QUOTA', MIDNIGHT],
  45011: ['ERR_TOKEN_QUOTA', NOON + MINUTE],
  48001: ['ERR_TOKEN_REFUSED'],
  50004: ['ERR_TOKEN_REFUSED'],
  50007: ['ERR_TOKEN_SUSPENDED'],
  61024: ['ERR_TOKEN_REFUSED'],
  89501: ['ERR_TOKEN_REFUSED', NOON + 5 * MINUTE],
  89503: ['ERR_TOKEN_REFUSED', NOON + 5 * MINUTE],
  89506: ['ERR_TOKEN_REFUSED', NOON + 24 * HOUR],
  89507: ['ERR_TOKEN_REFUSED', NOON + HOUR],
};

/** All rows by what they mean for a call. */
const BY_REASON: Readonly<Record<Exclude<WeChatErrorReason, 'unknown'>, readonly number[]>> = {
  token: [40001, 40014, 42001, 42006],
  busy: [-1],
  quota: [45009, 45011, 48006],
  refused: [
    40002, 40013, 40125, 40164, 40226, 41001, 41002, 41004, 41018, 41021, 43002, 45035, 47001, 48001, 61004, 61007,
    61011, 61014, 61015, 61024, 76003, 76021, 76022,
  ],
  blocked: [40243, 48004, 50004, 89501, 89503, 89506, 89507],
  suspended: [50002, 50007],
  reauthorize: [40029, 40030, 40163, 42002, 42003, 42007, 50001, 61003, 61009, 61010, 61023],
  parent: [61005, 61006],
};

describe('the table', () => {
  it('names a source and a meaning in each row', () => {
    for (const [code, { source, meaning }] of Object.entries(WECHAT_ERRORS)) {
      expect(source, code).toMatch(/^(token|stable|usage|component|clear|quota|sdk)(, \w+)*$/);
      expect(meaning, code).not.toBe('');
    }
  });

  it('holds the codes we know, and no other', () => {
    const expected = Object.values(BY_REASON).flat().map(String).toSorted();
    expect(Object.keys(WECHAT_ERRORS).toSorted()).toEqual(expected);
  });
});

describe('issueError', () => {
  it.each(Object.entries(OF_TOKEN_ENDPOINTS))('turns %s of a token endpoint into %j', (errcode, [code, retryAt]) => {
    const error = issueError({ errcode: Number(errcode), errmsg: 'text rid: 1-2', requestId: '1-2' }, ids, {
      now: NOON,
      secrets: [],
    });
    expect(error).toMatchObject({
      code,
      account: 'shop',
      kind: 'stable_access_token',
      platformCode: errcode,
      requestId: '1-2',
    });
    expect(error.retryAt).toBe(retryAt);
    expect(error.uncertain).toBe(false);
  });

  it('never sends an app to a person for a new sign-in', () => {
    for (const errcode of BY_REASON.reauthorize) {
      expect(issueError({ errcode, errmsg: '' }, ids, { now: NOON, secrets: [] }).code).toBe('ERR_TOKEN_REFUSED');
    }
  });

  it('refuses on a code nobody has told us of', () => {
    const error = issueError({ errcode: 99999, errmsg: 'novel' }, ids, { now: NOON, secrets: [] });
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REFUSED', platformCode: '99999' });
    expect(error.message).toBe('account "shop", stable_access_token: WeChat answered 99999 (novel)');
  });

  it('says of 40001 that the secret is wrong, not the token', () => {
    const error = issueError({ errcode: 40001, errmsg: 'invalid credential' }, ids, { now: NOON, secrets: [] });
    expect(error.message).toContain('the secret is wrong');
  });

  it('shows the address to be put on the list', () => {
    const errmsg = 'invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist';
    expect(issueError({ errcode: 40164, errmsg }, ids, { now: NOON, secrets: [] }).message).toContain('1.2.3.4');
  });

  it('blots out what must not be seen, plain and encoded', () => {
    const secrets = ['SEC/RET'];
    const errmsg = 'no such secret SEC/RET in /cgi-bin/token?secret=SEC%2FRET';
    const error = issueError({ errcode: 40125, errmsg }, ids, { now: NOON, secrets });
    expect(everythingOf(error)).not.toMatch(/SEC(\/|%2F)RET/);
  });

  it('keeps the platform’s text to one line of 200 characters', () => {
    const { message } = issueError({ errcode: 1, errmsg: `a\r\n\u0007b${'x'.repeat(9999)}` }, ids, {
      now: NOON,
      secrets: [''],
    });
    expect(message).toMatch(/\(a b(x+)\)$/);
    expect(message.length).toBeLessThan(300);
  });

  describe('waits', () => {
    const retryAt = (errcode: number, now: number) =>
      issueError({ errcode, errmsg: '' }, ids, { now, secrets: [] }).retryAt;

    it.each([
      ['one millisecond before midnight', MIDNIGHT - 1, MIDNIGHT],
      ['five minutes after midnight', MIDNIGHT + 5 * MINUTE, MIDNIGHT + 24 * HOUR],
      ['at noon', NOON, MIDNIGHT],
    ])('for China’s next day: %s', (_, now, expected) => {
      expect(retryAt(45009, now)).toBe(expected);
    });

    it.each([0, 1, 5 * MINUTE - 1])('five minutes of the new day where our clock is %i ms into it', (ms) => {
      expect(retryAt(45009, MIDNIGHT + ms)).toBe(MIDNIGHT + 5 * MINUTE);
    });

    it.each([
      ['at its first millisecond', NOON, NOON + MINUTE],
      ['at its last millisecond', NOON + MINUTE - 1, NOON + MINUTE],
    ])('for the next minute: %s', (_, now, expected) => {
      expect(retryAt(45011, now)).toBe(expected);
    });

    it('for China’s next month, across a year', () => {
      const lastOfYear = Date.UTC(2026, 11, 31, 15, 59, 59, 999);
      expect(retryAt(48006, lastOfYear)).toBe(lastOfYear + 1);
      expect(retryAt(48006, lastOfYear + 1)).toBe(Date.UTC(2027, 0, 31, 16));
    });
  });

  it('calls busy and the minute’s quota worth another try', () => {
    const retryable = [-1, 45011, 45009, 40125, 50007].filter(
      (errcode) => issueError({ errcode, errmsg: '' }, ids, { now: NOON, secrets: [] }).retryable,
    );
    expect(retryable).toEqual([-1, 45011]);
  });
});

describe('WeChatError', () => {
  const context = { account: 'shop', path: '/cgi-bin/user/get', now: NOON, secrets: ['TOKEN-1'] };

  it.each(Object.entries(BY_REASON))('has the reason "%s" for its codes', (reason, codes) => {
    for (const errcode of codes)
      expect(new WeChatError({ errcode, errmsg: '' }, context)).toMatchObject({ errcode, reason });
  });

  it('has the reason "unknown" for all others', () => {
    expect(new WeChatError({ errcode: 40003, errmsg: 'invalid openid' }, context)).toMatchObject({
      name: 'WeChatError',
      errcode: 40003,
      errmsg: 'invalid openid',
      reason: 'unknown',
      retryable: false,
      account: 'shop',
      path: '/cgi-bin/user/get',
      message: 'account "shop", /cgi-bin/user/get: WeChat answered 40003 (invalid openid)',
    });
  });

  it('carries what support asks for, and never the token', () => {
    const error = new WeChatError({ errcode: 40001, errmsg: 'bad TOKEN-1 rid: 1-2', requestId: '1-2' }, context);
    expect(error).toMatchObject({ requestId: '1-2', errmsg: 'bad <redacted> rid: 1-2' });
    expect(everythingOf(error)).not.toContain('TOKEN-1');
  });

  it('says when a quota is open again', () => {
    expect(new WeChatError({ errcode: 45009, errmsg: '' }, context)).toMatchObject({
      retryable: false,
      retryAt: MIDNIGHT,
    });
    expect(new WeChatError({ errcode: 45011, errmsg: '' }, context)).toMatchObject({
      retryable: true,
      retryAt: NOON + MINUTE,
    });
    expect(new WeChatError({ errcode: -1, errmsg: '' }, context)).toMatchObject({ retryable: true });
  });
});

describe('isDeadToken', () => {
  it('believes the three codes all SDKs agree on', () => {
    expect([40001, 40014, 42001].every((errcode) => isDeadToken(errcode))).toBe(true);
    expect([0, -1, 40013, 41001, 45009, 99999].some((errcode) => isDeadToken(errcode))).toBe(false);
  });
});
