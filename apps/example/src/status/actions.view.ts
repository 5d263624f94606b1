import type { SandboxTenant } from '../sandbox/example-sandbox.js';
import { type Html, html } from '../web/html.js';
import type { Item, Picture } from './picture.js';
import type { Status, TokenRow } from './status.js';

/** Who is looking, and what there is to try. */
export interface Visit {
  /** The NextEngine user of the session. */
  readonly uid: string | undefined;
  readonly pageUrl: string;
  /** Names of the accounts there are. */
  readonly accounts: ReadonlySet<string>;
  /** There are platforms whose tokens can be ended. */
  readonly hasSandbox: boolean;
}

/** A list of those on whose behalf calls are made. */
type TenantList = 'authorizers' | 'corps' | 'isvCorps' | 'users';

/** Where their grants stand, and what is called for them. */
const TENANTS = {
  authorizers: {
    account: 'platform',
    kind: 'authorizer_access_token',
    call: { path: (id: string) => `/open-platform/authorizers/${id}/followers`, label: 'Count followers', fields: {} },
    verbs: ['Authorize', 'Cancel'],
  },
  corps: {
    account: 'suite',
    kind: 'permanent_code',
    call: { path: (id: string) => `/wecom-suite/corps/${id}/departments`, label: 'List departments', fields: {} },
    verbs: ['Install', 'Uninstall'],
  },
  isvCorps: {
    account: 'isv',
    kind: 'corp_authorization',
    call: {
      path: (id: string) => `/dingtalk-suite/corps/${id}/user`,
      label: 'Look up manager1',
      fields: { userid: 'manager1' },
    },
    verbs: ['Enable', 'Disable'],
  },
  users: { account: 'erp', kind: 'access_token', call: undefined, verbs: undefined },
} as const;

/** Somebody who has authorized an account, or could. */
interface Tenant {
  readonly id: string;
  readonly name: string | undefined;
  readonly isThere: boolean;
}

/** The lists of tenants: they come and go while the page is open. */
export function tenantItems({ tokens, sandbox }: Status): Pick<Picture, TenantList> {
  const items = (list: TenantList) =>
    tenantsOf(list, tokens, sandbox?.tenants ?? []).map((tenant) => ({
      id: tenant.id,
      content: tenantLine(list, tenant, sandbox !== undefined),
    }));
  return {
    authorizers: items('authorizers'),
    corps: items('corps'),
    isvCorps: items('isvCorps'),
    users: items('users'),
  };
}

/** A card for each account: calls that need its tokens, and in the sandbox what makes trouble. */
export function accountCards(visit: Visit, picture: Picture): Html[] {
  const cards: readonly [string, (visit: Visit, picture: Picture) => Html][] = [
    ['shop', shopCard],
    ['platform', platformCard],
    ['corp', corpCard],
    ['suite', suiteCard],
    ['oa', oaCard],
    ['isv', isvCard],
    ['erp', erpCard],
  ];
  return cards.filter(([name]) => visit.accounts.has(name)).map(([, draw]) => draw(visit, picture));
}

function shopCard({ pageUrl, hasSandbox }: Visit): Html {
  return card('shop', 'WeChat official account', [
    html`<form action="/wechat/js-sdk" data-quiet class="inline"><label>Page <input name="url" type="url" required value="${pageUrl}"></label><button>Sign for JS-SDK</button></form>`,
    html`<div class="row">${call('/wechat/followers', 'Count followers')}${hasSandbox && kill('shop', 'Kill WeChat token')}</div>`,
  ]);
}

function platformCard({ hasSandbox }: Visit, { authorizers }: Picture): Html {
  return card('platform', 'WeChat Open Platform', [
    html`<div class="row"><a class="button" href="/open-platform/authorize">Authorize by browser</a>${hasSandbox && [ticket('platform', 'Push WeChat ticket'), kill('platform', 'Kill component token')]}</div>`,
    tenantList('authorizers', 'Authorizers', authorizers),
  ]);
}

function corpCard({ hasSandbox }: Visit): Html {
  return card('corp', 'WeCom', [
    html`<form action="/wecom/user" data-quiet class="inline"><label>Member <input name="userid" required value="zhang"></label><button>Look up member</button></form>`,
    hasSandbox && kill('corp', 'Kill WeCom tokens'),
  ]);
}

function suiteCard({ hasSandbox }: Visit, { corps }: Picture): Html {
  return card('suite', 'WeCom suite', [
    html`<div class="row"><a class="button" href="/wecom-suite/install">Install by browser</a>${hasSandbox && [ticket('suite', 'Push WeCom ticket'), kill('suite', 'Kill WeCom suite token')]}</div>`,
    tenantList('corps', 'Corps', corps),
  ]);
}

function oaCard({ hasSandbox }: Visit): Html {
  return card('oa', 'DingTalk app', [
    html`<form action="/dingtalk/user" data-quiet class="inline"><label>User id <input name="userid" required value="manager1"></label><button>Look up user</button></form>`,
    hasSandbox && kill('oa', 'Kill DingTalk token'),
  ]);
}

