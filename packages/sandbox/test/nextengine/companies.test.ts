import { describe, expect, it } from 'vitest';
import type { NextEngineCompanyChange, NextEngineSwitches, NextEngineUser, Sandbox } from '../../src/index.js';
import { DAY, NEXTENGINE, postForm, postRaw } from '../support.js';
import { call, exchange, issue, startNextEngine } from './support.js';

const { clientId, clientSecret } = NEXTENGINE;
const ADA = { uid: 'ada', companyId: '1' };
const BEN = { uid: 'ben', companyId: '1' };
const CAT = { uid: 'cat', companyId: '2' };

function start(changes: Partial<Record<string, Partial<NextEngineUser>>> = {}, switches: NextEngineSwitches = {}) {
  return startNextEngine({ ...switches, users: [ADA, BEN, CAT].map((user) => ({ ...user, ...changes[user.uid] })) });
}

async function companies(sandbox: Sandbox): Promise<unknown[]> {
  const credentials = { client_id: clientId, client_secret: clientSecret };
  const { data } = await postForm(`${sandbox.urls.nextengineApi}/api_app/company`, credentials);
  return data.map((row) => row['company_id']);
}

const callAs = async (sandbox: Sandbox, uid: string) => {
  const { result, code } = await call(sandbox, issue(sandbox, uid));
  return code ?? result;
};

const signInAs = async (sandbox: Sandbox, uid: string) => {
  const { result, code } = await exchange(sandbox, sandbox.nextengine.signIn(clientId, uid));
  return code ?? result;
};

describe('a suspended company', () => {
  it.each([
    ['002003', '001007'],
    ['003003', 'success'],
  ] as const)('%s: its users’ calls are refused with it, a sign-in gets %s', async (suspended, signIn) => {
    const sandbox = await start();
    sandbox.nextengine.company(clientId, '1', { suspended });
    expect(await callAs(sandbox, 'ada')).toBe(suspended);
    expect(await callAs(sandbox, 'ben')).toBe(suspended);
    expect(await callAs(sandbox, 'cat')).toBe('success');
    expect(await signInAs(sandbox, 'ben')).toBe(signIn);
    expect(await companies(sandbox)).toEqual(['1', '2']);
    sandbox.nextengine.company(clientId, '1', { suspended: false });
    expect(await callAs(sandbox, 'ada')).toBe('success');
    expect(await signInAs(sandbox, 'ben')).toBe('success');
  });

  it('may renew a pair or not: 003003 comes after authentication, 002003 before', async () => {
    const sandbox = await start({ ada: { suspended: '003003' }, cat: { suspended: '002003' } });
    for (const [uid, renewed] of [
      ['ada', true],
      ['cat', false],
    ] as const) {
      const pair = issue(sandbox, uid);
      sandbox.advance(DAY);
      await call(sandbox, pair);
      expect(sandbox.nextengine.currentPair(clientId, uid)?.accessToken !== pair.accessToken).toBe(renewed);
    }
  });

  it('can be given for one user in the account, and is taken back at run time', async () => {
    const sandbox = await start({ ada: { suspended: '002003' } });
    expect(await callAs(sandbox, 'ada')).toBe('002003');
    expect(await callAs(sandbox, 'ben')).toBe('success');
    expect(sandbox.state().nextengine[0]?.users).toMatchObject([{ uid: 'ada', suspended: '002003' }, {}, {}]);
    sandbox.nextengine.company(clientId, '1', { suspended: false });
    expect(await callAs(sandbox, 'ada')).toBe('success');
    expect(sandbox.state().nextengine[0]?.users[0]).not.toHaveProperty('suspended');
  });
});

it('what befalls a company leaves alone what befell it before', async () => {
  const sandbox = await start();
  sandbox.nextengine.company(clientId, '1', { cancelled: true });
  sandbox.nextengine.company(clientId, '1', { suspended: '003003' });
  expect(await companies(sandbox)).toEqual(['2']);
  sandbox.nextengine.company(clientId, '1', { cancelled: false });
  expect(await callAs(sandbox, 'ada')).toBe('003003');
});

describe('a company that has cancelled', () => {
  it('is left out of the list; its users’ calls go on, as nothing else is known', async () => {
    const sandbox = await start();
    sandbox.nextengine.company(clientId, '1', { cancelled: true });
    expect(await companies(sandbox)).toEqual(['2']);
    expect(await callAs(sandbox, 'ada')).toBe('success');
    expect(sandbox.state().nextengine[0]?.users[1]).toMatchObject({ uid: 'ben', cancelled: true });
    sandbox.nextengine.company(clientId, '1', { cancelled: false });
    expect(await companies(sandbox)).toEqual(['1', '2']);
  });

  it('has its calls refused with the code of the switch; others go on', async () => {
    const sandbox = await start({ ada: { cancelled: true } }, { cancelledCode: '002002' });
    expect(await callAs(sandbox, 'ada')).toBe('002002');
    expect(await callAs(sandbox, 'cat')).toBe('success');
    expect(await signInAs(sandbox, 'ada')).toBe('success');
  });

  it('is listed while one of its users is not cancelled, by the account', async () => {
    expect(await companies(await start({ ada: { cancelled: true } }))).toEqual(['1', '2']);
    expect(await companies(await start({ ada: { cancelled: true }, ben: { cancelled: true } }))).toEqual(['2']);
  });
});

it('a change can be made by other programs, is checked, and is gone after a reset', async () => {
  const sandbox = await start();
  const post = (body: object) => postRaw(`${sandbox.url}/_sandbox/nextengine/company`, { clientId, ...body });
  expect((await post({ companyId: '1', suspended: '002003', cancelled: true })).status).toBe(200);
  expect(await callAs(sandbox, 'ada')).toBe('002003');
  expect((await post({ companyId: '9', suspended: '002003' })).status).toBe(400);
  for (const [change, name] of [
    [{ suspended: '001007' }, '"suspended"'],
    [{ cancelled: 'yes' }, '"cancelled"'],
    [{ colour: 'red' }, '"colour"'],
  ] as const) {
    expect(() => sandbox.nextengine.company(clientId, '1', change as unknown as NextEngineCompanyChange)).toThrow(name);
  }
  sandbox.reset();
  expect(await callAs(sandbox, 'ada')).toBe('success');
  expect(await companies(sandbox)).toEqual(['1', '2']);
});
