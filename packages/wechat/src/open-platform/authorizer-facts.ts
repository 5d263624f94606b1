import { fingerprint, type TokenExtra } from '@evertoken/core';
import type { AuthorizerKind, WireAuthorizerInfo } from './component-wire.js';

/** What is known of an authorized account. It travels with its access token, in `extra`. */
export interface AuthorizerFacts {
  /** Whether it is an official account or a mini program; absent until the platform has been asked. */
  readonly kind?: AuthorizerKind;
  /** Its name as users see it. */
  readonly name?: string;
  /** Ids of the permission sets it granted; what each is stands in the platform's documents. */
  readonly permissions?: readonly number[];
  /** When the present authorization was given, as far as that is known, Unix ms of the platform. */
  readonly authorizedAt?: number;
}

/** Facts, and what tells authorizations apart without showing anything of them. */
export interface AuthorizerExtra extends AuthorizerFacts {
  /** Fingerprint of the authorization code that was exchanged: the same code may come by redirect and by push. */
  readonly codeFingerprint?: string;
  /** Fingerprint of the refresh token, to compare with what the platform lists. */
  readonly refreshTokenFingerprint?: string;
}

/** What stands in a token's `extra`; what is of the wrong type counts as absent. */
export function authorizerExtraIn(extra: TokenExtra | undefined): AuthorizerExtra {
  const { kind, name, permissions, authorizedAt, codeFingerprint, refreshTokenFingerprint } = extra ?? {};
  return {
    ...((kind === 'officialAccount' || kind === 'miniProgram') && { kind }),
    ...(typeof name === 'string' && { name }),
    ...(Array.isArray(permissions) && { permissions: permissions.filter((id) => typeof id === 'number') as number[] }),
    ...(typeof authorizedAt === 'number' && { authorizedAt }),
    ...(typeof codeFingerprint === 'string' && { codeFingerprint }),
    ...(typeof refreshTokenFingerprint === 'string' && { refreshTokenFingerprint }),
  };
}

/** The public part. */
export function factsIn(extra: TokenExtra | undefined): AuthorizerFacts {
  const { codeFingerprint: _c, refreshTokenFingerprint: _r, ...facts } = authorizerExtraIn(extra);
  return facts;
}

/** Facts to be stored with a token; what is undefined leaves what was known. */
export function extraWith(
  known: AuthorizerExtra,
  news: {
    readonly info?: WireAuthorizerInfo | undefined;
    readonly permissions?: readonly number[] | undefined;
    readonly authorizedAt?: number | undefined;
    readonly code?: string | undefined;
    readonly refreshToken?: string | undefined;
  },
): TokenExtra {
  const { info, permissions, authorizedAt, code, refreshToken } = news;
  const extra: AuthorizerExtra = {
    ...known,
    ...info,
    ...(permissions && { permissions }),
    ...(authorizedAt !== undefined && { authorizedAt }),
    ...(code !== undefined && { codeFingerprint: fingerprint(code) }),
    ...(refreshToken && { refreshTokenFingerprint: fingerprint(refreshToken) }),
  };
  return extra as TokenExtra;
}
