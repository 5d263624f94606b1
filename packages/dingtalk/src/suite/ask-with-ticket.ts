import { type EpochMs, type IssuedToken, type IssueRequest, ParentRejected, TokenError } from '@evertoken/core';
import { type Asked, ask } from '../ask.js';
import type { WireRequest } from '../dingtalk-wire.js';
import type { Suite } from './suite-options.js';

/** A request that carries the suite's ticket, and in the old form a signature made at some time. */
export interface AskedWithTicket extends Omit<Asked, 'wire' | 'blames' | 'circuit'> {
  readonly ticket: string;
  readonly wireAt: (at: EpochMs) => WireRequest;
}

/**
 * Asks with the suite's ticket; where our clock is too far off for a signature, once more by the platform's, and from then on.
 *
 * Rejects as `ask` does; with `ParentRejected` where the ticket is no longer the latest.
 */
export async function askWithTicket(
  suite: Suite,
  request: Pick<IssueRequest, 'fetch' | 'signal' | 'now' | 'random'>,
  { ticket, wireAt, ...asked }: AskedWithTicket,
): Promise<IssuedToken> {
  const { circuit, fixedTicket, skew, refused, name: account } = suite;
  const { signal } = request;
  await refused.check(ticket, { account, signal });
  let dated = Number.NaN;
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const response = await request.fetch(input, init);
    dated = Date.parse(response.headers.get('date') ?? '');
    return response;
  };
  const once = () =>
    ask(
      { ...request, fetch },
      {
        ...asked,
        circuit,
        wire: wireAt(skew.at(request.now())),
        // A fixed ticket comes from nowhere: nobody could bring a better one.
        ...(fixedTicket === undefined && { blames: { suiteTicket: ticket } }),
      },
    );
  try {
    return await once().catch((error: unknown) => {
      const mistimed = error instanceof TokenError && error.reason === 'clock' && !Number.isNaN(dated);
      if (!mistimed) throw error;
      skew.learn(dated, request.now());
      return once();
    });
  } catch (error) {
    if (!(error instanceof ParentRejected && error.value === ticket)) throw error;
    refused.refuse(ticket);
    await refused.check(ticket, { account, signal });
    throw error;
  }
}
