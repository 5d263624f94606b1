import { textField } from '../request.js';
import { type ApiEndpoint, admitApiToken, apiPath, bodyText, requiredBody, suiteOfBody } from './api-call.js';
import { ApiError } from './api-errors.js';
import { corpToken } from './oapi-suite-endpoints.js';

const suiteAccessToken: ApiEndpoint = {
  method: 'POST',
  path: '/v1.0/oauth2/suiteAccessToken',
  identify: (request, directory) => ({ account: directory.suite(bodyText(request, 'suiteKey'))?.account }),
  handle(request, directory) {
    const suite = suiteOfBody(requiredBody(request), directory, 'invalidClientIdOrSecret');
    admitApiToken(suite, request, this.path);
    const token = directory.issue({ kind: 'suite', client: suite, line: suite.token });
    return { accessToken: token, ...suite.lifetime('expireIn') };
  },
};

const corpAccessToken: ApiEndpoint = {
  method: 'POST',
  path: '/v1.0/oauth2/corpAccessToken',
  identify: (request, directory) => ({
    account: directory.suite(bodyText(request, 'suiteKey'))?.account,
    subject: bodyText(request, 'authCorpId'),
  }),
  handle(request, directory) {
    const body = requiredBody(request);
    const suite = suiteOfBody(body, directory, 'invalidSuiteKey');
    const installation = suite.installations.get(textField(body, 'authCorpId') ?? '');
    if (!installation?.enabled) throw new ApiError('invalidAuthInfo');
    admitApiToken(suite, request, this.path, installation.corpId);
    return { accessToken: corpToken(directory, installation), ...suite.lifetime('expireIn') };
  },
};

const authInfo = apiPath(
  'GET',
  '/v1.0/oauth2/apps/authInfo',
  ({ client }, { query }, directory) => {
    const corpId = query.get('authCorpId');
    if (!corpId) throw new ApiError('invalidCorpId');
    const suite = directory.suite(client.account);
    const installation = suite?.installations.get(corpId);
    if (suite === undefined || installation === undefined) throw new ApiError('orgNotExist');
    if (!installation.enabled) throw new ApiError('orgNotAuthApp');
    const { name, agentId } = installation;
    return {
      authCorpInfo: { corpId, corpName: name },
      authUserInfo: { userId: suite.users[0]?.userid },
      authAppInfo: { agentList: [{ agentId, appId: agentId, agentName: suite.account }] },
    };
  },
  { kinds: ['suite'], free: true },
);

export const SUITE_API: readonly ApiEndpoint[] = [suiteAccessToken, corpAccessToken, authInfo];
