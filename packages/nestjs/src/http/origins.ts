import { configurationError, wrongOption } from '../token.messages.js';

/** This machine: what is sent there in clear does not leave it (Secure Contexts §3.1). */
const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * The origins that may see tokens.
 *
 * @throws TokenError `ERR_TOKEN_CONFIGURATION` for none, for what is more than an origin, and for plain HTTP to other machines.
 */
export function readOrigins(path: string, origins: unknown): ReadonlySet<string> {
  if (!Array.isArray(origins) || origins.length === 0) {
    throw configurationError(
      wrongOption(path, "a list of origins that may see the token, such as ['https://api.example']"),
    );
  }
  return new Set(origins.map((origin: unknown, at) => readOrigin(`${path}[${at}]`, origin)));
}

/** The origin of an address; undefined where there is none that could be a server's. */
export function originOf(url: string | URL): string | undefined {
  try {
    const { origin } = new URL(url);
    return origin === 'null' ? undefined : origin;
  } catch {
    return undefined;
  }
}

function readOrigin(path: string, given: unknown): string {
  const url = typeof given === 'string' && URL.canParse(given) ? new URL(given) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`) {
    throw configurationError(wrongOption(path, "an origin without path, such as 'https://api.example'"));
  }
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) {
    throw configurationError(wrongOption(path, 'https: a token on plain HTTP can be read on the way'));
  }
  return url.origin;
}
