/**
 * Signs `/sns/getuserinfo_bycode` (page `signature-personal-registration`): HMAC-SHA256 of the time alone.
 *
 * @param secret the personal app's AppSecret
 * @param timestamp Unix ms, the very value of the query's `timestamp`
 * @returns base64, raw: encode it once, with `URLSearchParams` or `encodeURIComponent`
 */
export function snsSignature(secret: string, timestamp: number | string): string {
  return hmacOf(secret, String(timestamp));
}

/**
 * Signs `/service/get_corp_token` and `/service/get_auth_info` (page
 * `the-signature-calculation-method-of-the-third-party-access-interface`): HMAC-SHA256 of time, line feed and suite ticket.
 *
 * @param secret the suite's SuiteSecret, or a custom app's CustomSecret
 * @param timestamp Unix ms, the very value of the query's `timestamp`; the platform allows a minute of difference
 * @param suiteTicket the latest one; for custom apps and while testing any text
 * @returns base64, raw: encode it once, with `URLSearchParams` or `encodeURIComponent`
 */
export function suiteSignature(secret: string, timestamp: number | string, suiteTicket: string): string {
  return hmacOf(secret, `${timestamp}\n${suiteTicket}`);
}

function hmacOf(secret: string, message: string): string {
  return process.getBuiltinModule('node:crypto').createHmac('sha256', secret).update(message).digest('base64');
}
