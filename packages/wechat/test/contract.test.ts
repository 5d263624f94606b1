import { accountContract } from '@evertoken/core/testing';
import { describe, expect, it } from 'vitest';
import { miniGame, miniProgram, type OfficialAccount, officialAccount } from '../src/index.js';

const options = { name: 'account', appId: 'wx-contract', secret: 'the-wechat-secret' };
const push = { token: 'the-push-token', encodingAESKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG' };
const nothing = { name: 'account', appId: undefined, secret: undefined };

for (const [name, factory, endpoint] of [
  ['officialAccount on stable_token', officialAccount, 'stable_token'],
  ['officialAccount on token', officialAccount, 'token'],
  ['officialAccount on both', officialAccount, ['stable_token', 'token']],
  ['miniProgram', miniProgram, 'stable_token'],
  ['miniGame', miniGame, 'stable_token'],
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

accountContract(
  { describe, it, expect },
  {
    name: 'officialAccount with users’ tokens and pushes',
    create: () => officialAccount({ ...options, userTokens: true, push, probe: true }),
    secrets: [options.secret, push.token, push.encodingAESKey],
    unconfigured: () => officialAccount({ ...nothing, userTokens: true, probe: true }),
    subjects: (account) => [(account as OfficialAccount).user('o-1').accessToken],
  },
);
