// The sandbox with planted credentials, and a fetch that answers worse than any sandbox: it tells back all that it was told.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { nextEngineApp } from '@evertoken/nextengine';
import { createSandbox } from '@evertoken/sandbox';
import { miniProgram, officialAccount, openPlatform, weCom, weComSuite } from '@evertoken/wechat';
import { dingTalkApp, dingTalkSuite } from '../../packages/dingtalk/dist/index.js';

const SECRET_FIELDS = /^(.*access_?token|.*refresh_?token|.*ticket|state|permanent_code|.*auth(orization)?_code)$/i;
/** The accounts that authorized, and the corps that installed. */
export const AUTHORIZERS = ['wxauthone', 'wxauthtwo'];
export const CUSTOMER = 'wwcustomer';
export const DING_CORP = 'dingcustomer';

/** What a platform can do besides answering well. `what` is told everything that it was sent. */
export const TWISTS = {
  network: ({ url, body }) => {
    const inner = Object.assign(new Error(`connect ECONNREFUSED ${url}`), { code: 'ECONNREFUSED', url, body });
    throw Object.assign(new TypeError(`fetch failed: ${url}`, { cause: inner }), { request: { url, body } });
  },
  aggregate: ({ url }) => {
    throw new TypeError('fetch failed', { cause: new AggregateError([new Error(`connect ${url}`)], `all of ${url}`) });
  },
  thrownText: ({ url }) => {
    throw `no way to ${url}`;
  },
  echo: ({ said }) => Response.json(refusal(said)),
  encodedEcho: ({ said }) => Response.json(refusal(encodeURIComponent(said))),
  deadTokenEcho: ({ said }) => Response.json({ ...refusal(said), errcode: 40001, code: '002002' }),
  status: ({ said }) => Response.json(refusal(said), { status: 500 }),
  html: ({ said }) => new Response(`<html><body>${said}</body></html>`, { headers: { 'content-type': 'text/html' } }),
  truncated: ({ said }) => new Response(`{"access_token":"${said}`),
  bare: ({ said }) => new Response(said),
  codeEcho: ({ said }) =>
    Response.json({ ...refusal(said), errcode: said, code: said, result: said, request_id: said }),
  requestIdEcho: ({ said }) => Response.json({ ...refusal('no'), request_id: said, requestid: said, rid: said }),
  wrongTypes: ({ said }) =>
    Response.json({ access_token: [said], accessToken: { said }, result: 'success', errcode: 0 }),
};

/** One error in the words of all three platforms. */
function refusal(text) {
  return { errcode: 40125, errmsg: text, code: '001003', message: text, result: 'error', requestid: 'r-1' };
}

