import type { TokenErrorCode } from '@evertoken/core';
import { describe, expect, it } from 'vitest';
import { nextEngineApp } from '../src/index.js';
import {
  ERROR_TABLE,
  exchangeError,
  NextEngineError,
  type NextEngineErrorCategory,
  refusesToken,
  renewalError,
} from '../src/nextengine-errors.js';
import { readAnswer, type WireAnswer } from '../src/nextengine-wire.js';
import { answering, impatientClock, issueRequest, NOW, recordingTokens, shown, tokenErrorOf } from './support.js';

const when = { now: NOW, random: () => 0.5 };
const ids = { account: 'erp', kind: 'access_token', subject: 'u1' };

/** Every known code: its class, what a renewal makes of it, and what an exchange does. Written down apart from the table. */
const ROWS: readonly [string, NextEngineErrorCategory, TokenErrorCode, TokenErrorCode][] = [
  ['000001', 'routing', 'ERR_TOKEN_BUSY', 'ERR_TOKEN_BUSY'],
  ['000002', 'request', 'ERR_TOKEN_REFUSED', 'ERR_TOKEN_REFUSED'],
  ['001001', 'request', 'ERR_TOKEN_REFUSED', 'ERR_TOKEN_REFUSED'],
  ['001003', 'request', 'ERR_TOKEN_REFUSED', 'ERR_TOKEN_REFUSED'],
  ['001007', 'suspended', 'ERR_TOKEN_SUSPENDED', 'ERR_TOKEN_SUSPENDED'],
  ['002001', 'request', 'ERR_TOKEN_REFUSED', 'ERR_TOKEN_REFUSED'],
  ['002002', 'token', 'ERR_TOKEN_REAUTHORIZATION_REQUIRED', 'ERR_TOKEN_REFUSED'],
  ['002003', 'suspended', 'ERR_TOKEN_SUSPENDED', 'ERR_TOKEN_SUSPENDED'],
  ['002004', 'token', 'ERR_TOKEN_REAUTHORIZATION_REQUIRED', 'ERR_TOKEN_REFUSED'],
  ['002007', 'maintenance', 'ERR_TOKEN_MAINTENANCE', 'ERR_TOKEN_MAINTENANCE'],
  ['003001', 'busy', 'ERR_TOKEN_BUSY', 'ERR_TOKEN_BUSY'],
  ['003002', 'busy', 'ERR_TOKEN_BUSY', 'ERR_TOKEN_BUSY'],
  ['003003', 'suspended', 'ERR_TOKEN_SUSPENDED', 'ERR_TOKEN_SUSPENDED'],
  ['003004', 'maintenance', 'ERR_TOKEN_MAINTENANCE', 'ERR_TOKEN_MAINTENANCE'],
  ['003005', 'maintenance', 'ERR_TOKEN_MAINTENANCE', 'ERR_TOKEN_MAINTENANCE'],
  ['004001', 'request', 'ERR_TOKEN_REFUSED', 'ERR_TOKEN_REFUSED'],
  ['008003', 'busy', 'ERR_TOKEN_BUSY', 'ERR_TOKEN_BUSY'],
  ['008007', 'busy', 'ERR_TOKEN_BUSY', 'ERR_TOKEN_BUSY'],
  ['008010', 'busy', 'ERR_TOKEN_BUSY', 'ERR_TOKEN_BUSY'],
  ['009005', 'busy', 'ERR_TOKEN_BUSY', 'ERR_TOKEN_BUSY'],
  ['011007', 'busy', 'ERR_TOKEN_BUSY', 'ERR_TOKEN_BUSY'],
  ['012005', 'request', 'ERR_TOKEN_REFUSED', 'ERR_TOKEN_REFUSED'],
  ['020007', 'busy', 'ERR_TOKEN_BUSY', 'ERR_TOKEN_BUSY'],
  ['020500', 'request', 'ERR_TOKEN_REFUSED', 'ERR_TOKEN_REFUSED'],
  ['999999', 'fatal', 'ERR_TOKEN_TRANSPORT', 'ERR_TOKEN_TRANSPORT'],
];

