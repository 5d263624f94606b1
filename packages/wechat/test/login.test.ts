import { TokenManager } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { miniGame, miniProgram, WeChatError } from '../src/index.js';
import { answering, countingTokens, everythingOf, failureOf, hastyClock, NOON } from './support.js';

const app = { name: 'mini', appId: 'wx1', secret: 'sandbox-secret-0123456789' };
const PATH = '/sns/jscode2session';

let clock: ManualClock;
let sandbox: Sandbox;

beforeEach(async () => {
  clock = new ManualClock(NOON);
  const users = [{ openid: 'o-1', unionid: 'u-1' }, { openid: 'o-2' }];
  sandbox = await createSandbox({
    clock,
    wechat: [{ appId: app.appId, secret: app.secret, kind: 'miniProgram', users }],
  });
});
afterEach(() => sandbox.close());

function client(options: object = {}) {
  const mini = miniProgram({ ...app, baseUrl: sandbox.urls.wechat, clock: hastyClock(), ...options });
  return mini.client(countingTokens());
}

describe('code2session', () => {
  it('tells whose code it is, and hands over the session key', async () => {
    const login = await client().code2session(sandbox.wechat.loginCode(app.appId));
    expect(login).toEqual({ openid: 'o-1', unionid: 'u-1', sessionKey: expect.stringMatching(/^\S{16,}$/) });
    const other = await client().code2session(sandbox.wechat.loginCode(app.appId, { openid: 'o-2' }));
    expect(other).toEqual({ openid: 'o-2', sessionKey: expect.any(String) });
  });

  it('is the same for mini games', async () => {
    const game = miniGame({ ...app, baseUrl: sandbox.urls.wechat });
    const manager = new TokenManager({ accounts: [game], clock });
    expect(await game.client(manager).code2session(sandbox.wechat.loginCode(app.appId))).toMatchObject({
      openid: 'o-1',
    });
    // No token is needed for it.
    expect(sandbox.calls({ endpoint: '/cgi-bin/stable_token' })).toEqual([]);
    await manager.close();
  });

  it('says of a used or unknown code that the app has to ask for another', async () => {
    const used = sandbox.wechat.loginCode(app.appId);
    await client().code2session(used);
    for (const [code, errcode] of [
      [used, 40163],
      ['made-up-0123456789', 40029],
    ] as const) {
      const error = await failureOf(client().code2session(code));
      expect(error).toBeInstanceOf(WeChatError);
      expect(error).toMatchObject({ errcode, reason: 'reauthorize', path: PATH, account: 'mini' });
      expect(everythingOf(error)).not.toContain(code);
      expect(everythingOf(error)).not.toContain(app.secret);
    }
  });

  it.each([
    [45011, 'quota', true],
    [40226, 'refused', false],
  ])('tells %i', async (errcode, reason, retryable) => {
    sandbox.fault({ kind: 'code', code: errcode, endpoint: PATH });
    const error = await failureOf(client().code2session(sandbox.wechat.loginCode(app.appId)));
    expect(error).toMatchObject({ errcode, reason, retryable });
  });

  it('does not send a code again whose answer was lost, but does where the platform was busy', async () => {
    sandbox.fault({ kind: 'drop', endpoint: PATH });
    expect(await failureOf(client().code2session(sandbox.wechat.loginCode(app.appId)))).toMatchObject({
      code: 'ERR_TOKEN_TRANSPORT',
    });
    expect(sandbox.calls({ endpoint: PATH })).toHaveLength(1);
    sandbox.fault({ kind: 'busy', endpoint: PATH, count: 2 });
    expect(await client().code2session(sandbox.wechat.loginCode(app.appId))).toMatchObject({ openid: 'o-1' });
    expect(sandbox.calls({ endpoint: PATH })).toHaveLength(4);
  });

  it.each([{ openid: 'o-1' }, { session_key: 'k' }, { openid: '', session_key: 'k' }, {}])(
    'does not take %j for an answer',
    async (answer) => {
      const { fetch } = answering(answer);
      expect(await failureOf(client({ fetch }).code2session('c'))).toMatchObject({
        code: 'ERR_TOKEN_TRANSPORT',
        reason: 'malformed',
      });
    },
  );

  it.each(['', undefined, 7])('refuses %j as a code, before anything is sent', async (code) => {
    expect(await failureOf(client().code2session(code as string))).toBeInstanceOf(TypeError);
    expect(sandbox.calls()).toEqual([]);
  });

  it('sends nothing without a secret', async () => {
    const { fetch, seen } = answering({});
    expect(await failureOf(client({ secret: undefined, fetch }).code2session('c'))).toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
    });
    expect(seen).toEqual([]);
  });
});
