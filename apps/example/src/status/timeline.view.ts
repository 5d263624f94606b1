import { type Html, html } from '../web/html.js';
import type { Item } from './picture.js';
import type { Group, Kinds, TokenRow } from './status.js';
import { nameOf, type TokenHistory } from './token-history.js';
import type { Generation, Mark, StateSpan, TokenLife } from './token-life.js';

/** Ranges of time to choose from, in hours: by what they are called. */
export const RANGES: Readonly<Record<string, number>> = { '1 h': 1, '6 h': 6, '24 h': 24, '3 d': 72, '14 d': 336 };
/** Shows a two-hour token whole. */
export const FIRST_RANGE = '6 h';

/** How many bars all lines have together, and a line at least; what is older is one bar. */
const BARS = { together: 4_000, each: 6 };
/** Nothing older is drawn, ms: the longest range. */
const OLDEST_MS = 336 * 3_600_000;

/** What is drawn with. */
interface Drawing {
  readonly now: number;
  readonly history: TokenHistory;
  /** Kinds by account. */
  readonly kinds: ReadonlyMap<string, Kinds>;
}

/**
 * A line for each key below a heading for each account. Where bars and marks begin and end is said in Unix ms, in `data-from`,
 * `data-to` and `data-at`; the page's script puts them in place, for the range that is chosen there and as time passes.
 */
export function timelineItems(groups: readonly Group[], drawing: Drawing): Item[] {
  const lines = groups.reduce((sum, { rows }) => sum + rows.length, 0);
  const bars = Math.max(BARS.each, Math.floor(BARS.together / Math.max(1, lines)));
  return groups.flatMap((group) => [
    { id: `group ${group.account}`, content: heading(group) },
    ...group.rows.map((row) => ({ id: nameOf(row), content: line(row, drawing, bars) })),
  ]);
}

/** Where the line's row of the table is. */
export function anchorOf(row: TokenRow): string {
  return `token-${encodeURIComponent(nameOf(row))}`;
}

/** What to call a token that is not there. */
export function absenceOf({ state, kind, platform }: TokenRow, kinds: Kinds | undefined): string | undefined {
  const facts = kinds?.get(kind);
  if (state !== 'absent' || facts === undefined) return undefined;
  if (platform === 'nextengine') return 'nobody has signed in yet';
  if (facts.issuance === 'pushed') return 'not pushed yet';
  return facts.keep === 'grant' ? 'nobody has authorized yet' : undefined;
}

function heading({ account, platform, counts, total, rows }: Group): Html {
  const badges = [...counts].map(([state, count]) => html`<span class="badge ${state}">${count} ${state}</span>`);
  const rest =
    rows.length < total &&
    html`<a href="/?account=${encodeURIComponent(account)}">${rows.length} of ${total} shown</a>`;
  return html`<li class="group" data-id="group ${account}"><h3>${account} <small>${platform}</small></h3><p class="row">${badges}${rest}</p></li>`;
}

function line(row: TokenRow, { now, history, kinds }: Drawing, bars: number): Html {
  const { kind, subject, state } = row;
  const life = history.lifeOf(row);
  const facts = kinds.get(row.account);
  return html`<li class="line" data-id="${nameOf(row)}" data-line="${nameOf(row)}" data-line-state="${state}">
<a class="name" href="#${anchorOf(row)}"><code>${kind}</code><small>${subject ?? absenceOf(row, facts)}</small></a>
<span class="badge ${state}">${state}</span>
<svg class="life" role="img" aria-label="${spoken(row, life)}">${life && drawn({ row, life, now, bars, overlapMs: overlapOf(row, facts) })}</svg>
</li>`;
}

interface Drawn {
  readonly row: TokenRow;
  readonly life: TokenLife;
  readonly now: number;
  readonly bars: number;
  readonly overlapMs: number;
}

function drawn({ row, life, now, bars, overlapMs }: Drawn): readonly (Html | undefined | false)[] {
  const isRecent = (at: number) => at > now - OLDEST_MS;
  const generations = life.generations.filter(({ until }) => until === undefined || isRecent(until));
  const told = generations.slice(-bars);
  const untold = generations.slice(0, -bars);
  return [
    earlierBar(life, untold),
    row.refreshTokenExpiresAt !== undefined && grantBar(told.at(-1)?.from ?? now, row.refreshTokenExpiresAt),
    ...told.flatMap((generation) => [restBar(generation, overlapMs), bar(generation, row.state)]),
    ...life.spans.filter(({ to = now }) => isRecent(to)).flatMap(stateBar),
    ...told.map(seam),
    ...life.marks.filter(({ at }) => isRecent(at)).map(mark),
    refreshMark(row),
  ];
}

