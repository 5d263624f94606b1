import { type Answer, htmlAnswer, jsonAnswer } from '../answer.js';
import { hexValue } from '../opaque.js';

const MESSAGES: Readonly<Record<number, string>> = {
  [-1]: '系统繁忙',
  15: 'Remote service error',
  22: '不合法的请求路径',
  88: 'ding talk error',
  40000: 'access_token is blank',
  40001: '获取access_token时Secret错误,或者access_token无效',
  40013: '不合法的corpid',
  40014: '不合法的access_token',
  40035: '缺少参数',
  40078: '不存在的临时授权码',
  40082: '不合法的suite_access_token',
  40083: '不合法的suite_key',
  40084: '不合法的永久授权码',
  40085: '不存在的suite_ticket',
  40088: '套件key和secret不匹配',
  40089: '不合法的corpid或corpsecret',
  40091: '用户授权码创建失败,需要用户重新授权',
  40096: '不合法的appKey或appSecret',
  41001: '缺少access_token参数',
  41021: '缺少suite_key参数',
  41023: '缺少suite_ticket参数',
  41024: '缺少suite_secret参数',
  42001: 'access_token超时',
  42009: 'suite_access_token超时',
  45009: '接口调用超过限制',
  60020: '访问ip不在白名单之中',
  90002: '接口全局调用频率超过限制',
  90018: '应用调用接口的频率超过限制',
  90020: '组织本月调用量已用完',
  853001: '时间戳格式错误',
  853002: '时间戳与服务器时间相差超过1分钟',
  853003: 'accessKey不存在',
  853004: '签名不匹配',
  853005: 'suiteTicket无效',
};

// These speak for the gateway itself: even on a topapi path they are not wrapped in 88.
const UNWRAPPED: ReadonlySet<number> = new Set([-1, 15, 22, 88]);

/** Ends a handler of the old API with an error envelope (HTTP 200). */
export class OapiError extends Error {
  readonly code: number;

  constructor(code: number, message = MESSAGES[code] ?? '系统错误') {
    super(message);
    this.code = code;
  }
}

/** The error as the path wraps it: plain, or inside 88 on the topapi gateway. */
export function oapiFailure(path: string, { code, message }: OapiError): Answer {
  const outcome = String(code);
  if (code === 1111) return banned();
  if (path.startsWith('/topapi/') && !UNWRAPPED.has(code)) {
    const errmsg = `ding talk error[subcode=${code},submsg=${message}]`;
    const body = { errcode: 88, sub_code: String(code), sub_msg: message, errmsg, request_id: hexValue(12) };
    return jsonAnswer(body, { outcome });
  }
  if (code === 88)
    return jsonAnswer({ errcode: 88, sub_code: '', errmsg: message, request_id: hexValue(12) }, { outcome });
  if (code === 15) {
    const sub = { sub_code: 'isp.top-remote-connection-timeout', sub_msg: 'connection timeout' };
    return jsonAnswer({ errcode: 15, errmsg: message, ...sub, request_id: hexValue(12) }, { outcome });
  }
  return jsonAnswer({ errcode: code, errmsg: message }, { outcome });
}

/** What an address gets that called too often: neither an `errcode` nor a `code`; or a page. */
export function banned(form: 'json' | 'html' = 'json', status = 200): Answer {
  if (form === 'html') return htmlAnswer(status, '1111', '访问受限', '<h1>您的访问过于频繁,请稍后再试</h1>');
  const body = { status: 1111, wait: 5, source: 'x5', punish: 'deny', uuid: hexValue(32) };
  return jsonAnswer(body, { outcome: '1111', status });
}
