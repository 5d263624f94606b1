import type { Account, CallbackReply, CallbackRequest, TokenExtra, TokenSource, Tokens } from '@evertoken/core';
import { noPushKeys } from '../app-callback.js';
import { type Authorizer, authorizerOf, sourceOf } from './authorizer.js';
import { authorizerExtraIn } from './authorizer-facts.js';
import { componentFacts, type OpenPlatformOptions, readComponent } from './component.js';
import { componentTokenSource, verifyTicketSource } from './component-sources.js';
import type { OpenPlatformContext } from './context.js';
import { AUTHORIZER_TOKEN } from './kinds.js';
import { OpenPlatformClient } from './open-platform-client.js';

/** A third-party platform ("component") of WeChat's Open Platform, and the accounts that authorized it. */
export interface OpenPlatform extends Account<OpenPlatformClient> {
  /** Where its requests go, without a slash at the end. */
  readonly baseUrl: string;
  /** Kind `component_verify_ticket`: comes by push to `callback`, lives 12 h. */
  readonly verifyTicket: TokenSource;
  /** Kind `component_access_token`: one for the platform and all its authorizers. */
  readonly accessToken: TokenSource;
  /** The handle of an account that authorized, by its app id. */
  authorizer(appId: string): Authorizer;
  /**
   * Takes pushes to the authorization-event URL: tickets, and accounts that authorize or leave. Answers once what they brought is stored.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` where the option `push` is missing.
   */
  callback(tokens: Tokens): (request: CallbackRequest) => Promise<CallbackReply>;
  /** The tickets of an official account go with its access token. */
  companions(source: TokenSource, extra: TokenExtra | undefined): Iterable<TokenSource>;
}

/**
 * A third-party platform. Touches nothing and never throws for a missing value: the manager's constructor reports it.
 *
 * @example
 * export const platform = openPlatform({
 *   name: 'platform',
 *   appId: process.env['COMPONENT_APPID'],
 *   secret: process.env['COMPONENT_SECRET'],
 *   push: { token: process.env['COMPONENT_PUSH_TOKEN'], encodingAESKey: process.env['COMPONENT_AES_KEY'] },
 * });
 */
export function openPlatform(options: OpenPlatformOptions): OpenPlatform {
  const component = readComponent(options);
  const { facts, openPush } = componentFacts(component, options);
  const verifyTicket = verifyTicketSource(component);
  const accessToken = componentTokenSource(component, verifyTicket);
  const authorizer = (appId: string) => authorizerOf(component, appId, accessToken);
  const kept = options.refresh?.kinds;
  const companions = ({ kind, subject }: TokenSource, extra: TokenExtra | undefined) => {
    // A mini program has no tickets, and of an account that nobody has looked at yet nobody knows.
    const has = kind === AUTHORIZER_TOKEN.kind && authorizerExtraIn(extra).kind === 'officialAccount';
    if (!has || subject === undefined) return [];
    const { jsapiTicket, cardTicket } = authorizer(subject);
    return [jsapiTicket, cardTicket].filter((ticket) => kept?.includes(ticket.kind) ?? true);
  };
  const context: OpenPlatformContext = { component, verifyTicket, accessToken, authorizer, companions, openPush };
  const own = [verifyTicket, accessToken];
  return Object.freeze({
    ...facts,
    verifyTicket,
    accessToken,
    authorizer,
    sources: () => own,
    source(kind: string, subject?: string) {
      if (subject === undefined) return own.find((source) => source.kind === kind);
      if (subject === '') return undefined;
      return sourceOf(authorizer(subject), kind);
    },
    companions,
    client: (tokens: Tokens) => new OpenPlatformClient(context, tokens),
    callback(tokens: Tokens) {
      if (component.push.length === 0) throw noPushKeys(component.account);
      return async (request: CallbackRequest) => {
        const { answerPush } = await import('./callback.js');
        return answerPush(context, tokens, request);
      };
    },
  });
}
