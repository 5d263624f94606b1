import type { Clock } from '../clock.js';
import { urlSafeValue } from '../opaque.js';
import type { WeComSuiteSwitchSettings } from './switches.js';

/** One suite ticket, as it was pushed. */
export interface SuiteTicket {
  readonly value: string;
  readonly at: number;
}

/** The tickets of one suite and the beat they come in. */
export class SuiteTickets {
  #tickets: SuiteTicket[] = [];
  #issued = 0;
  #dueAt: number | undefined;
  readonly #switches: () => WeComSuiteSwitchSettings;
  readonly #clock: Clock;

  constructor(switches: () => WeComSuiteSwitchSettings, clock: Clock) {
    this.#switches = switches;
    this.#clock = clock;
  }

  /** The newest, dead or alive. */
  get newest(): SuiteTicket | undefined {
    return this.#tickets.at(-1);
  }

  /** The one before the newest. */
  get older(): SuiteTicket | undefined {
    return this.#tickets.at(-2);
  }

  /** Makes the next ticket. `at` lets it look older than it is. */
  issue(at = this.#clock.now()): SuiteTicket {
    const { ticketBytes, ticketEveryMs, ticketLifeMs } = this.#switches();
    const now = this.#clock.now();
    const ticket = { value: urlSafeValue(ticketBytes), at };
    this.#tickets = [...this.#tickets.filter((each) => now < each.at + ticketLifeMs), ticket].sort(
      (one, other) => one.at - other.at,
    );
    this.#issued += 1;
    this.#dueAt = now + ticketEveryMs;
    return ticket;
  }

  /** One that another sandbox has pushed. The beat does not know of it: the first of this one is due at once. */
  remember(ticket: SuiteTicket): void {
    this.#tickets = [ticket];
  }

  /** Whether the beat asks for the next ticket now; the first is due at once. */
  due(): boolean {
    const { ticketEveryMs, ticketsStopped } = this.#switches();
    if (ticketsStopped || ticketEveryMs === 0) return false;
    return this.#dueAt === undefined || this.#clock.now() >= this.#dueAt;
  }

  /** Makes the next one due at once. */
  hurry(): void {
    this.#dueAt = undefined;
  }

  works(value: string): boolean {
    const ticket = this.#tickets.find((each) => each.value === value);
    return ticket !== undefined && this.#clock.now() < ticket.at + this.#switches().ticketLifeMs;
  }

  state(): WeComTicketState {
    return { issued: this.#issued, ...(this.newest && { newestAt: this.newest.at }) };
  }
}

/** What can be shown of a suite's tickets: never their values. */
export interface WeComTicketState {
  /** Tickets so far. */
  readonly issued: number;
  /** Sandbox time of the newest. */
  readonly newestAt?: number;
}
