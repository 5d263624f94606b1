import type { Account } from '../../src/account.js';
import { type Keep, parentRejected, TokenError, type TokenSource, tokenKeyOf } from '../../src/index.js';
import { asked, type PlatformTraits } from './platform-model.js';

/** What is played: one platform's way of issuing. */
export type Kind = PlatformTraits['issuance'];

export const KINDS: readonly Kind[] = ['idempotent', 'superseding', 'rotating', 'pushed'];

/** An account with one key of a kind; for `pushed`, the ticket that is pushed and the token that is asked for with it. */
export interface Cast {
  readonly account: Account;
  /** What callers ask for. */
  readonly source: TokenSource;
  /** What is pushed. */
  readonly ticket: TokenSource | undefined;
  readonly keep: Keep;
}

export function castOf(traits: PlatformTraits, renewsAtEnd: boolean): Cast {
  const keep = traits.issuance === 'rotating' || traits.reusableRefresh ? 'grant' : 'obtainable';
  const pushed = traits.issuance === 'pushed';
  const key = tokenKeyOf({ platform: 'model', id: 'app', kind: 'token' });
  const ticket: TokenSource | undefined = pushed
    ? {
        key: tokenKeyOf({ platform: 'model', id: 'app', kind: 'ticket' }),
        account: 'model',
        kind: 'ticket',
        issuance: 'pushed',
        keep: 'grant',
        lifetime: 'remaining',
        issue: () => Promise.reject(new Error('a ticket cannot be asked for')),
      }
    : undefined;
  const source: TokenSource = {
    key,
    account: 'model',
    kind: 'token',
    issuance: pushed ? 'superseding' : traits.issuance,
    keep,
    lifetime: 'remaining',
    ...(traits.overlapMs > 0 && { overlapMs: traits.overlapMs }),
    ...(ticket && { dependsOn: [ticket] }),
    ...(renewsAtEnd && { renewableFrom: ({ expiresAt = 0 }: { readonly expiresAt?: number }) => expiresAt }),
    issue: async (request) => {
      try {
        return await asked(request, key);
      } catch (error) {
        const parent = request.parents[0];
        if (error instanceof TokenError && error.reason === 'parent' && parent) throw parentRejected(parent.value);
        throw error;
      }
    },
  };
  const sources = ticket ? [source, ticket] : [source];
  const account: Account = {
    platform: 'model',
    name: 'model',
    id: 'app',
    kinds: sources.map(({ kind, issuance, keep: kept, overlapMs }) => ({
      kind,
      issuance,
      keep: kept,
      ...(overlapMs !== undefined && { overlapMs }),
    })),
    problems: () => [],
    *sources() {
      if (keep === 'obtainable') yield source;
    },
    source: (kind) => sources.find((one) => one.kind === kind),
    client: () => undefined,
  };
  return { account, source, ticket, keep };
}
