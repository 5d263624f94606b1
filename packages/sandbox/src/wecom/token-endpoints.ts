import { jsonObject, textField } from '../request.js';
import type { WeComCorp } from './corp.js';
import type { WeComDirectory } from './directory.js';
import { type Body, callerOf, corpEndpoint, fieldsOf, OK, required, type WeComEndpoint } from './endpoints.js';
import { WeComError } from './errors.js';
import { expiresInOf, type RepeatedValue } from './repeated-value.js';
import type { CorpHolder } from './token-holder.js';

const GETTOKEN = '/cgi-bin/gettoken';

/** `GET /cgi-bin/gettoken`: one token per secret, the same until its end. */
const getToken: WeComEndpoint = {
  path: GETTOKEN,
  method: 'ANY',
  identify({ query }, directory) {
    const [corpId, secret] = [query.get('corpid') ?? '', query.get('corpsecret') ?? ''];
    const corp = directory.corps.get(corpId);
    return callerOf(directory.secretOwner(corpId, secret)) ?? (corp && { account: corpId, gate: corp.gate });
  },
  handle({ query, ip }, directory) {
    const corpId = query.get('corpid');
    const secret = query.get('corpsecret');
    if (!corpId) throw new WeComError(41002);
    if (!secret) throw new WeComError(41004);
    const corp = directory.corps.get(corpId);
    if (corp === undefined) throw new WeComError(40013);
    corp.gate.limits.check(GETTOKEN, corp.gate.now());
    const holder = ownerOfSecret(directory, corp, secret);
    holder.gate.checkAddress(ip);
    corp.gate.spend(GETTOKEN);
    if (holder.refusal !== undefined) throw new WeComError(holder.refusal);
    return { ...OK, ...tokenFields(directory, holder) };
  },
};

/** `POST /cgi-bin/service/get_provider_token`. */
const getProviderToken: WeComEndpoint = {
  path: '/cgi-bin/service/get_provider_token',
  method: 'POST',
  identify({ text }, directory) {
    const corp = directory.corps.get(textField(jsonObject(text), 'corpid') ?? '');
    return corp && (callerOf(corp.provider) ?? { account: corp.corpId, gate: corp.gate });
  },
  handle(request, directory) {
    const fields = fieldsOf(request);
    const corpId = required(fields, 'corpid', 41002);
    const secret = required(fields, 'provider_secret', 41024);
    const corp = directory.corps.get(corpId);
    if (corp === undefined) throw new WeComError(40013);
    const { provider } = corp;
    if (provider?.secret !== secret) throw new WeComError(directory.opensSomethingElse(secret) ? 40091 : 40001);
    corp.gate.checkAddress(request.ip);
    corp.gate.spend(this.path);
    if (corp.switches.providerToken === 'new') provider.token.kill();
    const { expiresIn, repeatExpiresIn } = corp.switches;
    const issue = directory.obtain(provider, expiresIn);
    return {
      ...OK,
      provider_access_token: issue.value,
      expires_in: expiresInOf(issue, repeatExpiresIn, corp.gate.now()),
    };
  },
};

const jsapiTicket = corpEndpoint('/cgi-bin/get_jsapi_ticket', 'ANY', (holder) => {
  holder.corp.spendTicket('/cgi-bin/get_jsapi_ticket', holder);
  return ticketFields(holder, holder.corp.ticketFor(holder));
});

const agentTicket = corpEndpoint('/cgi-bin/ticket/get', 'ANY', (holder, { query }) => {
  if (query.get('type') !== 'agent_config') throw new WeComError(40097);
  // A secret such as that of contacts belongs to no app.
  if (typeof holder.agentId === 'string') throw new WeComError(301002);
  holder.corp.spendTicket('/cgi-bin/ticket/get', holder);
  return ticketFields(holder, holder.agentTicket);
});

export const TOKEN_ENDPOINTS: readonly WeComEndpoint[] = [getToken, getProviderToken, jsapiTicket, agentTicket];

/** `access_token` and `expires_in` of a holder inside a company. */
export function tokenFields(directory: WeComDirectory, holder: CorpHolder): Body {
  const { expiresIn, repeatExpiresIn } = holder.corp.switches;
  const issue = directory.obtain(holder, expiresIn);
  return { access_token: issue.value, expires_in: expiresInOf(issue, repeatExpiresIn, holder.gate.now()) };
}

/** Whose the secret is; throws, and counts the failure, where it is nobody's in this company. */
function ownerOfSecret(directory: WeComDirectory, corp: WeComCorp, secret: string): CorpHolder {
  const holder = directory.secretOwner(corp.corpId, secret);
  if (holder) return holder;
  corp.gate.limits.fail(GETTOKEN, corp.switches.failedTokenQuota, corp.gate.now());
  throw new WeComError(directory.opensSomethingElse(secret) ? 40091 : 40001);
}

function ticketFields(holder: CorpHolder, ticket: RepeatedValue): Body {
  const { expiresIn, ticketExpiresIn } = holder.corp.switches;
  const now = holder.gate.now();
  const issue = ticket.obtain(now, expiresIn);
  return { ...OK, ticket: issue.value, expires_in: expiresInOf(issue, ticketExpiresIn, now) };
}
