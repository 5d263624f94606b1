import { assertText } from '../../check.js';
import type { PushFields } from '../../push-message.js';
import type { PushRecord } from '../../push-sender.js';
import type { OpenPlatformAuthorizer, OpenPlatformSwitches, OpenPlatformTicket } from './account.js';
import type { Authorizer } from './authorizer.js';
import type { Authorization, AuthorizationOrder, CancellationOrder, OpenPlatform, PushKeys } from './open-platform.js';
import type { TicketPush } from './platform-pushes.js';

/**
 * Steers the simulated Open Platform. `appId` is the component's. Each throws a `TypeError` for a platform or an
 * authorizer that is not there.
 */
export interface OpenPlatformControls {
  /** Changes switches; those that are left out stay. Throws a `TypeError` for what is no switch or cannot be. */
  configure(appId: string, switches: OpenPlatformSwitches): void;
  /** A new verify ticket, as if it had been pushed. */
  issueTicket(appId: string): string;
  /** The newest verify ticket, dead or alive. */
  currentTicket(appId: string): OpenPlatformTicket | undefined;
  /** Pushes a verify ticket now: a new one, a duplicate, or one that comes late. Resolves when it was answered. */
  pushTicket(appId: string, options?: TicketPush): Promise<PushRecord>;
  /** Another account that can authorize the component; not after a reset. */
  addAuthorizer(appId: string, authorizer: OpenPlatformAuthorizer): void;
  /**
   * The account authorizes the component, or does so again: its old tokens are dead, and `authorized` or
   * `updateauthorized` is pushed where there is a callback URL. What the redirect would carry comes back.
   */
  authorize(appId: string, authorizerAppId: string, options?: AuthorizationOrder): Authorization;
  /** The refresh token of an account that has authorized the component, exchanged or not; of any other undefined. */
  refreshToken(appId: string, authorizerAppId: string): string | undefined;
  /** The account withdraws its authorization; `unauthorized` is pushed unless `push` is false. */
  cancel(appId: string, authorizerAppId: string, options?: CancellationOrder): void;
  /** Pushes the authorizer's newest event once more, or for the first time. Resolves when it was answered. */
  repeatEvent(appId: string, authorizerAppId: string): Promise<PushRecord>;
  /** Pushes an event of any kind; `InfoType` is required. Resolves when it was answered. */
  pushEvent(appId: string, event: PushFields): Promise<PushRecord>;
  /** Pushes a message of one of the account's users to `messageUrl`. Resolves when it was answered. */
  pushMessage(appId: string, authorizerAppId: string, message: PushFields): Promise<PushRecord>;
  /** Ends the component's token, or the authorizer's, and what works next to it, before its time. */
  killToken(appId: string, authorizerAppId?: string): void;
  /** The authorizer's refresh token is replaced, and nobody is told: only the list and the information have the new one. */
  replaceRefreshToken(appId: string, authorizerAppId: string): void;
  /** The component gets another secret. Its token lives on. */
  resetSecret(appId: string, secret: string): void;
  /** Later pushes are signed and encrypted with another token, another key, or both. */
  setKeys(appId: string, keys: PushKeys): void;
  /** Component calls from this address get 61004. */
  blockIp(appId: string, ip: string): void;
  /** Lets an address in again. */
  unblockIp(appId: string, ip: string): void;
  /** The component's calls of a path are used up for the day. */
  exhaustQuota(appId: string, path: string): void;
}

/** The controls over platforms that `find` looks up by app id. */
export function openPlatformControls(find: (appId: string) => OpenPlatform): OpenPlatformControls {
  const both = (appId: string, authorizerAppId: string): [OpenPlatform, Authorizer] => {
    const platform = find(appId);
    const authorizer = platform.authorizer(authorizerAppId);
    if (authorizer === undefined) throw new TypeError('"authorizerAppId" is not an authorizer of this platform');
    return [platform, authorizer];
  };
  return {
    configure: (appId, switches) => find(appId).configure(switches),
    issueTicket(appId) {
      const platform = find(appId);
      const now = platform.now();
      return platform.tickets.make(now, Math.floor(now / 1000), platform.settings.ticketLifeMs).value;
    },
    currentTicket(appId) {
      const ticket = find(appId).tickets.newest();
      return ticket && { ticket: ticket.value, createTime: ticket.createTime };
    },
    pushTicket: async (appId, options) => find(appId).pushes.ticket(options),
    addAuthorizer: (appId, authorizer) => void find(appId).addAuthorizer(authorizer),
    authorize(appId, authorizerAppId, options = {}) {
      const [platform, authorizer] = both(appId, authorizerAppId);
      return platform.authorize(authorizer, options);
    },
    refreshToken: (appId, authorizerAppId) => both(appId, authorizerAppId)[1].refreshToken,
    cancel(appId, authorizerAppId, options = {}) {
      const [platform, authorizer] = both(appId, authorizerAppId);
      platform.cancel(authorizer, options);
    },
    async repeatEvent(appId, authorizerAppId) {
      const [platform, authorizer] = both(appId, authorizerAppId);
      return platform.pushes.repeat(authorizer);
    },
    pushEvent: async (appId, event) => find(appId).pushes.event(event),
    async pushMessage(appId, authorizerAppId, message) {
      const [platform, authorizer] = both(appId, authorizerAppId);
      return platform.pushes.message(authorizer, message);
    },
    killToken(appId, authorizerAppId) {
      const owner = authorizerAppId === undefined ? find(appId) : both(appId, authorizerAppId)[1];
      owner.line.revokeAll();
    },
    replaceRefreshToken: (appId, authorizerAppId) => both(appId, authorizerAppId)[1].replaceRefreshToken(),
    resetSecret: (appId, secret) => find(appId).resetSecret(assertText('secret', secret)),
    setKeys: (appId, keys) => find(appId).setKeys(keys),
    blockIp: (appId, ip) => find(appId).addresses.block(assertText('ip', ip)),
    unblockIp: (appId, ip) => find(appId).addresses.unblock(assertText('ip', ip)),
    exhaustQuota(appId, path) {
      const platform = find(appId);
      platform.quotas.exhaust(assertText('path', path), platform.now());
    },
  };
}