function earlierBar({ earlier }: TokenLife, untold: readonly Generation[]): Html | false {
  const from = earlier?.from ?? untold[0]?.from;
  const to = untold.at(-1)?.until ?? earlier?.to;
  if (from === undefined || to === undefined) return false;
  const count = (earlier?.count ?? 0) + untold.length;
  return html`<rect class="earlier" data-from="${from}" data-to="${to}" y="8" height="14"><title>${count} earlier tokens, ${clock(from)} to ${clock(to)}</title></rect>`;
}

function bar({ from, until, expiresAt, end, cause }: Generation, state: string): Html {
  const to = until === undefined ? expiresAt : Math.min(until, expiresAt ?? until);
  const story = [
    `issued ${clock(from)} (${cause})`,
    expiresAt === undefined ? 'no end known' : `expires ${clock(expiresAt)}`,
    until !== undefined && `${ENDS[end ?? 'renewed']} ${clock(until)}`,
  ];
  const classes = until === undefined ? `bar current ${state}` : `bar ${end ?? 'renewed'}`;
  return html`<rect class="${classes}" data-from="${from}" data-to="${to ?? ''}" y="8" height="14" rx="3"><title>${story.filter(Boolean).join(', ')}</title></rect>`;
}

/** What there would have been of it: the time it works on beside the next one, or the time that it lost. */
function restBar({ until, expiresAt, end }: Generation, overlapMs: number): Html | false {
  if (until === undefined || expiresAt === undefined || expiresAt <= until) return false;
  if (end === 'renewed') {
    const to = Math.min(expiresAt, until + overlapMs);
    return (
      to > until &&
      html`<rect class="overlap" data-from="${until}" data-to="${to}" y="4" height="4"><title>works on until ${clock(to)}, beside the next one</title></rect>`
    );
  }
  return html`<rect class="lost" data-from="${until}" data-to="${expiresAt}" y="2.5" height="5"><title>would have lived until ${clock(expiresAt)}</title></rect>`;
}

function grantBar(from: number, to: number): Html {
  return html`<rect class="grant" data-from="${from}" data-to="${to}" y="24" height="3"><title>the pair can be renewed until ${clock(to)}</title></rect>`;
}

function stateBar({ state, cause, from, to }: StateSpan): Html[] {
  const title = `${state}${cause === undefined ? '' : ` (${cause})`} from ${clock(from)}${to === undefined ? '' : ` to ${clock(to)}`}`;
  return [
    html`<rect class="state ${state}" data-from="${from}" data-to="${to ?? 'now'}" y="23" height="14" rx="3"><title>${title}</title></rect>`,
    // Where it lasted long enough for it to be read.
    html`<text class="state ${state}" data-from="${from}" data-to="${to ?? 'now'}" y="34" dx="5">${state}</text>`,
  ];
}

/** Where one token has taken the place of another. */
function seam({ until, end }: Generation): Html | false {
  if (until === undefined || end !== 'renewed') return false;
  return html`<use class="mark renewed" href="#mark-renewed" data-at="${until}" y="15"><title>renewed ${clock(until)}</title></use>`;
}

function mark({ at, what, text }: Mark): Html {
  return html`<use class="mark ${what}" href="#mark-${what}" data-at="${at}" y="15"><title>${clock(at)}: ${text}</title></use>`;
}

/** When the manager means to ask next. */
function refreshMark({ state, refreshAt, retryAt }: TokenRow): Html | false {
  const at = state === 'active' ? refreshAt : (retryAt ?? refreshAt);
  if (at === undefined || state === 'absent') return false;
  return html`<use class="mark due" href="#mark-due" data-at="${at}" y="15"><title>next refresh ${clock(at)}</title></use>`;
}

/** The line for those who do not see it; the table has all of it in columns. */
function spoken(row: TokenRow, life: TokenLife | undefined): string {
  const { kind, subject, state, issuedAt, expiresAt, refreshAt } = row;
  const tokens = (life?.generations.length ?? 0) + (life?.earlier?.count ?? 0);
  const failures = life?.marks.filter(({ what }) => what === 'failure').length ?? 0;
  const refusals = life?.marks.filter(({ what }) => what === 'refused').length ?? 0;
  return [
    `${kind}${subject === undefined ? '' : ` of ${subject}`}: ${state}`,
    issuedAt !== undefined && `issued ${clock(issuedAt)}`,
    expiresAt !== undefined && `expires ${clock(expiresAt)}`,
    refreshAt !== undefined && `next refresh ${clock(refreshAt)}`,
    `${tokens} ${tokens === 1 ? 'token' : 'tokens'} so far`,
    failures > 0 && `${failures} failures`,
    refusals > 0 && `refused ${refusals} times`,
  ]
    .filter(Boolean)
    .join(', ');
}

/** How long the one before works on, ms; where asking again is harmless it lives to its end. */
function overlapOf({ kind }: TokenRow, kinds: Kinds | undefined): number {
  const facts = kinds?.get(kind);
  return facts?.overlapMs ?? (facts?.issuance === 'idempotent' ? Number.POSITIVE_INFINITY : 0);
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}

const ENDS = { renewed: 'renewed', refused: 'refused', gone: 'ended' };
