import type { EpochMs } from '@evertoken/core';
import type { AppSettings } from './app-settings.js';

declare const signInBinding: unique symbol;

/**
 * Proof that this session began a sign-in: made by `signIn()`, kept in the session, handed to `exchange()`. An opaque text,
 * fit for JSON. NextEngine never sees it and cannot hand it back, so it ties nothing to one `state`; it keeps someone from
 * planting a callback in a browser that asked for none. Take it out of the session once it is used.
 */
export type SignInBinding = string & { readonly [signInBinding]: true };

/** 10 min: twice the life of a `state`, and time to type a password. */
export const BINDING_LIFETIME_MS = 10 * 60_000;

const BINDING = /^([0-9a-z]{1,11})\.([\w-]{22})\.([\w-]{43})$/;

/** Signed with the client secret, so that any process of this app, and nobody else, can tell its own. */
export function makeBinding(settings: AppSettings, now: EpochMs): SignInBinding {
  const nonce = crypto().randomBytes(16).toString('base64url');
  const begun = `${now.toString(36)}.${nonce}`;
  return `${begun}.${sign(settings, begun).toString('base64url')}` as SignInBinding;
}

/** What is wrong with a binding; undefined where nothing is. */
export function bindingProblem(
  settings: AppSettings,
  binding: unknown,
  now: EpochMs,
): 'unbound' | 'foreign' | 'expired' | undefined {
  if (binding === undefined || binding === null || binding === '') return 'unbound';
  const parts = typeof binding === 'string' ? BINDING.exec(binding) : null;
  const [, at, nonce, signature] = parts ?? [];
  if (at === undefined || nonce === undefined || signature === undefined) return 'foreign';
  const right = sign(settings, `${at}.${nonce}`);
  if (!crypto().timingSafeEqual(right, Buffer.from(signature, 'base64url'))) return 'foreign';
  return now - Number.parseInt(at, 36) > BINDING_LIFETIME_MS ? 'expired' : undefined;
}

function sign({ clientId, clientSecret }: AppSettings, begun: string): Buffer {
  return crypto().createHmac('sha256', clientSecret).update(`evertoken:sign-in:${clientId}:${begun}`).digest();
}

function crypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}
