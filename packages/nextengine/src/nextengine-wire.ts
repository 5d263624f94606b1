import { asObject, type EpochMs, publicId } from '@evertoken/core';

/** Hosts of the platform, without a slash at the end (sheet §1, vendor SDK). */
export const BASE_URLS = Object.freeze({
  api: 'https://api.next-engine.org',
  base: 'https://base.next-engine.org',
});

/** A POST as NextEngine takes it: always a form (§4). */
export interface WireRequest {
  readonly url: string;
  readonly method: 'POST';
  readonly body: URLSearchParams;
}

/** What every answer may hold (§5), in our words; absent where the platform sent nothing, an empty text or another type. */
export interface WireAnswer {
  /** `redirect` means *to the sign-in page* and carries no URL. */
  readonly result?: 'success' | 'error' | 'redirect';
  readonly code?: string;
  readonly message?: string;
  readonly requestId?: string;
  readonly accessToken?: string;
  readonly refreshToken?: string;
  readonly accessTokenExpiresAt?: EpochMs;
  readonly refreshTokenExpiresAt?: EpochMs;
  /** The answer without its token fields, as the platform spells it. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A user as the token exchange describes one (§3.3). The person's name and address are personal data. */
export interface SignedInUser {
  /** The user below this app: what tokens are kept by. */
  readonly uid: string;
  /** The company on the platform's level; one such company may have several main functions. */
  readonly companyNeId?: string;
  /** Company name. */
  readonly companyName?: string;
  /** Reading of the company's name. */
  readonly companyKana?: string;
  /** Markup of NextEngine's common application header. */
  readonly companyAppHeader?: string;
  /** The person in charge. */
  readonly picNeId?: string;
  /** The person's name. */
  readonly picName?: string;
  /** The person's name in kana. */
  readonly picKana?: string;
  /** The person's mail address. */
  readonly picMailAddress?: string;
}

/** Where a browser goes to sign in (§3.1). Never carries the client secret, which old vendor code put there. */
export function signInUrl(
  baseUrl: string,
  { clientId, redirectUri }: { clientId: string; redirectUri?: string },
): string {
  const query = new URLSearchParams({ client_id: clientId });
  if (redirectUri !== undefined) query.set('redirect_uri', redirectUri);
  return `${baseUrl}/users/sign_in/?${query}`;
}

/** Changes what the browser brought back into a pair (§3.3). Tokens are never sent here. */
export function exchangeRequest(
  apiUrl: string,
  values: { uid: string; state: string; clientId: string; clientSecret: string },
): WireRequest {
  const { uid, state, clientId, clientSecret } = values;
  return post(`${apiUrl}/api_neauth`, { uid, state, client_id: clientId, client_secret: clientSecret });
}

/**
 * The call whose only purpose is renewal (§6, §7.4), about the user or, while that is not known, the company. Never with
 * `wait_flag`: a long wait is a chance to lose the answer.
 */
export function renewalRequest(
  apiUrl: string,
  pair: { accessToken: string; refreshToken: string },
  about: 'user' | 'company',
): WireRequest {
  return post(`${apiUrl}/api_v1_login_${about}/info`, {
    access_token: pair.accessToken,
    refresh_token: pair.refreshToken,
  });
}

/** The companies that use the app now (§6). It takes the app's credentials and no user's tokens. */
export function companiesRequest(apiUrl: string, app: { clientId: string; clientSecret: string }): WireRequest {
  return post(`${apiUrl}/api_app/company`, { client_id: app.clientId, client_secret: app.clientSecret });
}

/** Values of a call: `true` and `false` become `1` and `0`, arrays are joined by commas, `undefined` is left out. */
export type NextEngineParams = Readonly<
  Record<string, string | number | boolean | readonly (string | number)[] | undefined>
>;

const PATH = /^\/api_\w+(\/\w+)*\/?$/;
const READING = /\/(search|count|info)\/?$/;
/** Parameters that are not the caller's to give, and why. */
const OURS: Readonly<Record<string, string>> = Object.freeze({
  access_token: 'is put in by the client and is no parameter',
  refresh_token: 'is put in by the client and is no parameter',
  wait_flag: 'is no parameter: use the option "waitFlag", which waits for the answer too',
});

/** Whether a method only reads, by its name (§4): everything else may change something. */
export function isReading(path: string): boolean {
  return READING.test(path);
}

/**
 * A business call (§4), with the access token alone: without a refresh token the platform cannot renew by accident.
 * Checked at once, before anyone asks for a token.
 *
 * @throws TypeError where the path is no API path, or a parameter is a token or no value.
 */
export function callRequest(
  apiUrl: string,
  path: string,
  params: NextEngineParams,
  { waitFlag = false }: { readonly waitFlag?: boolean } = {},
): (accessToken: string) => WireRequest {
  if (!PATH.test(path)) throw new TypeError('"path" must be an API path such as "/api_v1_receiveorder_base/search"');
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(params)) {
    if (Object.hasOwn(OURS, name)) throw new TypeError(`"${name}" ${OURS[name]}`);
    if (value !== undefined) values[name] = textOfParam(name, value);
  }
  if (waitFlag) values['wait_flag'] = '1';
  return (accessToken) => post(`${apiUrl}${path}`, { ...values, access_token: accessToken });
}

