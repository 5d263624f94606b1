import { accountContract } from '@evertoken/core/testing';
import { describe, expect, it } from 'vitest';
import { miniProgram, officialAccount } from '../src/index.js';

const options = { name: 'account', appId: 'wx-contract', secret: 'the-wechat-secret' };
const nothing = { name: 'account', appId: undefined, secret: undefined };

for (const [name, factory, endpoint] of [
  ['officialAccount on stable_token', officialAccount, 'stable_token'],
  ['officialAccount on token', officialAccount, 'token'],
  ['miniProgram', miniProgram, 'stable_token'],
] as const) {
  accountContract(
    { describe, it, expect },
    {
      name,
      create: () => factory({ ...options, endpoint }),
      secrets: [options.secret],
      unconfigured: () => factory({ ...nothing, endpoint }),
    },
  );
}
