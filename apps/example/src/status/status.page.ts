import type { SourceKind } from '@evertoken/core';
import { type Html, html } from '../web/html.js';
import { layout, moment } from '../web/layout.js';
import { accountCards, tenantItems, type Visit } from './actions.view.js';
import { countItems, latestItems } from './calls.view.js';
import { logItems } from './log.view.js';
import type { Item, Picture } from './picture.js';
import { groupsOf, type Kinds, type Status } from './status.js';
import { FIRST_RANGE, RANGES, timelineItems } from './timeline.view.js';
import type { TokenHistory } from './token-history.js';
import { summaryItems, tokenItems } from './tokens.view.js';

/** What a picture is drawn from. */
export interface Scene {
  readonly status: Status;
  readonly history: TokenHistory;
  /** What the accounts can hold. */
  readonly accounts: readonly { readonly name: string; readonly kinds: readonly SourceKind[] }[];
  /** One account to look at alone. */
  readonly only?: string | undefined;
}

/** What changes while the page is open. */
export function pictureOf({ status, history, accounts, only }: Scene): Picture {
  const { tokens, sandbox, now } = status;
  const groups = groupsOf(tokens, only);
  const kinds = new Map(accounts.map(({ name, kinds }) => [name, kindsOf(kinds)]));
  const calls = sandbox?.calls ?? [];
  return {
    summary: summaryItems(tokens),
    lines: timelineItems(groups, { now, history, kinds }),
    tokens: tokenItems(groups, kinds),
    log: logItems(history.happenings, only),
    counts: countItems(calls),
    latest: latestItems(calls),
    ...tenantItems(status),
    notices:
      sandbox?.problem === undefined
        ? []
        : [{ id: 'sandbox', content: html`<li data-id="sandbox">${sandbox.problem}</li>` }],
  };
}

/** The index page. */
export function statusPage(scene: Scene, visit: Visit): string {
  const picture = pictureOf(scene);
  const { now, sandbox } = scene.status;
  const events = scene.only === undefined ? '/api/events' : `/api/events?account=${encodeURIComponent(scene.only)}`;
  return layout(
    'Tokens',
    html`<a class="skip" href="#tokens">Skip to the table of tokens</a>
<main data-now="${now}" data-live="${events}">
<header class="top">
  <div><h1>Evertoken</h1>
  <p>${sandbox ? html`Sandbox at <code>${sandbox.url}</code>${sandbox.isShared && ', shared'}` : 'Real platforms'} · <span id="clock">${moment(now)}</span> UTC <span id="live" class="badge" role="status" hidden></span></p></div>
  <nav aria-label="For machines"><a href="/health">Health</a> <a href="/metrics">Metrics</a> <a href="/api/status">JSON</a></nav>
</header>
<p id="problem" role="alert" hidden></p>
${list('ul', 'notices', picture.notices)}
${timelineSection(picture, scene.only, sandbox !== undefined)}
<section aria-labelledby="actions-title"><h2 id="actions-title">Try it</h2><div class="cards">${accountCards(visit, picture)}</div></section>
<section aria-labelledby="tokens-title"><h2 id="tokens-title">All of it in columns</h2>
<div class="scroll" role="region" aria-labelledby="tokens-title" tabindex="0"><table class="tokens">
<thead><tr><th scope="col">Account</th><th scope="col">Kind</th><th scope="col">Subject</th><th scope="col">State</th><th scope="col">Expires</th><th scope="col">Last refresh</th><th scope="col">Next refresh</th><th scope="col">Failure</th></tr></thead>
${list('tbody', 'tokens', picture.tokens)}</table></div></section>
<div class="columns">
<section aria-labelledby="log-title"><h2 id="log-title">What happened</h2>
<div class="scroll" role="region" aria-labelledby="log-title" tabindex="0"><table><thead><tr><th scope="col">When</th><th scope="col">Token</th><th scope="col">What</th></tr></thead>${list('tbody', 'log', picture.log)}</table></div></section>
${sandbox && callsSection(picture)}
</div>
</main>
<script type="module" src="/live.js"></script>`,
  );
}

function timelineSection(picture: Picture, only: string | undefined, hasSandbox: boolean): Html {
  return html`<section class="panel" aria-labelledby="timeline-title">
<div class="bar-of-tools"><div><h2 id="timeline-title">${only === undefined ? 'Lives of the tokens' : html`Tokens of ${only} · <a href="/">all accounts</a>`}</h2>
${list('ul', 'summary', picture.summary)}</div>
<div class="row">${hasSandbox && clockForm}
<div class="segments" role="group" aria-label="Range of time">${Object.entries(RANGES).map(
    ([name, hours]) =>
      html`<button type="button" data-hours="${hours}" aria-pressed="${String(name === FIRST_RANGE)}">${name}</button>`,
  )}</div></div></div>
<noscript><p>The timeline is drawn by a script; the table below says the same.</p></noscript>
<div id="timeline">
<div id="axis" aria-hidden="true"></div>
${list('ol', 'lines', picture.lines)}
</div>
${symbols}
${legend}
</section>`;
}

