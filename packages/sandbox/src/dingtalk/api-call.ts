import type { Answer } from '../answer.js';
import { isForm, jsonObject, type SandboxRequest, textField } from '../request.js';
import { ApiError } from './api-errors.js';
import type { DingTalkClient } from './client.js';
import type { DingTalkDirectory, DingTalkSession, SessionKind } from './directory.js';
import { APP_TOKENS, type Caller, callerOf, type TokenPathOptions } from './oapi-call.js';
import type { DingTalkSuite } from './suite.js';

/** One method and path template of the new API. */
export interface ApiEndpoint {
  readonly method: string;
  /** `{name}` stands for one path segment. */
  readonly path: string;
  identify(request: SandboxRequest, directory: DingTalkDirectory): Caller;
  /** The body of the successful answer; throws `ApiError` or `NoSuchAction` for any other. */
  handle(request: SandboxRequest, directory: DingTalkDirectory): Record<string, unknown>;
  /** Writes the successful answer where it is not always JSON. */
  write?(body: Record<string, unknown>, request: SandboxRequest): Answer;
}

export type ApiBody = (
  session: DingTalkSession,
  request: SandboxRequest,
  directory: DingTalkDirectory,
) => Record<string, unknown>;

/** A method and path that takes an access token in its own header. */
export function apiPath(method: string, path: string, body: ApiBody, options: TokenPathOptions = {}): ApiEndpoint {
  const { kinds = APP_TOKENS, free = false } = options;
  return {
    method,
    path,
    identify: (request, directory) => callerOf(directory.session(apiToken(request))),
    handle(request, directory) {
      const session = validSession(request, directory, kinds);
      admit(session.client, request, { path, corpId: session.installation?.corpId, isToken: false, isFree: free });
      return body(session, request, directory);
    },
  };
}

/** Lets the call of a token endpoint in, or throws: its credentials have been found right. */
export function admitApiToken(client: DingTalkClient, request: SandboxRequest, path: string, corpId?: string): void {
  admit(client, request, { path, corpId, isToken: true, isFree: true });
}

/** Its own header and nothing else: neither the query nor `Authorization: Bearer`. */
export function apiToken(request: SandboxRequest): string | undefined {
  const header = request.headers['x-acs-dingtalk-access-token'];
  return typeof header === 'string' && header !== '' ? header : undefined;
}

export function requiredBody(request: SandboxRequest): Record<string, unknown> {
  const body = isForm(request) ? undefined : jsonObject(request.text);
  if (body === undefined) throw new ApiError('Missingbody');
  return body;
}

export function bodyText({ text }: SandboxRequest, name: string): string | undefined {
  return textField(jsonObject(text), name);
}

/** One decoded segment of the path, counted from 1; as it stands if it cannot be decoded. */
export function segment({ path }: SandboxRequest, index: number): string {
  const part = path.split('/')[index] ?? '';
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The suite of `suiteKey`, if secret and ticket are right. */
export function suiteOfBody(
  body: Record<string, unknown>,
  directory: DingTalkDirectory,
  unknownKey: string,
): DingTalkSuite {
  const suite = directory.suite(textField(body, 'suiteKey'));
  if (suite === undefined) throw new ApiError(unknownKey);
  if (suite.secret !== textField(body, 'suiteSecret')) throw new ApiError('invalidClientIdOrSecret');
  if (!suite.tickets.works(textField(body, 'suiteTicket') ?? '')) {
    throw new ApiError('invalidSuiteTicket', undefined, suite.switches.invalidSuiteTicketStatus);
  }
  return suite;
}

function validSession(
  request: SandboxRequest,
  directory: DingTalkDirectory,
  kinds: readonly SessionKind[],
): DingTalkSession {
  const token = apiToken(request);
  if (token === undefined) throw new ApiError('AuthenticationFailed.MissingParameter');
  const session = directory.session(token);
  if (session === undefined || !kinds.includes(session.kind)) throw new ApiError('InvalidAuthentication');
  if (session.verdict === 'valid') return session;
  const isExpiredUser = session.kind === 'user' && session.verdict === 'expired';
  throw new ApiError(isExpiredUser ? session.client.switches.userExpiredCode : 'InvalidAuthentication');
}

function admit(
  client: DingTalkClient,
  { ip }: SandboxRequest,
  call: { path: string; corpId: string | undefined; isToken: boolean; isFree: boolean },
): void {
  switch (client.gate.turn({ ...call, ip, corpId: call.corpId ?? client.corpId })) {
    case 'address':
      throw new ApiError('Forbidden.AccessDenied.IpNotInWhiteList');
    case 'rate': {
      const whose = 'tickets' in client ? 'SuitekeyAndOrgAndApi' : 'AppkeyAndApi';
      throw new ApiError(`Forbidden.AccessDenied.QpsLimitFor${whose}`);
    }
    case 'quota':
      throw new ApiError('Forbidden.AccessDenied.ApiCountLimitForOrg');
  }
}
