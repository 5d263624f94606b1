import { sourceContract } from '@evertoken/core/testing';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nextEngineApp } from '../src/index.js';

const { clientId, clientSecret } = SANDBOX_ACCOUNTS.nextengine;
let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox();
});
afterAll(() => sandbox.close());

const PAIR = { value: 'a1'.repeat(64), refreshToken: 'b2'.repeat(64) };

function user(pair?: { accessToken: string; refreshToken: string }) {
  const erp = nextEngineApp({
    name: 'erp',
    clientId,
    clientSecret,
    baseUrls: { api: sandbox.urls.nextengineApi, base: sandbox.urls.nextengineBase },
  });
  const { value, refreshToken } = pair ? { value: pair.accessToken, refreshToken: pair.refreshToken } : PAIR;
  return {
    source: erp.user('user-tanaka').accessToken,
    current: { value, refreshToken, issuedAt: sandbox.now(), generation: 1 },
  };
}

sourceContract(
  { describe, it, expect },
  {
    name: 'NextEngine pair',
    create: () => user(sandbox.nextengine.issuePair(clientId, 'user-tanaka')),
    secrets: [clientSecret],
  },
);
sourceContract(
  { describe, it, expect },
  {
    // The pair itself is the secret here; this one no platform knows, so what leads to one answers in its stead.
    name: 'NextEngine pair, which never shows',
    create: () => user(),
    fetch: async () => Response.json({ result: 'success', access_token: PAIR.value, refresh_token: PAIR.refreshToken }),
    secrets: [clientSecret, PAIR.value, PAIR.refreshToken],
  },
);
