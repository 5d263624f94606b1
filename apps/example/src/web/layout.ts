import { Html, html } from './html.js';

/** A whole page around its content. */
export function layout(title: string, content: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Evertoken example</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
</head>
<body>
${content}
</body>
</html>
`.markup;
}

/** A moment, Unix ms, in UTC; with JavaScript the page counts down to it. */
export function moment(at: number): Html {
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}" data-at="${at}" title="${iso}">${iso.slice(0, 19).replace('T', ' ')}</time>`;
}

/** Plain data for people: lists of objects as tables, objects as definitions. */
export function describeData(data: unknown): Html {
  if (Array.isArray(data)) {
    if (data.length > 0 && data.every(isRecord)) return table(data);
    return html`${data.map(String).join(', ')}`;
  }
  if (!isRecord(data)) return html`${data === null ? '—' : String(data)}`;
  const members = Object.entries(data).filter(([, value]) => value !== undefined);
  return html`<dl>${members.map(([name, value]) => html`<dt>${name}</dt><dd>${describeData(value)}</dd>`)}</dl>`;
}

function table(rows: readonly Record<string, unknown>[]): Html {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return html`<div class="scroll"><table>
<thead><tr>${columns.map((column) => html`<th>${column}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${columns.map((column) => html`<td>${describeData(row[column] ?? null)}</td>`)}</tr>`)}</tbody>
</table></div>`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Html);
}
