import type { WeChatApp } from './app.js';
import type { WeChatTokenKind } from './token-line.js';

/** Steers the simulated official accounts and mini programs. Each throws a `TypeError` for an account that is not there. */
export interface WeChatControls {
  /** Ends the current token before its time; without `kind` that of both kinds. */
  revoke(appId: string, kind?: WeChatTokenKind): void;
}

/** The controls over accounts that `find` looks up by app id. */
export function weChatControls(find: (appId: string) => WeChatApp): WeChatControls {
  return {
    revoke(appId, kind) {
      const app = find(appId);
      for (const each of kind ? [kind] : (['legacy', 'stable'] as const)) app.lines[each].revoke();
    },
  };
}
