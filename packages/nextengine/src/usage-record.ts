import { TokenError, type TokenKey, type TokenSource, type Tokens, tokenKeyOf } from '@evertoken/core';
import type { AppSettings } from './app-settings.js';
import { API_CALLS } from './usage.js';

/** The count of one month. */
export interface MonthlyCalls {
  readonly month: string;
  readonly calls: number;
}

/**
 * Where the count lies: in a record of its own beside the account's tokens, as something pushed, so that it is never due. The
 * account does not answer for this kind: sweeps leave it alone, and nobody is asked to sign in for it.
 */
class UsageSource implements TokenSource {
  readonly key: TokenKey;
  readonly account: string;
  readonly kind = API_CALLS;
  readonly issuance = 'pushed';
  readonly keep = 'grant';
  readonly lifetime = 'constant';

  constructor({ name, clientId }: Pick<AppSettings, 'name' | 'clientId'>) {
    this.account = name;
    this.key = tokenKeyOf({ platform: 'nextengine', id: clientId, kind: API_CALLS });
  }

  issue(): Promise<never> {
    return Promise.reject(new TypeError(`"${API_CALLS}" is counted and cannot be asked for`));
  }
}

/** What all processes have kept of a month. Rejects where the store does. */
export async function keptCalls(settings: AppSettings, tokens: Tokens, month: string): Promise<number> {
  const source = new UsageSource(settings);
  // Reads the record anew and asks no platform: what is pushed cannot be asked for.
  const { error } = await tokens.refresh(source);
  if (error && !(error instanceof TokenError && error.code === 'ERR_TOKEN_WAITING')) throw error;
  const { extra } = tokens.peek(source) ?? {};
  return extra?.['month'] === month && typeof extra['calls'] === 'number' ? extra['calls'] : 0;
}

/**
 * Adds calls to a month's; tells the sum. Two processes that add at one time may lose what one of them adds: the higher sum
 * stands. Rejects where the store does.
 */
export async function addCalls(settings: AppSettings, tokens: Tokens, { month, calls }: MonthlyCalls): Promise<number> {
  const sum = (await keptCalls(settings, tokens, month)) + calls;
  const issued = { value: `${month}/${sum}`, extra: { month, calls: sum } };
  await tokens.adopt(new UsageSource(settings), issued, { order: orderOf({ month, calls: sum }) });
  return sum;
}

/** 10¹⁰: more calls than a month can have, so that a later month is always the later order. */
const MONTH = 1e10;

function orderOf({ month, calls }: MonthlyCalls): number {
  return Number(month.replace('-', '')) * MONTH + calls;
}
