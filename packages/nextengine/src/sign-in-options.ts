import { asObject, type CallbackReply, type CallbackRequest, fingerprint, type TokenError } from '@evertoken/core';
import type { SignedInUser } from './nextengine-wire.js';

/** How requests to the redirect URI are answered. */
export interface NextEngineSignInOptions {
  /**
   * Called once somebody has signed in and the pair is stored: begin the application's own session here, with a new session id.
   * What it returns is the answer, a session's `set-cookie` in its headers; nothing: a redirect to `afterSignIn`. Where it throws,
   * the browser is told to try again later, and a process warning `NextEngineSignIn` says why.
   */
  readonly onSignedIn?:
    | ((
        user: SignedInUser,
        request: CallbackRequest,
      ) => CallbackReply | void | Promise<CallbackReply | undefined> | Promise<void>)
    | undefined;
  /**
   * Called where a sign-in came to nothing, for a page of the application's own. What it returns is the answer; nothing: a
   * short text with status 400, 403 or 503. The error's message is for the log, not for the page.
   */
  readonly onRefused?:
    | ((
        error: TokenError,
        request: CallbackRequest,
      ) => CallbackReply | void | Promise<CallbackReply | undefined> | Promise<void>)
    | undefined;
  /** Where the browser goes after a sign-in: a path of this host, or a whole URL. Never taken from the request. Default `/`. */
  readonly afterSignIn?: string | undefined;
  /**
   * The cookie that holds the binding. `__Host-` is put before it, and the cookie is `Secure`, unless `redirectUri` begins
   * with `http:`. Default `ne-sign-in-` and some letters of the client id's fingerprint.
   */
  readonly cookieName?: string | undefined;
}

/** The same, with every default filled in. */
export interface SignInSettings extends NextEngineSignInOptions {
  readonly afterSignIn: string;
  readonly cookieName: string;
}

/** A cookie's name by RFC 6265 §4.1.1: a token of RFC 2616. */
const COOKIE_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;

const NAMES = ['onSignedIn', 'onRefused', 'afterSignIn', 'cookieName'] as const;
const FUNCTIONS = ['onSignedIn', 'onRefused'] as const;

/** Fills in the defaults; never throws. */
export function signInSettingsOf(options: NextEngineSignInOptions | undefined, clientId: string): SignInSettings {
  const { onSignedIn, onRefused, afterSignIn = '/', cookieName } = asObject(options) ? (options ?? {}) : {};
  return {
    ...(onSignedIn && { onSignedIn }),
    ...(onRefused && { onRefused }),
    afterSignIn,
    // Two apps on one host must not take each other's bindings for forged ones.
    cookieName: cookieName ?? `ne-sign-in-${fingerprint(clientId).slice(0, 8)}`,
  };
}

/** What is wrong with the options; each sentence begins with the quoted option below `path`, none shows a value. */
export function signInProblems(options: unknown, path: string): string[] {
  if (options === undefined) return [];
  const given = asObject(options);
  if (!given) return [`"${path}" must be an object`];
  const known: readonly string[] = NAMES;
  const problems = Object.keys(given)
    .filter((name) => !known.includes(name))
    .map((name) => `"${path}.${name}" is no option; expected ${NAMES.map((each) => `"${each}"`).join(', ')}`);
  for (const name of FUNCTIONS) {
    if (given[name] !== undefined && typeof given[name] !== 'function') {
      problems.push(`"${path}.${name}" must be a function, got ${typeof given[name]}`);
    }
  }
  const { afterSignIn, cookieName } = given;
  if (afterSignIn !== undefined && !isTarget(afterSignIn)) {
    problems.push(`"${path}.afterSignIn" must be a path that begins with one "/", or an http or https URL`);
  }
  if (cookieName !== undefined && !isCookieName(cookieName)) {
    problems.push(`"${path}.cookieName" must be 1 to 64 characters that a cookie's name may have, without a prefix`);
  }
  return problems;
}

/** Visible ASCII without a backslash, which browsers take for a slash: `/\host` is another host, as `//host` is. */
function isTarget(value: unknown): boolean {
  if (typeof value !== 'string' || !/^[\x21-\x5b\x5d-\x7e]+$/.test(value)) return false;
  if (value.startsWith('/')) return !value.startsWith('//');
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}

/** The prefix is put before it where it is right, and by nobody else. */
function isCookieName(name: unknown): boolean {
  return typeof name === 'string' && COOKIE_NAME.test(name) && !/^__(host|secure)-/i.test(name);
}
