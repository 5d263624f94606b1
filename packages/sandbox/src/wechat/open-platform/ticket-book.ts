import { urlSafeValue } from '../../opaque.js';
import { WeChatError } from '../errors.js';

/** A pushed `component_verify_ticket`. */
export interface VerifyTicket {
  readonly value: string;
  /** Unix seconds, as pushed. */
  readonly createTime: number;
  readonly expiresAt: number;
}

/** The verify tickets of one component: all of them can be used until they expire. */
export class TicketBook {
  #tickets: VerifyTicket[] = [];
  #made = 0;

  /** How many were made. */
  get made(): number {
    return this.#made;
  }

  make(now: number, createTime: number, lifeMs: number): VerifyTicket {
    const value = `ticket@@@${urlSafeValue(80)}`;
    return this.#keep({ value, createTime, expiresAt: Math.min(now, createTime * 1000) + lifeMs });
  }

  /** One that was made by another sandbox. */
  remember(value: string, createTime: number, lifeMs: number): void {
    this.#keep({ value, createTime, expiresAt: createTime * 1000 + lifeMs });
  }

  #keep(ticket: VerifyTicket): VerifyTicket {
    // Expired ones are kept for a while: they are told apart from those that never were.
    this.#tickets = [...this.#tickets.slice(-1000), ticket];
    this.#made += 1;
    return ticket;
  }

  newest(): VerifyTicket | undefined {
    return this.#tickets.at(-1);
  }

  /** The one before the newest. */
  older(): VerifyTicket | undefined {
    return this.#tickets.at(-2);
  }

  /** Throws 61006 for a ticket that never was, 61005 for one that has expired. */
  check(value: string | undefined, now: number): void {
    const ticket = this.#tickets.find((each) => each.value === value);
    if (ticket === undefined) throw new WeChatError(61006);
    if (now >= ticket.expiresAt) throw new WeChatError(61005);
  }
}
