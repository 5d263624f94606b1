import { type Answer, jsonAnswer } from '../answer.js';
import type { NextEngineApp } from './app.js';
import type { NextEngineDirectory } from './directory.js';
import { errorAnswer } from './envelope.js';
import { NextEngineError } from './errors.js';
import { countOf } from './models.js';
import { companyRows, neauthProfile } from './profile.js';

/** `/api_neauth`: exchanges `uid` and `state` for a pair. It refreshes nothing, and takes no tokens. */
export function exchange(fields: URLSearchParams, directory: NextEngineDirectory): Answer {
  return answered(() => {
    const [uid, state] = [fields.get('uid'), fields.get('state')];
    if (!uid) throw new NextEngineError('001001');
    if (!state) throw new NextEngineError('001002');
    const app = credentials(fields, directory);
    const grant = app.grants.get(uid);
    if (grant === undefined) throw new NextEngineError('001001');
    if (app.settings.maintenance === '002007') throw new NextEngineError('002007');
    if (app.suspension(grant.user) === '002003') throw new NextEngineError('001007');
    app.redeem(uid, state);
    const pair = grant.signIn(app.now());
    directory.remember(app, grant, pair);
    const endDates = {
      access_token_end_date: pair.accessTokenEndDate,
      refresh_token_end_date: pair.refreshTokenEndDate,
    };
    return {
      access_token: pair.accessToken,
      refresh_token: pair.refreshToken,
      ...(app.settings.neauthEndDates && endDates),
      ...neauthProfile(grant.user),
    };
  });
}

/** `/api_app/company`: the companies that use the app now. Takes the app's credentials, no user's tokens. */
export function usingCompanies(fields: URLSearchParams, directory: NextEngineDirectory): Answer {
  return answered(() => {
    const app = credentials(fields, directory);
    app.count();
    const users = [...app.grants.values()].map(({ user }) => user);
    const data = companyRows(users.filter((user) => !app.companies.cancelled(user)));
    return { count: countOf(app, data.length), data };
  });
}

function credentials(fields: URLSearchParams, directory: NextEngineDirectory): NextEngineApp {
  const app = directory.app(fields.get('client_id'));
  if (app === undefined || app.settings.clientSecret !== fields.get('client_secret'))
    throw new NextEngineError('001003');
  return app;
}

function answered(run: () => Record<string, unknown>): Answer {
  try {
    return jsonAnswer({ result: 'success', ...run() });
  } catch (error) {
    if (error instanceof NextEngineError) return errorAnswer(error, undefined, undefined);
    throw error;
  }
}
