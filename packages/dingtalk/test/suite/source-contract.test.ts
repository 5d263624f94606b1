import { sourceContract } from '@evertoken/core/testing';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dingTalkSuite } from '../../src/index.js';

const { suiteKey, suiteSecret, corps = [] } = SANDBOX_ACCOUNTS.dingtalkSuite;
const corpId = corps[0]?.corpId ?? '';
let sandbox: Sandbox;
beforeAll(async () => {
  // The contract has a time of its own.
  const signatureToleranceMs = Number.MAX_SAFE_INTEGER;
  sandbox = await createSandbox({ dingtalkSuites: [{ ...SANDBOX_ACCOUNTS.dingtalkSuite, signatureToleranceMs }] });
});
afterAll(() => sandbox.close());

function suite(api: 'v1' | 'legacy' | 'unified') {
  const baseUrls = { api: sandbox.urls.dingtalkApi, oapi: sandbox.urls.dingtalkOapi };
  return dingTalkSuite({ name: 'suite', suiteKey, suiteSecret, api, baseUrls });
}

/** A ticket that nobody else has made stale meanwhile. */
function parents() {
  const { ticket: value } =
    sandbox.dingtalkSuite.currentTicket(suiteKey) ?? sandbox.dingtalkSuite.issueTicket(suiteKey);
  return [{ value, issuedAt: sandbox.now() }];
}

/** The corp's present token: what its ticket is asked for with. */
async function corpToken() {
  const response = await fetch(`${sandbox.urls.dingtalkApi}/v1.0/oauth2/corpAccessToken`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ suiteKey, suiteSecret, authCorpId: corpId, suiteTicket: parents()[0]?.value }),
  });
  const { accessToken: value = '' } = (await response.json()) as { accessToken?: string };
  return { value, issuedAt: sandbox.now() };
}

for (const api of ['v1', 'legacy'] as const) {
  sourceContract(
    { describe, it, expect },
    {
      name: `DingTalk suite token, ${api}`,
      create: () => ({ source: suite(api).accessToken, parents: parents() }),
      secrets: [suiteSecret],
    },
  );
  sourceContract(
    { describe, it, expect },
    {
      name: `DingTalk corp token, ${api}`,
      create: () => ({ source: suite(api).corp(corpId).accessToken, parents: parents() }),
      secrets: [suiteSecret],
    },
  );
  sourceContract(
    { describe, it, expect },
    {
      name: `DingTalk jsapi ticket of a corp, ${api}`,
      create: async () => ({ source: suite(api).corp(corpId).jsapiTicket, parents: [await corpToken()] }),
      secrets: [suiteSecret],
    },
  );
}
sourceContract(
  { describe, it, expect },
  {
    name: 'DingTalk corp token, unified',
    create: () => ({ source: suite('unified').corp(corpId).accessToken }),
    secrets: [suiteSecret],
  },
);
