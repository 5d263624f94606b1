import { type CallbackReply, TokenError } from '@evertoken/core';

/** Beside every answer: it belongs to this browser and this moment, and its address holds a `uid` and a `state`. */
export const PRIVATE_HEADERS = Object.freeze({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });

const AGAIN = 'Go back to the application and sign in again.';

/**
 * The page that says that a sign-in came to nothing: 400 where beginning anew may help, 403 where it does not, 503 where waiting does.
 * Plain text that quotes nothing of the request, of the platform's answer or of the error.
 */
export function refusalPage(error: unknown): CallbackReply {
  if (!(error instanceof TokenError)) return textPage(503, 'The sign-in could not be completed. Try again later.');
  const { code, reason } = error;
  switch (code) {
    case 'ERR_TOKEN_REFUSED':
      if (reason === 'credentials') return textPage(503, 'Sign-in is not available at the moment. Try again later.');
      if (reason === 'mismatch') {
        return textPage(403, `Another user or company signed in than the one that was expected. ${AGAIN}`);
      }
      if (reason === 'foreign') return textPage(403, `This sign-in was begun elsewhere. ${AGAIN}`);
      return textPage(400, `The sign-in could not be completed. ${AGAIN}`);
    case 'ERR_TOKEN_SUSPENDED':
      return textPage(403, "Your company's use of NextEngine is suspended. Ask NextEngine, then sign in again.");
    case 'ERR_TOKEN_MAINTENANCE':
      return textPage(503, 'NextEngine is under maintenance. Sign in again later.');
    case 'ERR_TOKEN_BUSY':
    case 'ERR_TOKEN_TRANSPORT':
    case 'ERR_TOKEN_QUOTA':
      return textPage(503, 'NextEngine does not answer at the moment. Sign in again in a few minutes.');
    default:
      return textPage(503, 'Sign-in is not available at the moment. Try again later.');
  }
}

/** Text, shown as nothing but text. */
export function textPage(status: number, text: string, headers: Readonly<Record<string, string>> = {}): CallbackReply {
  return {
    status,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
      ...PRIVATE_HEADERS,
      ...headers,
    },
    body: `${text}\n`,
  };
}
