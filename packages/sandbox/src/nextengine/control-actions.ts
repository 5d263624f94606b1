import { assertText } from '../check.js';
import { jsonBody, type SandboxRequest } from '../request.js';
import type { NextEngineUser } from './account.js';
import type { NextEngineControls } from './controls.js';

interface Controlled {
  readonly nextengine: NextEngineControls;
}

/** The NextEngine part of the control API, by method and path below `/_sandbox`. */
export const NEXTENGINE_ACTIONS: Readonly<Record<string, (sandbox: Controlled, request: SandboxRequest) => unknown>> = {
  'POST /nextengine/pair': ({ nextengine }, request) => nextengine.issuePair(...userOf(request)),
  'POST /nextengine/sign-in': ({ nextengine }, request) => nextengine.signIn(...userOf(request)),
  'POST /nextengine/launch': ({ nextengine }, request) => {
    const { redirectUri } = jsonBody(request);
    const [clientId, uid] = userOf(request);
    return nextengine.launch(
      clientId,
      uid,
      ...(redirectUri === undefined ? [] : [assertText('redirectUri', redirectUri)]),
    );
  },
  'POST /nextengine/expire-states': ({ nextengine }, request) => ({
    expired: nextengine.expireStates(assertText('clientId', jsonBody(request)['clientId'])),
  }),
  'POST /nextengine/switches': ({ nextengine }, request) => {
    const { clientId, ...switches } = jsonBody(request);
    nextengine.configure(assertText('clientId', clientId), switches);
    return {};
  },
  'POST /nextengine/company': ({ nextengine }, request) => {
    const { clientId, companyId, ...change } = jsonBody(request);
    nextengine.company(assertText('clientId', clientId), assertText('companyId', companyId), change);
    return {};
  },
  'POST /nextengine/user': ({ nextengine }, request) => {
    const { clientId, ...user } = jsonBody(request);
    nextengine.addUser(assertText('clientId', clientId), user as unknown as NextEngineUser);
    return {};
  },
  'GET /nextengine/usage': ({ nextengine }, { query }) => ({
    usage: nextengine.usage(query.get('clientId') ?? undefined),
  }),
};

function userOf(request: SandboxRequest): [clientId: string, uid: string] {
  const { clientId, uid } = jsonBody(request);
  return [assertText('clientId', clientId), assertText('uid', uid)];
}
