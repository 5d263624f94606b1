import type { ErrorTable, WeChatErrorRow } from '../wechat-errors.js';

/** 60 s: the shortest block, of a minute's limit; which limit it was the code does not say (path/90454). */
const SHORTEST_BLOCK_MS = 60_000;

/** What 41001 to 41025 miss, where a name is known. */
const MISSING: Readonly<Record<number, string>> = {
  41001: 'access_token',
  41002: 'corpid',
  41004: 'secret',
  41021: 'suite_id',
  41022: 'suite_access_token',
  41023: 'suite_ticket',
  41024: 'secret',
  41025: 'permanent_code',
};

/**
 * WeCom's codes. Sources, below https://developer.work.weixin.qq.com/document:
 * - `limits`: path/90454
 * - `corp-token`: path/90605; `permanent-code`: path/90603; `suite-token`: path/97162; `gettoken`: path/91039
 * - `sdk`: not in the documents found; the error table of WxJava (`WxCpErrorMsgEnum`).
 */
export const WECOM_ERRORS: ErrorTable = Object.freeze({
  [-1]: { reason: 'busy', meaning: 'the system is busy', source: 'sdk' },
  40001: {
    reason: 'token',
    meaning: 'the credential is wrong',
    source: 'sdk',
    onTokenEndpoint: 'the secret is wrong',
  },
  40013: { reason: 'refused', meaning: 'the corp id is wrong', source: 'sdk' },
  40014: { reason: 'token', meaning: 'the access token is invalid', source: 'gettoken' },
  40058: { reason: 'refused', meaning: 'a parameter is wrong', source: 'sdk' },
  40063: { reason: 'refused', meaning: 'a parameter is empty', source: 'sdk' },
  40078: { reason: 'reauthorize', meaning: 'the auth code is invalid or was used already', source: 'permanent-code' },
  40080: { reason: 'refused', meaning: 'the suite’s secret is wrong', source: 'suite-token' },
  40082: { reason: 'token', meaning: 'the suite’s or provider’s access token is invalid', source: 'sdk' },
  40083: { reason: 'refused', meaning: 'the suite id is wrong', source: 'suite-token' },
  40084: { reason: 'reauthorize', meaning: 'the permanent code is invalid', source: 'corp-token' },
  40085: { reason: 'parent', meaning: 'the suite ticket is invalid or has expired', source: 'suite-token' },
  40091: { reason: 'refused', meaning: 'the secret belongs to something else', source: 'sdk' },
  40093: { reason: 'parent', meaning: 'the jsapi ticket is invalid', source: 'sdk' },
  ...missingParameters(),
  42001: { reason: 'token', meaning: 'the access token has expired', source: 'gettoken' },
  42007: { reason: 'refused', meaning: 'the pre-auth code has expired: ask for another one', source: 'sdk' },
  42009: { reason: 'token', meaning: 'the suite’s access token has expired', source: 'sdk' },
  45009: { reason: 'quota', meaning: 'called too often', source: 'limits', wait: SHORTEST_BLOCK_MS },
  45033: { reason: 'busy', meaning: 'too many calls at a time', source: 'sdk' },
  48002: { reason: 'refused', meaning: 'no permission for this API', source: 'sdk' },
  48003: { reason: 'refused', meaning: 'the suite’s access token belongs to another suite', source: 'sdk' },
  48004: { reason: 'reauthorize', meaning: 'the authorization was cancelled', source: 'corp-token' },
  50003: { reason: 'suspended', meaning: 'the app is disabled', source: 'sdk' },
  60020: {
    reason: 'refused',
    meaning: 'the caller’s IP address is not on the app’s or provider’s list',
    source: 'sdk',
  },
  301002: { reason: 'refused', meaning: 'no permission for this agent: the token is another one’s', source: 'sdk' },
} satisfies ErrorTable);

function missingParameters(): ErrorTable {
  const codes = Array.from({ length: 25 }, (_, i) => 41001 + i);
  const row = (code: number): WeChatErrorRow => {
    const name = MISSING[code];
    return { reason: 'refused', meaning: name ? `"${name}" is missing` : 'a parameter is missing', source: 'sdk' };
  };
  return Object.fromEntries(codes.map((code) => [code, row(code)]));
}
