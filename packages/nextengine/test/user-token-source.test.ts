import { describe, expect, it } from 'vitest';
import { nextEngineApp } from '../src/index.js';
import { ANSWERED_AT, answering, issueRequest, type Reply, STORED, shown, tokenErrorOf, wirePair } from './support.js';

const app = nextEngineApp({ name: 'erp', clientId: 'client/1', clientSecret: 'cs' });
const source = app.user('user 1').accessToken;
const unchecked = nextEngineApp({ name: 'erp', clientId: 'c', clientSecret: 'cs', checkCompanies: false }).user(
  'u1',
).accessToken;
const ACCESS_END = ANSWERED_AT;
const REFRESH_END = ANSWERED_AT + 48 * 3_600_000;

const issue = (reply: Reply, current = STORED) => source.issue(issueRequest(answering(reply).fetch, current));

describe('what a user’s token is', () => {
  it('is a rotating grant below the client id and the uid', () => {
    expect(source).toMatchObject({
      key: 'et1/nextengine/client%2F1/access_token/user%201',
      account: 'erp',
      kind: 'access_token',
      subject: 'user 1',
      issuance: 'rotating',
      keep: 'grant',
      lifetime: 'remaining',
      overlapMs: 0,
    });
  });

  it('can be renewed from its end on, and at once where no end is known', () => {
    expect(source.renewableFrom?.({ value: 'A', issuedAt: 5, expiresAt: 77 })).toBe(77);
    expect(source.renewableFrom?.({ value: 'A', issuedAt: 5 })).toBe(0);
  });
});

describe('renewal', () => {
  it('is one info call with both tokens, which nothing aborts', async () => {
    const { fetch, seen } = answering({ result: 'success', ...wirePair('A2', 'R2') });
    const request = issueRequest(fetch, { ...STORED, extra: { companyId: '7' } });
    await unchecked.issue(request);
    expect(seen.map(({ url, form }) => [url, form])).toEqual([
      ['https://api.next-engine.org/api_v1_login_user/info', { access_token: 'A1', refresh_token: 'R1' }],
    ]);
    expect(seen[0]?.headers.get('content-type')).toContain('application/x-www-form-urlencoded');
    expect(seen[0]?.init.signal).toBe(request.signal);
  });

  it('brings the new pair with its ends, and with the platform’s time to measure them by', async () => {
    expect(await issue({ result: 'success', ...wirePair('A2', 'R2') })).toEqual({
      value: 'A2',
      refreshToken: 'R2',
      expiresAt: ACCESS_END,
      refreshTokenExpiresAt: REFRESH_END,
      answeredAt: ANSWERED_AT,
    });
  });

  it('gives the same pair back where the platform echoes it', async () => {
    expect(await issue({ result: 'success', ...wirePair('A1', 'R1') })).toMatchObject({
      value: 'A1',
      refreshToken: 'R1',
      expiresAt: ACCESS_END,
    });
  });

  it('keeps the stored refresh token where only the access token is echoed', async () => {
    expect(await issue({ result: 'success', access_token: 'A1' })).toMatchObject({ value: 'A1', refreshToken: 'R1' });
  });

  it('keeps the facts of the sign-in', async () => {
    const current = { ...STORED, extra: { companyNeId: 'ne-1' } };
    expect(await issue({ result: 'success', ...wirePair('A2', 'R2') }, current)).toMatchObject({
      extra: { companyNeId: 'ne-1' },
    });
  });

  it.each([
    ['missing', {}],
    ['broken', { access_token_end_date: '2017-02-30 00:00:00', refresh_token_end_date: 'soon' }],
  ])('knows no end where the end dates are %s', async (_, ends) => {
    const issued = await issue({ result: 'success', access_token: 'A2', refresh_token: 'R2', ...ends });
    expect(issued).toEqual({ value: 'A2', refreshToken: 'R2', answeredAt: ANSWERED_AT });
  });

  it('asks about the company until that is known, and keeps what it is told', async () => {
    const { fetch, seen } = answering({
      result: 'success',
      ...wirePair('A2', 'R2'),
      data: [{ company_id: '7', company_ne_id: 'ne-1', company_name: 'x' }],
    });
    const issued = await source.issue(issueRequest(fetch, { ...STORED, extra: { companyNeId: 'ne-1', other: 1 } }));
    expect(seen[0]?.url).toBe('https://api.next-engine.org/api_v1_login_company/info');
    expect(issued.extra).toEqual({ companyNeId: 'ne-1', companyId: '7', other: 1 });
  });

  it('keeps nothing that an error tells beside its pair', async () => {
    const data = [{ company_id: '7', company_ne_id: 'ne-1' }];
    const issued = await issue({ result: 'error', code: '003002', ...wirePair('A2', 'R2'), data });
    expect(issued).not.toHaveProperty('extra');
  });

  it.each([
    [[]],
    [[{}]],
    [[{ company_id: '7' }]],
    [[{ company_ne_id: 'ne-1' }, { company_id: '7' }]],
    ['7'],
    [undefined],
  ])('keeps no half of a fact: %j', async (data) => {
    const issued = await issue({ result: 'success', ...wirePair('A2', 'R2'), data });
    expect(issued).not.toHaveProperty('extra');
  });

  it.each(['004001', '123456', '000001'])(
    'asks about the user where %s refuses the company and echoes the pair',
    async (code) => {
      const { fetch, seen } = answering(
        { result: 'error', code, ...wirePair('A1', 'R1') },
        { result: 'success', ...wirePair('A1', 'R1') },
      );
      expect(await source.issue(issueRequest(fetch))).toMatchObject({ value: 'A1', expiresAt: ACCESS_END });
      expect(seen.map(({ url }) => url.split('/').at(-2))).toEqual(['api_v1_login_company', 'api_v1_login_user']);
    },
  );

  it.each([
    ['without an echo', { result: 'error', code: '004001' }],
    ['that means something else', { result: 'error', code: '003002', ...wirePair('A1', 'R1') }],
    ['that refuses the pair', { result: 'error', code: '002002', ...wirePair('A1', 'R1') }],
  ])('presents the pair no second time after an error %s', async (_, reply) => {
    const { fetch, seen } = answering(reply);
    await tokenErrorOf(source.issue(issueRequest(fetch)));
    expect(seen).toHaveLength(1);
  });

  it('does not take the personal data of the answer along', async () => {
    const issued = await issue({
      result: 'success',
      ...wirePair('A2', 'R2'),
      data: [{ pic_mail_address: 'tanaka@example.com' }],
    });
    expect(JSON.stringify(issued)).not.toContain('tanaka');
  });
});

