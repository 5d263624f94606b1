/** An answer, as `isRejected` sees it. Looking at it takes nothing from the caller. */
export interface TokenAnswer {
  /** The HTTP status. */
  readonly status: number;
  /** A header's value, whatever the case of its name; undefined where there is none. */
  header(name: string): string | undefined;
  /**
   * The body as JSON; undefined where it is none, is larger than 64 KiB, or is a stream of events. With axios also where
   * `responseType` is `stream`.
   */
  json(): Promise<unknown>;
}

/** 64 KiB: as much of a body is looked at. A platform's refusal is some hundred bytes; data may be gigabytes. */
export const LONGEST_REFUSAL = 64 * 1024;

/**
 * Whether the platform refused the token, unless an option says otherwise: the error of `WWW-Authenticate: Bearer` is `invalid_token`
 * (RFC 6750 §3.1), or it names none and the status is 401. A 403 is about what a token may do, not about the token.
 */
export function rejectedByStatus({ status, header }: Pick<TokenAnswer, 'status' | 'header'>): boolean {
  const named = /\bBearer\b.*?\berror\s*=\s*"?([\w.-]+)/is.exec(header('www-authenticate') ?? '')?.[1];
  return named === undefined ? status === 401 : named.toLowerCase() === 'invalid_token';
}

/**
 * For `isRejected`: platforms that answer 200 and say in a field of their JSON what went wrong. A status that means a refused
 * token counts as well.
 *
 * @example
 * isRejected: rejectedByCode('errcode', [40001, 40014, 42001])
 */
export function rejectedByCode(
  field: string,
  codes: Iterable<string | number>,
): (answer: TokenAnswer) => Promise<boolean> {
  const known = new Set([...codes].map(String));
  return async (answer) => {
    if (rejectedByStatus(answer)) return true;
    const body = await answer.json();
    if (typeof body !== 'object' || body === null || !Object.hasOwn(body, field)) return false;
    const code: unknown = (body as Readonly<Record<string, unknown>>)[field];
    return (typeof code === 'number' || typeof code === 'string') && known.has(String(code));
  };
}

/** Text as JSON; undefined where it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
