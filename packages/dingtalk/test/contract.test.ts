import { accountContract } from '@evertoken/core/testing';
import { describe, expect, it } from 'vitest';
import { dingTalkApp } from '../src/index.js';

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
