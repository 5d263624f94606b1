import type { Answer } from '../answer.js';
import type { SandboxRequest } from '../request.js';
import type { WeChatApp } from './app.js';
import type { WeChatDirectory } from './directory.js';
import { WeChatError } from './errors.js';
import type { Party, TokenOwner } from './owner.js';

/** An answer that is not JSON: a page, a redirect, a file. */
export class RawAnswer {
  readonly answer: Answer;

  constructor(answer: Answer) {
    this.answer = answer;
  }
}

export type Handled = Record<string, unknown> | RawAnswer;

/** One path of the platform. */
export interface WeChatEndpoint {
  readonly path: string;
  /** `POST` where the platform refuses GET with 43002. */
  readonly method: 'ANY' | 'POST';
  /** Whom a request names, looked up without any effect. */
  identify(request: SandboxRequest, directory: WeChatDirectory): Party | undefined;
  /** The body of the successful answer; throws `WeChatError` for any other. */
  handle(request: SandboxRequest, directory: WeChatDirectory): Handled;
}

/** An endpoint that takes some kind of token: checks the one of the query and counts the call. */
export function ownerEndpoint(
  path: string,
  method: WeChatEndpoint['method'],
  wanted: 'account' | 'component' | 'any',
  body: (owner: TokenOwner, request: SandboxRequest, directory: WeChatDirectory) => Handled,
): WeChatEndpoint {
  return {
    path,
    method,
    identify: ({ query }, directory) => directory.owner(query)?.party,
    handle(request, directory) {
      const owner = directory.authenticate(request.query, path, wanted);
      owner.quotas.spend(path, owner.now());
      return body(owner, request, directory);
    },
  };
}

/** A business endpoint: an account's own token, or an authorizer's. */
export function tokenEndpoint(
  path: string,
  method: WeChatEndpoint['method'],
  body: (app: WeChatApp, request: SandboxRequest) => Handled,
): WeChatEndpoint {
  return ownerEndpoint(path, method, 'account', ({ app }, request) => {
    if (app === undefined) throw new WeChatError(61015);
    return body(app, request);
  });
}
