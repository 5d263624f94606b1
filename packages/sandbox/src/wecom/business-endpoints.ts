import type { SandboxRequest } from '../request.js';
import {
  type Body,
  corpEndpoint,
  fieldsOf,
  OK,
  providerEndpoint,
  required,
  suiteEndpoint,
  type WeComEndpoint,
} from './endpoints.js';
import { WeComError } from './errors.js';
import type { CorpHolder } from './token-holder.js';

const agentGet = corpEndpoint('/cgi-bin/agent/get', 'ANY', (holder, { query }) => {
  checkAgent(holder, query.get('agentid'));
  return { ...OK, agentid: holder.agentId, name: holder.name, close: 0, redirect_domain: '', report_location_flag: 0 };
});

const agentList = corpEndpoint('/cgi-bin/agent/list', 'ANY', (holder) => ({
  ...OK,
  agentlist: typeof holder.agentId === 'number' ? [{ agentid: holder.agentId, name: holder.name }] : [],
}));

const userGet = corpEndpoint('/cgi-bin/user/get', 'ANY', (holder, { query }) => {
  const userId = query.get('userid');
  if (!userId) throw new WeComError(40063);
  return { ...OK, userid: userId, name: `${userId} of ${holder.corp.name}`, department: [1], status: 1 };
});

const departments = corpEndpoint('/cgi-bin/department/list', 'ANY', ({ corp }) => ({
  ...OK,
  department: [
    { id: 1, name: corp.name, parentid: 0, order: 1 },
    { id: 2, name: 'Sales', parentid: 1, order: 2 },
  ],
}));

const messageSend = corpEndpoint('/cgi-bin/message/send', 'POST', (holder, request) => {
  checkAgent(holder, agentIdOf(request));
  return { ...OK, invaliduser: '', invalidparty: '', invalidtag: '', msgid: `msg-${holder.agentId}` };
});

const domainAddresses = corpEndpoint('/cgi-bin/get_api_domain_ip', 'ANY', () => ({
  ...OK,
  ip_list: ['203.0.113.30', '203.0.113.31'],
}));

const callbackAddresses = corpEndpoint('/cgi-bin/getcallbackip', 'ANY', () => ({
  ...OK,
  ip_list: ['203.0.113.40', '203.0.113.160/27'],
}));

const openCorpId = providerEndpoint('/cgi-bin/service/corpid_to_opencorpid', (_holder, fields) => ({
  ...OK,
  open_corpid: `open-${required(fields, 'corpid', 40063)}`,
}));

export const BUSINESS_ENDPOINTS: readonly WeComEndpoint[] = [
  agentGet,
  agentList,
  userGet,
  departments,
  messageSend,
  domainAddresses,
  callbackAddresses,
  openCorpId,
];

/** Any other POST: a living token of the kind that the query names is all it takes. */
export function genericPost(path: string, { query }: SandboxRequest): WeComEndpoint {
  if (query.has('suite_access_token')) return suiteEndpoint(path, 'POST', () => OK);
  if (query.has('provider_access_token')) return providerEndpoint(path, () => OK);
  return corpEndpoint(path, 'POST', () => OK);
}

/** A path the platform does not have. */
export function unknownEndpoint(path: string): WeComEndpoint {
  return {
    path,
    method: 'ANY',
    identify: corpEndpoint(path, 'ANY', () => ({})).identify,
    handle() {
      throw new WeComError(40066);
    },
  };
}

/** A token works only for the agent whose secret brought it. */
function checkAgent(holder: CorpHolder, asked: string | null): void {
  if (asked === null || asked === '') throw new WeComError(40056);
  if (asked !== String(holder.agentId)) throw new WeComError(301002);
}

function agentIdOf(request: SandboxRequest): string | null {
  const id: Body[string] = fieldsOf(request)['agentid'];
  return typeof id === 'number' || typeof id === 'string' ? String(id) : null;
}