/** A UUID has 36 characters; what is much longer is something else. */
const LONGEST_REQUEST_ID = 40;

/** Reads a body that is an object; anything else is no answer of the platform. */
export function readAnswer(json: unknown): WireAnswer | undefined {
  const body = asObject(json);
  if (!body) return undefined;
  const {
    access_token: access,
    refresh_token: refresh,
    access_token_end_date: accessEnd,
    refresh_token_end_date: refreshEnd,
    ...fields
  } = body;
  return withoutAbsent({
    result: resultOf(fields['result']),
    code: publicId(fields['code']),
    message: textOf(fields['message']),
    requestId: publicId(fields['request_id'], LONGEST_REQUEST_ID),
    accessToken: tokenOf(access),
    refreshToken: tokenOf(refresh),
    accessTokenExpiresAt: japanTime(accessEnd),
    refreshTokenExpiresAt: japanTime(refreshEnd),
    fields,
  });
}

/** The facts of a token exchange's answer; undefined where it does not say whose they are. */
export function readUser({ fields }: WireAnswer): SignedInUser | undefined {
  const uid = textOf(fields['uid']);
  if (uid === undefined) return undefined;
  return withoutAbsent({
    uid,
    companyNeId: textOf(fields['company_ne_id']),
    companyName: textOf(fields['company_name']),
    companyKana: textOf(fields['company_kana']),
    companyAppHeader: textOf(fields['company_app_header']),
    picNeId: textOf(fields['pic_ne_id']),
    picName: textOf(fields['pic_name']),
    picKana: textOf(fields['pic_kana']),
    picMailAddress: textOf(fields['pic_mail_address']),
  });
}

const END_DATE = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})$/;
const JAPAN_OFFSET_MS = 9 * 60 * 60_000;

/** `YYYY-MM-DD HH:MM:SS` in Japan time, which knows no daylight saving (§5); undefined for anything else. */
export function japanTime(value: unknown): EpochMs | undefined {
  const match = typeof value === 'string' ? END_DATE.exec(value) : null;
  if (!match) return undefined;
  const written = `${match[1]}T${match[2]}`;
  const ms = Date.parse(`${written}+09:00`);
  if (Number.isNaN(ms)) return undefined;
  // The parser carries the 30th of February over into March.
  return new Date(ms + JAPAN_OFFSET_MS).toISOString().startsWith(written) ? ms : undefined;
}

function post(url: string, values: Readonly<Record<string, string>>): WireRequest {
  return { url, method: 'POST', body: new URLSearchParams(values) };
}

function textOfParam(name: string, value: NonNullable<NextEngineParams[string]>): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  if (Array.isArray(value)) return value.map((item: string | number) => textOfParam(name, item)).join(',');
  throw new TypeError(`"${name}" must be a text, a finite number, a boolean or an array of them`);
}

function resultOf(value: unknown): 'success' | 'error' | 'redirect' | undefined {
  return value === 'success' || value === 'error' || value === 'redirect' ? value : undefined;
}

/** A number is read leniently, an empty text as nothing. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function tokenOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

function withoutAbsent<T extends object>(values: T): Present<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>;
}
