import { TokenManager } from '@evertoken/core';
import { accountContract, fixedTokens, ManualClock, sourceContract } from '@evertoken/core/testing';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPlatform } from '../../src/index.js';
import { buildPushXml, plainSignature } from '../../src/push.js';
import { APP_ID, PUSH, SECRET, SHOP } from './world.js';

const options = { name: 'account', appId: 'wx-contract', secret: 'the-component-secret', push: PUSH };

accountContract(
  { describe, it, expect },
  {
    name: 'openPlatform',
    create: () => openPlatform(options),
    secrets: [options.secret, PUSH.token, PUSH.encodingAESKey],
    unconfigured: () => openPlatform({ name: 'account', appId: undefined, secret: undefined }),
    subjects: (account) => {
      const { accessToken, jsapiTicket, cardTicket } = (account as ReturnType<typeof openPlatform>).authorizer(SHOP);
      return [accessToken, jsapiTicket, cardTicket];
    },
  },
);

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox({
    openPlatforms: [{ appId: APP_ID, secret: SECRET, ...PUSH, authorizers: [{ appId: SHOP, authorized: true }] }],
  });
});
afterAll(() => sandbox.close());

const platform = () => openPlatform({ name: 'platform', appId: APP_ID, secret: SECRET, baseUrl: sandbox.urls.wechat });
const now = { issuedAt: 0 };

async function ask(path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(sandbox.urls.wechat + path, { method: 'POST', body: JSON.stringify(body) });
  return (await response.json()) as Record<string, unknown>;
}

async function componentToken(): Promise<string> {
  const answer = await ask('/cgi-bin/component/api_component_token', {
    component_appid: APP_ID,
    component_appsecret: SECRET,
    component_verify_ticket: sandbox.openPlatform.issueTicket(APP_ID),
  });
  return String(answer['component_access_token']);
}

sourceContract(
  { describe, it, expect },
  {
    name: 'component_access_token',
    create: () => ({
      source: platform().accessToken,
      parents: [{ ...now, value: sandbox.openPlatform.issueTicket(APP_ID) }],
    }),
    secrets: [SECRET],
  },
);
sourceContract(
  { describe, it, expect },
  {
    name: 'authorizer_access_token',
    create: async () => {
      const value = await componentToken();
      const info = await ask(`/cgi-bin/component/api_get_authorizer_info?component_access_token=${value}`, {
        component_appid: APP_ID,
        authorizer_appid: SHOP,
      });
      const { authorizer_refresh_token: refreshToken } = info['authorization_info'] as Record<string, string>;
      const current = {
        ...now,
        value: 'A0',
        generation: 1,
        refreshToken: String(refreshToken),
        extra: { kind: 'officialAccount' },
      };
      return { source: platform().authorizer(SHOP).accessToken, parents: [{ ...now, value }], current };
    },
    secrets: ['refreshtoken@@@'],
  },
);

