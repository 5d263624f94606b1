import { escapeHtml, htmlAnswer, redirectAnswer } from '../answer.js';
import { RawAnswer } from './endpoints.js';

/** A page that tells why it cannot go on. */
export function refusedPage(title: string, outcome: string, message: string): RawAnswer {
  return new RawAnswer(htmlAnswer(400, outcome, title, `<p>${escapeHtml(message)}</p>`));
}

/** A page of links; each adds `fields` to the query of the page. It needs no script. */
export function choicePage(
  title: string,
  query: URLSearchParams,
  choices: readonly { readonly label: string; readonly fields: Readonly<Record<string, string>> }[],
): RawAnswer {
  const links = choices.map(({ label, fields }) => {
    const next = new URLSearchParams(query);
    for (const [name, value] of Object.entries(fields)) next.set(name, value);
    return `<li><a href="?${escapeHtml(next.toString())}">${escapeHtml(label)}</a></li>`;
  });
  const content = `<h1>WeChat sandbox</h1><p>${escapeHtml(title)}</p><ul>${links.join('')}</ul>`;
  return new RawAnswer(htmlAnswer(200, 'ok', title, content));
}

/** Sends the browser back to the application. */
export function redirectPage(target: URL, fields: Readonly<Record<string, string>>): RawAnswer {
  const url = new URL(target);
  for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value);
  return new RawAnswer(redirectAnswer(url.href));
}

/** Where the browser goes back to; undefined for anything but an http or https URL. */
export function redirectTarget(query: URLSearchParams): URL | undefined {
  const uri = query.get('redirect_uri') ?? '';
  if (!URL.canParse(uri)) return undefined;
  const url = new URL(uri);
  return ['http:', 'https:'].includes(url.protocol) ? url : undefined;
}
