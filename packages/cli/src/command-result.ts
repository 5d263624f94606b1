import type { TokenError } from '@evertoken/core';
import { EXIT, type ExitCode } from './exit-code.js';
import { isTokenError } from './project-core.js';

/** What a command has to say, in both forms. Never a token, but for `get --reveal`. */
export interface CommandResult {
  readonly exitCode: ExitCode;
  /** For `--json`: times in Unix ms. */
  readonly document: Readonly<Record<string, unknown>>;
  /** For people, with a line break at its end. */
  readonly text: string;
}

/** The exit code that an error of the manager comes to. */
export function exitCodeOf({ code }: TokenError): ExitCode {
  if (code === 'ERR_TOKEN_REAUTHORIZATION_REQUIRED') return EXIT.signIn;
  return code === 'ERR_TOKEN_CONFIGURATION' ? EXIT.usage : EXIT.failed;
}

/** What a document says of an error. */
export interface ErrorFacts {
  readonly code?: string;
  readonly message: string;
  readonly reason?: string;
  readonly platformCode?: string;
  readonly requestId?: string;
  /** Absent: not by itself. */
  readonly retryAt?: number;
}

/** An error without what only a debugger needs. */
export function factsOf(error: Error): ErrorFacts {
  const { message } = error;
  if (!isTokenError(error)) return { message };
  const { code, reason, platformCode, requestId, retryAt } = error;
  return {
    code,
    message,
    ...(reason !== undefined && { reason }),
    ...(platformCode !== undefined && { platformCode }),
    ...(requestId !== undefined && { requestId }),
    ...(retryAt !== undefined && Number.isFinite(retryAt) && { retryAt }),
  };
}