/** A running sandbox with apps of planted secrets on every platform, and the accounts that go with them. */
export async function openPlatforms(secrets, clock) {
  const shop = { appId: 'wxshop', secret: secrets.plant('app secret') };
  const app = { appId: 'wxapp', secret: secrets.plant('app secret') };
  const corp = {
    appKey: 'dingcanary',
    appSecret: secrets.plant('app secret'),
    corpId: 'dingcorp',
    corpSecret: secrets.plant('app secret'),
  };
  const old = { appKey: 'dingold', appSecret: secrets.plant('app secret') };
  const erp = { clientId: 'canary', clientSecret: secrets.plant('app secret') };
  const users = ['anna', 'berta', 'clara'].map((uid) => ({ uid }));
  const component = { appId: 'wxcomponent', secret: secrets.plant('app secret') };
  const push = () => ({
    token: secrets.plant('push token', randomBytes(16).toString('hex')),
    encodingAESKey: secrets.plant('push key', randomBytes(22).toString('hex').slice(0, 43)),
  });
  const [componentPush, suitePush, dingPush] = [push(), push(), push()];
  const dingSuite = { suiteKey: 'suitecanary', suiteSecret: secrets.plant('app secret') };
  const agent = { agentId: 1000002, secret: secrets.plant('app secret') };
  const providerSecret = secrets.plant('app secret');
  const suite = { suiteId: 'wwsuite', secret: secrets.plant('app secret') };
  const sandbox = await createSandbox({
    clock,
    wechat: [shop, app],
    dingtalk: [corp, old],
    nextengine: [{ ...erp, users }],
    dingtalkSuites: [{ ...dingSuite, ...dingPush, suiteTicketEveryMs: 0 }],
    openPlatforms: [
      {
        ...component,
        ...componentPush,
        ticketEveryMs: 0,
        authorizers: AUTHORIZERS.map((appId) => ({ appId, authorized: true })),
      },
    ],
    wecom: [
      { corpId: 'wwcorp', agents: [agent], providerSecret, suites: [{ ...suite, ...suitePush, ticketEveryMs: 0 }] },
    ],
  });
  const { urls } = sandbox;
  const state = { twist: undefined };

  async function canaryFetch(input, init = {}) {
    const url = String(input);
    const body = init.body === undefined || init.body === null ? '' : String(init.body);
    const headers = JSON.stringify([...new Headers(init.headers)]);
    learnFrom(secrets, url, body);
    if (state.twist) {
      const presented = presentedIn(url, body, init.headers);
      return TWISTS[state.twist]({ url, body, said: `${presented} ${url} ${body} ${headers}` });
    }
    const response = await fetch(input, init);
    learn(
      secrets,
      'answered',
      await response
        .clone()
        .json()
        .catch(() => undefined),
    );
    return response;
  }

  const dingUrls = { baseUrls: { api: urls.dingtalkApi, oapi: urls.dingtalkOapi } };
  const neUrls = { baseUrls: { api: urls.nextengineApi, base: urls.nextengineBase } };
  const { corpId, corpSecret, appKey, appSecret } = corp;
  // What clients wait before they repeat a call is no part of this.
  const hasty = { ...clock, after: (ms, ...rest) => clock.after(ms / 10, ...rest) };
  const given = { fetch: canaryFetch, ...(clock.after && { clock: hasty }) };
  const accounts = {
    shop: officialAccount({ name: 'shop', ...shop, baseUrl: urls.wechat, ...given }),
    app: miniProgram({ name: 'app', ...app, baseUrl: urls.wechat, endpoint: 'token', ...given }),
    ding: dingTalkApp({ name: 'ding', appKey, appSecret, corpId, ...dingUrls, ...given }),
    oldDing: dingTalkApp({ name: 'oldDing', ...old, api: 'legacy', ...dingUrls, ...given }),
    corp: dingTalkApp({ name: 'corp', corpId, corpSecret, ...dingUrls, ...given }),
    erp: nextEngineApp({ name: 'erp', ...erp, ...neUrls, ...given }),
    platform: openPlatform({
      name: 'platform',
      ...component,
      push: componentPush,
      baseUrl: urls.wechat,
      ...given,
    }),
    dingSuite: dingTalkSuite({
      name: 'dingSuite',
      ...dingSuite,
      push: dingPush,
      ...dingUrls,
      ...given,
    }),
    office: weCom({
      name: 'office',
      corpId: 'wwcorp',
      agents: { crm: { ...agent, tickets: true } },
      providerSecret,
      baseUrl: urls.wecom,
      ...given,
    }),
    suite: weComSuite({
      name: 'suite',
      ...suite,
      push: suitePush,
      corpId: 'wwcorp',
      baseUrl: urls.wecom,
      tickets: true,
      ...given,
    }),
  };
  return {
    sandbox,
    accounts,
    state,
    erp,
    component,
    suite,
    dingSuite,
    receive: (tokens) => receive(sandbox, accounts, tokens),
  };
}

/** A server that takes the pushes of the component and the suite, and the sandbox's addresses set to it. */
async function receive(sandbox, { platform, suite, dingSuite }, tokens) {
  const { callbackRequest, sendReply } = await import('@evertoken/wechat/push');
  const takers = {
    '/component': platform.callback(tokens),
    '/suite': suite.callback(tokens),
    '/ding': dingSuite.callback(tokens),
  };
  const server = createServer(async (request, response) => {
    const take = takers[request.url.split('?')[0]];
    sendReply(response, await take(await callbackRequest(request)));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  sandbox.openPlatform.configure(platform.id, { callbackUrl: `${origin}/component` });
  sandbox.wecom.setCallback(suite.id, { url: `${origin}/suite` });
  sandbox.dingtalkSuite.setCallback(dingSuite.id, { callbackUrl: `${origin}/ding` });
  return async () => {
    await sandbox.pushes();
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  };
}

/** The secrets a request carries come first: texts are shortened, and what stands at their end is not shown anyway. */
function presentedIn(url, body, headers) {
  const found = [...new URL(url).searchParams, ...new URLSearchParams(body), ...new Headers(headers)];
  return found
    .filter(([name]) => /secret|token|state/i.test(name))
    .map(([, value]) => value)
    .join(' ');
}

function learnFrom(secrets, url, body) {
  for (const [name, value] of [...new URL(url).searchParams, ...new URLSearchParams(body)]) {
    if (SECRET_FIELDS.test(name)) secrets.learn(`sent ${name}`, value);
  }
  if (body.startsWith('{')) learn(secrets, 'sent', JSON.parse(body));
}

function learn(secrets, from, json) {
  if (typeof json !== 'object' || json === null) return;
  for (const [name, value] of Object.entries(json)) {
    if (typeof value === 'string' && SECRET_FIELDS.test(name)) secrets.learn(`${from} ${name}`, value);
    else learn(secrets, from, value);
  }
}
