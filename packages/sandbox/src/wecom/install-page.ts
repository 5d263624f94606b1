import { type Answer, escapeHtml, htmlAnswer, redirectAnswer } from '../answer.js';
import type { WeComDirectory } from './directory.js';
import type { SuiteApp } from './suite-app.js';

/** Installs a suite in a company; returns the auth code. */
export type Install = (suite: SuiteApp, corpId: string, options: { readonly state?: string }) => string;

/**
 * The page where an administrator installs a suite. A browser gets a choice of the companies; with a `corpid` in the
 * query, which the real page does not have, it redirects at once.
 */
export function installPage(query: URLSearchParams, directory: WeComDirectory, install: Install): Answer {
  const suite = directory.suites.get(query.get('suite_id') ?? '');
  if (suite === undefined) return refused(404, 'unknown_suite', 'There is no suite with this suite_id.');
  const code = query.get('pre_auth_code') ?? '';
  if (!suite.preAuthCodeWorks(code)) {
    const known = suite.knowsPreAuthCode(code);
    return refused(400, known ? '42007' : 'pre_auth_code', `The pre_auth_code ${known ? 'has ended' : 'is none'}.`);
  }
  const target = webUrl(query.get('redirect_uri'));
  if (target === undefined) return refused(400, 'redirect_uri', 'redirect_uri is missing, or no http or https URL.');
  const corpId = query.get('corpid');
  if (corpId === null) return choice(suite, query, directory);
  if (!directory.corps.has(corpId)) return refused(400, 'unknown_corp', 'There is no such company.');
  const state = query.get('state');
  target.searchParams.set('auth_code', install(suite, corpId, state === null ? {} : { state }));
  target.searchParams.set('expires_in', String(suite.switches.authCodeSeconds));
  if (state !== null) target.searchParams.set('state', state);
  return redirectAnswer(target.href);
}

function refused(status: number, outcome: string, message: string): Answer {
  return htmlAnswer(status, outcome, 'Install', `<p>${escapeHtml(message)}</p>`);
}

function choice(suite: SuiteApp, query: URLSearchParams, directory: WeComDirectory): Answer {
  const links = [...directory.corps.values()].map((corp) => {
    const next = new URLSearchParams(query);
    next.set('corpid', corp.corpId);
    const mark = suite.installed(corp.corpId) ? ' <strong>installed</strong>' : '';
    const label = escapeHtml(`${corp.corpId} ${corp.name}`);
    return `<li><a href="?${escapeHtml(next.toString())}">${label}</a>${mark}</li>`;
  });
  const content = `<h1>WeCom sandbox</h1><p>Install ${escapeHtml(suite.suiteId)} for</p><ul>${links.join('')}</ul>`;
  return htmlAnswer(200, 'ok', 'Install', content);
}

function webUrl(text: string | null): URL | undefined {
  const url = text !== null && URL.canParse(text) ? new URL(text) : undefined;
  return url && ['http:', 'https:'].includes(url.protocol) ? url : undefined;
}
