import { type Answer, escapeHtml, htmlAnswer, redirectAnswer } from '../answer.js';
import type { NextEngineApp, NextEngineDirectory } from './app.js';
import { userRow } from './profile.js';

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
  const { state } = app.signIn(uid);
  target.searchParams.set('uid', uid);
  target.searchParams.set('state', state);
  return redirectAnswer(target.href);
}

export function refused(outcome: string, message: string): Answer {
  return htmlAnswer(outcome === 'unknown_client' ? 404 : 400, outcome, 'Sign-in', `<p>${escapeHtml(message)}</p>`);
}

function redirectTarget({ settings }: NextEngineApp, asked: string | null): URL | undefined {
  if (settings.redirectUri !== undefined && asked !== null && asked !== settings.redirectUri) return undefined;
  const uri = asked ?? settings.redirectUri;
  const url = uri !== undefined && URL.canParse(uri) ? new URL(uri) : undefined;
  return url && ['http:', 'https:'].includes(url.protocol) ? url : undefined;
}

function choice(app: NextEngineApp, query: URLSearchParams): Answer {
  const links = [...app.grants.values()].map(({ user }) => {
    const next = new URLSearchParams({ client_id: app.settings.clientId });
    const redirectUri = query.get('redirect_uri');
    if (redirectUri !== null) next.set('redirect_uri', redirectUri);
    next.set('uid', user.uid);
    const label = `${user.uid} (${userRow(user)['pic_name'] ?? ''})`;
    return `<li><a href="?${escapeHtml(next.toString())}">${escapeHtml(label)}</a></li>`;
  });
  const content = `<h1>NextEngine sandbox</h1><p>Sign in as</p><ul>${links.join('')}</ul>`;
  return htmlAnswer(200, 'ok', 'Sign-in', content);
}
