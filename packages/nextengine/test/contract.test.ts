import { accountContract } from '@evertoken/core/testing';
import { describe, expect, it } from 'vitest';
import { nextEngineApp } from '../src/index.js';

accountContract(
  { describe, it, expect },
  {
    name: 'nextEngineApp',
    create: () => nextEngineApp({ name: 'account', clientId: 'ne-contract', clientSecret: 'the-nextengine-secret' }),
    secrets: ['the-nextengine-secret'],
    unconfigured: () => nextEngineApp({ name: 'account', clientId: undefined, clientSecret: undefined }),
    subjects: (account) =>
      ['user-1', 'ユーザー/2']
        .map((uid) => account.source('access_token', uid))
        .filter((source) => source !== undefined),
  },
);
