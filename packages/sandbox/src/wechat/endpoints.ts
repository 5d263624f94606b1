import type { SandboxRequest } from '../request.js';
import type { WeChatApp } from './app.js';
import type { WeChatDirectory } from './directory.js';

/** One path of the platform. */
export interface WeChatEndpoint {
  readonly path: string;
  /** `POST` where the platform refuses GET with 43002. */
  readonly method: 'ANY' | 'POST';
  /** The account a request names, looked up without any effect. */
  identify(request: SandboxRequest, directory: WeChatDirectory): WeChatApp | undefined;
  /** The body of the successful answer; throws `WeChatError` for any other. */
  handle(request: SandboxRequest, directory: WeChatDirectory): Record<string, unknown>;
}

/** A business endpoint: checks the token of the query and counts the call. */
export function tokenEndpoint(
  path: string,
  method: WeChatEndpoint['method'],
  body: (app: WeChatApp, request: SandboxRequest) => Record<string, unknown>,
): WeChatEndpoint {
  return {
    path,
    method,
    identify: (request, directory) => directory.owner(request.query.get('access_token')),
    handle(request, directory) {
      const app = directory.authenticate(request.query.get('access_token'));
      app.spend(path);
      return body(app, request);
    },
  };
}