const clockForm = html`<form action="/sandbox/advance" method="post" class="segments" data-quiet aria-label="Sandbox’s clock">
<button name="minutes" value="1">+1 minute</button><button name="minutes" value="60">+1 hour</button></form>`;

function callsSection({ counts, latest }: Picture): Html {
  return html`<section aria-labelledby="calls-title"><h2 id="calls-title">Calls that reached the sandbox</h2>
<div class="scroll" role="region" aria-label="Latest calls" tabindex="0"><table><thead><tr><th scope="col">Latest</th><th scope="col">Endpoint</th><th scope="col">Outcome</th></tr></thead>${list('tbody', 'latest', latest)}</table></div>
<details><summary>Counts by endpoint</summary><div class="scroll"><table><thead><tr><th scope="col">Platform</th><th scope="col">Endpoint</th><th scope="col">Calls</th><th scope="col">Last</th></tr></thead>${list('tbody', 'counts', counts)}</table></div></details></section>`;
}

/** Shapes of the marks, around their middle: what tells them apart is not their colour alone. */
const symbols = html`<svg class="symbols" aria-hidden="true"><defs>
<path id="mark-renewed" d="M0-9V9"/>
<path id="mark-stored" d="M-5 0L-1.5 4L5-4"/>
<path id="mark-state" d="M-5-3H5M-5 3H5"/>
<path id="mark-due" d="M0-6L5 0L0 6L-5 0Z"/>
<path id="mark-failure" d="M0-7L7 6H-7ZM0-2.5V2M0 3.8V4.2"/>
<path id="mark-refused" d="M-5-5L5 5M5-5L-5 5"/>
<path id="mark-unchanged" d="M-4-2H4M-4 2H4"/>
<path id="mark-conflict" d="M-5 0H5M0-5V5"/>
<path id="mark-reauthorize" d="M0-7L7 0L0 7L-7 0ZM0-3V1M0 3V3.4"/>
<path id="mark-ending" d="M-5-6H5L-5 6H5Z"/>
</defs></svg>`;

function sample(shape: Html, text: string): Html {
  return html`<li><svg class="sample" aria-hidden="true">${shape}</svg> ${text}</li>`;
}

function sampleMark(what: string, text: string): Html {
  return sample(html`<use class="mark ${what}" href="#mark-${what}" x="50%" y="50%"/>`, text);
}

function sampleBar(what: string, text: string): Html {
  return sample(html`<rect class="${what}" x="0" y="2" width="100%" height="12" rx="3"/>`, text);
}

const legend = html`<details class="legend"><summary>What the bars and marks mean</summary><ul>
${sampleBar('bar current', 'a token, from issue to expiry')}
${sampleBar('bar renewed', 'one that another has replaced')}
${sample(html`<rect class="overlap" x="0" y="6" width="100%" height="4"/>`, 'works on beside the next one')}
${sampleBar('bar refused', 'ended by the platform before its time')}
${sampleBar('lost', 'what it would have lived')}
${sample(html`<rect class="grant" x="0" y="7" width="100%" height="2"/>`, 'how long the pair can be renewed')}
${sample(html`<rect class="state waiting" x="0" y="6" width="100%" height="5"/>`, 'not active: the state stands above')}
${sampleMark('renewed', 'renewed')}
${sampleMark('due', 'next refresh')}
${sampleMark('failure', 'an attempt failed')}
${sampleMark('refused', 'the platform refused the token')}
${sampleMark('reauthorize', 'a person must authorize again')}
${sampleMark('ending', 'a grant ends soon')}
${sampleMark('unchanged', 'asked, and given the same token')}
${sampleMark('conflict', 'another process was first')}
</ul></details>`;

function list(tag: 'ul' | 'ol' | 'tbody', id: keyof Picture, items: readonly Item[]): Html {
  const contents = items.map(({ content }) => content);
  if (tag === 'tbody') return html`<tbody id="${id}">${contents}</tbody>`;
  return tag === 'ol' ? html`<ol id="${id}">${contents}</ol>` : html`<ul id="${id}">${contents}</ul>`;
}

function kindsOf(kinds: readonly SourceKind[]): Kinds {
  return new Map(kinds.map((facts) => [facts.kind, facts]));
}