describe.each(ROWS)('code %s', (code, category, renewal, exchange) => {
  const user = nextEngineApp({ name: 'erp', clientId: 'c', clientSecret: 's' }).user('u1');

  it.each(['error', 'redirect'] as const)(`in answer to a renewal (%s) becomes ${renewal}`, async (result) => {
    const { fetch } = answering({ result, code, message: 'x', request_id: 'r-1' });
    const error = await tokenErrorOf(user.accessToken.issue(issueRequest(fetch)));
    expect(error).toMatchObject({ code: renewal, platformCode: code, requestId: 'r-1', ...ids });
    // The middle of what is left to chance: 45 min, and six and a half hours.
    const rests: Partial<Record<NextEngineErrorCategory, number>> = {
      maintenance: 45 * 60_000,
      suspended: 6.5 * 3_600_000,
    };
    expect(error.retryAt).toBe(rests[category] === undefined ? undefined : NOW + rests[category]);
    expect(error.uncertain).toBe(category === 'fatal');
  });

  it(`in answer to an exchange becomes ${exchange}, never a sign-in of the stored pair`, () => {
    const error = exchangeError(answer({ result: 'error', code }), { ids, ...when });
    expect(error).toMatchObject({ code: exchange, platformCode: code, ...ids });
  });

  it('in answer to a call is an error of its class, unless it is about the token', async () => {
    const { fetch } = answering({ result: 'error', code, message: 'x', request_id: 'r-1' });
    const app = nextEngineApp({ name: 'erp', clientId: 'c', clientSecret: 's', fetch, clock: impatientClock() });
    const tokens = recordingTokens(['A1', 'A2']);
    const error = await app
      .user('u1')
      .client(tokens)
      .call('/api_v1_x/search')
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NextEngineError);
    expect(error).toMatchObject({ code, category, account: 'erp', path: '/api_v1_x/search', requestId: 'r-1' });
    expect(tokens.log.filter(([what]) => what === 'reject')).toHaveLength(category === 'token' ? 1 : 0);
  });

  it('cites its source', () => {
    expect(ERROR_TABLE[code]?.source).toMatch(/^§8 (DOC|SDK|COM)/);
  });
});

it('every code of the table is driven above', () => {
  expect(Object.keys(ERROR_TABLE).sort()).toEqual(ROWS.map(([code]) => code).sort());
});

describe('a code that is not known', () => {
  const unknown = answer({ result: 'error', code: '123456' });

  it('is refused and never a reason to sign in again', () => {
    expect(renewalError(unknown, { ids, ...when, echoed: true })).toMatchObject({
      code: 'ERR_TOKEN_REFUSED',
      uncertain: false,
    });
  });

  it('leaves open what became of the pair where no tokens came back', () => {
    expect(renewalError(unknown, { ids, ...when, echoed: false }).uncertain).toBe(true);
  });

  it('may be the name of a member of every object', () => {
    expect(renewalError(answer({ result: 'error', code: 'constructor' }), { ids, ...when, echoed: true }).code).toBe(
      'ERR_TOKEN_REFUSED',
    );
  });
});

describe('what refuses a call’s token', () => {
  it.each([
    [{ result: 'redirect' }, true],
    [{ result: 'redirect', code: '002002' }, true],
    [{ result: 'redirect', code: '002004' }, true],
    [{ result: 'redirect', code: '123456' }, true],
    [{ result: 'error', code: '002002' }, true],
    [{ result: 'error', code: '002004' }, true],
    [{ result: 'redirect', code: '002003' }, false],
    [{ result: 'redirect', code: '003005' }, false],
    [{ result: 'error', code: '002001' }, false],
    [{ result: 'error', code: '123456' }, false],
    [{ result: 'error' }, false],
    [{ result: 'success', code: '002002' }, false],
  ])('%j: %s', (body, refused) => {
    expect(refusesToken(answer(body))).toBe(refused);
  });
});

describe('NextEngineError', () => {
  const call = { account: 'erp', path: '/api_v1_x/search', accessToken: 'secret-token' };

  it('shows the platform’s reason, never the token that was sent', () => {
    const error = new NextEngineError(
      answer({ result: 'error', code: '003003', message: `停止中 secret-token ${'x'.repeat(1000)}` }),
      call,
    );
    expect(error.message).toContain('停止中 <redacted>');
    expect(shown(error)).not.toContain('secret-token');
    expect(error.message.length).toBeLessThan(400);
  });

  it('names the result where the platform sent no code', () => {
    expect(new NextEngineError(answer({ result: 'redirect' }), call).code).toBe('redirect');
  });

  it.each([
    ['003002', true],
    ['003005', true],
    ['000001', true],
    ['999999', false],
    ['020500', false],
    ['002003', false],
  ])('%s can be tried again: %s', (code, retryable) => {
    expect(new NextEngineError(answer({ result: 'error', code }), call).retryable).toBe(retryable);
  });
});

function answer(body: object): WireAnswer {
  const read = readAnswer(body);
  if (!read) throw new Error('no answer');
  return read;
}
