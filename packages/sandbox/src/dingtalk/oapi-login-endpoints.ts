import type { SandboxRequest } from '../request.js';
import type { DingTalkClient } from './client.js';
import type { DingTalkDirectory } from './directory.js';
import { admitToken, type OapiEndpoint, OK, parameter, required, tokenPath } from './oapi-call.js';
import { OapiError } from './oapi-errors.js';
import { checkSignature } from './signed-request.js';
import type { DingTalkUserSettings } from './users.js';

const SIGNATURE_TOLERANCE_MS = 60_000;

const ssoGetToken: OapiEndpoint = {
  path: '/sso/gettoken',
  identify: ({ query }, directory) => ({ account: ssoClient(directory, query.get('corpid') ?? undefined)?.account }),
  handle(request, directory) {
    const corpId = queryParameter(request, 'corpid');
    const secret = queryParameter(request, 'corpsecret');
    const client = ssoClient(directory, corpId, secret);
    if (client === undefined) throw new OapiError(directory.knowsCorp(corpId) ? 40001 : 40013);
    admitToken(client, request, this.path);
    // No lifetime: the old answer has none.
    return { ...OK, access_token: directory.issue({ kind: 'sso', client, line: client.ssoToken }) };
  },
};

const ssoGetUserInfo = tokenPath(
  '/sso/getuserinfo',
  ({ client }, request) => {
    const user = client.ssoCodes.take(required(request, 'code'));
    if (user === undefined) throw new OapiError(40078);
    const info = { userid: user.userid, name: user.nick, email: user.email ?? '', avatar: '' };
    return { ...OK, is_sys: true, corp_info: { corpid: client.corpId, corp_name: client.corpId }, user_info: info };
  },
  { kinds: ['sso'], free: true },
);

const snsGetToken: OapiEndpoint = {
  path: '/sns/gettoken',
  identify: ({ query }, directory) => ({ account: directory.client(query.get('appid') ?? undefined)?.account }),
  handle(request, directory) {
    const client = directory.client(queryParameter(request, 'appid'));
    if (client?.secret !== queryParameter(request, 'appsecret') || client === undefined) throw new OapiError(40096);
    admitToken(client, request, this.path);
    return { ...OK, access_token: directory.issue({ kind: 'sns', client, line: client.sns.token }) };
  },
};

const getPersistentCode = tokenPath(
  '/sns/get_persistent_code',
  ({ client }, request) => {
    const user = client.sns.codes.take(required(request, 'tmp_auth_code'));
    if (user === undefined) throw new OapiError(40078);
    const { persistentCode } = client.sns.persist(user);
    return { ...OK, openid: user.openId, unionid: user.unionId, persistent_code: persistentCode };
  },
  { kinds: ['sns'], free: true },
);

const getSnsToken = tokenPath(
  '/sns/get_sns_token',
  ({ client }, request, directory) => {
    const openid = required(request, 'openid');
    const grant = client.sns.grant(openid, required(request, 'persistent_code'));
    if (grant === undefined) throw new OapiError(40084);
    const { user, token: line } = grant;
    const owner = { kind: 'snsUser', client, line, user, subject: openid } as const;
    const { value, expiresAt } = line.fetch(client.now());
    // A repeated call does not renew: what is left is less each time.
    const left = Math.floor((expiresAt - client.now()) / 1000);
    return { ...OK, sns_token: directory.remember(value, owner), ...client.lifetime('expires_in', left) };
  },
  { kinds: ['sns'], free: true },
);

const snsGetUserInfo: OapiEndpoint = {
  path: '/sns/getuserinfo',
  identify({ query }, directory) {
    const session = directory.session(query.get('sns_token') ?? undefined);
    return { account: session?.client.account, subject: session?.subject };
  },
  handle(request, directory) {
    const session = directory.session(queryParameter(request, 'sns_token'));
    if (session?.kind !== 'snsUser' || session.user === undefined) throw new OapiError(40014);
    if (session.verdict === 'expired') throw new OapiError(session.client.switches.expiredCode);
    if (session.verdict !== 'valid') throw new OapiError(40014);
    return { ...OK, user_info: snsUserInfo(session.user) };
  },
};

const getUserInfoByCode: OapiEndpoint = {
  path: '/sns/getuserinfo_bycode',
  identify: ({ query }, directory) => ({ account: directory.client(query.get('accessKey') ?? undefined)?.account }),
  handle(request, directory) {
    const client = directory.client(request.query.get('accessKey') ?? undefined);
    if (client === undefined) throw new OapiError(853003);
    checkSignature(request, { secret: client.secret, now: client.now(), toleranceMs: SIGNATURE_TOLERANCE_MS });
    const user = client.sns.codes.take(parameter(request, 'tmp_auth_code'));
    if (user === undefined) throw new OapiError(40078);
    return { ...OK, user_info: snsUserInfo(user) };
  },
};

export const LOGIN_OAPI: readonly OapiEndpoint[] = [
  ...[ssoGetToken, ssoGetUserInfo, snsGetToken, getPersistentCode, getSnsToken, snsGetUserInfo, getUserInfoByCode],
];

/** Who has the SSO secret of an organisation; without a secret, who belongs to it. */
export function ssoClient(
  directory: DingTalkDirectory,
  corpId: string | undefined,
  secret?: string,
): DingTalkClient | undefined {
  return directory
    .clients()
    .find(
      ({ corpId: own, ssoSecret }) =>
        own !== undefined && own === corpId && ssoSecret !== undefined && (secret ?? ssoSecret) === ssoSecret,
    );
}

function snsUserInfo({ nick, openId, unionId }: DingTalkUserSettings): Record<string, unknown> {
  return { nick, openid: openId, unionid: unionId, main_org_auth_high_level: true };
}

function queryParameter({ query }: SandboxRequest, name: string): string {
  const value = query.get(name);
  if (!value) throw new OapiError(40035, `缺少参数 ${name}`);
  return value;
}
