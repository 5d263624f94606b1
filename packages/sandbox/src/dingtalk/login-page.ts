import { type Answer, escapeHtml, htmlAnswer, redirectAnswer } from '../answer.js';
import type { DingTalkClient } from './client.js';
import type { DingTalkDirectory } from './directory.js';
import type { DingTalkUserSettings } from './users.js';

/** One page where a user signs in, and what it hands to the redirect URI. */
export interface LoginPage {
  readonly path: string;
  /** What the page calls the client's key. */
  readonly clientParameter: string;
  /** The parameters of the redirect for a user who agrees. */
  grant(client: DingTalkClient, user: DingTalkUserSettings, query: URLSearchParams): Record<string, string>;
}

/** The page of today: its code is for `/v1.0/oauth2/userAccessToken`. */
export const OAUTH_PAGE: LoginPage = {
  path: '/oauth2/auth',
  clientParameter: 'client_id',
  grant: (client, user, query) => ({ authCode: userCode(client, user, scopes(query).includes('corpid')) }),
};

/** The pages of old, to scan or within the app: their code is for `/sns/get_persistent_code` and `/sns/getuserinfo_bycode`. */
export const SCAN_PAGES: readonly LoginPage[] = ['/connect/qrconnect', '/connect/oauth2/sns_authorize'].map((path) => ({
  path,
  clientParameter: 'appid',
  grant: (client, user) => ({ code: client.sns.codes.issue(user, client.switches.codeLifeMs) }),
}));

/** A code of the login page, as if a user had just agreed there. */
export function userCode(client: DingTalkClient, user: DingTalkUserSettings, withCorp: boolean): string {
  const corpId = withCorp ? (user.corpId ?? client.corpId) : undefined;
  return client.authCodes.issue({ user, ...(corpId !== undefined && { corpId }) }, client.switches.codeLifeMs);
}

/**
 * A browser gets a choice of users; with a `unionId` in the query, which the real page does not have, it redirects at once,
 * and with `error` it refuses as a user would.
 */
export function loginPage(page: LoginPage, query: URLSearchParams, directory: DingTalkDirectory): Answer {
  const client = directory.client(query.get(page.clientParameter) ?? undefined);
  if (client === undefined)
    return refused(404, 'unknown_client', `There is no client with this ${page.clientParameter}.`);
  const target = webUrl(query.get('redirect_uri'));
  if (target === undefined) return refused(400, 'redirect_uri', 'redirect_uri is missing, or no http or https URL.');
  if (query.get('response_type') !== 'code') return refused(400, 'response_type', 'response_type must be code.');
  if (page === OAUTH_PAGE && !scopes(query).includes('openid'))
    return refused(400, 'scope', 'scope must contain openid.');
  const error = query.get('error');
  const unionId = query.get('unionId');
  if (error === null && unionId === null) return choice(client, query);
  const user = client.user(unionId ?? '');
  if (error === null && user === undefined) return refused(400, 'unknown_user', 'There is no such user.');
  const given = user && error === null ? page.grant(client, user, query) : { error: error ?? '' };
  for (const [name, value] of Object.entries(given)) target.searchParams.set(name, value);
  const state = query.get('state');
  if (state !== null) target.searchParams.set('state', state);
  return redirectAnswer(target.href);
}

function scopes(query: URLSearchParams): string[] {
  return (query.get('scope') ?? '').split(' ');
}

function refused(status: number, outcome: string, message: string): Answer {
  return htmlAnswer(status, outcome, 'Login', `<p>${escapeHtml(message)}</p>`);
}

function choice(client: DingTalkClient, query: URLSearchParams): Answer {
  const link = (name: string, value: string, label: string) => {
    const next = new URLSearchParams(query);
    next.set(name, value);
    return `<li><a href="?${escapeHtml(next.toString())}">${escapeHtml(label)}</a></li>`;
  };
  const links = client.users.map(({ unionId, nick }) => link('unionId', unionId, `${nick} ${unionId}`));
  const list = [...links, link('error', 'access_denied', 'refuse')].join('');
  const content = `<h1>DingTalk sandbox</h1><p>Sign in to ${escapeHtml(client.account)} as</p><ul>${list}</ul>`;
  return htmlAnswer(200, 'ok', 'Login', content);
}

function webUrl(text: string | null): URL | undefined {
  const url = text !== null && URL.canParse(text) ? new URL(text) : undefined;
  return url && ['http:', 'https:'].includes(url.protocol) ? url : undefined;
}
