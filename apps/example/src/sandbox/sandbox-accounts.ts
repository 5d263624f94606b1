import { SANDBOX_ACCOUNTS, type SandboxOptions, type SandboxUrls } from '@evertoken/sandbox';
import type { Credentials } from '../credentials.js';
import { EMPTY_MEMORY, type SandboxMemory } from './sandbox-memory.js';

const { wechat, openPlatform, wecom, dingtalk, dingtalkSuite, nextengine } = SANDBOX_ACCOUNTS;
const [weComSuite] = wecom.suites;
const [crm, contacts] = wecom.agents;

/** 1 day: said here so that the moment of issue can be told from the end. */
export const PAIR_LIFE_MS = 24 * 60 * 60_000;

/** What the consoles call token and key of the message push. They protect nothing but the sandbox's pushes. */
const SHOP_PUSH = { token: 'sandboxShopToken', encodingAESKey: 'sandboxShopKey0123456789abcdefghijklmnopqrs' };
const CORP_PUSH = { token: 'sandboxCorpToken', encodingAESKey: 'sandboxCorpKey0123456789abcdefghijklmnopqrs' };
const OA_PUSH = { token: 'sandboxOaToken', encodingAESKey: 'sandboxOaKey0123456789abcdefghijklmnopqrstu' };
const keysOf = ({ token, encodingAESKey }: { token: string; encodingAESKey: string }) => ({ token, encodingAESKey });

/** The ids by which the sandbox knows the example's accounts, and the keys of those that have no others. */
export const SANDBOX_IDS = {
  shop: wechat.appId,
  platform: openPlatform.appId,
  corp: wecom.corpId,
  suite: weComSuite.suiteId,
  oa: dingtalk.appKey,
  isv: dingtalkSuite.suiteKey,
  erp: nextengine.clientId,
  push: { shop: SHOP_PUSH, corp: CORP_PUSH, oa: OA_PUSH },
} as const;

/** An official account of somebody else, for `PUT /tenants/<name>`: nothing of it is configured. */
export const SANDBOX_TENANT = { appId: 'wx0000000000tenant1', secret: 'sandbox-tenant-secret' } as const;

/** Companies that can install the WeCom suite, and those that can enable the DingTalk suite; the first does so at the first start. */
export const SUITE_CORPS = [
  { corpId: 'wwsandboxcustomer1', name: 'First customer of the sandbox' },
  { corpId: 'wwsandboxcustomer2', name: 'Second customer of the sandbox' },
] as const;
export const ISV_CORPS = (dingtalkSuite.corps ?? []).map(({ corpId, name = corpId }) => ({ corpId, name }));
export const AUTHORIZERS = openPlatform.authorizers.map(({ appId, name = appId }) => ({ appId, name }));

/** The accounts of a sandbox for the example, with what a sandbox before it has told the application. */
export function sandboxAccounts(memory: SandboxMemory = EMPTY_MEMORY): SandboxOptions {
  const { pairs, platform, suite, isv } = memory;
  return {
    wechat: [wechat, SANDBOX_TENANT],
    openPlatforms: [
      {
        ...openPlatform,
        ...(platform.ticket && { verifyTicket: platform.ticket }),
        authorizers: openPlatform.authorizers.map((authorizer) => {
          const refreshToken = platform.grants[authorizer.appId];
          return refreshToken === undefined ? authorizer : { ...authorizer, authorized: true, refreshToken };
        }),
      },
    ],
    wecom: [
      {
        ...wecom,
        suites: [
          {
            ...weComSuite,
            ...(suite.ticket && { ticket: suite.ticket }),
            corps: SUITE_CORPS.map((corp) => {
              const permanentCode = suite.grants[corp.corpId];
              return permanentCode === undefined ? corp : { ...corp, permanentCode };
            }),
          },
        ],
      },
    ],
    dingtalkSuites: [
      {
        ...dingtalkSuite,
        ...(isv.ticket && { ticket: isv.ticket }),
        corps: ISV_CORPS.map((corp) => {
          const permanentCode = isv.grants[corp.corpId];
          return permanentCode === undefined ? { ...corp, authorized: false } : { ...corp, permanentCode };
        }),
      },
    ],
    nextengine: [
      {
        ...nextengine,
        accessTokenLifeMs: PAIR_LIFE_MS,
        users: nextengine.users.map((user) => {
          const pair = pairs[user.uid];
          return pair ? { ...user, pair } : user;
        }),
      },
    ],
  };
}

/** The sandbox's accounts, as `.env` would have them. `redirectUri`: where NextEngine sends browsers back to. */
export function sandboxCredentials(urls: SandboxUrls, redirectUri: string): Required<Credentials> {
  const baseUrls = { api: urls.dingtalkApi, oapi: urls.dingtalkOapi, login: urls.dingtalkApi };
  return {
    shop: { appId: wechat.appId, secret: wechat.secret, push: SHOP_PUSH, baseUrl: urls.wechat },
    platform: {
      appId: openPlatform.appId,
      secret: openPlatform.secret,
      push: keysOf(openPlatform),
      baseUrl: urls.wechat,
    },
    corp: {
      corpId: wecom.corpId,
      agents: {
        crm: { agentId: crm?.agentId, secret: crm?.secret },
        contacts: { secret: contacts?.secret },
      },
      push: CORP_PUSH,
      baseUrl: urls.wecom,
    },
    suite: {
      suiteId: weComSuite.suiteId,
      secret: weComSuite.secret,
      push: keysOf(weComSuite),
      corpId: wecom.corpId,
      baseUrl: urls.wecom,
      pageUrl: urls.wecom,
    },
    oa: {
      appKey: dingtalk.appKey,
      appSecret: dingtalk.appSecret,
      corpId: dingtalk.corpId,
      push: OA_PUSH,
      baseUrls,
    },
    isv: {
      suiteKey: dingtalkSuite.suiteKey,
      suiteSecret: dingtalkSuite.suiteSecret,
      push: keysOf(dingtalkSuite),
      baseUrls,
    },
    erp: {
      clientId: nextengine.clientId,
      clientSecret: nextengine.clientSecret,
      redirectUri,
      baseUrls: { api: urls.nextengineApi, base: urls.nextengineBase },
    },
  };
}
