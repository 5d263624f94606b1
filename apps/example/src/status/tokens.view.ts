import { type Html, html } from '../web/html.js';
import { moment } from '../web/layout.js';
import type { Item } from './picture.js';
import type { Group, Kinds, TokenRow } from './status.js';
import { absenceOf, anchorOf } from './timeline.view.js';
import { nameOf } from './token-history.js';

/** The table's lines: what the timeline shows, in columns. */
export function tokenItems(groups: readonly Group[], kinds: ReadonlyMap<string, Kinds>): Item[] {
  return groups.flatMap(({ account, rows, total }) => {
    const items = rows.map((row) => ({ id: nameOf(row), content: tokenLine(row, kinds.get(account)) }));
    if (rows.length === total) return items;
    return [...items, { id: `more ${account}`, content: moreLine(account, total - rows.length) }];
  });
}

/** How many keys are in which state, over all accounts. */
export function summaryItems(tokens: readonly TokenRow[]): Item[] {
  const counts = new Map<string, number>();
  for (const { state } of tokens) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => ({
    id: state,
    content: html`<li data-id="${state}"><strong>${count}</strong> <span class="badge ${state}">${state}</span></li>`,
  }));
}

function tokenLine(row: TokenRow, kinds: Kinds | undefined): Html {
  const { account, platform, kind, subject, state, cause, issuedAt, expiresAt, lineage, failures, failure } = row;
  return html`<tr id="${anchorOf(row)}" data-id="${nameOf(row)}" data-account="${account}" data-kind="${kind}" data-subject="${subject ?? ''}" data-state="${state}" data-issued-at="${issuedAt ?? ''}" data-expires-at="${expiresAt ?? ''}">
<th scope="row">${account}<small>${platform}</small></th>
<td><code>${kind}</code></td>
<td>${subject ?? absenceOf(row, kinds)}</td>
<td><span class="badge ${state}">${state}</span>${cause !== undefined && html`<small>${cause}</small>`}</td>
<td>${expiresAt !== undefined && moment(expiresAt)}${row.refreshTokenExpiresAt !== undefined && html`<small>pair ends ${moment(row.refreshTokenExpiresAt)}</small>`}</td>
<td>${lineage && html`${moment(lineage.at)}<small>${lineage.cause}, ${Math.round(lineage.durationMs)} ms</small>`}</td>
<td>${nextRefresh(row)}</td>
<td>${failure && html`<code>${failure.code}</code><small>${failure.platformCode !== undefined && `platform code ${failure.platformCode}, `}${failures === undefined || failures === 0 ? 'over' : `${failures} in a row`}</small>`}</td>
</tr>`;
}

function moreLine(account: string, count: number): Html {
  return html`<tr data-id="more ${account}"><td colspan="8">${count} more of <a href="/?account=${encodeURIComponent(account)}">${account}</a></td></tr>`;
}

function nextRefresh({ retryAt, refreshAt, state }: TokenRow): Html | undefined {
  const at = state === 'active' ? refreshAt : (retryAt ?? refreshAt);
  return at === undefined ? undefined : moment(at);
}
