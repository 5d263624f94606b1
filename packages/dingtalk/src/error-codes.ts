import type { DingTalkMeaning } from './dingtalk-errors.js';

/** Some codes and what they mean. */
export interface DingTalkErrorRow {
  /** The platform's codes. */
  readonly codes: readonly string[];
  /** What they mean. */
  readonly meaning: Exclude<DingTalkMeaning, 'banned' | 'unreadable'>;
  /** The rest of the sentence "DingTalk answered …:". */
  readonly says: string;
  /** A page below https://open.dingtalk.com/document/development/, a public repository, or what was seen on the wire. */
  readonly source: string;
  /** The platform may have carried the request out all the same. Default false. */
  readonly uncertain?: true;
}

const CODES = 'server-api-error-codes-1';
const LIMITS = 'call-frequency-limit';
const QUOTA = 'how-to-process-api-throttling-on-the-dingtalk-server';
const RETRY = 'github.com/open-dingtalk/developerpedia: docs/develop/best-practices/retry.md';
const PERMISSION = 'github.com/open-dingtalk/developerpedia: docs/develop/best-practices/permission-deny.md';

/** Platform code → our meaning: numbers are the old host's, words the new one's. */
export const DINGTALK_ERRORS: readonly DingTalkErrorRow[] = Object.freeze<DingTalkErrorRow[]>([
  { codes: ['40014', '42001'], meaning: 'token', says: 'the access token is not valid', source: CODES },
  // "The secret is wrong, or the token": only the request can tell which of them it presented.
  { codes: ['40001'], meaning: 'token', says: 'the secret or the access token is not valid', source: CODES },
  { codes: ['InvalidAuthentication'], meaning: 'token', says: 'the access token is not valid', source: CODES },
  { codes: ['accesstoken.expired'], meaning: 'token', says: 'the access token has expired', source: CODES },

  { codes: ['40082', '42009', '48003'], meaning: 'suiteToken', says: 'the suite token is not valid', source: CODES },
  {
    codes: ['40085', '853005', 'invalidSuiteTicket'],
    meaning: 'suiteTicket',
    says: 'the suite ticket is not the latest',
    source: CODES,
  },
  { codes: ['853002'], meaning: 'clock', says: 'the time of the signature is more than a minute off', source: CODES },

  {
    codes: ['40077', '40078', '40084', '40091', '40102', '41007', '42002', '42003', '42007', '42008'],
    meaning: 'reauthorize',
    says: 'the authorization is spent or has ended',
    source: CODES,
  },
  {
    codes: ['invalidParameter.authCode.notFound'],
    meaning: 'reauthorize',
    says: 'the code or the refresh token is spent or unknown',
    source: 'github.com/DingTalk-Real-AI/dingtalk-workspace-cli: internal/auth/refresh_failure.go',
  },
  { codes: ['invalidCode'], meaning: 'reauthorize', says: 'the code is spent or unknown', source: CODES },

  { codes: ['-1'], meaning: 'busy', says: 'it is busy', source: CODES },
  { codes: ['15', 'isp.top-remote-connection-timeout'], meaning: 'busy', says: 'it timed out', source: RETRY },
  { codes: ['88'], meaning: 'busy', says: 'its authentication timed out', source: RETRY },
  { codes: ['systemBusy', 'system.busy', 'serviceBusy'], meaning: 'busy', says: 'it is busy', source: CODES },
  { codes: ['server.error'], meaning: 'busy', says: 'it failed', source: 'api-gettoken', uncertain: true },
  {
    codes: ['unknownError'],
    meaning: 'busy',
    says: 'it failed',
    source: 'observed, HTTP 500; also for an unknown corpId',
    uncertain: true,
  },

  { codes: [...range(90001, 90014), '90017', '90018'], meaning: 'throttled', says: 'too many calls', source: LIMITS },
  { codes: ['45009'], meaning: 'throttled', says: 'too many calls', source: CODES },
  {
    codes: [
      'Forbidden.AccessDenied.QpsLimitForApi',
      'Forbidden.AccessDenied.QpsLimitForAppkeyAndApi',
      'Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi',
      'Forbidden.AccessDenied.QpmLimitForAppkeyAndApi',
      'Forbidden.AccessDenied.QpmLimitForSuitekeyAndOrgAndApi',
    ],
    meaning: 'throttled',
    says: 'too many calls',
    source: QUOTA,
  },
  {
    codes: ['qps.exceed.limit', 'request.overlimit', 'oaplus.query.limit', 'requestTooMuch'],
    meaning: 'throttled',
    says: 'too many calls',
    source: CODES,
  },

  {
    codes: ['90020', 'Forbidden.AccessDenied.ApiCountLimitForOrg'],
    meaning: 'quota',
    says: "the organisation's calls of this month are used up",
    source: QUOTA,
  },

  {
    codes: ['40080', '40083', '40088', '40090', 'invalidSuiteKey'],
    meaning: 'refused',
    says: "the suite's key and secret do not match, or there is no such suite",
    source: CODES,
  },
  {
    codes: range(41021, 41024),
    meaning: 'refused',
    says: "a parameter of the suite's request is missing",
    source: CODES,
  },
  {
    codes: ['853001', '853003', '853004'],
    meaning: 'refused',
    says: "the request's signature is not right",
    source: CODES,
  },
  {
    codes: range(900001, 900010),
    meaning: 'refused',
    says: 'a callback could not be encrypted or decrypted',
    source: CODES,
  },
  { codes: ['40096', '40089'], meaning: 'refused', says: 'the key and the secret do not match', source: CODES },
  {
    codes: ['invalidClientIdOrSecret'],
    meaning: 'refused',
    says: 'the key and the secret do not match',
    source: CODES,
  },
  {
    codes: ['invalid.client'],
    meaning: 'refused',
    says: 'the key and the secret do not match',
    source: 'api-gettoken',
  },
  {
    codes: ['40013', '33001', 'orgNotExist'],
    meaning: 'refused',
    says: 'there is no such organisation',
    source: CODES,
  },
  { codes: ['60020'], meaning: 'refused', says: "the calling address is not on the app's list", source: CODES },
  {
    codes: ['Forbidden.AccessDenied.IpNotInWhiteList'],
    meaning: 'refused',
    says: "the calling address is not on the app's list",
    source: PERMISSION,
  },
  { codes: ['60011', '48002', '48004'], meaning: 'refused', says: 'the app lacks the permission', source: CODES },
  {
    codes: ['Forbidden.AccessDenied.AccessTokenPermissionDenied'],
    meaning: 'refused',
    says: 'the app lacks the permission',
    source: PERMISSION,
  },
  {
    codes: ['unauthorized.client', 'orgNotAuthApp', 'invalidAuthInfo'],
    meaning: 'refused',
    says: 'the organisation has not enabled the app',
    source: 'api-gettoken',
  },
  {
    codes: ['unsupported.grant.type'],
    meaning: 'refused',
    says: 'the grant type is not supported',
    source: 'api-gettoken',
  },
  {
    codes: ['authFailed'],
    meaning: 'refused',
    says: 'the key and the secret do not match',
    source: 'observed, HTTP 401',
  },
  { codes: ['40035', '41002', '41004'], meaning: 'refused', says: 'a parameter is missing or wrong', source: CODES },
  { codes: ['41001', '40000'], meaning: 'refused', says: 'the request carried no access token', source: CODES },
  {
    codes: ['AuthenticationFailed.MissingParameter'],
    meaning: 'refused',
    says: 'the request carried no access token',
    source: 'observed, HTTP 400',
  },
  { codes: range(43001, 43009), meaning: 'refused', says: 'the method or the content type is wrong', source: CODES },
  {
    codes: ['Missingbody'],
    meaning: 'refused',
    says: 'the body is not JSON',
    source: 'github.com/aliyun/alibabacloud-php-sdk#36',
  },
  {
    codes: ['22', '404'],
    meaning: 'refused',
    says: 'there is no such path on this host',
    source: 'observed, HTTP 200',
  },
]);

function range(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => String(first + i));
}
