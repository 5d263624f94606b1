const MESSAGES: Readonly<Record<number, string>> = {
  [-1]: 'system error',
  40001:
    'invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r',
  40002: 'invalid grant_type',
  40013: 'invalid appid',
  40014: 'invalid access_token',
  40066: 'invalid url',
  40097: 'invalid args',
  40125: 'invalid appsecret',
  40164: 'invalid ip, not in whitelist',
  40243: 'AppSecret has been frozen',
  41001: 'access_token missing',
  41002: 'appid missing',
  41004: 'appsecret missing',
  42001: 'access_token expired',
  43002: 'require POST method',
  45009: 'reach max api daily quota limit',
  45011: 'api minute-quota reach limit, must slower, retry next minute',
  47001: 'data format error',
  48001: 'api unauthorized',
  48006: 'forbid to clear quota because of reaching the limit',
  50004: 'forbid to use token interface',
  50007: 'account has been frozen',
  76003: 'cgi_path is invalid',
  76021: 'cgi_path not found',
  76022: 'could not use this cgi_path, no permission',
  89501: 'this ip is waiting for the confirmation of the administrator',
  89503: 'this ip is not in the whitelist, the administrator was asked to confirm',
  89506: 'this ip was refused twice: blocked for 24 hours',
  89507: 'this ip was refused: blocked for 1 hour',
};

/** Ends a handler with the platform's error envelope (HTTP 200). */
export class WeChatError extends Error {
  readonly code: number;

  constructor(code: number, message = MESSAGES[code] ?? 'system error') {
    super(message);
    this.code = code;
  }
}