describe('an error answer', () => {
  it.each([
    { result: 'error', code: '012005' },
    { result: 'error', code: '003002' },
    { result: 'error', code: '002002' },
    { result: 'error', code: '999999' },
    { result: 'redirect' },
    {},
  ])('%j that carries a new pair brings it home', async (body) => {
    expect(await issue({ ...body, ...wirePair('A2', 'R2') })).toMatchObject({ value: 'A2', refreshToken: 'R2' });
  });

  it('that echoes the pair is an error by its code, and certain', async () => {
    const error = await tokenErrorOf(issue({ result: 'error', code: '003002', ...wirePair('A1', 'R1') }));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_BUSY', retryable: true, uncertain: false });
  });

  it('999999 with an echo proves that the pair stands', async () => {
    const error = await tokenErrorOf(issue({ result: 'error', code: '999999', ...wirePair('A1', 'R1') }));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', platformCode: '999999', uncertain: false });
  });

  it('999999 without tokens leaves the outcome open', async () => {
    const error = await tokenErrorOf(issue({ result: 'error', code: '999999' }));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', platformCode: '999999', uncertain: true });
  });

  it.each([
    ['002002', 'refused'],
    ['002004', 'expired'],
  ])('%s means that a person must sign in again', async (code, reason) => {
    const error = await tokenErrorOf(issue({ result: 'error', code }));
    expect(error).toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      platformCode: code,
      reason,
      account: 'erp',
      subject: 'user 1',
      uncertain: false,
    });
  });

  it('that only says redirect does not: both tokens were sent', async () => {
    expect((await tokenErrorOf(issue({ result: 'redirect' }))).code).toBe('ERR_TOKEN_REFUSED');
  });
});

describe('an answer that makes no sense leaves the outcome open', () => {
  it.each<[string, Reply]>([
    ['HTML', '<html>gateway</html>'],
    ['half of the JSON', '{"result":"success","access_tok'],
    ['nothing', ''],
    ['a JSON text', '"success"'],
    ['no result', { code: '002002' }],
    ['an unknown result', { result: 'ok', code: '002004' }],
    ['a success without tokens', { result: 'success', data: [] }],
    ['a new access token alone', { result: 'success', access_token: 'A2' }],
    ['a new refresh token alone', { result: 'success', refresh_token: 'R2' }],
    ['a new access token beside the old refresh token', { result: 'success', ...wirePair('A2', 'R1') }],
    ['a new refresh token beside the old access token', { result: 'success', ...wirePair('A1', 'R2') }],
    ['half a pair on an error', { result: 'error', code: '003002', access_token: 'A2', refresh_token: '' }],
    ['half a pair on a refusal', { result: 'error', code: '002002', access_token: 'A2' }],
    ['a number for a token', { result: 'success', access_token: 1, refresh_token: 'R2' }],
  ])('%s', async (_, reply) => {
    const error = await tokenErrorOf(issue(reply));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed', uncertain: true, account: 'erp' });
    expect(shown(error)).not.toMatch(/A1|R1|A2|R2/);
  });

  it('but an echo beside an unknown result proves that the pair stands', async () => {
    const error = await tokenErrorOf(issue({ result: 'ok', ...wirePair('A1', 'R1') }));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', uncertain: false });
  });

  it('no answer at all', async () => {
    const error = await tokenErrorOf(issue(new TypeError('fetch failed at https://api.example/?access_token=A1')));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'network', uncertain: true });
    expect(shown(error)).not.toMatch(/A1|R1/);
  });
});

describe('nothing to present', () => {
  it.each([
    ['nothing stored', undefined],
    ['a token without its refresh token', { value: 'A1', issuedAt: 0, generation: 1 }],
  ])('%s: asks for a sign-in and sends nothing', async (_, current) => {
    const { fetch, seen } = answering({});
    const request = issueRequest(fetch);
    const { current: _stored, ...rest } = request;
    const error = await tokenErrorOf(source.issue(current ? { ...rest, current } : rest));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED', reason: 'absent', subject: 'user 1' });
    expect(seen).toEqual([]);
  });
});
