import type { Clock } from '../../clock.js';
import type { OpenPlatformSettings } from './account.js';

const AT_ONCE = Number.NEGATIVE_INFINITY;

/** When the next verify ticket is due: at once, then every so often. Those that were due meanwhile are skipped. */
export class TicketSchedule {
  #dueAt = AT_ONCE;
  readonly #settings: () => OpenPlatformSettings;
  readonly #clock: Clock;
  readonly #push: () => void;

  constructor(settings: () => OpenPlatformSettings, clock: Clock, push: () => void) {
    this.#settings = settings;
    this.#clock = clock;
    this.#push = push;
  }

  /** Pushes one ticket if one is due. */
  tick(): void {
    const { callbackUrl, ticketEveryMs, ticketsStopped } = this.#settings();
    const now = this.#clock.now();
    if (callbackUrl === undefined || ticketsStopped || ticketEveryMs === 0 || now < this.#dueAt) return;
    const skipped = this.#dueAt === AT_ONCE ? 0 : Math.floor((now - this.#dueAt) / ticketEveryMs);
    this.#dueAt = (this.#dueAt === AT_ONCE ? now : this.#dueAt) + (skipped + 1) * ticketEveryMs;
    this.#push();
  }

  /** Begins anew, with a ticket at once, if a change concerns it. */
  changed(before: OpenPlatformSettings): void {
    const settings = this.#settings();
    const names = ['callbackUrl', 'ticketEveryMs', 'ticketsStopped'] as const;
    if (!names.some((name) => before[name] !== settings[name])) return;
    this.#dueAt = AT_ONCE;
    this.tick();
  }
}
