/** How a naive client reaches the platform: addresses, credentials, the next sign-in's `state`, and `fetch`. */
export interface Platform {
  readonly apiUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly fetch: typeof fetch;
  /** A person signs in: the `state` that comes back to the app. */
  state(uid: string): string;
}

export interface Pair {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** What the scenarios ask of a process of an application, ours or a naive one. */
export interface Client {
  /** Ends a person's sign-in: the pair is stored, in place of the one before. */
  signIn(uid: string): Promise<void>;
  /** An API call as this user; the `uid` that the platform answered for. */
  call(uid: string): Promise<string>;
  /** The batch that renews everybody's pair. */
  refreshAll(): Promise<void>;
}

/** An answer in the platform's spelling. */
export interface Answer {
  readonly result: string;
  readonly code?: string;
  readonly access_token?: string;
  readonly refresh_token?: string;
  readonly data?: readonly { readonly uid: string }[];
}

export const USER_INFO = '/api_v1_login_user/info';

/** Posts a form; fields that are undefined are left out. */
export async function post(
  { apiUrl, fetch }: Platform,
  path: string,
  fields: Readonly<Record<string, string | undefined>>,
): Promise<Answer> {
  const given = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
  const response = await fetch(`${apiUrl}${path}`, { method: 'POST', body: new URLSearchParams(given) });
  return (await response.json()) as Answer;
}

export function userInfo(platform: Platform, pair: Partial<Pair>): Promise<Answer> {
  return post(platform, USER_INFO, { access_token: pair.accessToken, refresh_token: pair.refreshToken });
}

/** The exchange after a sign-in. */
export async function exchange(platform: Platform, uid: string): Promise<Pair> {
  const { clientId: client_id, clientSecret: client_secret } = platform;
  const answer = await post(platform, '/api_neauth', { uid, state: platform.state(uid), client_id, client_secret });
  return pairIn(answer) as Pair;
}

/** Both tokens of an answer, if it has them. */
export function pairIn({ access_token: accessToken, refresh_token: refreshToken }: Answer): Pair | undefined {
  return accessToken !== undefined && refreshToken !== undefined ? { accessToken, refreshToken } : undefined;
}

/** Ends a call as the samples do: anything but a success is thrown. */
export function uidIn({ result, code, data }: Answer): string {
  const uid = data?.[0]?.uid;
  if (result !== 'success' || uid === undefined) throw new Error(code ?? result);
  return uid;
}
