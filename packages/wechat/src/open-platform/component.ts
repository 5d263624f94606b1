import { type App, type AppOptions, accountFacts, readApp } from '../app.js';
import { type PushKeys, pushKeyProblems } from '../push/push-keys.js';
import { COMPONENT_KINDS } from './kinds.js';

/**
 * What `openPlatform` takes: `appId` and `secret` are those of the third-party platform (the component). Missing values are
 * reported by the manager's constructor, not here.
 */
export interface OpenPlatformOptions extends Omit<AppOptions, 'endpoint' | 'push'> {
  /**
   * Token and EncodingAESKey of the platform's message push, for verify tickets, authorization events and messages of
   * authorizers; several pairs while they are being changed. Without them no push can be opened: leave them out only where another
   * process takes the pushes and shares its store.
   */
  readonly push?: OpenPlatformPushKeys | readonly OpenPlatformPushKeys[] | undefined;
}

/** What the console has under "message push". */
export interface OpenPlatformPushKeys {
  /** What signatures are made with. */
  readonly token: string | undefined;
  /** 43 letters and digits. */
  readonly encodingAESKey: string | undefined;
}

/** Options read once. Holds secrets: never part of an account. */
export interface Component extends App {}

/** Reads the options; never throws for what they lack. */
export function readComponent(options: OpenPlatformOptions): Component {
  return readApp(appOptions(options));
}

/** What the account says of itself. */
export function componentFacts(component: Component, options: OpenPlatformOptions) {
  const { openPush, problems, ...facts } = accountFacts(component, appOptions(options), { kinds: COMPONENT_KINDS });
  return { facts: { ...facts, problems: () => [...problems(), ...componentProblems(options)] }, openPush };
}

/**
 * As an app's, whose own options are of no use here: tokens come from one endpoint, and pushes are for the component alone and always
 * encrypted. Keys that are missing are told by `problems()`.
 */
function appOptions({ push, ...options }: OpenPlatformOptions): AppOptions {
  const { endpoint: _, ...shared } = options as AppOptions;
  if (push === undefined) return shared;
  const keys = [push].flat().map((each) => ({ token: each?.token, encodingAESKey: each?.encodingAESKey }) as PushKeys);
  return { ...shared, push: Array.isArray(push) ? keys : (keys[0] as PushKeys) };
}

function componentProblems({ push, ...options }: OpenPlatformOptions): string[] {
  const problems = 'endpoint' in options ? ['"endpoint" is no option of a third-party platform'] : [];
  const keys = push === undefined ? [] : pushKeyProblems(push as PushKeys | readonly PushKeys[], 'push');
  // What is wrong with the two that count has been said.
  return [...problems, ...keys.filter((problem) => problem.includes(' is no option'))];
}
