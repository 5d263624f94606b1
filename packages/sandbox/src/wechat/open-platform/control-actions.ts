import { assertText } from '../../check.js';
import type { PushFields } from '../../push-message.js';
import { jsonBody, type SandboxRequest } from '../../request.js';
import type { OpenPlatformAuthorizer } from './account.js';
import type { OpenPlatformControls } from './controls.js';

type Fields = Record<string, unknown>;
type Act = (platform: OpenPlatformControls, appId: string, fields: Fields) => unknown;

/** What can be done, by its path below `/_sandbox/open-platform`. The body names the component as `appId`. */
const ACTS: Readonly<Record<string, Act>> = {
  switches: (platform, appId, switches) => platform.configure(appId, switches),
  ticket: (platform, appId) => ({ ticket: platform.issueTicket(appId) }),
  'push-ticket': (platform, appId, options) => platform.pushTicket(appId, options),
  authorizer: (platform, appId, { authorizer }) => platform.addAuthorizer(appId, authorizer as OpenPlatformAuthorizer),
  authorize: (platform, appId, { authorizerAppId, ...options }) =>
    platform.authorize(appId, authorizerIn(authorizerAppId), options),
  cancel: (platform, appId, { authorizerAppId, ...options }) =>
    platform.cancel(appId, authorizerIn(authorizerAppId), options),
  'repeat-event': (platform, appId, { authorizerAppId }) => platform.repeatEvent(appId, authorizerIn(authorizerAppId)),
  event: (platform, appId, { event }) => platform.pushEvent(appId, event as PushFields),
  message: (platform, appId, { authorizerAppId, message }) =>
    platform.pushMessage(appId, authorizerIn(authorizerAppId), message as PushFields),
  'kill-token': (platform, appId, { authorizerAppId }) =>
    authorizerAppId === undefined
      ? platform.killToken(appId)
      : platform.killToken(appId, authorizerIn(authorizerAppId)),
  'replace-refresh-token': (platform, appId, { authorizerAppId }) =>
    platform.replaceRefreshToken(appId, authorizerIn(authorizerAppId)),
  secret: (platform, appId, { secret }) => platform.resetSecret(appId, assertText('secret', secret)),
  keys: (platform, appId, keys) => platform.setKeys(appId, keys),
  'block-ip': (platform, appId, { ip }) => platform.blockIp(appId, assertText('ip', ip)),
  'unblock-ip': (platform, appId, { ip }) => platform.unblockIp(appId, assertText('ip', ip)),
  'exhaust-quota': (platform, appId, { path }) => platform.exhaustQuota(appId, assertText('path', path)),
};

interface Controlled {
  readonly openPlatform: OpenPlatformControls;
}

type Action = (sandbox: Controlled, request: SandboxRequest) => unknown;

/** The Open Platform part of the control API, by method and path below `/_sandbox`. */
export const OPEN_PLATFORM_ACTIONS: Readonly<Record<string, Action>> = Object.fromEntries(
  Object.entries(ACTS).map(([name, act]): [string, Action] => [
    `POST /open-platform/${name}`,
    async ({ openPlatform }, request) => {
      const { appId, ...fields } = jsonBody(request);
      return (await act(openPlatform, assertText('appId', appId), fields)) ?? {};
    },
  ]),
);

function authorizerIn(value: unknown): string {
  return assertText('authorizerAppId', value);
}
