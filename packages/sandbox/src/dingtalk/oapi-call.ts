import { formFields, jsonObject, type SandboxRequest, textField } from '../request.js';
import type { DingTalkClient } from './client.js';
import type { DingTalkDirectory, DingTalkSession, SessionKind } from './directory.js';
import { OapiError } from './oapi-errors.js';

/** Whose call it is, where the request tells: for the log, and for faults. */
export interface Caller {
  readonly account?: string | undefined;
  readonly subject?: string | undefined;
}

/** One path of the old API. Methods are not told apart. */
export interface OapiEndpoint {
  readonly path: string;
  identify(request: SandboxRequest, directory: DingTalkDirectory): Caller;
  /** The body of the successful answer; throws `OapiError` for any other. */
  handle(request: SandboxRequest, directory: DingTalkDirectory): Record<string, unknown>;
}

/** What a path asks for that takes an access token. */
export interface TokenPathOptions {
  /** Whose tokens do. Default: those of apps, and of suites in organisations. */
  readonly kinds?: readonly SessionKind[];
  /** Whether it costs nothing of the month's calls. Default: false. */
  readonly free?: boolean;
}

export const OK = { errcode: 0, errmsg: 'ok' };
export const APP_TOKENS: readonly SessionKind[] = ['app', 'corp'];

export function callerOf(session: DingTalkSession | undefined): Caller {
  return { account: session?.client.account, subject: session?.subject };
}

/** A path that takes an access token. */
export function tokenPath(
  path: string,
  body: (session: DingTalkSession, request: SandboxRequest, directory: DingTalkDirectory) => Record<string, unknown>,
  { kinds = APP_TOKENS, free = false }: TokenPathOptions = {},
): OapiEndpoint {
  return {
    path,
    identify: (request, directory) => callerOf(directory.session(oapiToken(request))),
    handle(request, directory) {
      const token = oapiToken(request);
      if (token === undefined) throw new OapiError(path.startsWith('/topapi/') ? 40000 : 41001);
      const session = directory.session(token);
      if (session === undefined || !kinds.includes(session.kind)) throw new OapiError(40014);
      if (session.verdict === 'expired') throw new OapiError(session.client.switches.expiredCode);
      if (session.verdict !== 'valid') throw new OapiError(40014);
      admit(session.client, request, { path, corpId: session.installation?.corpId, isToken: false, isFree: free });
      return body(session, request, directory);
    },
  };
}

/** Lets the call of a token endpoint in, or throws: its credentials have been found right. */
export function admitToken(client: DingTalkClient, request: SandboxRequest, path: string, corpId?: string): void {
  admit(client, request, { path, corpId, isToken: true, isFree: true });
}

/** The query or a form body; a header is ignored. */
export function oapiToken(request: SandboxRequest): string | undefined {
  return request.query.get('access_token') || formFields(request).get('access_token') || undefined;
}

/** A parameter of the query, of a form, or of a JSON body. */
export function parameter(request: SandboxRequest, name: string): string | undefined {
  const inForm = request.query.get(name) || formFields(request).get(name);
  return inForm || textField(jsonObject(request.text), name);
}

export function required(request: SandboxRequest, name: string, code = 40035): string {
  const value = parameter(request, name);
  if (value === undefined) throw new OapiError(code, `缺少参数 ${name}`);
  return value;
}

function admit(
  client: DingTalkClient,
  { ip }: SandboxRequest,
  call: { path: string; corpId: string | undefined; isToken: boolean; isFree: boolean },
): void {
  switch (client.gate.turn({ ...call, ip, corpId: call.corpId ?? client.corpId })) {
    case 'address':
      throw new OapiError(60020, `访问ip不在白名单之中,request ip=${ip} appKey(${client.account})`);
    case 'rate':
      throw new OapiError(90018);
    case 'quota':
      throw new OapiError(90020);
  }
}
