import { type Answer, jsonAnswer } from '../answer.js';
import type { NextEngineError } from './errors.js';
import type { Admission, Echo } from './grant.js';
import type { NextEngineSwitchSettings } from './switches.js';

const NEVER_WITH_TOKENS: ReadonlySet<string> = new Set(['002002', '002004', '999999']);

/** `result: success` with the tokens of the call. */
export function successAnswer(
  body: Record<string, unknown>,
  admission: Admission,
  settings: NextEngineSwitchSettings,
): Answer {
  const answer = jsonAnswer({ result: 'success', ...body, ...tokenFields(admission.echo), request_id: '' });
  return { ...answer, lost: admission.renewed && settings.dropResponseAfterRenewal };
}

/** `result: error` or `redirect`: HTTP 200, with the tokens of the call where the code comes with any. */
export function errorAnswer(
  error: NextEngineError,
  admission: Admission | undefined,
  settings: NextEngineSwitchSettings | undefined,
): Answer {
  const carries = admission !== undefined && settings?.errorsCarryTokens === true && !NEVER_WITH_TOKENS.has(error.code);
  const body = {
    result: error.result,
    code: error.code,
    message: error.message,
    ...(carries && tokenFields(admission.echo)),
    request_id: '',
  };
  const lost = admission?.renewed === true && settings?.dropResponseAfterRenewal === true;
  return { ...jsonAnswer(body, { outcome: error.code }), lost };
}

export function tokenFields({ accessToken, refreshToken, pair }: Echo): Record<string, unknown> {
  return {
    access_token: accessToken,
    access_token_end_date: pair.accessTokenEndDate,
    ...(refreshToken !== undefined && {
      refresh_token: refreshToken,
      refresh_token_end_date: pair.refreshTokenEndDate,
    }),
  };
}
