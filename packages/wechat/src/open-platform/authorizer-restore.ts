import type { Tokens } from '@evertoken/core';
import { authorizerExtraIn, extraWith } from './authorizer-facts.js';
import { authorizerIds, findAuthorizer, neverExchanged, refusedGrant, renewedWith } from './authorizer-token.js';
import { withComponentToken } from './component-call.js';
import type { ListedAuthorizer } from './component-wire.js';
import type { OpenPlatformContext } from './context.js';

/** `restored`: a new token is stored. `known`: what is stored is what the platform has for us. */
export type RestoreOutcome = 'restored' | 'known';

/** Nothing is to be stored: what stands is what the platform has for us. */
const KNOWN = new Error('the stored authorization is the present one');

/**
 * Stores what the platform has for us of an authorizer, under its key's lease, unless that is what stands already; what was forgotten
 * or revoked comes back, if the platform says so. `listed`: the line of a list that was just read; without one, or where something else
 * stands, the platform is asked anew, so that a list read a while ago never replaces a newer authorization. `refused`: the platform has
 * refused what stands, so that the same refresh token is worth another try.
 *
 * Rejects with `ERR_TOKEN_REAUTHORIZATION_REQUIRED` where the account is not authorized, or its code was never exchanged.
 */
export async function restoreAuthorizer(
  context: OpenPlatformContext,
  tokens: Tokens,
  appId: string,
  { listed, refused = false }: { readonly listed?: ListedAuthorizer; readonly refused?: boolean } = {},
): Promise<RestoreOutcome> {
  const { component } = context;
  const { accessToken } = context.authorizer(appId);
  const ids = authorizerIds(component, appId);
  try {
    await withComponentToken(tokens, context.accessToken, () =>
      tokens.authorize(accessToken, async (request) => {
        const standing = request.current?.refreshToken;
        if (listed?.refreshToken && standing === listed.refreshToken && !refused) throw KNOWN;
        const fresh = listed && !standing ? undefined : await findAuthorizer(component, request, appId);
        const refreshToken = fresh ? fresh.refreshToken : listed?.refreshToken;
        if (!refreshToken) throw neverExchanged(ids);
        if (standing === refreshToken && !refused) throw KNOWN;
        const issued = await renewedWith(component, request, { appId, refreshToken, ...(fresh && { found: fresh }) });
        if (!issued) throw refusedGrant(ids);
        const authorizedAt = listed?.authorizedAt ?? fresh?.saidAt;
        return { ...issued, extra: extraWith(authorizerExtraIn(issued.extra), { authorizedAt }) };
      }),
    );
    return 'restored';
  } catch (error) {
    if (error === KNOWN) return 'known';
    throw error;
  }
}
