import type * as Core from '@evertoken/core';

/** The part of core that must be the project's own copy: a manager knows the errors of its accounts by their class. */
export type ProjectCore = Pick<typeof Core, 'TokenManager' | 'TokenError'>;

/** Whether this is a `TokenError`, whichever copy of core it comes from: the program may be installed apart from the project. */
export function isTokenError(error: unknown): error is Core.TokenError {
  return error instanceof Error && error.name === 'TokenError' && 'code' in error;
}
