import { jsonObject, textField } from '../request.js';
import { type Body, callerOf, fieldsOf, OK, required, suiteEndpoint, type WeComEndpoint } from './endpoints.js';
import { WeComError } from './errors.js';
import type { Installation } from './installation.js';
import { expiresInOf } from './repeated-value.js';
import type { SuiteApp } from './suite-app.js';
import { tokenFields } from './token-endpoints.js';

/** `POST /cgi-bin/service/get_suite_token`: the same for two hours, whichever ticket it is asked for with. */
const getSuiteToken: WeComEndpoint = {
  path: '/cgi-bin/service/get_suite_token',
  method: 'POST',
  identify: ({ text }, directory) => callerOf(directory.suites.get(textField(jsonObject(text), 'suite_id') ?? '')),
  handle(request, directory) {
    const fields = fieldsOf(request);
    const suiteId = required(fields, 'suite_id', 41021);
    const secret = required(fields, 'suite_secret', 41024);
    const ticket = required(fields, 'suite_ticket', 41023);
    const suite = directory.suites.get(suiteId);
    if (suite === undefined) throw new WeComError(40083);
    if (suite.secret !== secret) throw new WeComError(40080);
    suite.gate.checkAddress(request.ip);
    suite.gate.spend(this.path);
    if (!suite.tickets.works(ticket)) throw new WeComError(40085);
    const issue = directory.obtain(suite, suite.switches.expiresIn);
    const expiresIn = expiresInOf(issue, suite.switches.repeatExpiresIn, suite.now());
    return success(suite, { suite_access_token: issue.value, expires_in: expiresIn });
  },
};

const getPreAuthCode = suiteEndpoint('/cgi-bin/service/get_pre_auth_code', 'ANY', (suite) => {
  const { code, expiresIn } = suite.newPreAuthCode();
  return { ...OK, pre_auth_code: code, expires_in: expiresIn };
});

const setSessionInfo = suiteEndpoint('/cgi-bin/service/set_session_info', 'POST', (suite, fields) => {
  if (!suite.preAuthCodeWorks(required(fields, 'pre_auth_code', 40063))) throw new WeComError(42007);
  return OK;
});

/** The slower one, which brings a token of the company with it. */
const getPermanentCode = suiteEndpoint('/cgi-bin/service/get_permanent_code', 'POST', (suite, fields, directory) => {
  const installation = exchanged(suite, fields);
  return { ...OK, ...tokenFields(directory, installation), ...permanentCode(installation) };
});

const getPermanentCodeV2 = suiteEndpoint('/cgi-bin/service/v2/get_permanent_code', 'POST', (suite, fields) => ({
  ...OK,
  ...permanentCode(exchanged(suite, fields)),
}));

const getCorpToken = suiteEndpoint('/cgi-bin/service/get_corp_token', 'POST', (suite, fields, directory) => {
  const installation = authorized(suite, fields);
  // For an app built for one company the permanent code is a secret for gettoken, and nothing else.
  if (suite.settings.providerBuilt) throw new WeComError(48002);
  installation.spender.spend('/cgi-bin/service/get_corp_token');
  return success(suite, tokenFields(directory, installation));
});

const getAuthInfo = suiteEndpoint('/cgi-bin/service/get_auth_info', 'POST', (suite, fields) => ({
  ...OK,
  ...authInfo(authorized(suite, fields)),
}));

const getAdminList = suiteEndpoint('/cgi-bin/service/get_admin_list', 'POST', (suite, fields) => {
  const installation = standing(suite, required(fields, 'auth_corpid', 40063));
  if (Number(fields['agentid']) !== installation.agentId) throw new WeComError(40056);
  return { ...OK, admin: [{ userid: 'admin', auth_type: 1 }] };
});

export const SUITE_ENDPOINTS: readonly WeComEndpoint[] = [
  getSuiteToken,
  getPreAuthCode,
  setSessionInfo,
  getPermanentCode,
  getPermanentCodeV2,
  getCorpToken,
  getAuthInfo,
  getAdminList,
];

/** `errcode` comes with failures only, as these two have always done. */
function success(suite: SuiteApp, body: Body): Body {
  return suite.switches.bareSuccess ? body : { ...OK, ...body };
}

function exchanged(suite: SuiteApp, fields: Body): Installation {
  const installation = suite.exchange(required(fields, 'auth_code', 40063));
  if (installation === undefined) throw new WeComError(40078);
  return installation;
}

/** The installation that a company and its permanent code stand for. */
function authorized(suite: SuiteApp, fields: Body): Installation {
  const corpId = required(fields, 'auth_corpid', 40063);
  const code = required(fields, 'permanent_code', 41025);
  const installation = standing(suite, corpId);
  if (installation.permanentCode !== code) throw new WeComError(40084);
  return installation;
}

function standing(suite: SuiteApp, corpId: string): Installation {
  const installation = suite.installed(corpId);
  if (installation === undefined) throw new WeComError(48004);
  return installation;
}

function permanentCode(installation: Installation): Body {
  return {
    permanent_code: installation.permanentCode,
    ...authInfo(installation),
    auth_user_info: { userid: 'admin', open_userid: `wo-${installation.corp.corpId}`, name: 'admin', avatar: '' },
  };
}

function authInfo({ corp, agentId, name }: Installation): Body {
  return {
    auth_corp_info: { corpid: corp.corpId, corp_name: corp.name, corp_type: 'verified', corp_user_max: 200 },
    auth_info: { agent: [{ agentid: agentId, name, auth_mode: 0, is_customized_app: false }] },
  };
}
