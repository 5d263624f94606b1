import type { DingTalkAppOptions, DingTalkSuiteOptions } from '@evertoken/dingtalk';
import type { NextEngineAppOptions } from '@evertoken/nextengine';
import type { OfficialAccountOptions, OpenPlatformOptions, WeComOptions, WeComSuiteOptions } from '@evertoken/wechat';

/** Looks a variable of the environment up; an empty one is not there. */
export type Lookup = (name: string) => string | undefined;

/** What the platforms' consoles gave out, by the account's name, and where the platforms are. None at all means sandbox mode. */
export interface Credentials {
  /** A WeChat official account. */
  readonly shop?: Pick<OfficialAccountOptions, 'appId' | 'secret' | 'push' | 'baseUrl'>;
  /** A third-party platform of WeChat's Open Platform. */
  readonly platform?: Pick<OpenPlatformOptions, 'appId' | 'secret' | 'push' | 'baseUrl'>;
  /** A corp of WeCom with its agents. */
  readonly corp?: Pick<WeComOptions, 'corpId' | 'agents' | 'push' | 'baseUrl'>;
  /** A WeCom suite. */
  readonly suite?: Pick<WeComSuiteOptions, 'suiteId' | 'secret' | 'push' | 'corpId' | 'baseUrl' | 'pageUrl'>;
  /** A DingTalk internal app. */
  readonly oa?: Pick<DingTalkAppOptions, 'appKey' | 'appSecret' | 'corpId' | 'push' | 'baseUrls'>;
  /** A DingTalk suite. */
  readonly isv?: Pick<DingTalkSuiteOptions, 'suiteKey' | 'suiteSecret' | 'push' | 'baseUrls'>;
  /** A NextEngine app. */
  readonly erp?: Pick<NextEngineAppOptions, 'clientId' | 'clientSecret' | 'redirectUri' | 'baseUrls'>;
}

/** Variables of an account that make sense together only: those it cannot do without, and what it may have besides. */
interface VariableSet {
  readonly needed: readonly string[];
  readonly pairs?: readonly (readonly string[])[];
  readonly optional?: readonly string[];
}

const VARIABLES: Readonly<Record<keyof Credentials, VariableSet>> = {
  shop: { needed: ['WECHAT_APPID', 'WECHAT_SECRET'], pairs: [['WECHAT_PUSH_TOKEN', 'WECHAT_PUSH_KEY']] },
  platform: { needed: ['COMPONENT_APPID', 'COMPONENT_SECRET', 'COMPONENT_PUSH_TOKEN', 'COMPONENT_PUSH_KEY'] },
  corp: {
    needed: ['WECOM_CORPID', 'WECOM_AGENTID', 'WECOM_SECRET'],
    pairs: [['WECOM_PUSH_TOKEN', 'WECOM_PUSH_KEY']],
    optional: ['WECOM_CONTACTS_SECRET'],
  },
  suite: { needed: ['WECOM_SUITE_ID', 'WECOM_SUITE_SECRET', 'WECOM_SUITE_PUSH_TOKEN', 'WECOM_SUITE_PUSH_KEY'] },
  oa: { needed: ['DINGTALK_APP_KEY', 'DINGTALK_APP_SECRET'], pairs: [['DINGTALK_PUSH_TOKEN', 'DINGTALK_PUSH_KEY']] },
  isv: {
    needed: ['DINGTALK_SUITE_KEY', 'DINGTALK_SUITE_SECRET', 'DINGTALK_SUITE_PUSH_TOKEN', 'DINGTALK_SUITE_PUSH_KEY'],
  },
  erp: { needed: ['NE_CLIENT_ID', 'NE_CLIENT_SECRET'] },
};

/**
 * Reads the credentials of all accounts. An account is configured as soon as one of its variables is there: half of them is a
 * mistake to be told, not a reason for the sandbox. Throws a `TypeError` that names what is missing.
 */
