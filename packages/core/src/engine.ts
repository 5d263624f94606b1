import type { ElapsedClock } from './elapsed.js';
import type { EventHub, KeyEvent } from './events.js';
import type { Flights } from './flights.js';
import type { Memory } from './memory.js';
import type { Settings } from './options.js';
import type { Registry } from './registry.js';
import type { TokenSource } from './source.js';
import type { StoreLink } from './store-link.js';
import type { Tokens } from './tokens.js';

/** The parts of one manager, for the files that each do one of its jobs. */
export interface Engine {
  readonly settings: Settings;
  readonly clock: ElapsedClock;
  readonly registry: Registry;
  readonly events: EventHub;
  readonly memory: Memory;
  readonly tokens: Tokens;
  /** Refreshes in progress; loaded with the first one, because a process that is given tokens from memory needs none of it. */
  flights(): Promise<Flights>;
  /** The store a source's record is kept in. */
  linkOf(source: Pick<TokenSource, 'keep'>): StoreLink;
  /** All stores, each once. */
  links(): readonly StoreLink[];
  /** Whether new work may be begun: until drained. */
  isOpen(): boolean;
  /** Throws `ERR_TOKEN_CLOSED` once drained. */
  checkOpen(): void;
  /** Keeps a promise that nobody awaits until it ends; `drain` waits for it. It must not reject. */
  own(work: Promise<unknown>, source?: TokenSource): void;
}

/** What every event says of a key. */
export function keyEvent(engine: Pick<Engine, 'clock' | 'registry'>, source: TokenSource): KeyEvent {
  return {
    account: source.account,
    platform: engine.registry.get(source.account)?.account.platform ?? '',
    kind: source.kind,
    ...(source.subject !== undefined && { subject: source.subject }),
    at: engine.clock.now(),
  };
}
