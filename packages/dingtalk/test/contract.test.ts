import { accountContract } from '@evertoken/core/testing';
import { describe, expect, it } from 'vitest';
import { type DingTalkApp, dingTalkApp } from '../src/index.js';

for (const api of ['v1', 'legacy'] as const) {
  accountContract(
    { describe, it, expect },
    {
      name: `dingTalkApp on ${api}`,
      create: () => dingTalkApp({ name: 'account', appKey: 'ding-contract', appSecret: 'the-dingtalk-secret', api }),
      secrets: ['the-dingtalk-secret'],
      unconfigured: () => dingTalkApp({ name: 'account', appKey: undefined, appSecret: undefined, api }),
    },
  );
}

accountContract(
  { describe, it, expect },
  {
    name: 'dingTalkApp with corpId and corpSecret',
    create: () => dingTalkApp({ name: 'account', corpId: 'corp-contract', corpSecret: 'the-corp-secret' }),
    secrets: ['the-corp-secret'],
    unconfigured: () => dingTalkApp({ name: 'account', corpId: undefined, corpSecret: undefined }),
  },
);

accountContract(
  { describe, it, expect },
  {
    name: 'dingTalkApp with users and unified tokens',
    create: () =>
      dingTalkApp({
        ...{ name: 'account', appKey: 'ding-contract', appSecret: 'the-dingtalk-secret' },
        ...{ corpId: 'corp-contract', api: 'unified', userTokens: true },
      }),
    secrets: ['the-dingtalk-secret'],
    unconfigured: () =>
      dingTalkApp({
        ...{ name: 'account', appKey: undefined, appSecret: undefined },
        ...{ corpId: 'corp-contract', api: 'unified', userTokens: true },
      }),
    subjects: (account) => {
      const app = account as DingTalkApp;
      return [
        app.unifiedAccessToken('corp-other'),
        app.user({ unionId: 'u1' }).accessToken,
        app.user({ unionId: 'u1', corpId: 'c1' }).accessToken,
      ];
    },
  },
);
