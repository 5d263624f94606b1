import { TokenError } from '@evertoken/core';
import { NoAnswer } from './limit.js';

/** The code a server's refusal begins with (`NOPERM`, `OOM`, `ERR`); `undefined` for any other error. */
export function refusalCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || 'code' in error) return undefined;
  return /^-?([A-Z]{2,})\b/.exec(error.message)?.[1];
}

/** What became of a call, as the store's error. Says the server's code and the network's, and shows no argument. */
export function storeError(what: string, cause: unknown): TokenError {
  if (cause instanceof TokenError) return cause;
  const clean = withoutArguments(cause);
  const details = { cause: clean, ...(cause instanceof NoAnswer && { reason: 'timeout' }) };
  return new TokenError('ERR_TOKEN_STORE', `redisStore: ${what} failed (${kindOf(cause)})`, details);
}

/** A copy of an error. Servers repeat the arguments of a command they do not know, be it a password or a token. */
export function withoutArguments(error: unknown): Error {
  if (!(error instanceof Error)) return new Error('unknown error');
  const copy = new Error(error.message.replace(/,? with args beginning with.*$/s, '') || kindOf(error));
  copy.name = error.name;
  copy.stack = `${copy.name}: ${copy.message}`;
  const { code } = error as { code?: unknown };
  if (typeof code === 'string') Object.assign(copy, { code });
  return copy;
}

function kindOf(error: unknown): string {
  if (error instanceof NoAnswer) return error.message;
  const code = refusalCode(error) ?? (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : 'no connection';
}
