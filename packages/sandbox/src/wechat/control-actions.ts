import { assertText } from '../check.js';
import type { PushFields } from '../push-message.js';
import { jsonBody, type SandboxRequest } from '../request.js';
import type { WeChatControls } from './controls.js';

type Fields = Record<string, unknown>;
type Act = (wechat: WeChatControls, appId: string, fields: Fields) => unknown;

/** What can be done, by its path below `/_sandbox/wechat`. The body names the account as `appId`. */
const ACTS: Readonly<Record<string, Act>> = {
  switches: (wechat, appId, switches) => wechat.configure(appId, switches),
  'kill-token': (wechat, appId, { kind }) => wechat.killToken(appId, ...(kind === undefined ? [] : [kind as 'legacy'])),
  'end-ticket': (wechat, appId, { type }) => wechat.endTicket(appId, type as 'jsapi'),
  secret: (wechat, appId, { secret, ...options }) => wechat.resetSecret(appId, assertText('secret', secret), options),
  'block-ip': (wechat, appId, { ip }) => wechat.blockIp(appId, assertText('ip', ip)),
  'unblock-ip': (wechat, appId, { ip }) => wechat.unblockIp(appId, assertText('ip', ip)),
  risk: (wechat, appId, { answer }) => wechat.answerRisk(appId, answer as 'confirmed'),
  'exhaust-quota': (wechat, appId, { path }) => wechat.exhaustQuota(appId, assertText('path', path)),
  'oauth-code': (wechat, appId, order) => ({ code: wechat.oauthCode(appId, order) }),
  'login-code': (wechat, appId, order) => ({ code: wechat.loginCode(appId, order) }),
  password: (wechat, appId, { openid }) => ({ grants: wechat.changePassword(appId, assertText('openid', openid)) }),
  push: (wechat, appId, { message }) => wechat.push(appId, message as PushFields),
  'verify-url': (wechat, appId) => wechat.verifyUrl(appId),
};

interface Controlled {
  readonly wechat: WeChatControls;
}

type Action = (sandbox: Controlled, request: SandboxRequest) => unknown;

/** The WeChat part of the control API, by method and path below `/_sandbox`. */
export const WECHAT_ACTIONS: Readonly<Record<string, Action>> = Object.fromEntries(
  Object.entries(ACTS).map(([name, act]): [string, Action] => [
    `POST /wechat/${name}`,
    async ({ wechat }, request) => {
      const { appId, ...fields } = jsonBody(request);
      return (await act(wechat, assertText('appId', appId), fields)) ?? {};
    },
  ]),
);
