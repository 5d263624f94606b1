import { jsonObject, type SandboxRequest, textField } from '../request.js';
import type { WeComDirectory } from './directory.js';
import { WeComError } from './errors.js';
import type { Gate } from './gate.js';
import type { SuiteApp } from './suite-app.js';
import type { CorpHolder, TokenHolder } from './token-holder.js';

/** Whose call it is, as far as the request tells. */
export interface WeComCaller {
  readonly account: string;
  readonly subject?: string | undefined;
  /** How answers look. */
  readonly gate: Gate;
}

export type Body = Record<string, unknown>;

/** Bytes with their headers, where a success is no JSON. */
export class WeComFile {
  readonly content: Buffer;
  readonly headers: Readonly<Record<string, string>>;

  constructor(content: Buffer, headers: Readonly<Record<string, string>>) {
    this.content = content;
    this.headers = headers;
  }
}

/** One path of the platform. */
export interface WeComEndpoint {
  readonly path: string;
  /** `POST` where the platform refuses GET with 43002. */
  readonly method: 'ANY' | 'POST';
  /** The caller a request names, looked up without any effect. */
  identify(request: SandboxRequest, directory: WeComDirectory): WeComCaller | undefined;
  /** What a success answers; throws `WeComError` for anything else. */
  handle(request: SandboxRequest, directory: WeComDirectory): Body | WeComFile;
}

export const OK: Body = { errcode: 0, errmsg: 'ok' };

/** A call inside a company: checks token, address and limits. */
export function corpEndpoint(
  path: string,
  method: WeComEndpoint['method'],
  answer: (holder: CorpHolder, request: SandboxRequest) => Body | WeComFile,
): WeComEndpoint {
  return {
    path,
    method,
    identify: ({ query }, directory) => callerOf(directory.holder(query.get('access_token'))),
    handle(request, directory) {
      const holder = directory.corpHolder(request.query.get('access_token'));
      enter(holder, path, request);
      return answer(holder, request);
    },
  };
}

/** A call of a suite, with its `suite_access_token`. */
export function suiteEndpoint(
  path: string,
  method: WeComEndpoint['method'],
  answer: (suite: SuiteApp, fields: Body, directory: WeComDirectory) => Body,
): WeComEndpoint {
  return {
    path,
    method,
    identify: ({ query, text }, directory) => {
      const holder = directory.holder(query.get('suite_access_token'));
      const corpId = textField(jsonObject(text), 'auth_corpid');
      const known = holder?.lane === 'suite' && corpId !== undefined && (holder as SuiteApp).installations.has(corpId);
      return holder && { ...callerOf(holder), ...(known && { subject: corpId }) };
    },
    handle(request, directory) {
      const suite = directory.suiteHolder(request.query.get('suite_access_token'));
      enter(suite, path, request);
      return answer(suite, method === 'POST' ? fieldsOf(request) : {}, directory);
    },
  };
}

/** A call of a provider; its token is taken under both names that the documents show. */
export function providerEndpoint(path: string, answer: (holder: TokenHolder, fields: Body) => Body): WeComEndpoint {
  const tokenOf = ({ query }: SandboxRequest) => query.get('provider_access_token') ?? query.get('access_token');
  return {
    path,
    method: 'POST',
    identify: (request, directory) => callerOf(directory.holder(tokenOf(request))),
    handle(request, directory) {
      const holder = directory.provider(tokenOf(request));
      enter(holder, path, request);
      return answer(holder, fieldsOf(request));
    },
  };
}

export function callerOf(holder: TokenHolder): WeComCaller;
export function callerOf(holder: TokenHolder | undefined): WeComCaller | undefined;
export function callerOf(holder: TokenHolder | undefined): WeComCaller | undefined {
  return holder && { account: holder.account, subject: holder.subject, gate: holder.gate };
}

export function enter(holder: TokenHolder, path: string, request: SandboxRequest): void {
  holder.gate.checkAddress(request.ip);
  if (holder.refusal !== undefined) throw new WeComError(holder.refusal);
  holder.spender.spend(path);
}

/** The JSON of the body; throws 47001 if it is none. */
export function fieldsOf(request: SandboxRequest): Body {
  const fields = jsonObject(request.text);
  if (fields === undefined) throw new WeComError(47001);
  return fields;
}

/** A field that must be there; throws `code` otherwise. */
export function required(fields: Body, name: string, code: number): string {
  const value = textField(fields, name);
  if (value === undefined) throw new WeComError(code);
  return value;
}
