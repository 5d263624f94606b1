const MESSAGES: Readonly<Record<number, string>> = {
  [-1]: 'system busy',
  40001: 'invalid credential',
  40004: 'invalid media type',
  40007: 'invalid media_id',
  40013: 'invalid corpid',
  40014: 'invalid access_token',
  40056: 'invalid agentid',
  40058: 'invalid Request Parameter',
  40063: 'some parameters are empty',
  40066: 'invalid url',
  40078: 'invalid auth_code',
  40080: 'invalid suite_secret',
  40082: 'invalid suite_token',
  40083: 'invalid suite_id',
  40084: 'invalid permanent_code',
  40085: 'invalid suite_ticket',
  40091: 'secret is invalid',
  40093: 'invalid jsapi_ticket',
  40097: 'invalid args',
  41001: 'access_token missing',
  41002: 'corpid missing',
  41004: 'corpsecret missing',
  41005: 'media data missing',
  41021: 'suite_id missing',
  41022: 'suite_access_token missing',
  41023: 'suite_ticket missing',
  41024: 'suite_secret missing',
  41025: 'permanent_code missing',
  42001: 'access_token expired',
  42007: 'pre_auth_code expired',
  42009: 'suite_access_token expired',
  43002: 'require POST method',
  45009: 'api freq out of limit',
  45033: 'concurrent api limit exceed',
  47001: 'data format error',
  48002: 'api forbidden',
  48003: 'suite mismatch',
  48004: 'suite is not authorized',
  50003: 'app is disabled',
  60020: 'not allow to access from your ip',
  301002: 'no permission',
};

/** Ends a handler with the platform's error envelope (HTTP 200). */
export class WeComError extends Error {
  readonly code: number;

  constructor(code: number, message = MESSAGES[code] ?? 'system error') {
    super(message);
    this.code = code;
  }
}
