import { jsonObject, type SandboxRequest, textField } from '../request.js';
import type { WeChatApp } from './app.js';
import type { WeChatDirectory } from './directory.js';
import type { WeChatEndpoint } from './endpoints.js';
import { WeChatError } from './errors.js';
import type { IssuedValue, WeChatTokenKind } from './token-line.js';

interface TokenRequest {
  readonly grantType: string | undefined;
  readonly appId: string | undefined;
  readonly secret: string | undefined;
}

/** `GET /cgi-bin/token`: a new token for every call. */
export const legacyToken: WeChatEndpoint = {
  path: '/cgi-bin/token',
  method: 'ANY',
  identify: ({ query }, directory) => directory.app(query.get('appid'))?.party,
  handle(request, directory) {
    const app = open('/cgi-bin/token', request, directory, readFields(Object.fromEntries(request.query)));
    return issued(directory, app, 'legacy', app.issueLegacy());
  },
};

/** `POST /cgi-bin/stable_token`: the same token until its last five minutes; or a forced new one. */
export const stableToken: WeChatEndpoint = {
  path: '/cgi-bin/stable_token',
  method: 'POST',
  identify: ({ text }, directory) => directory.app(textField(jsonObject(text), 'appid'))?.party,
  handle(request, directory) {
    const fields = jsonObject(request.text);
    if (fields === undefined) throw new WeChatError(47001);
    const app = open('/cgi-bin/stable_token', request, directory, readFields(fields));
    return issued(directory, app, 'stable', fields['force_refresh'] === true ? app.forceStable() : app.stable());
  },
};

export const TOKEN_ENDPOINTS: readonly WeChatEndpoint[] = [legacyToken, stableToken];

function readFields(fields: Record<string, unknown>): TokenRequest {
  return {
    grantType: textField(fields, 'grant_type'),
    appId: textField(fields, 'appid'),
    secret: textField(fields, 'secret'),
  };
}

function open(path: string, request: SandboxRequest, directory: WeChatDirectory, asked: TokenRequest): WeChatApp {
  if (asked.appId !== undefined && asked.secret !== undefined && asked.grantType !== 'client_credential') {
    throw new WeChatError(40002);
  }
  const app = directory.credentials(asked.appId, asked.secret);
  app.enter(path, request);
  return app;
}

function issued(
  directory: WeChatDirectory,
  app: WeChatApp,
  kind: WeChatTokenKind,
  token: IssuedValue,
): Record<string, unknown> {
  directory.remember(token.value, app, app.lines[kind]);
  return { access_token: token.value, expires_in: token.expiresIn };
}
