import { type App, type AppOptions, accountFacts, readApp } from '../app.js';
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
  const { openPush, ...facts } = accountFacts(component, appOptions(options), { kinds: COMPONENT_KINDS });
  return { facts, openPush };
}

/** Keys that are missing are told by `problems()`, which looks at each. */
function appOptions(options: OpenPlatformOptions): AppOptions {
  return options as AppOptions;
}