function isvCard({ hasSandbox }: Visit, { isvCorps }: Picture): Html {
  return card('isv', 'DingTalk suite', [
    hasSandbox &&
      html`<div class="row">${ticket('isv', 'Push DingTalk ticket')}${kill('isv', 'Kill DingTalk suite token')}</div>`,
    tenantList('isvCorps', 'Corps', isvCorps),
  ]);
}

function erpCard({ uid, hasSandbox }: Visit, { users }: Picture): Html {
  const signedIn = html`<p>Signed in as <strong>${uid}</strong>.</p>
<div class="row">${call('/nextengine/orders', 'Search orders')}<a href="/nextengine/sign-in">Sign in as somebody else</a></div>`;
  const signedOut = html`<p>Calls need a user: sign in once, and the pair is renewed from then on.</p>
<p><a class="button primary" href="/nextengine/sign-in">Sign in to NextEngine</a></p>`;
  return card('erp', 'NextEngine', [
    uid === undefined ? signedOut : signedIn,
    hasSandbox && tenantList('users', 'Users who have signed in', users),
  ]);
}

function card(account: string, title: string, parts: readonly (Html | false)[]): Html {
  return html`<section class="card" data-card="${account}" aria-labelledby="card-${account}"><h3 id="card-${account}">${title} <small>${account}</small></h3>
${parts}<output hidden></output></section>`;
}

function tenantsOf(list: TenantList, tokens: readonly TokenRow[], sandbox: readonly SandboxTenant[]): Tenant[] {
  const { account, kind } = TENANTS[list];
  const stored = tokens.flatMap((row) =>
    row.account === account && row.kind === kind && row.subject !== undefined ? [{ ...row, subject: row.subject }] : [],
  );
  const isThere = new Map(stored.map(({ subject, state }) => [subject, state !== 'gone' && state !== 'absent']));
  const known = sandbox.filter((tenant) => tenant.account === account);
  const names = new Map(known.map(({ subject, name }) => [subject, name]));
  return [...new Set([...names.keys(), ...isThere.keys()])].map((id) => ({
    id,
    name: names.get(id),
    isThere: isThere.get(id) ?? false,
  }));
}

function tenantLine(list: TenantList, { id, name, isThere }: Tenant, hasSandbox: boolean): Html {
  const { account, call: asked, verbs } = TENANTS[list];
  const whose = name ?? id;
  const [come, go] = verbs ?? [];
  const buttons = isThere
    ? [
        asked && call(asked.path(encodeURIComponent(id)), asked.label, asked.fields, whose),
        hasSandbox && list === 'users' && launch(id),
        hasSandbox && kill(account, 'Kill', id, whose),
        hasSandbox && go !== undefined && act('cancel', go, { account, subject: id }, whose),
      ]
    : [hasSandbox && come !== undefined && act('authorize', come, { account, subject: id }, whose)];
  return html`<li data-id="${id}"><span class="who">${name ?? html`<code>${id}</code>`}${name !== undefined && html`<small>${id}</small>`}</span><span class="row">${buttons}</span></li>`;
}

function tenantList(id: TenantList, title: string, items: readonly Item[]): Html {
  return html`<h4>${title}</h4><ul class="tenants" id="${id}">${items.map(({ content }) => content)}</ul>`;
}

/** A call as the application makes it; what it brings is shown in the card. */
function call(path: string, label: string, fields: Readonly<Record<string, string>> = {}, whose?: string): Html {
  return html`<form action="${path}" data-quiet>${hidden(fields)}<button${about(label, whose)}>${label}</button></form>`;
}

function kill(account: string, label: string, subject?: string, whose?: string): Html {
  const fields = { account, ...(subject !== undefined && { subject }) };
  return html`<form action="/sandbox/kill" method="post" data-quiet>${hidden(fields)}<button class="danger"${about(label, whose)}>${label}</button></form>`;
}

/** As a user who begins at NextEngine: a form like any other, the browser goes where it leads. */
function launch(uid: string): Html {
  return html`<form action="/sandbox/launch" method="post">${hidden({ uid })}<button${about('Start from its menu', uid)}>Start from its menu</button></form>`;
}

function ticket(account: string, label: string): Html {
  return act('ticket', label, { account });
}

function act(action: string, label: string, fields: Readonly<Record<string, string>>, whose?: string): Html {
  return html`<form action="/sandbox/${action}" method="post" data-quiet>${hidden(fields)}<button${about(label, whose)}>${label}</button></form>`;
}

function hidden(fields: Readonly<Record<string, string>>): Html[] {
  return Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`);
}

/** Tells buttons of the same label apart for those who hear them. */
function about(label: string, whose: string | undefined): Html | undefined {
  return whose === undefined ? undefined : html` aria-label="${label} · ${whose}"`;
}
