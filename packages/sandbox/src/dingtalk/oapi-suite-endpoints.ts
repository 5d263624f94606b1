import { jsonObject, type SandboxRequest, textField } from '../request.js';
import type { DingTalkDirectory } from './directory.js';
import type { Installation } from './installation.js';
import { admitToken, type Caller, type OapiEndpoint, OK, parameter, required } from './oapi-call.js';
import { OapiError } from './oapi-errors.js';
import { checkSignature } from './signed-request.js';
import type { DingTalkSuite } from './suite.js';

const getSuiteToken: OapiEndpoint = {
  path: '/service/get_suite_token',
  identify: ({ text }, directory) => ({ account: directory.suite(textField(jsonObject(text), 'suite_key'))?.account }),
  handle(request, directory) {
    const key = bodyField(request, 'suite_key', 41021);
    const secret = bodyField(request, 'suite_secret', 41024);
    const ticket = bodyField(request, 'suite_ticket', 41023);
    const suite = directory.suite(key);
    if (suite === undefined) throw new OapiError(40083);
    if (suite.secret !== secret) throw new OapiError(40088);
    if (!suite.tickets.works(ticket)) throw new OapiError(40085);
    admitToken(suite, request, this.path);
    const token = directory.issue({ kind: 'suite', client: suite, line: suite.token });
    return { ...ok(suite), suite_access_token: token, ...suite.lifetime('expires_in') };
  },
};

const getCorpToken: OapiEndpoint = {
  path: '/service/get_corp_token',
  identify: suiteCaller,
  handle(request, directory) {
    const suite = signedOrSuiteToken(request, directory);
    const installation = enabledIn(suite, required(request, 'auth_corpid'));
    const code = parameter(request, 'permanent_code');
    // The historical form: with a suite token in the query.
    if (request.query.has('suite_access_token') && code !== undefined && code !== installation.permanentCode) {
      throw new OapiError(40084);
    }
    admitToken(suite, request, this.path, installation.corpId);
    return { ...ok(suite), access_token: corpToken(directory, installation), ...suite.lifetime('expires_in') };
  },
};

const getPermanentCode: OapiEndpoint = {
  path: '/service/get_permanent_code',
  identify: suiteCaller,
  handle(request, directory) {
    const suite = suiteOfToken(request, directory);
    const installation = suite.tmpAuthCodes.take(required(request, 'tmp_auth_code'));
    if (installation === undefined || !installation.authorized) throw new OapiError(40078);
    const { permanentCode, corpId, name } = installation;
    return { ...ok(suite), permanent_code: permanentCode, auth_corp_info: { corpid: corpId, corp_name: name } };
  },
};

const activateSuite: OapiEndpoint = {
  path: '/service/activate_suite',
  identify: suiteCaller,
  handle(request, directory) {
    const suite = suiteOfToken(request, directory);
    if (required(request, 'suite_key', 41021) !== suite.account) throw new OapiError(40083);
    const installation = enabledIn(suite, required(request, 'auth_corpid'));
    const code = parameter(request, 'permanent_code');
    if (code !== undefined && code !== installation.permanentCode) throw new OapiError(40084);
    installation.activated = true;
    return { ...OK };
  },
};

const getAuthInfo: OapiEndpoint = {
  path: '/service/get_auth_info',
  identify: suiteCaller,
  handle(request, directory) {
    const suite = signedOrSuiteToken(request, directory);
    const installation = enabledIn(suite, required(request, 'auth_corpid'));
    const { corpId, name, agentId } = installation;
    const agent = { agentid: agentId, appid: agentId, agent_name: suite.account, logo_url: '' };
    return {
      ...ok(suite),
      auth_corp_info: { corpid: corpId, corp_name: name },
      auth_user_info: { userId: suite.users[0]?.userid },
      auth_info: { agent: [agent] },
    };
  },
};

export const SUITE_OAPI: readonly OapiEndpoint[] = [
  ...[getSuiteToken, getCorpToken, getPermanentCode, activateSuite, getAuthInfo],
];

/** A new token of the suite in an organisation. */
export function corpToken(directory: DingTalkDirectory, installation: Installation): string {
  const { suite: client, corpId: subject, token: line } = installation;
  return directory.issue({ kind: 'corp', client, line, subject, installation });
}

function suiteCaller(request: SandboxRequest, directory: DingTalkDirectory): Caller {
  const { query } = request;
  const holder = directory.session(query.get('suite_access_token') ?? undefined);
  const suite = directory.suite(query.get('accessKey') ?? holder?.client.account);
  const authorized = suite?.tmpAuthCodes.peek(parameter(request, 'tmp_auth_code'));
  return { account: suite?.account, subject: parameter(request, 'auth_corpid') ?? authorized?.corpId };
}

function signedOrSuiteToken(request: SandboxRequest, directory: DingTalkDirectory): DingTalkSuite {
  return request.query.has('suite_access_token')
    ? suiteOfToken(request, directory)
    : suiteOfSignature(request, directory);
}

function suiteOfSignature(request: SandboxRequest, directory: DingTalkDirectory): DingTalkSuite {
  const { query } = request;
  if (!/^\d{1,16}$/.test(query.get('timestamp') ?? '')) throw new OapiError(853001);
  const suite = directory.suite(query.get('accessKey') ?? undefined);
  if (suite === undefined) throw new OapiError(853003);
  const ticket = query.get('suiteTicket');
  if (!ticket) throw new OapiError(853005);
  const { signatureToleranceMs: toleranceMs, staleTicketCode } = suite.switches;
  checkSignature(request, { secret: suite.secret, now: suite.now(), toleranceMs, ticket });
  if (!suite.tickets.works(ticket)) throw new OapiError(staleTicketCode);
  return suite;
}

function suiteOfToken({ query }: SandboxRequest, directory: DingTalkDirectory): DingTalkSuite {
  const session = directory.session(query.get('suite_access_token') ?? undefined);
  const suite = session?.kind === 'suite' ? directory.suite(session.client.account) : undefined;
  if (suite === undefined) throw new OapiError(40082);
  if (session?.verdict === 'expired') throw new OapiError(42009);
  if (session?.verdict !== 'valid') throw new OapiError(suite.switches.killedSuiteCode);
  return suite;
}

function enabledIn(suite: DingTalkSuite, corpId: string): Installation {
  const installation = suite.installations.get(corpId);
  if (!installation?.enabled) throw new OapiError(suite.switches.notAuthorizedCode);
  return installation;
}

function bodyField({ text }: SandboxRequest, name: string, code: number): string {
  const value = textField(jsonObject(text), name);
  if (value === undefined) throw new OapiError(code);
  return value;
}

function ok(suite: DingTalkSuite): Record<string, unknown> {
  return suite.switches.bareSuccess ? {} : OK;
}
