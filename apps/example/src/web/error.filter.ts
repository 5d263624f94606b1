import { TokenError, type TokenErrorCode } from '@evertoken/core';
import { DingTalkError } from '@evertoken/dingtalk';
import { NextEngineError } from '@evertoken/nextengine';
import { WeChatError } from '@evertoken/wechat';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject, Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import { PLATFORMS, type Platforms } from '../platforms.js';
import { html } from './html.js';
import { describeData, layout } from './layout.js';
import { wantsPage } from './page.interceptor.js';

/** What the visitor is told. Never a token or a secret: our errors hold none, and others are not shown. */
interface Problem {
  readonly status: number;
  readonly message: string;
  readonly code?: string;
  readonly account?: string;
  readonly kind?: string;
  readonly subject?: string;
  readonly platformCode?: string;
  readonly requestId?: string;
  readonly retryable?: boolean;
  /** When trying again may help, seconds from now. */
  readonly retryAfter?: number;
  /** Where a person can mend it. */
  readonly signIn?: string;
}

type PlatformError = WeChatError | DingTalkError | NextEngineError;

/** By whose fault there is no token: 409 where a person has to act, 502 where the platform said no, 503 where waiting helps. */
const STATUS: Readonly<Record<TokenErrorCode, number>> = {
  ERR_TOKEN_CONFIGURATION: 500,
  ERR_TOKEN_REFUSED: 502,
  ERR_TOKEN_QUOTA: 503,
  ERR_TOKEN_BUSY: 503,
  ERR_TOKEN_MAINTENANCE: 503,
  ERR_TOKEN_SUSPENDED: 409,
  ERR_TOKEN_REAUTHORIZATION_REQUIRED: 409,
  ERR_TOKEN_REJECTED_AGAIN: 502,
  ERR_TOKEN_WAITING: 503,
  ERR_TOKEN_TRANSPORT: 504,
  ERR_TOKEN_STORE: 503,
  ERR_TOKEN_ABORTED: 503,
  ERR_TOKEN_CLOSED: 503,
};

/** Turns every error into an answer that says which account it is about, what the platform said, and when to come back. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  readonly #logger = new Logger(ErrorFilter.name);

  constructor(@Inject(PLATFORMS) private readonly platforms: Platforms) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<Request>();
    const response = http.getResponse<Response>();
    const problem = this.#problemOf(error);
    response.status(problem.status);
    if (problem.retryAfter !== undefined) response.set('Retry-After', String(problem.retryAfter));
    if (wantsPage(request)) response.type('html').send(problemPage(problem));
    else response.json(problem);
  }

  #problemOf(error: unknown): Problem {
    if (error instanceof TokenError) return tokenProblem(error, this.platforms.clock.now());
    if (isPlatformError(error)) return platformProblem(error);
    if (error instanceof HttpException) return httpProblem(error);
    this.#logger.error(error instanceof Error ? error.stack : String(error));
    return { status: 500, message: 'Something went wrong here; the log says what.' };
  }
}

function isPlatformError(error: unknown): error is PlatformError {
  return error instanceof WeChatError || error instanceof DingTalkError || error instanceof NextEngineError;
}

/** There is no token to be had. Its times are the manager's, and so the sandbox's in sandbox mode. */
function tokenProblem(error: TokenError, now: number): Problem {
  const { code, message, account, kind, subject, platformCode, requestId, retryable, retryAt } = error;
  return {
    status: STATUS[code],
    message,
    code,
    ...present({ account, kind, subject, platformCode, requestId }),
    retryable,
    ...after(retryAt, now),
  };
}

/** The platform took the token, and refused the call itself. */
function platformProblem(error: PlatformError): Problem {
  const { message, account, requestId, retryable } = error;
  return {
    status: retryable ? 503 : 502,
    message,
    platformCode: error instanceof WeChatError ? String(error.errcode) : error.code,
    ...present({ account, requestId }),
    retryable,
    ...after('retryAt' in error ? error.retryAt : undefined, Date.now()),
  };
}

/** Nest's own errors, and those of our controllers: `{ message, signIn }`. */
function httpProblem(error: HttpException): Problem {
  const body = error.getResponse();
  const { signIn } = (typeof body === 'object' ? body : {}) as { signIn?: string };
  return { status: error.getStatus(), message: error.message, ...present({ signIn }) };
}

function problemPage({ status, message, signIn, ...facts }: Problem): string {
  const content = html`<main class="narrow"><p><a href="/">← All tokens</a></p>
<h1>${signIn === undefined ? `No answer (${status})` : status === 401 ? 'Sign in first' : 'Begin again'}</h1>
<p>${message}</p>
${signIn !== undefined && html`<p><a class="button" href="${signIn}">${status === 401 ? 'Sign in' : 'Begin again'}</a></p>`}
${Object.keys(facts).length > 0 && describeData(facts)}</main>`;
  return layout(`Error ${status}`, content);
}

function after(retryAt: number | undefined, now: number): { retryAfter?: number } {
  return retryAt === undefined ? {} : { retryAfter: Math.max(0, Math.ceil((retryAt - now) / 1000)) };
}

function present<T extends Readonly<Record<string, string | undefined>>>(members: T): { [Name in keyof T]?: string } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: string;
  };
}
