import type { SandboxCall } from '@evertoken/sandbox';
import { type Html, html } from '../web/html.js';
import { layout, moment } from '../web/layout.js';
import type { Status, TokenRow } from './status.service.js';

/** Who is looking, and which platforms there are to try. */
export interface Visit {
  /** The NextEngine user of the session. */
  readonly uid: string | undefined;
  readonly pageUrl: string;
  readonly wechat: boolean;
  readonly dingtalk: boolean;
  readonly nextengine: boolean;
}

/** Parts of the page by element id: drawn by the server, at first and whenever they change. */
export type Fragments = Readonly<Record<'tokens' | 'counts' | 'latest', Html>>;

const LATEST = 10;

/** The index page. */
export function statusPage(status: Status, visit: Visit): string {
  const fragments = fragmentsOf(status);
  const { sandbox } = status;
  const content = html`<main data-now="${status.now}" data-live>
<header>
  <h1>Evertoken</h1>
  <p>${sandbox ? html`Sandbox at <code>${sandbox.url}</code>` : 'Real platforms'} · <span id="clock">${moment(status.now)}</span> UTC
  <span id="live" class="badge" hidden></span></p>
</header>
<section>
  <h2>Tokens</h2>
  <div class="scroll"><table class="tokens">
    <thead><tr><th>Account</th><th>Kind</th><th>Subject</th><th>State</th><th>Expires</th><th>Last refresh</th><th>Next refresh</th><th>Failure</th></tr></thead>
    <tbody id="tokens">${fragments.tokens}</tbody>
  </table></div>
</section>
<div class="cards">
${visit.wechat && wechatCard(visit)}
${visit.dingtalk && dingtalkCard}
${visit.nextengine && nextengineCard(visit)}
${sandbox && sandboxCard}
</div>
${sandbox && callsSection(fragments)}
</main>
<script type="module" src="/live.js"></script>`;
  return layout('Tokens', content);
}

/** What changes while the page is open. */
export function fragmentsOf({ tokens, sandbox }: Status): Fragments {
  const calls = sandbox?.calls ?? [];
  return {
    tokens: html`${tokens.map(tokenLine)}`,
    counts: html`${countsOf(calls).map(countLine)}`,
    latest: html`${calls.slice(-LATEST).reverse().map(callLine)}`,
  };
}

function tokenLine(row: TokenRow): Html {
  const { account, platform, kind, subject, state, cause, expiresAt, lineage, failures, failure } = row;
  return html`<tr data-account="${account}" data-kind="${kind}" data-subject="${subject ?? ''}" data-state="${state}" data-expires-at="${expiresAt ?? ''}">
<td><strong>${account}</strong><small>${platform}</small></td>
<td><code>${kind}</code></td>
<td>${subject ?? noSubject(row)}</td>
<td><span class="badge ${state}">${state}</span>${cause !== undefined && html`<small>${cause}</small>`}</td>
<td>${expiresAt !== undefined && moment(expiresAt)}${row.refreshTokenExpiresAt !== undefined && html`<small>pair ends ${moment(row.refreshTokenExpiresAt)}</small>`}</td>
<td>${lineage && html`${moment(lineage.at)}<small>${lineage.cause}, ${Math.round(lineage.durationMs)} ms</small>`}</td>
<td>${nextRefresh(row)}</td>
<td>${failure && html`<code>${failure.code}</code><small>${failure.platformCode !== undefined && `platform code ${failure.platformCode}, `}${failures === undefined || failures === 0 ? 'over' : `${failures} in a row`}</small>`}</td>
</tr>`;
}

function noSubject({ platform, state }: TokenRow): string {
  return platform === 'nextengine' && state === 'absent' ? 'nobody has signed in yet' : '';
}

function nextRefresh({ retryAt, refreshAt, state }: TokenRow): Html | undefined {
  const at = state === 'active' ? refreshAt : (retryAt ?? refreshAt);
  return at === undefined ? undefined : moment(at);
}

function wechatCard({ pageUrl }: Visit): Html {
  return html`<section class="card"><h2>WeChat</h2>
<form action="/wechat/js-sdk"><label>Page URL <input name="url" type="url" required value="${pageUrl}"></label>
<button>JS-SDK configuration</button></form>
<p><a class="button" href="/wechat/followers">Count followers</a></p></section>`;
}

const dingtalkCard = html`<section class="card"><h2>DingTalk</h2>
<form action="/dingtalk/user"><label>User id <input name="userid" required value="manager1"></label>
<button>Look up</button></form></section>`;

function nextengineCard({ uid }: Visit): Html {
  const signedIn = html`<p>Signed in as <strong>${uid}</strong>.</p>
<p class="row"><a class="button" href="/nextengine/orders">Search orders</a><a href="/nextengine/sign-in">Sign in as somebody else</a></p>`;
  const signedOut = html`<p>Calls need a user: sign in with NextEngine once, and the pair is renewed from then on.</p>
<p><a class="button primary" href="/nextengine/sign-in">Sign in to NextEngine</a></p>`;
  return html`<section class="card"><h2>NextEngine</h2>${uid === undefined ? signedOut : signedIn}</section>`;
}

const sandboxCard = html`<section class="card sandbox"><h2>Sandbox</h2>
<p>Let time pass; each step is followed by one <code>refreshDue</code>.</p>
<form action="/sandbox/advance" method="post" class="row" data-quiet>
<button name="minutes" value="1">+1 minute</button><button name="minutes" value="60">+1 hour</button></form>
<p>End a token before its time; the next call notices and heals.</p>
<form action="/sandbox/kill" method="post" class="row" data-quiet>
<button name="platform" value="wechat">Kill WeChat token</button><button name="platform" value="dingtalk">Kill DingTalk token</button></form>
<p id="problem" role="alert" hidden></p></section>`;

function callsSection({ counts, latest }: Fragments): Html {
  return html`<section><h2>Calls that reached the sandbox</h2>
<div class="cards">
<div class="scroll"><table><thead><tr><th>Platform</th><th>Endpoint</th><th>Calls</th><th>Last</th></tr></thead><tbody id="counts">${counts}</tbody></table></div>
<div class="scroll"><table><thead><tr><th>Latest</th><th>Endpoint</th><th>Outcome</th></tr></thead><tbody id="latest">${latest}</tbody></table></div>
</div></section>`;
}

interface Count {
  readonly platform: string;
  readonly endpoint: string;
  calls: number;
  lastAt: number;
}

function countsOf(calls: readonly SandboxCall[]): Count[] {
  const counts = new Map<string, Count>();
  for (const { platform, endpoint, at } of calls) {
    const count = counts.get(`${platform} ${endpoint}`) ?? { platform, endpoint, calls: 0, lastAt: at };
    counts.set(`${platform} ${endpoint}`, count);
    count.calls += 1;
    count.lastAt = at;
  }
  return [...counts.values()].sort((a, b) =>
    `${a.platform} ${a.endpoint}`.localeCompare(`${b.platform} ${b.endpoint}`),
  );
}

function countLine({ platform, endpoint, calls, lastAt }: Count): Html {
  return html`<tr><td>${platform}</td><td><code>${endpoint}</code></td><td class="number">${calls}</td><td>${moment(lastAt)}</td></tr>`;
}

function callLine({ at, endpoint, outcome, subject }: SandboxCall): Html {
  return html`<tr><td>${moment(at)}</td><td><code>${endpoint}</code>${subject !== undefined && html`<small>${subject}</small>`}</td><td><span class="badge ${outcome === 'ok' ? 'active' : 'retrying'}">${outcome}</span></td></tr>`;
}
