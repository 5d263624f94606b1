import { type Engine, keyEvent } from './engine.js';
import type { TokenError } from './errors.js';
import type { IssueEvent } from './events.js';
import type { TokenSource } from './source.js';
import type { EpochMs } from './token.js';

/** What has left for the platform in an attempt. */
export interface Sent {
  requests: number;
}

/** `send`, counted. */
export function counting(send: typeof fetch, sent: Sent): typeof fetch {
  return (input, init) => {
    sent.requests++;
    return send(input, init);
  };
}

/** How an attempt ended. */
interface Ended {
  readonly outcome: IssueEvent['outcome'];
  readonly startedAt: EpochMs;
  readonly sent: Sent;
  readonly error?: Partial<Pick<TokenError, 'code' | 'platformCode' | 'requestId'>>;
}

/** Tells the world of an attempt. */
export function tellIssue(
  engine: Engine,
  { source, forced }: { readonly source: TokenSource; readonly forced: boolean },
  { outcome, startedAt, sent, error = {} }: Ended,
): void {
  const { code, platformCode, requestId } = error;
  engine.events.emit('issue', {
    ...keyEvent(engine, source),
    outcome,
    durationMs: engine.clock.now() - startedAt,
    forced,
    requests: sent.requests,
    ...(code !== undefined && { code }),
    ...(platformCode !== undefined && { platformCode }),
    ...(requestId !== undefined && { requestId }),
  });
}
