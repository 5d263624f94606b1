import { type Answer, escapeHtml, htmlAnswer, redirectAnswer } from '../answer.js';
import type { NextEngineUser } from './account.js';
import type { NextEngineApp } from './app.js';
import type { NextEngineDirectory } from './directory.js';
import { companyIdOf, companySummary, userRow } from './profile.js';

/**
 * The sign-in page. A browser gets a choice of the configured users; with a `uid` in the query, which the real page
 * does not have, it redirects at once. The `state` is the platform's own.
 */
export function signInPage(query: URLSearchParams, directory: NextEngineDirectory): Answer {
  const app = directory.app(query.get('client_id'));
  if (app === undefined) return refused('unknown_client', 'There is no app with this client_id.');
  const target = redirectTarget(app, query.get('redirect_uri'));
  if (target === undefined) {
    return refused('redirect_uri_mismatch', 'redirect_uri is missing, or not the one that is registered.');
  }
  const uid = query.get('uid');
  if (uid === null) return choice(app, query);
  if (!app.grants.has(uid)) return refused('unknown_user', 'There is no such user.');
  return redirectAnswer(withQuery(target, app.signIn(uid)));
}

export function refused(outcome: string, message: string): Answer {
  return htmlAnswer(outcome === 'unknown_client' ? 404 : 400, outcome, 'Sign-in', `<p>${escapeHtml(message)}</p>`);
}

/** Where the browser goes back to: the registered redirect URI, or the one asked for where none is registered. */
export function redirectTarget({ settings }: NextEngineApp, asked: string | null): URL | undefined {
  if (settings.redirectUri !== undefined && asked !== null && asked !== settings.redirectUri) return undefined;
  const uri = asked ?? settings.redirectUri;
  const url = uri !== undefined && URL.canParse(uri) ? new URL(uri) : undefined;
  return url && ['http:', 'https:'].includes(url.protocol) ? url : undefined;
}

/** The URL with these parameters; those it has already stay. */
export function withQuery(url: URL, fields: Readonly<Record<string, string>>): string {
  const target = new URL(url);
  for (const [name, value] of Object.entries(fields)) target.searchParams.set(name, value);
  return target.href;
}

/** The page: users below their companies, as links; it needs no script. */
function choice(app: NextEngineApp, query: URLSearchParams): Answer {
  const companies = new Map<string, NextEngineUser[]>();
  for (const { user } of app.grants.values()) {
    companies.set(companyIdOf(user), [...(companies.get(companyIdOf(user)) ?? []), user]);
  }
  const sections = [...companies.values()].map((users) => section(app, users, query.get('redirect_uri')));
  const content = `<h1>NextEngine sandbox</h1><p>Sign in as</p>${sections.join('')}`;
  return htmlAnswer(200, 'ok', 'Sign-in', content);
}

function section(app: NextEngineApp, users: readonly NextEngineUser[], redirectUri: string | null): string {
  const { company_name: name, company_kana: kana, company_id: id } = companySummary(users[0] as NextEngineUser);
  const heading = escapeHtml(`${name} (${kana}) ${id}`);
  return `<h2>${heading}</h2><ul>${users.map((user) => link(app, user, redirectUri)).join('')}</ul>`;
}

function link(app: NextEngineApp, user: NextEngineUser, redirectUri: string | null): string {
  const next = new URLSearchParams({ client_id: app.settings.clientId });
  if (redirectUri !== null) next.set('redirect_uri', redirectUri);
  next.set('uid', user.uid);
  const { pic_name: name, pic_kana: kana } = userRow(user);
  const marks = marksOf(app, user).map((mark) => ` <strong>${escapeHtml(mark)}</strong>`);
  const label = escapeHtml(`${user.uid} ${name} (${kana})`);
  return `<li><a href="?${escapeHtml(next.toString())}">${label}</a>${marks.join('')}</li>`;
}

function marksOf(app: NextEngineApp, user: NextEngineUser): string[] {
  const code = app.suspension(user);
  return [...(code ? [`suspended ${code}`] : []), ...(app.companies.cancelled(user) ? ['cancelled'] : [])];
}