export function readCredentials(set: Lookup): Credentials {
  const missing = Object.entries(VARIABLES).flatMap(([name, variables]) => missingOf(name, variables, set));
  if (missing.length > 0) throw new TypeError(missing.join('\n'));
  const push = (token: string, key: string) => set(token) && { push: { token: set(token), encodingAESKey: set(key) } };
  const baseUrls = { api: set('DINGTALK_API_URL'), oapi: set('DINGTALK_OAPI_URL') };
  return {
    ...(set('WECHAT_APPID') && {
      shop: {
        appId: set('WECHAT_APPID'),
        secret: set('WECHAT_SECRET'),
        baseUrl: set('WECHAT_BASE_URL'),
        // Both are there, or neither: that has been looked at.
        ...(push('WECHAT_PUSH_TOKEN', 'WECHAT_PUSH_KEY') as Pick<OfficialAccountOptions, 'push'> | undefined),
      },
    }),
    ...(set('COMPONENT_APPID') && {
      platform: {
        appId: set('COMPONENT_APPID'),
        secret: set('COMPONENT_SECRET'),
        baseUrl: set('WECHAT_BASE_URL'),
        ...push('COMPONENT_PUSH_TOKEN', 'COMPONENT_PUSH_KEY'),
      },
    }),
    ...(set('WECOM_CORPID') && {
      corp: {
        corpId: set('WECOM_CORPID'),
        agents: {
          crm: { agentId: set('WECOM_AGENTID'), secret: set('WECOM_SECRET') },
          ...(set('WECOM_CONTACTS_SECRET') && { contacts: { secret: set('WECOM_CONTACTS_SECRET') } }),
        },
        baseUrl: set('WECOM_BASE_URL'),
        ...push('WECOM_PUSH_TOKEN', 'WECOM_PUSH_KEY'),
      },
    }),
    ...(set('WECOM_SUITE_ID') && {
      suite: {
        suiteId: set('WECOM_SUITE_ID'),
        secret: set('WECOM_SUITE_SECRET'),
        push: { token: set('WECOM_SUITE_PUSH_TOKEN'), encodingAESKey: set('WECOM_SUITE_PUSH_KEY') },
        corpId: set('WECOM_SUITE_CORPID'),
        baseUrl: set('WECOM_BASE_URL'),
        pageUrl: set('WECOM_PAGE_URL'),
      },
    }),
    ...(set('DINGTALK_APP_KEY') && {
      oa: {
        appKey: set('DINGTALK_APP_KEY'),
        appSecret: set('DINGTALK_APP_SECRET'),
        corpId: set('DINGTALK_CORP_ID'),
        baseUrls,
        ...push('DINGTALK_PUSH_TOKEN', 'DINGTALK_PUSH_KEY'),
      },
    }),
    ...(set('DINGTALK_SUITE_KEY') && {
      isv: {
        suiteKey: set('DINGTALK_SUITE_KEY'),
        suiteSecret: set('DINGTALK_SUITE_SECRET'),
        push: { token: set('DINGTALK_SUITE_PUSH_TOKEN'), encodingAESKey: set('DINGTALK_SUITE_PUSH_KEY') },
        baseUrls,
      },
    }),
    ...(set('NE_CLIENT_ID') && {
      erp: {
        clientId: set('NE_CLIENT_ID'),
        clientSecret: set('NE_CLIENT_SECRET'),
        redirectUri: set('NE_REDIRECT_URI'),
        baseUrls: { api: set('NE_API_URL'), base: set('NE_BASE_URL') },
      },
    }),
  };
}

/** A sentence for each variable that is missing while others of its account are there. */
function missingOf(account: string, { needed, pairs = [], optional = [] }: VariableSet, set: Lookup): string[] {
  const isSet = (name: string) => set(name) !== undefined;
  if (![...needed, ...pairs.flat(), ...optional].some(isSet)) return [];
  return [needed, ...pairs.filter((pair) => pair.some(isSet))].flatMap((group) =>
    group
      .filter((name) => !isSet(name))
      .map((name) => `"${name}" is missing: account "${account}" needs ${group.join(', ')}, or none of them`),
  );
}
