import { type Clock, publicId } from '@evertoken/core';
import { SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import { ATTRIBUTES } from './attributes.js';
import type { Labels } from './labels.js';
import type { ObservedManager } from './observe-tokens.js';

/**
 * A span for every attempt to obtain a token, below whatever was active where the attempt began: the request whose `get` needed
 * the token, or nothing in a timer's sweep. The returned function ends that.
 */
export function traceIssues(
  manager: ObservedManager,
  tracer: Tracer,
  { labels, clock }: { readonly labels: Labels; readonly clock: Pick<Clock, 'now'> },
): () => void {
  return manager.on('issue', (event) => {
    const endTime = clock.now();
    const requestId = publicId(event.requestId);
    // The context of the caller who started the flight: the event is told on his way back.
    const span = tracer.startSpan('evertoken.issue', {
      kind: event.requests > 0 ? SpanKind.CLIENT : SpanKind.INTERNAL,
      startTime: endTime - Math.max(0, event.durationMs),
      attributes: {
        ...labels.key(event),
        [ATTRIBUTES.outcome]: event.outcome,
        [ATTRIBUTES.forced]: event.forced,
        [ATTRIBUTES.requests]: event.requests,
        ...labels.error(event),
        ...(requestId !== undefined && { [ATTRIBUTES.requestId]: requestId }),
      },
    });
    // The code and not the message, which is made for people and may quote a platform's.
    if (event.outcome === 'failed')
      span.setStatus({ code: SpanStatusCode.ERROR, ...(event.code !== undefined && { message: event.code }) });
    span.end(endTime);
  });
}
