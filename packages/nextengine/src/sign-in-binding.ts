import type { EpochMs } from '@evertoken/core';
import type { AppSettings } from './app-settings.js';

declare const signInBinding: unique symbol;

/**
 * Proof that this session began a sign-in: made by `signIn()`, kept in the session, handed to `exchange()`. An opaque text,
 * fit for JSON. NextEngine never sees it and cannot hand it back, so it ties nothing to one `state`; it keeps someone from
 * planting a callback in a browser that asked for none. Take it out of the session before it is used, whatever comes of it.
 */
export type SignInBinding = string & { readonly [signInBinding]: true };

/** 10 min: twice the life of a `state`, and time to type a password. */
export const BINDING_LIFETIME_MS = 10 * 60_000;

/** 1 h: start-overs longer ago belong to another attempt to sign in. */
const CHAIN_MS = 60 * 60_000;

const BINDING = /^([0-9a-z]{1,11})\.([0-9])\.([\w-]{22})\.([\w-]{43})$/;

/**
 * Signed with the client secret, so that any process of this app, and nobody else, can tell its own. `startOvers`: how often this
 * browser has started over by itself.
 */
export function makeBinding(settings: AppSettings, now: EpochMs, startOvers = 0): SignInBinding {
  const nonce = crypto().randomBytes(16).toString('base64url');
  const begun = `${now.toString(36)}.${startOvers}.${nonce}`;
  return `${begun}.${sign(settings, begun).toString('base64url')}` as SignInBinding;
}

/** What is wrong with a binding; undefined where nothing is. */
export function bindingProblem(
  settings: AppSettings,
  binding: unknown,
  now: EpochMs,
): 'unbound' | 'foreign' | 'expired' | undefined {
  if (binding === undefined || binding === null || binding === '') return 'unbound';
  const begun = readBinding(settings, binding);
  if (!begun) return 'foreign';
  return now - begun.at > BINDING_LIFETIME_MS ? 'expired' : undefined;
}

/** How often in a row the browser that brings this binding has started over; 0 where it says nothing of that. */
export function startOversIn(settings: AppSettings, binding: unknown, now: EpochMs): number {
  const begun = readBinding(settings, binding);
  return begun && now - begun.at <= CHAIN_MS ? begun.startOvers : 0;
}

/** Whether this binding was made within the last `ms`, by an app that is this one. */
export function beganWithin(settings: AppSettings, binding: unknown, now: EpochMs, ms: number): boolean {
  const begun = readBinding(settings, binding);
  return begun !== undefined && now - begun.at < ms;
}

/** What a binding of this app says; undefined for anything else. */
function readBinding(settings: AppSettings, binding: unknown): { at: EpochMs; startOvers: number } | undefined {
  const parts = typeof binding === 'string' ? BINDING.exec(binding) : null;
  const [, at, startOvers, nonce, signature] = parts ?? [];
  if (at === undefined || startOvers === undefined || nonce === undefined || signature === undefined) return undefined;
  const right = sign(settings, `${at}.${startOvers}.${nonce}`);
  if (!crypto().timingSafeEqual(right, Buffer.from(signature, 'base64url'))) return undefined;
  return { at: Number.parseInt(at, 36), startOvers: Number(startOvers) };
}

function sign({ clientId, clientSecret }: AppSettings, begun: string): Buffer {
  return crypto().createHmac('sha256', clientSecret).update(`evertoken:sign-in:${clientId}:${begun}`).digest();
}

function crypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}
