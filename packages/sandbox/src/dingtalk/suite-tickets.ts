import type { Clock } from '../clock.js';
import { urlSafeValue } from '../opaque.js';
import type { DingTalkSuiteSwitchSettings } from './switches.js';

/** One suite ticket, as it was pushed. */
export interface DingTalkTicket {
  readonly value: string;
  /** When it was made, Unix milliseconds of sandbox time. */
  readonly at: number;
}

const TICKET_CHARACTERS = 64;

/** The tickets of one suite: only the newest works, or for a while the one before as well. */
export class SuiteTickets {
  #tickets: DingTalkTicket[] = [];
  #issued = 0;
  #dueAt: number | undefined;
  readonly #switches: () => DingTalkSuiteSwitchSettings;
  readonly #clock: Clock;

  constructor(switches: () => DingTalkSuiteSwitchSettings, clock: Clock) {
    this.#switches = switches;
    this.#clock = clock;
  }

  get newest(): DingTalkTicket | undefined {
    return this.#tickets.at(-1);
  }

  /** The one before the newest. */
  get older(): DingTalkTicket | undefined {
    return this.#tickets.at(-2);
  }

  issue(): DingTalkTicket {
    const now = this.#clock.now();
    // Two tickets of one millisecond must still have an order.
    const at = Math.max(now, (this.newest?.at ?? Number.NEGATIVE_INFINITY) + 1);
    const ticket = { value: urlSafeValue(TICKET_CHARACTERS), at };
    this.#tickets = [...this.#tickets.slice(-9), ticket];
    this.#issued += 1;
    this.#dueAt = now + this.#switches().suiteTicketEveryMs;
    return ticket;
  }

  /** The one that another sandbox has made: it works until the next. */
  remember(ticket: DingTalkTicket): void {
    this.#tickets = [ticket];
    this.#dueAt = ticket.at + this.#switches().suiteTicketEveryMs;
  }

  /** Whether the beat asks for the next ticket now; the first is due at once. */
  due(): boolean {
    const { suiteTicketEveryMs, suiteTicketsStopped } = this.#switches();
    if (suiteTicketsStopped || suiteTicketEveryMs === 0) return false;
    return this.#dueAt === undefined || this.#clock.now() >= this.#dueAt;
  }

  /** Makes the next one due at once. */
  hurry(): void {
    this.#dueAt = undefined;
  }

  works(value: string): boolean {
    const { anySuiteTicket, suiteTicketGraceMs } = this.#switches();
    if (anySuiteTicket || value === this.newest?.value) return true;
    const index = this.#tickets.findIndex((each) => each.value === value);
    const successor = index < 0 ? undefined : this.#tickets[index + 1];
    return successor !== undefined && this.#clock.now() < successor.at + suiteTicketGraceMs;
  }

  state(): DingTalkTicketState {
    return { issued: this.#issued, ...(this.newest && { newestAt: this.newest.at }) };
  }
}

/** What can be shown of a suite's tickets: never their values. */
export interface DingTalkTicketState {
  /** Tickets so far. */
  readonly issued: number;
  /** Sandbox time of the newest. */
  readonly newestAt?: number;
}
