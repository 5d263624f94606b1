import type { Tokens } from '@evertoken/core';
import { type DingTalkSuiteEvent, suiteEvents } from '../callback/suite-events.js';
import type { DingTalkStreamEvent } from './frame.js';
import { type DingTalkStream, type StreamOptions, startStream } from './stream.js';

/** A suite as its stream needs it: what `dingTalkSuite` makes is one. */
export interface StreamedSuite {
  /** Name of the account. */
  readonly name: string;
  /** The suite key. */
  readonly id: string;
  /** Asks for connections, where the options name none. */
  readonly fetch?: typeof fetch;
  /** Stores tickets and authorizations; rejects where that failed. */
  handleEvents(tokens: Tokens, events: readonly DingTalkSuiteEvent[]): Promise<unknown>;
}

/** How a suite's events are had by the stream. */
export interface SuiteStreamOptions extends Omit<StreamOptions, 'clientId' | 'name' | 'onEvent'> {
  /** The SuiteSecret; an account shows none. */
  readonly clientSecret: string | undefined;
  /** Told each event after the suite has stored what it brings; as `startStream`'s. */
  readonly onEvent?: ((event: DingTalkStreamEvent) => unknown) | undefined;
}

/**
 * Has a suite's tickets and authorizations sent by the stream, and stores them. An event is acknowledged once it is stored, and comes
 * again where that failed. Of several processes any one gets an event, and all have what it brings, through their store.
 *
 * Resolves and rejects as `startStream`. Close it before the manager.
 */
export function suiteStream(
  suite: StreamedSuite,
  tokens: Tokens,
  options: SuiteStreamOptions,
): Promise<DingTalkStream> {
  const { onEvent, ...others } = options;
  const { fetch } = suite;
  return startStream({
    ...(fetch !== undefined && { fetch }),
    ...others,
    name: suite.name,
    clientId: suite.id,
    async onEvent(event) {
      const told = suiteEvents(event.event, event.bornAt).filter(({ type }) => type !== 'other');
      if (told.length > 0) await suite.handleEvents(tokens, told);
      await onEvent?.(event);
    },
  });
}
