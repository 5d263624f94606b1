/** What a JS-SDK signature covers. */
export interface JsSdkSignatureInput {
  /** The ticket. */
  readonly jsapiTicket: string;
  /** Random text that is signed along. */
  readonly nonceStr: string;
  /** Unix seconds. */
  readonly timestamp: number | string;
  /** The page's URL as the browser shows it; `#` and what follows is left out. */
  readonly url: string;
}

/**
 * The `signature` of `wx.config`: SHA-1 over the four values by name, none of them encoded.
 * https://developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/JS-SDK.html
 */
export function jsSdkSignature({ jsapiTicket, nonceStr, timestamp, url }: JsSdkSignatureInput): string {
  return sha1(`jsapi_ticket=${jsapiTicket}&noncestr=${nonceStr}&timestamp=${timestamp}&url=${withoutFragment(url)}`);
}

/**
 * The signature of a card: SHA-1 over the values alone (ticket, timestamp, nonce, card id, code, openid …), sorted as
 * bytes and joined. Empty values count as absent.
 */
export function cardSignature(values: Iterable<string>): string {
  return sha1(
    [...values]
      .map((value) => Buffer.from(value))
      .sort(Buffer.compare)
      .join(''),
  );
}

/** 16 characters that nobody can guess. */
export function nonce(): string {
  return process.getBuiltinModule('node:crypto').randomBytes(8).toString('hex');
}

function withoutFragment(url: string): string {
  const end = url.indexOf('#');
  return end === -1 ? url : url.slice(0, end);
}

function sha1(text: string): string {
  return process.getBuiltinModule('node:crypto').createHash('sha1').update(text).digest('hex');
}
