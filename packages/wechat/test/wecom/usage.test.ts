// The snippets of the README's WeCom section, as they stand there but for addresses, clock and manager options.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TokenError, TokenManager } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { fixedTokens } from '@evertoken/core/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { weCom, weComSuite } from '../../src/index.js';
import { answering } from '../support.js';
import { AGENT, CORP, eventually, PROVIDER, PUSH, SECRETS, SUITE, World } from './world.js';

let world: World;
let directory: string;
beforeEach(async () => {
  world = await World.open({ machine: true });
  directory = await mkdtemp(join(tmpdir(), 'wecom-'));
});
afterEach(async () => {
  await world.close();
  await rm(directory, { recursive: true });
});

describe('the README', () => {
  it('a corp with its apps', async () => {
    const corp = weCom({
      name: 'corp',
      corpId: CORP,
      agents: {
        crm: { agentId: AGENT, secret: SECRETS.crm, tickets: true },
        contacts: { secret: SECRETS.contacts },
      },
      baseUrl: world.sandbox.urls.wecom,
    });
    const tokens = new TokenManager({ accounts: [corp] });
    world.onClose(() => tokens.close());

    const crm = corp.agent('crm').client(tokens);
    await crm.post('/cgi-bin/message/send', {
      touser: 'lisi',
      msgtype: 'text',
      agentid: AGENT,
      text: { content: 'hello' },
    });
    const config = await crm.jsSdkConfig('https://crm.example/list?page=1', { jsApiList: ['selectEnterpriseContact'] });
    const agentConfig = await crm.agentConfig('https://crm.example/list?page=1', { jsApiList: ['shareAppMessage'] });

    const client = corp.client(tokens);
    await client.agent('contacts').get('/cgi-bin/user/get', { userid: 'lisi' });

    expect(config).toMatchObject({ beta: true, appId: CORP, jsApiList: ['selectEnterpriseContact'] });
    expect(agentConfig).toMatchObject({ corpid: CORP, agentid: String(AGENT) });
  });

  it('an agent that is added while the program runs', async () => {
    const corp = weCom({ name: 'corp', corpId: CORP, baseUrl: world.sandbox.urls.wecom });
    const tokens = new TokenManager({ accounts: [corp] });
    world.onClose(() => tokens.close());

    const hr = corp.addAgent('hr', { agentId: 1000003, secret: SECRETS.hr });
    await hr.client(tokens).get('/cgi-bin/agent/get', { agentid: 1000003 });
    await tokens.refreshDue();

    expect(world.calls('/cgi-bin/gettoken')).toHaveLength(1);
    expect(corp.agents().map(({ name }) => name)).toEqual(['hr']);
  });

  it('a suite: installation by redirect, calls for a corp, and a corp that left', async () => {
    const installed: unknown[] = [];
    const suite = weComSuite({
      name: 'suite',
      suiteId: SUITE,
      secret: SECRETS.suite,
      push: PUSH,
      corpId: PROVIDER,
      onEvent: ({ infoType, corpId }) => installed.push(`${infoType} ${corpId}`),
      baseUrl: world.sandbox.urls.wecom,
      pageUrl: world.sandbox.urls.wecom,
    });
    const tokens = new TokenManager({ accounts: [suite], grantStore: fileStore({ directory }) });
    world.onClose(() => tokens.close());
    world.sandbox.wecom.setCallback(SUITE, { url: await world.listen(suite, tokens) });
    await world.ticket();

    const wecom = suite.client(tokens);
    const session: { binding?: string } = {};
    const { url, binding } = await wecom.installUrl({ redirectUri: 'https://app.example/installed' });
    session.binding = binding;

    const browser = await fetch(`${url}&corpid=${CORP}`, { redirect: 'manual' });
    const query = Object.fromEntries(new URL(browser.headers.get('location') ?? '').searchParams);

    const { corpId } = await wecom.handleCallback(query, session.binding);
    await wecom.corp(corpId).get('/cgi-bin/department/list');
    const config = await wecom.corp(corpId).jsSdkConfig('https://app.example/');
    expect(config.appId).toBe(CORP);
    await world.sandbox.pushes();
    expect(installed).toEqual([`create_auth ${CORP}`]);

    world.sandbox.wecom.uninstall(SUITE, CORP);
    await world.sandbox.pushes();
    try {
      await wecom.corp(corpId).get('/cgi-bin/department/list');
      expect.unreachable();
    } catch (error) {
      if (!(error instanceof TokenError && error.code === 'ERR_TOKEN_REAUTHORIZATION_REQUIRED')) throw error;
      expect(error.subject).toBe(CORP);
    }
    await eventually(
      () => installed.length,
      (count) => count === 2,
    );
    expect(installed.at(-1)).toBe(`cancel_auth ${CORP}`);
  });

  it('a user’s own test', async () => {
    const { fetch, seen } = answering({ errcode: 0, department: [] });
    const corp = weCom({
      name: 'corp',
      corpId: undefined,
      agents: { crm: { agentId: 1000002, secret: undefined } },
      fetch,
    });
    const tokens = fixedTokens([[corp.agent('crm').accessToken, 'T1']]);
    await corp.agent('crm').client(tokens).get('/cgi-bin/department/list');
    expect(seen[0]?.url.searchParams.get('access_token')).toBe('T1');
  });
});