describe('openPlatform', () => {
  it.each([
    [{ secret: undefined }, '"secret"'],
    [{ appId: '' }, '"appId"'],
    [{ push: { ...PUSH, encodingAESKey: 'short' } }, '"push.encodingAESKey"'],
    [{ push: [PUSH, { ...PUSH, token: '' }] }, '"push[1].token"'],
    [{ baseUrl: 'nowhere' }, '"baseUrl"'],
    [{ refresh: { kinds: ['jsapi_ticket'] } }, '"refresh.kinds"'],
    [{ agents: {} }, '"agents"'],
    [{ endpoint: 'token' }, '"endpoint"'],
    [{ push: { ...PUSH, plain: true } }, '"push.plain"'],
    [{ push: { token: undefined, encodingAESKey: undefined } }, '"push.token"'],
    [{ push: [] }, '"push"'],
  ])('has the manager refuse %j, by the option’s and the account’s name', (wrong, option) => {
    const make = () =>
      new TokenManager({
        accounts: [openPlatform({ ...options, ...wrong } as typeof options)],
        singleInstance: true,
        allowVolatileGrants: true,
      });
    expect(make).toThrow(option);
    expect(make).toThrow('account');
    for (const secret of [options.secret, PUSH.encodingAESKey]) expect(make).not.toThrow(secret);
  });

  it('keeps grants: the manager wants a durable store for it', () => {
    expect(() => new TokenManager({ accounts: [openPlatform(options)], singleInstance: true })).toThrow('"grantStore"');
  });

  it('has tickets go with official accounts only, as far as they are kept fresh', () => {
    const account = openPlatform(options);
    const { accessToken, jsapiTicket, cardTicket } = account.authorizer(SHOP);
    const kinds = (extra: { kind?: string }, of = account) =>
      [...of.companions(accessToken, extra)].map(({ kind }) => kind);
    expect(kinds({ kind: 'officialAccount' })).toEqual([jsapiTicket.kind, cardTicket.kind]);
    expect([kinds({ kind: 'miniProgram' }), kinds({}), [...account.companions(jsapiTicket, {})]]).toEqual([[], [], []]);
    const some = openPlatform({
      ...options,
      refresh: { kinds: ['authorizer_access_token', 'authorizer_jsapi_ticket'] },
    });
    expect(kinds({ kind: 'officialAccount' }, some)).toEqual([jsapiTicket.kind]);
  });

  it('gives no handle for an authorizer without an app id', () => {
    expect(() => openPlatform(options).authorizer('')).toThrow('"appId"');
    expect(openPlatform(options).source('authorizer_access_token', '')).toBeUndefined();
  });

  it('without push keys makes no callback, and names the option', () => {
    const { push: _push, ...without } = options;
    expect(() => openPlatform(without).callback(fixedTokens([]))).toThrow(
      expect.objectContaining({
        code: 'ERR_TOKEN_CONFIGURATION',
        message: expect.stringMatching(/^"push" of account "[^"]+" is missing/) as string,
      }),
    );
  });

  it('refuses what is no push, always in the same way', async () => {
    const take = openPlatform(options).callback(fixedTokens([]));
    const body = Buffer.from('<xml><Encrypt>no</Encrypt></xml>');
    const replies = await Promise.all(
      [
        { method: 'GET', query: {}, headers: {}, body: new Uint8Array() },
        { method: 'POST', query: { timestamp: '1', nonce: '1', msg_signature: 'x' }, headers: {}, body },
        { method: 'DELETE', query: {}, headers: {}, body },
      ].map(take),
    );
    expect(new Set(replies.map((reply) => JSON.stringify(reply))).size).toBe(1);
    expect(replies[0]?.status).toBe(403);
  });

  it('takes no push in plain mode, whatever its options say', async () => {
    const clock = new ManualClock();
    const take = openPlatform({ ...options, clock, push: { ...PUSH, plain: true } as typeof PUSH }).callback(
      fixedTokens([]),
    );
    const signed = { token: PUSH.token, timestamp: String(Math.floor(clock.now() / 1000)), nonce: '12345' };
    const { token: _token, ...times } = signed;
    const query = { ...times, signature: plainSignature(signed) };
    const body = Buffer.from(
      buildPushXml({
        AppId: options.appId,
        CreateTime: signed.timestamp,
        InfoType: 'component_verify_ticket',
        ComponentVerifyTicket: 'forged',
      }),
    );
    expect((await take({ method: 'POST', query, headers: {}, body })).status).toBe(403);
  });

  it('keeps each account’s and each authorizer’s keys apart', () => {
    const [one, two] = [openPlatform(options), openPlatform({ ...options, name: 'two', appId: 'wx-two' })];
    const keys = [one, two].flatMap((account) =>
      ['wxa', 'wxb'].flatMap((appId) => {
        const { accessToken, jsapiTicket, cardTicket } = account.authorizer(appId);
        return [accessToken, jsapiTicket, cardTicket, account.accessToken, account.verifyTicket].map(({ key }) => key);
      }),
    );
    expect(new Set(keys).size).toBe(2 * (2 * 3 + 2));
  });
});
