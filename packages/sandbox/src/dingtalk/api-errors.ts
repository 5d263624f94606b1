import { type Answer, jsonAnswer } from '../answer.js';
import { hexValue } from '../opaque.js';

const ERRORS: Readonly<Record<string, { status: number; message: string }>> = {
  invalidClientIdOrSecret: { status: 400, message: '无效的clientId或者clientSecret' },
  InvalidAuthentication: { status: 400, message: '不合法的access_token' },
  'AuthenticationFailed.MissingParameter': { status: 400, message: 'x-acs-dingtalk-access-token is mandatory' },
  Missingbody: { status: 400, message: 'body is mandatory for this action.' },
  'invalid.client': { status: 400, message: 'client_id or client_secret is invalid' },
  'unsupported.grant.type': { status: 400, message: 'grant_type is not supported' },
  'unauthorized.client': { status: 401, message: 'the client is not authorized for this organisation' },
  invalidSuiteKey: { status: 400, message: '无效的suiteKey' },
  invalidSuiteTicket: { status: 400, message: '无效的suiteTicket' },
  invalidAuthInfo: { status: 400, message: '企业未开通该应用' },
  invalidCorpId: { status: 400, message: '无效的corpId' },
  orgNotExist: { status: 400, message: '企业不存在' },
  orgNotAuthApp: { status: 400, message: '企业未授权该应用' },
  invalidCode: { status: 400, message: '无效的授权码' },
  'invalidParameter.authCode.notFound': { status: 400, message: '不合法的临时授权码' },
  'accesstoken.expired': { status: 400, message: 'access token已过期' },
  authFailed: { status: 401, message: '鉴权失败' },
  unknownError: { status: 500, message: '未知错误' },
  systemBusy: { status: 500, message: '系统繁忙' },
  'system.busy': { status: 500, message: '系统繁忙' },
  'server.error': { status: 500, message: 'server error' },
  serviceBusy: { status: 503, message: '服务繁忙' },
  'Forbidden.AccessDenied.IpNotInWhiteList': { status: 403, message: '访问ip不在白名单之中' },
  'Forbidden.AccessDenied.AccessTokenPermissionDenied': { status: 403, message: '应用尚未开通所需的权限' },
};

/** Ends a handler of the new API with an error envelope and its HTTP status. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message?: string, status?: number) {
    super(message ?? ERRORS[code]?.message ?? code);
    this.code = code;
    this.status = status ?? ERRORS[code]?.status ?? (code.startsWith('Forbidden.') ? 403 : 400);
  }
}

/** A request that finds no action: an old-style body from the new host, HTTP 200. */
export class NoSuchAction extends Error {}

/** The error as the new host writes it: in its envelope, or in the old host's for a path that is none. */
export function apiFailure(error: ApiError | NoSuchAction): Answer {
  if (error instanceof NoSuchAction) {
    return jsonAnswer({ errcode: 404, errmsg: '请求的URI地址不存在' }, { outcome: '404' });
  }
  const { code, message, status } = error;
  const requestid = [8, 4, 4, 4, 12].map((length) => hexValue(length).toUpperCase()).join('-');
  return jsonAnswer({ requestid, code, message }, { status, outcome: code });
}
