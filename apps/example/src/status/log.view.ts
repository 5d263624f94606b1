import { html } from '../web/html.js';
import { moment } from '../web/layout.js';
import type { Item } from './picture.js';
import type { Happening } from './token-history.js';

/** How many happenings the page shows. */
const LATEST = 12;

/** What happened last, newest first: the timeline's marks in words. `only`: to one account. */
export function logItems(happenings: readonly Happening[], only?: string): Item[] {
  return happenings
    .filter(({ account }) => only === undefined || account === only)
    .slice(-LATEST)
    .reverse()
    .map(({ number, at, account, kind, subject, what, text }) => ({
      id: String(number),
      content: html`<tr data-id="${number}" data-what="${what}"><td>${moment(at)}</td>
<td><strong>${account}</strong> <code>${kind}</code>${subject !== undefined && html`<small>${subject}</small>`}</td>
<td><svg class="symbol ${what}" aria-hidden="true"><use class="mark ${what}" href="#mark-${what}" x="50%" y="50%"/></svg>${text}</td></tr>`,
    }));
}
