import { asObject } from '@evertoken/core';
import { type DingTalkEvent, readEvent } from '../callback/event-fields.js';

/** An event as it came by the stream. */
export interface DingTalkStreamEvent {
  /** What happened: `suite_ticket`, `user_add_org`, … */
  readonly eventType: string;
  /** The same for an event that comes again; empty where the platform gives none. */
  readonly eventId: string;
  /** Where it happened; undefined where the platform does not say. */
  readonly corpId: string | undefined;
  /** When it happened, Unix ms; 0 where the platform does not say. Events may overtake each other. */
  readonly bornAt: number;
  /**
   * Its fields, as an HTTP push has them: without a prototype, texts trimmed; `EventType`, `CorpId` and `TimeStamp` beside those that
   * the event has of its own.
   */
  readonly event: DingTalkEvent;
}

/** The event in a frame; its `data` is JSON as text. Undefined where it has none that can be read. */
export function streamEventIn(frame: unknown): DingTalkStreamEvent | undefined {
  const { headers, data } = asObject(frame) ?? {};
  const named = asObject(headers) ?? {};
  const eventType = textOf(named['eventType']);
  const fields = fieldsIn(data);
  if (eventType === undefined || fields === undefined) return undefined;
  const bornAt = Number(textOf(named['eventBornTime']) ?? textOf(named['time']) ?? 0);
  const corpId = textOf(fields['CorpId']) ?? textOf(named['eventCorpId']);
  const event: Record<string, unknown> = Object.create(null);
  Object.assign(event, fields, { EventType: eventType });
  if (corpId !== undefined) event['CorpId'] = corpId;
  if (Number.isSafeInteger(bornAt) && bornAt > 0) event['TimeStamp'] = bornAt;
  return {
    eventType,
    eventId: textOf(named['eventId']) ?? '',
    corpId,
    bornAt: Number.isSafeInteger(bornAt) ? bornAt : 0,
    event,
  };
}

/** The id that an answer names; a frame without one cannot be answered. */
export function messageIdIn(frame: unknown): string | undefined {
  return textOf(asObject(asObject(frame)?.['headers'])?.['messageId']);
}

function fieldsIn(data: unknown): DingTalkEvent | undefined {
  if (data === undefined || data === '') return {};
  try {
    return readEvent(typeof data === 'string' ? data : JSON.stringify(data));
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return (typeof value === 'string' && value.trim()) || undefined;
}
