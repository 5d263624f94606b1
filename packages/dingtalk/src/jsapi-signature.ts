/** Today's documentation signs with SHA-256; until 2021 it was SHA-1, which many apps still use. */
export type JsApiDigest = 'sha256' | 'sha1';

/** What is signed. */
export interface JsApiSignatureInput {
  /** A JSAPI ticket. */
  readonly ticket: string;
  /** Random text that is signed along. */
  readonly nonceStr: string;
  /** The same value the page passes to `dd.config`; the platform asks for no certain unit. */
  readonly timeStamp: number;
  /** The page's address as the browser shows it; a fragment is cut, and the query is decoded once. */
  readonly url: string;
  /** Default `'sha256'`. */
  readonly digest?: JsApiDigest | undefined;
}

/**
 * The `signature` of `dd.config`, in lowercase hex (page `jsapi-authentication`).
 *
 * @throws TypeError where `url` is no absolute http or https address, or `digest` is none of the two.
 */
export function jsApiSignature({ ticket, nonceStr, timeStamp, url, digest = 'sha256' }: JsApiSignatureInput): string {
  if (digest !== 'sha256' && digest !== 'sha1') throw new TypeError('"digest" must be "sha256" or "sha1"');
  const plain = `jsapi_ticket=${ticket}&noncestr=${nonceStr}&timestamp=${timeStamp}&url=${signedUrlOf(url)}`;
  return process.getBuiltinModule('node:crypto').createHash(digest).update(plain).digest('hex');
}

/**
 * Text surgery on purpose: a URL parser would drop a default port and escape what the platform compares as it is. The
 * query is decoded as the platform's sample does, a plus sign to a space, since iOS passes it encoded and Android does not.
 */
function signedUrlOf(url: string): string {
  if (typeof url !== 'string' || !/^https?:\/\/./i.test(url)) {
    throw new TypeError('"url" must be the absolute http or https address of the page');
  }
  const [page = ''] = url.split('#', 1);
  const query = page.indexOf('?');
  return query < 0 ? page : page.slice(0, query + 1) + decodeOnce(page.slice(query + 1));
}

function decodeOnce(query: string): string {
  try {
    return decodeURIComponent(query.replaceAll('+', ' '));
  } catch {
    // A bare percent sign: this query was never encoded.
    return query;
  }
}
