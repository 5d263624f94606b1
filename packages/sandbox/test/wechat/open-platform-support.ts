import { type OpenPlatformAccount, SANDBOX_ACCOUNTS, type Sandbox } from '../../src/index.js';
import { xmlText } from '../../src/push-message.js';
import { open, type Received } from '../receiver.js';
import { postJson, startSandbox } from '../support.js';

export const PLATFORM = SANDBOX_ACCOUNTS.openPlatform;
export const COMPONENT = PLATFORM.appId;
export const OFFICIAL = 'wx000000authorizer1';
export const MINI = 'wx000000authorizer2';
export const PUSH_KEYS = { ...PLATFORM, receiveId: COMPONENT };

/** The members of component answers that tests look at. */
export interface ComponentBody {
  readonly errcode?: number;
  readonly errmsg?: string;
  readonly component_access_token: string;
  readonly pre_auth_code: string;
  readonly expires_in: number;
  readonly authorizer_access_token: string;
  readonly authorizer_refresh_token: string;
  readonly authorization_info: {
    readonly authorizer_appid: string;
    readonly authorizer_access_token: string;
    readonly authorizer_refresh_token: string;
    readonly expires_in: number;
    readonly func_info: unknown[];
  };
  readonly authorizer_info: Readonly<Record<string, unknown>>;
  readonly total_count: number;
  readonly list: { authorizer_appid: string; refresh_token: string; auth_time: number }[];
}

export function startPlatform(account: Partial<OpenPlatformAccount> = {}): Promise<Sandbox> {
  return startSandbox({ openPlatforms: [{ ...PLATFORM, ...account }] });
}

/** Any call of the component's API, without a token. */
export async function post(sandbox: Sandbox, path: string, body: unknown): Promise<ComponentBody> {
  return (await postJson(`${sandbox.urls.wechat}/cgi-bin/component/${path}`, body)) as unknown as ComponentBody;
}

export function componentToken(sandbox: Sandbox, fields: Record<string, unknown> = {}): Promise<ComponentBody> {
  return post(sandbox, 'api_component_token', {
    component_appid: COMPONENT,
    component_appsecret: PLATFORM.secret,
    component_verify_ticket: fields['component_verify_ticket'] ?? sandbox.openPlatform.issueTicket(COMPONENT),
    ...fields,
  });
}

export class Component {
  readonly sandbox: Sandbox;
  token: string;

  constructor(sandbox: Sandbox, token: string) {
    this.sandbox = sandbox;
    this.token = token;
  }

  call(path: string, fields: Record<string, unknown> = {}, param = 'component_access_token'): Promise<ComponentBody> {
    return post(this.sandbox, `${path}?${param}=${this.token}`, { component_appid: COMPONENT, ...fields });
  }

  exchange(code: string): Promise<ComponentBody> {
    return this.call('api_query_auth', { authorization_code: code });
  }

  refresh(appId: string, refreshToken: string): Promise<ComponentBody> {
    return this.call('api_authorizer_token', { authorizer_appid: appId, authorizer_refresh_token: refreshToken });
  }

  /** Authorizes and exchanges. */
  async authorize(appId: string = OFFICIAL): Promise<ComponentBody['authorization_info']> {
    const { authorizationCode } = this.sandbox.openPlatform.authorize(COMPONENT, appId);
    return (await this.exchange(authorizationCode)).authorization_info;
  }

  list(page: Record<string, unknown> = { offset: 0, count: 500 }): Promise<ComponentBody> {
    return this.call('api_get_authorizer_list', page);
  }
}

/** A component with a token in its hand. */
export async function startComponent(account: Partial<OpenPlatformAccount> = {}): Promise<Component> {
  const sandbox = await startPlatform(account);
  return new Component(sandbox, (await componentToken(sandbox)).component_access_token);
}

/** The fields of a decrypted push. */
export function field(push: Received | undefined, name: string): string | undefined {
  const text = push && open(push, PUSH_KEYS);
  return text === undefined ? undefined : xmlText(text, name);
}
