import { textField } from '../request.js';
import { type ApiEndpoint, admitApiToken, apiPath, bodyText, requiredBody } from './api-call.js';
import { ApiError } from './api-errors.js';
import type { DingTalkClient } from './client.js';
import { ssoClient } from './oapi-login-endpoints.js';
import type { UserPair } from './user-grants.js';

const userAccessToken: ApiEndpoint = {
  method: 'POST',
  path: '/v1.0/oauth2/userAccessToken',
  identify(request, directory) {
    const client = directory.client(bodyText(request, 'clientId'));
    const user =
      client?.authCodes.peek(bodyText(request, 'code'))?.user ??
      client?.grants.userOf(bodyText(request, 'refreshToken'));
    return { account: client?.account, subject: user?.unionId };
  },
  handle(request, directory) {
    const body = requiredBody(request);
    const client = directory.client(textField(body, 'clientId'));
    if (client === undefined || client.secret !== textField(body, 'clientSecret')) {
      throw new ApiError('invalidClientIdOrSecret');
    }
    admitApiToken(client, request, this.path);
    const pair = pairOf(client, body);
    if (pair === undefined) throw new ApiError(client.switches.userRefusedCode);
    const { user, corpId, access } = pair.grant;
    directory.remember(pair.accessToken, { kind: 'user', client, line: access, subject: user.unionId, user });
    return {
      accessToken: pair.accessToken,
      refreshToken: pair.refreshToken,
      ...client.lifetime(client.switches.userLifetimeField),
      ...(corpId !== undefined && { corpId }),
    };
  },
};

const me = apiPath(
  'GET',
  '/v1.0/contact/users/me',
  ({ user }) => ({
    nick: user?.nick,
    unionId: user?.unionId,
    openId: user?.openId,
    ...(user?.mobile !== undefined && { mobile: user.mobile, stateCode: '86' }),
    ...(user?.email !== undefined && { email: user.email }),
  }),
  { kinds: ['user'], free: true },
);

const ssoAccessToken: ApiEndpoint = {
  method: 'POST',
  path: '/v1.0/oauth2/ssoAccessToken',
  identify: (request, directory) => ({ account: ssoClient(directory, bodyText(request, 'corpid'))?.account }),
  handle(request, directory) {
    const body = requiredBody(request);
    const secret = textField(body, 'ssoSecret');
    const client = secret === undefined ? undefined : ssoClient(directory, textField(body, 'corpid'), secret);
    if (client === undefined) throw new ApiError('invalidClientIdOrSecret');
    admitApiToken(client, request, this.path);
    const token = directory.issue({ kind: 'sso', client, line: client.ssoToken });
    return { accessToken: token, ...client.lifetime('expireIn', client.switches.ssoExpiresIn) };
  },
};

const ssoUserInfo = apiPath(
  'GET',
  '/v1.0/oauth2/ssoUserInfo',
  ({ client }, { query }) => {
    const user = client.ssoCodes.take(query.get('code') ?? undefined);
    if (user === undefined) throw new ApiError('invalidCode');
    const organisation = { corpId: client.corpId, corpName: client.corpId, isAdmin: true };
    return { userId: user.userid, userName: user.nick, email: user.email ?? '', avatar: '', ...organisation };
  },
  { kinds: ['sso'], free: true },
);

export const USER_API: readonly ApiEndpoint[] = [userAccessToken, me, ssoAccessToken, ssoUserInfo];

function pairOf(client: DingTalkClient, body: Record<string, unknown>): UserPair | undefined {
  switch (textField(body, 'grantType')) {
    case 'authorization_code': {
      const signIn = client.authCodes.take(textField(body, 'code'));
      return signIn && client.grants.signIn(signIn);
    }
    case 'refresh_token':
      return client.grants.refresh(textField(body, 'refreshToken'));
    default:
      throw new ApiError('unsupported.grant.type');
  }
}
